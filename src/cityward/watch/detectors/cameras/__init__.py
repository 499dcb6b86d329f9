"""Cameras: see `detector`."""

from cityward.watch.detectors.cameras.detector import DETECTOR

__all__ = ["DETECTOR"]

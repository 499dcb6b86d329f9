"""Freeze: see `detector`."""

from cityward.watch.detectors.freeze.detector import DETECTOR

__all__ = ["DETECTOR"]

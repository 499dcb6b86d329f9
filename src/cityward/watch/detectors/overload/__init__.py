"""Overload: see `detector`."""

from cityward.watch.detectors.overload.detector import DETECTOR

__all__ = ["DETECTOR"]

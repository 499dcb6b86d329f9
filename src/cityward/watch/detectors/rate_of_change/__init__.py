"""Rate of change: see `detector`."""

from cityward.watch.detectors.rate_of_change.detector import DETECTOR

__all__ = ["DETECTOR"]

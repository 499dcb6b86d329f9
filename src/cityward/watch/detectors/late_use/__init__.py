"""Late use: see `detector`."""

from cityward.watch.detectors.late_use.detector import DETECTOR

__all__ = ["DETECTOR"]

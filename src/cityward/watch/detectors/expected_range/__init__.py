"""Expected range: see `detector`."""

from cityward.watch.detectors.expected_range.detector import DETECTOR

__all__ = ["DETECTOR"]

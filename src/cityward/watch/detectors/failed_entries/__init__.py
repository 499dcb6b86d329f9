"""Failed entries: see `detector`."""

from cityward.watch.detectors.failed_entries.detector import DETECTOR

__all__ = ["DETECTOR"]

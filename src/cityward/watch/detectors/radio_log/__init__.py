"""Radio log: see `detector`."""

from cityward.watch.detectors.radio_log.detector import DETECTOR

__all__ = ["DETECTOR"]

"""Frame counter: see `detector`."""

from cityward.watch.detectors.frame_counter.detector import DETECTOR

__all__ = ["DETECTOR"]

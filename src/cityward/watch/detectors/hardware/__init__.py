"""Hardware: see `detector`."""

from cityward.watch.detectors.hardware.detector import DETECTOR

__all__ = ["DETECTOR"]

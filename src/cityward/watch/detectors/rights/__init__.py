"""Rights: see `detector`."""

from cityward.watch.detectors.rights.detector import DETECTOR

__all__ = ["DETECTOR"]

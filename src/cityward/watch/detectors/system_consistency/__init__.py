"""System consistency: see `detector`."""

from cityward.watch.detectors.system_consistency.detector import DETECTOR

__all__ = ["DETECTOR"]

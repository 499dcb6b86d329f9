"""Second presence: see `detector`."""

from cityward.watch.detectors.second_presence.detector import DETECTOR

__all__ = ["DETECTOR"]

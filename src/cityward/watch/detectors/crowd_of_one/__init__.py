"""A crowd of one: see `detector`."""

from cityward.watch.detectors.crowd_of_one.detector import DETECTOR

__all__ = ["DETECTOR"]

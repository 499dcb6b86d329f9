"""Held far: see `detector`."""

from cityward.watch.detectors.held_far.detector import DETECTOR

__all__ = ["DETECTOR"]

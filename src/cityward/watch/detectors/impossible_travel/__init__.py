"""Impossible travel: see `detector`."""

from cityward.watch.detectors.impossible_travel.detector import DETECTOR

__all__ = ["DETECTOR"]

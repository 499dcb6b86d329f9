"""Limits: see `detector`."""

from cityward.watch.detectors.limits.detector import DETECTOR

__all__ = ["DETECTOR"]

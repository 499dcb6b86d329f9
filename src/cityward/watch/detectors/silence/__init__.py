"""Silence: see `detector`."""

from cityward.watch.detectors.silence.detector import DETECTOR

__all__ = ["DETECTOR"]

"""Unasked state: see `detector`."""

from cityward.watch.detectors.unasked_state.detector import DETECTOR

__all__ = ["DETECTOR"]

"""Replayed history: see `detector`."""

from cityward.watch.detectors.replayed_history.detector import DETECTOR

__all__ = ["DETECTOR"]

"""Unasked answer: see `detector`."""

from cityward.watch.detectors.unasked_answer.detector import DETECTOR

__all__ = ["DETECTOR"]

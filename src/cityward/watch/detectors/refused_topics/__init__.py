"""Refused topics: see `detector`."""

from cityward.watch.detectors.refused_topics.detector import DETECTOR

__all__ = ["DETECTOR"]

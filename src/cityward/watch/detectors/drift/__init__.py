"""A slow departure from what a channel and its neighbours were weeks ago, too slow for the season not to follow it."""

from __future__ import annotations

from cityward.watch.detectors.drift.detector import DETECTOR

__all__ = ["DETECTOR"]

"""Readings that swing more, or less, than they should: a changed gain, and noise that was not there before."""

from __future__ import annotations

from cityward.watch.detectors.scaling.detector import DETECTOR

__all__ = ["DETECTOR"]

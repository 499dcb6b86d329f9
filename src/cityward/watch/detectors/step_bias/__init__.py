"""A lasting step up or down against a channel's own season and its neighbours."""

from __future__ import annotations

from cityward.watch.detectors.step_bias.detector import DETECTOR

__all__ = ["DETECTOR"]

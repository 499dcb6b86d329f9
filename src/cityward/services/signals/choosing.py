"""Which of the controllers a service is declared to use: those of `control`, by name."""

from __future__ import annotations

from cityward.services.signals.control import CONTROLLERS

__all__ = ["CONTROLLERS", "DEFAULT"]

DEFAULT = "ours"
"""Taken where none is named."""

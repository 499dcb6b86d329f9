"""Waste: what to collect today, by whom and in which order. See `service` for the course of a day, `settings` for what can
be declared.
"""

from __future__ import annotations

from cityward.services.waste.service import Waste

SERVICE = Waste()

"""Lighting: dims a street's lamps by darkness and traffic. See `service` for the policy, `settings` for what can be declared."""

from __future__ import annotations

from cityward.services.lighting.service import Lighting

SERVICE = Lighting()

"""Transport: predicts arrivals, watches headways, tells riders. See `service` for the turn, `arrivals` for the model."""

from __future__ import annotations

from cityward.services.transport.service import Transport

SERVICE = Transport()

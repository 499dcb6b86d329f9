"""Traffic signals: which stage each junction should show next. What may be shown is decided by `guard.signals`."""

from __future__ import annotations

from cityward.services.signals.service import Signals

SERVICE = Signals()

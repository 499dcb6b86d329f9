"""Controllers of signals behind one contract (`services.signals.seen.Controller`): three known ones, and ours, which looks ahead.

Lives here: which stage would be best now. Does not live here: what may be shown (`guard.signals`), where the figures come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityward.services.signals.control.foresight import Foresight
from cityward.services.signals.control.known import Actuated, Fixed, MaxPressure
from cityward.services.signals.seen import Controller

CONTROLLERS: Mapping[str, Controller[Any]] = {
    "fixed": Fixed(),
    "actuated": Actuated(),
    "max-pressure-guarded": MaxPressure(),
    "ours": Foresight(),
}
"""By name. Each keeps nothing but what it has reckoned of declarations: everything else is in its memory."""

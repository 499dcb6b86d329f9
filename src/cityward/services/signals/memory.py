"""What the signals service remembers: bounded by its junctions, detectors and askers. Times are seconds of the street."""

from __future__ import annotations

from typing import Any

import msgspec

from cityward.guard.signals.priority import DeskMemory


class Still(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a detector says, and since when it says the same; served_s: how much green its lanes have had meanwhile."""

    vehicles: float
    halted: float
    since_s: float
    served_s: float = 0.0


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a unit asks for now, and what was said of it: as whom it is believed, or why it is not."""

    junction: str
    group: str
    kind: str = ""
    why: str = ""


class SignalMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """control: the controller's own memory. left: junction -> when it was last taken away from its plan."""

    at_s: float = 0.0
    controller: str = ""
    control: dict[str, Any] = {}
    left: dict[str, float] = {}
    still: dict[str, Still] = {}
    asked: dict[str, Asked] = {}
    desk: DeskMemory = DeskMemory()
    estimated_s: float = -1e9

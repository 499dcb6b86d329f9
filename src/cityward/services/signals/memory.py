"""What the signals service remembers: bounded by its junctions, detectors and askers. Times are seconds of the street."""

from __future__ import annotations

from typing import Any

import msgspec


class Still(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a detector says, and since when it says the same; served_s: how much green its lanes have had meanwhile."""

    vehicles: float
    halted: float
    since_s: float
    served_s: float = 0.0


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a unit asked for last, and when its latest requests began, as many as an hour may hold."""

    junction: int = 0
    group: int = 0
    begun: tuple[float, ...] = ()


class SignalMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """control: the controller's own memory. left: junction -> when it was last taken away from its plan."""

    at_s: float = 0.0
    controller: str = ""
    control: dict[str, Any] = {}
    left: dict[str, float] = {}
    still: dict[str, Still] = {}
    asked: dict[str, Asked] = {}
    estimated_s: float = -1e9

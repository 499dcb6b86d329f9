"""Who is before a junction's stop lines, and the few figures of traffic that all here reckon with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

# PRECEDENT: 1,800 vehicles an hour and lane, the round number of the Highway Capacity Manual for a lane on green
SATURATION_VEH_S = 0.5
JAM_VEHICLE_M = 6.5  # what a vehicle takes in a queue at its densest
ROOM = 20.0  # vehicles: of a lane of which no room is known
MOST_WAITING = 1000.0


@dataclass(frozen=True, slots=True)
class Before:
    """Who is before a junction's stop lines: lane -> vehicles, those of them that stand, and how many can stand in what is seen
    of the lane, where that is known.
    """

    present: Mapping[str, float] = field(default_factory=dict[str, float])
    waiting: Mapping[str, float] = field(default_factory=dict[str, float])
    room: Mapping[str, float] = field(default_factory=dict[str, float])


def counted(said: float, least: float = 0.0) -> float:
    """What is said as a number of vehicles: within bounds; what is no number is nobody."""
    return min(max(said, least), MOST_WAITING) if math.isfinite(said) else least

"""A small crossing for the tests of controllers: two streets, a turn that gives way, a foot crossing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cityward.place.junctions import Conflict, Junction, Link, PlanStep, SignalGroup
from cityward.services.signals.seen import JunctionSeen, LaneSeen

NORTH, EAST, FOOT = 0, 1, 2
"""The stages."""


def crossing(**other: Any) -> Junction:
    """Stages: `north` (n and s; s gives way), `east` (e), `foot` (walk). Intergreens of 4 s, from `walk` 8 s."""
    groups = {
        "n": SignalGroup(lanes=("n1",), leads_to=("n-out",)),
        "s": SignalGroup(lanes=("s1",), yields_to=("n",)),
        "e": SignalGroup(lanes=("e1",), leads_to=("e-out",)),
        "walk": SignalGroup(kind="pedestrian"),
    }
    pairs = [("n", "e"), ("s", "e"), ("n", "walk"), ("s", "walk"), ("e", "walk")]
    declared: dict[str, Any] = {
        "device": "crossing",
        "groups": groups,
        "conflicts": tuple(
            Conflict(first=a, then=b, intergreen_s=4.0, back_s=8.0 if b == "walk" else 4.0) for a, b in pairs
        ),
        "stages": {"north": ("n", "s"), "east": ("e",), "foot": ("walk",)},
        "plan": (
            PlanStep(stage="north", seconds=30.0),
            PlanStep(stage="east", seconds=30.0),
            PlanStep(stage="foot", seconds=15.0),
        ),
    }
    return Junction(**{**declared, **other})


def link_to(junction: str, *lanes: str) -> Link:
    """A link of the group `n`."""
    return Link(group="n", to=junction, lanes=lanes, seconds=20.0)


def standing(count: int, length_m: float = 200.0) -> LaneSeen:
    """A queue from the stop line on."""
    return LaneSeen(float(count), float(count), length_m, 2.0 + 7.5 * np.arange(count), np.zeros(count))


def coming(distances: Iterable[float], speed_m_s: float = 13.9, length_m: float = 200.0) -> LaneSeen:
    """Vehicles that move."""
    at = np.array(sorted(distances), dtype=np.float64)
    return LaneSeen(float(len(at)), 0.0, length_m, at, np.full(len(at), speed_m_s))


def seen(
    stage: int,
    lanes: Mapping[str, LaneSeen],
    *,
    green_s: float = 20.0,
    red_s: float = 20.0,
    junction: Junction | None = None,
    **other: Any,
) -> JunctionSeen:
    """A junction that has shown a stage for so long; lanes that are not named are empty."""
    declared = junction or crossing()
    greens = list(declared.stages.values())[stage]
    empty = {lane: coming(()) for group in declared.groups.values() for lane in group.lanes}
    blind = other.get("blind", frozenset[str]())
    shown: dict[str, Any] = {
        "stage": stage,
        "since_s": green_s,
        "settled": True,
        "green_s": dict.fromkeys(greens, green_s),
        "red_s": {group: red_s for group in declared.groups if group not in greens},
        "lanes": {lane: one for lane, one in {**empty, **lanes}.items() if lane not in blind},
    }
    return JunctionSeen(**{**shown, **other})

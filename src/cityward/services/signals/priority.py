"""Who asks for green, and whether they are believed.

A request is proven by the device that makes it: its readings came in under its own credential, by the gate. Besides, a junction
must let it ask (`calls`), for that group, and no more often than is declared: more is not believed, and people are told (S-02).
A request names the junction by its number in the service's settings, and the group by its number in the junction, both from 1.

INVARIANT: what is not believed changes no wish.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cityward.place.junctions import PriorityCall
from cityward.services.signals.memory import Asked
from cityward.services.signals.seen import PriorityAsked
from cityward.services.signals.view import Signals, age_s, fresh, street_s

JUNCTION, GROUP, TIME = "priority-junction", "priority-group", "priority-time"
HOUR_S = 3600.0
AHEAD_S = 45.0  # who is farther away is not waited for yet
MOST_BEGUN = 3600

Why = Literal["unknown-junction", "not-declared", "too-often"]


@dataclass(frozen=True, slots=True)
class Ghost:
    """A request that is not believed."""

    unit: str
    junction: str
    why: Why


@dataclass(frozen=True, slots=True)
class Requests:
    """All requests of one turn: by junction, those that are believed; the others; what is remembered of the askers."""

    believed: Mapping[str, tuple[PriorityAsked, ...]]
    ghosts: tuple[Ghost, ...]
    asked: Mapping[str, Asked]


def requests_in(view: Signals, before: Mapping[str, Asked]) -> Requests:
    """What the askers ask for now."""
    believed: dict[str, list[PriorityAsked]] = {}
    ghosts: list[Ghost] = []
    kept: dict[str, Asked] = {}
    for unit in view.settings.askers:
        junction, group, seconds = _said(view, unit)
        kept[unit] = asked = _remembered(before.get(unit, Asked()), junction, group, street_s(view))
        if not junction:
            continue
        verdict = _judged(view, unit, junction, group, seconds, asked)
        if isinstance(verdict, Ghost):
            ghosts.append(verdict)
        elif verdict is not None:
            believed.setdefault(_names(view)[junction - 1], []).append(verdict)
    return Requests({name: tuple(those) for name, those in believed.items()}, tuple(ghosts), kept)


def _said(view: Signals, unit: str) -> tuple[int, int, float]:
    """(junction, group, seconds) of a unit; junction 0: it asks for nothing. All three belong to one message."""
    junction, group, seconds = (fresh(view, unit, name) for name in (JUNCTION, GROUP, TIME))
    if junction is None or group is None or seconds is None or not 0 < junction.value <= 4096:
        return 0, 0, 0.0
    if not junction.observed_at == group.observed_at == seconds.observed_at:
        return 0, 0, 0.0
    return int(junction.value), int(group.value), max(0.0, seconds.value - age_s(view, junction))


def _remembered(before: Asked, junction: int, group: int, now_s: float) -> Asked:
    begun = tuple(at for at in before.begun if 0 <= now_s - at < HOUR_S)
    if junction and (junction, group) != (before.junction, before.group):
        begun = (*begun, now_s)[-MOST_BEGUN:]
    return Asked(junction=junction, group=group, begun=begun)


def _names(view: Signals) -> list[str]:
    return list(view.settings.junctions)


def _judged(
    view: Signals, unit: str, junction: int, group: int, seconds: float, asked: Asked
) -> PriorityAsked | Ghost | None:
    names = _names(view)
    if junction > len(names):
        return Ghost(unit, str(junction), "unknown-junction")
    name = names[junction - 1]
    made = view.settings.junctions[name]
    wanted = list(made.groups)[group - 1] if 1 <= group <= len(made.groups) else ""
    call = _call(made.calls, unit, wanted)
    if call is None:
        return Ghost(unit, name, "not-declared")
    if len(asked.begun) > call.most_per_hour:
        return Ghost(unit, name, "too-often")
    return PriorityAsked(group=wanted, kind=call.kind, by=unit, seconds=seconds) if seconds <= AHEAD_S else None


def _call(calls: tuple[PriorityCall, ...], unit: str, group: str) -> PriorityCall | None:
    return next((c for c in calls if unit in c.devices and group in c.groups and c.kind in ("bus", "emergency")), None)

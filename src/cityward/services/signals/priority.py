"""Who asks for green, and what becomes of it.

A request is proven by the device that makes it: its readings came in under its own credential, by the gate. Whether it is
believed, and how much, says `guard.signals.priority`: asked once a request, when it begins; its word holds until that ends.
A request names the junction by its number in the service's settings, and the group by its number in the junction, both from 1.

INVARIANT: what is not believed changes no wish.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityward.guard.signals.priority import (
    Believed,
    DeskMemory,
    PriorityDesk,
    PriorityReason,
    PriorityRequest,
)
from cityward.services.signals.memory import Asked
from cityward.services.signals.seen import PriorityAsked
from cityward.services.signals.view import Signals, age_s, fresh, street_s

JUNCTION, GROUP, TIME = "priority-junction", "priority-group", "priority-time"
AHEAD_S = 45.0  # who is farther away is not waited for yet
LEAST_WEIGHT = 0.5  # what is believed less changes no wish, and is told
DOUBTED = "doubted"


@dataclass(frozen=True, slots=True)
class Ghost:
    """A request that changes nothing, and why: a `PriorityReason`, or `DOUBTED`."""

    unit: str
    junction: str
    why: str


@dataclass(frozen=True, slots=True)
class Requests:
    """All requests of one turn: by junction, those that are believed; the others; what is remembered of the askers."""

    believed: Mapping[str, tuple[PriorityAsked, ...]]
    ghosts: tuple[Ghost, ...]
    asked: Mapping[str, Asked]
    desk: DeskMemory


def requests_in(view: Signals, before: Mapping[str, Asked], memory: DeskMemory) -> Requests:
    """What the askers ask for now."""
    desk = PriorityDesk(view.settings.junctions, view.members, memory)
    believed: dict[str, list[PriorityAsked]] = {}
    ghosts: list[Ghost] = []
    kept: dict[str, Asked] = {}
    names = list(view.settings.junctions)
    for unit in view.units(view.settings.askers):
        junction, group, seconds = _said(view, unit)
        if not junction:
            continue
        name = names[junction - 1] if junction <= len(names) else str(junction)
        wanted = _group(view, name, group)
        kept[unit] = asked = _judged(view, desk, before.get(unit), unit, name, wanted, seconds)
        if asked.why:
            ghosts.append(Ghost(unit, name, asked.why))
        elif seconds <= AHEAD_S:
            one = PriorityAsked(group=wanted, kind=asked.kind, by=unit, seconds=seconds)
            believed.setdefault(name, []).append(one)
    found = {name: tuple(those) for name, those in believed.items()}
    return Requests(found, tuple(ghosts), kept, desk.remembered())


def _said(view: Signals, unit: str) -> tuple[int, int, float]:
    """(junction, group, seconds) of a unit; junction 0: it asks for nothing. All three belong to one message."""
    junction, group, seconds = (fresh(view, unit, name) for name in (JUNCTION, GROUP, TIME))
    if junction is None or group is None or seconds is None or not 0 < junction.value <= 4096:
        return 0, 0, 0.0
    if not junction.observed_at == group.observed_at == seconds.observed_at:
        return 0, 0, 0.0
    return int(junction.value), int(group.value), max(0.0, seconds.value - age_s(view, junction))


def _group(view: Signals, name: str, number: int) -> str:
    made = view.settings.junctions.get(name)
    groups = list(made.groups) if made is not None else []
    return groups[number - 1] if 1 <= number <= len(groups) else "none"


def _judged(
    view: Signals, desk: PriorityDesk, before: Asked | None, unit: str, name: str, group: str, seconds: float
) -> Asked:
    if before is not None and (before.junction, before.group) == (name, group):
        return before
    # what was admitted came in under the unit's own credential
    request = PriorityRequest(name, unit, group, min(seconds, 300.0), proven=True, position=None)
    verdict = desk.judge(request, street_s(view))
    if not isinstance(verdict, Believed):
        return Asked(junction=name, group=group, why=verdict.reason.value)
    if verdict.kind not in ("bus", "emergency"):
        return Asked(junction=name, group=group, why=PriorityReason.UNDECLARED.value)
    return Asked(
        junction=name,
        group=group,
        kind=verdict.kind,
        why=DOUBTED if verdict.weight < LEAST_WEIGHT else "",
    )

"""How far apart the vehicles of a line are, in time: at each stop, and beside the timetable.

INVARIANT: a headway is of two vehicles that both are under way and expected at the same stop of the same line and direction.
Fails when: the timetable of a line is not known and fewer than three vehicles run: there is nothing to compare with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import median

from cityward.services.transport.runs import Arrival, Run
from cityward.services.transport.settings import TransportSettings

LEAST_PLANNED_S = 60


class Spacing(StrEnum):
    """How the gap before a vehicle is."""

    EVEN = "even"
    BUNCHED = "bunched"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Headway:
    """The gap between a vehicle and the one before it, at the stop it reaches next. planned: by the timetable, else usual."""

    route: str
    direction: str
    stop: str
    leader: Run
    follower: Run
    actual_s: float
    planned_s: float
    spacing: Spacing


def headways(
    runs: Sequence[Run],
    arrivals: Sequence[Arrival],
    planned: Mapping[tuple[str, str], int],
    settings: TransportSettings,
) -> list[Headway]:
    """One for each vehicle that follows another of its line, by line and time.

    Args:
        runs: the trips under way.
        arrivals: what is expected of them.
        planned: (trip, stop) -> when it should leave by the timetable, POSIX s.
        settings: of the service.
    """
    under_way = {run.trip: run for run in runs if run.vehicle}
    leaving: dict[tuple[str, str, str], list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        run = under_way.get(arrival.trip)
        if run is not None:
            leaving[run.route, run.direction, arrival.stop].append(arrival)
    found: list[Headway] = []
    for (route, direction, stop), expected in sorted(leaving.items()):
        ordered = sorted(expected, key=lambda one: (one.leaves, one.trip))
        usual = median([b.leaves - a.leaves for a, b in pairwise(ordered)]) if len(ordered) > 2 else 0.0
        for ahead, behind in pairwise(ordered):
            follower = under_way[behind.trip]
            if follower.calls[max(0, follower.standing)].stop == stop:
                gap = _planned_gap(ahead, behind, planned) or usual
                leader = under_way[ahead.trip]
                found.append(
                    _headway(route, direction, stop, leader, follower, behind.leaves - ahead.leaves, gap, settings)
                )
    return found


def _planned_gap(ahead: Arrival, behind: Arrival, planned: Mapping[tuple[str, str], int]) -> float | None:
    first, second = planned.get((ahead.trip, ahead.stop)), planned.get((behind.trip, behind.stop))
    if first is None or second is None:
        return None
    return float(second - first) if second - first >= LEAST_PLANNED_S else None


def _headway(
    route: str,
    direction: str,
    stop: str,
    leader: Run,
    follower: Run,
    gap: float,
    planned: float,
    settings: TransportSettings,
) -> Headway:
    spacing = Spacing.EVEN
    if planned >= LEAST_PLANNED_S and gap < settings.bunched_below * planned:
        spacing = Spacing.BUNCHED
    elif planned >= LEAST_PLANNED_S and gap > settings.gap_above * planned:
        spacing = Spacing.GAP
    return Headway(route, direction, stop, leader, follower, gap, planned, spacing)

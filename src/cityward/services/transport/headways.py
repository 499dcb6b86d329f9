"""How far apart the vehicles of a line are, in time: at each stop, and beside the timetable.

INVARIANT: a headway is of two vehicles that both are under way and expected at the same stop of the same line and direction.
Fails when: the timetable of a line is not known and fewer than three vehicles run: there is nothing to compare with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
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
    """The gap between a vehicle and the one before it, where the leader calls next. planned: by the timetable, else usual."""

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
    """One for each vehicle that follows another of its line, by line and place.

    Args:
        runs: the trips under way.
        arrivals: what is expected of them.
        planned: (trip, stop) -> when it should leave by the timetable, POSIX s.
        settings: of the service.
    """
    expected: dict[str, dict[str, Arrival]] = defaultdict(dict)
    for arrival in arrivals:
        expected[arrival.trip][arrival.stop] = arrival
    lines: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        if run.vehicle and run.route and expected[run.trip]:
            lines[run.route, run.direction].append(run)
    found: list[Headway] = []
    for _, line in sorted(lines.items()):
        pairs = list(_pairs(line, expected))
        usual = median(gap for *_, gap in pairs) if len(pairs) > 2 else 0.0
        for leader, follower, stop, gap in pairs:
            ahead, behind = planned.get((leader.trip, stop)), planned.get((follower.trip, stop))
            wanted = float(behind - ahead) if ahead is not None and behind is not None else usual
            found.append(_headway(leader, follower, stop, gap, wanted, settings))
    return found


def _pairs(line: Sequence[Run], expected: Mapping[str, Mapping[str, Arrival]]) -> Iterator[tuple[Run, Run, str, float]]:
    """Each vehicle with the one that comes next where it calls next: leader, follower, stop, seconds between them."""
    for leader in line:
        after: list[tuple[float, str, Run]] = []
        stop = leader.calls[0].stop
        here = expected[leader.trip].get(stop)
        for other in line if here is not None else ():
            there = expected[other.trip].get(stop)
            if here is not None and there is not None and (there.leaves, other.trip) > (here.leaves, leader.trip):
                after.append((there.leaves - here.leaves, other.trip, other))
        if after:
            gap, _, follower = min(after, key=lambda one: one[:2])
            yield leader, follower, stop, gap


def _headway(leader: Run, follower: Run, stop: str, gap: float, planned: float, settings: TransportSettings) -> Headway:
    spacing = Spacing.EVEN
    if planned >= LEAST_PLANNED_S and gap < settings.bunched_below * planned:
        spacing = Spacing.BUNCHED
    elif planned >= LEAST_PLANNED_S and gap > settings.gap_above * planned:
        spacing = Spacing.GAP
    return Headway(leader.route, leader.direction, stop, leader, follower, gap, planned, spacing)

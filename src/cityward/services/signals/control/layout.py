"""A junction in numbers, as the controllers reckon with it: who may go in which stage, how fast, and what a change costs.

Lives here: what follows from the declaration alone. Does not live here: what is shown now (`queues`), what is decided.

Lanes are *streams* here: a lane that several groups share (through and left) goes at the mean of what its groups may. A group
that gives way in a stage (`yields_to` something green in it) goes at `YIELDING` of the full rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.guard.signals.before import SATURATION_VEH_S
from cityward.place.junctions import Junction, SignalGroup
from cityward.services.signals.seen import JunctionSeen

YIELDING = 0.4  # what a turn that gives way gets through, of the full rate
BLOCKED = 0.25  # what a lane gets through whose other half stands at red, for each group that may go
VEHICLE_M = 7.5  # what a standing vehicle takes of a lane
FULL, EASY = 0.05, 0.15  # a lane with less room takes nobody; with more it takes all

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One junction. S stages, L lanes, G groups, in the order of the declaration.

    flow (S, S, L): vehicles a second of a lane while the row's stage is changed to the column's; on the diagonal the stage
    itself. change (S, S): s from the wish until all greens are shown. least (S,): s that a stage is shown at least. member (S,
    G) bool. lane_groups (L, G) bool; group_lanes: the same, as numbers of lanes for each group. apart (L, L) bool: no stage lets
    both go well. plan: (stage, s).
    """

    junction: Junction
    groups: tuple[str, ...]
    lanes: tuple[str, ...]
    flow: Numbers
    change: Numbers
    least: Numbers
    member: Mask
    lane_groups: Mask
    group_lanes: tuple[tuple[int, ...], ...]
    apart: Mask
    plan: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, junction: Junction) -> Layout:
        """What a declaration means in numbers. It must be whole, as `place.checks` sees to."""
        groups = tuple(junction.groups)
        lanes = tuple(dict.fromkeys(lane for group in junction.groups.values() for lane in group.lanes))
        number = {group: nth for nth, group in enumerate(groups)}
        member = np.zeros((len(junction.stages), len(groups)), dtype=np.bool_)
        for stage, names in enumerate(junction.stages.values()):
            member[stage, [number[name] for name in names]] = True
        lane_groups = np.array(
            [[lane in group.lanes for group in junction.groups.values()] for lane in lanes], dtype=np.bool_
        ).reshape(len(lanes), len(groups))
        stages = list(junction.stages)
        plan = tuple((stages.index(step.stage), step.seconds) for step in junction.plan)
        least = np.array([group.min_green_s for group in junction.groups.values()])
        flow = _flow(junction, groups, member, lane_groups)
        return cls(
            junction=junction,
            groups=groups,
            lanes=lanes,
            flow=flow,
            change=_change(junction, number, member),
            least=np.array([least[stage].max(initial=0.0) for stage in member]),
            member=member,
            lane_groups=lane_groups,
            group_lanes=tuple(tuple(np.flatnonzero(those).tolist()) for those in lane_groups.T),
            apart=_apart(flow),
            plan=plan,
        )

    def room_before(self, seen: JunctionSeen) -> Numbers:
        """(L,) 0..1: how far what a lane leads to has room for its traffic; 1 where that is not known."""
        if all(room >= EASY for room in seen.room.values()):
            return np.ones(len(self.lanes))
        free = np.array([_free(group, seen) for group in self.junction.groups.values()])
        return (self.lane_groups * free).sum(axis=1) / np.maximum(self.lane_groups.sum(axis=1), 1)


def planned(layout: Layout, now_s: float) -> int:
    """The stage of the junction's own plan at a second of the street."""
    cycle = sum(seconds for _, seconds in layout.plan)
    at = (now_s - layout.junction.offset_s) % cycle
    for stage, seconds in layout.plan:
        if at < seconds:
            return stage
        at -= seconds
    return layout.plan[-1][0]


def shown_for(layout: Layout, seen: JunctionSeen) -> float:
    """How long all greens of the present stage have been shown, s."""
    greens = (group for group, on in zip(layout.groups, layout.member[seen.stage], strict=True) if on)
    return min((seen.green_s.get(group, 0.0) for group in greens), default=0.0)


class Layouts:
    """Layouts by junction, made once. A junction that is declared anew is read anew; bounded by what is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Layout] = {}

    def of(self, name: str, junction: Junction) -> Layout:
        """The layout of a junction."""
        made = self._made.get(name)
        if made is None or made.junction is not junction:
            made = self._made[name] = Layout.of(junction)
        return made

    def keep(self, names: frozenset[str]) -> None:
        """Forget all others."""
        for name in self._made.keys() - names:
            del self._made[name]


def _flow(junction: Junction, groups: tuple[str, ...], member: Mask, lane_groups: Mask) -> Numbers:
    count = len(member)
    flow = np.zeros((count, count, len(lane_groups)))
    for before in range(count):
        for after in range(count):
            shown = member[before] & member[after]
            names = frozenset(group for group, on in zip(groups, shown, strict=True) if on)
            rates = np.array([_rate(junction.groups[group], names) if group in names else 0.0 for group in groups])
            flow[before, after] = [_lane_rate(rates[those], shown[those]) for those in lane_groups]
    return flow


def _apart(flow: Numbers) -> Mask:
    own = flow[np.arange(len(flow)), np.arange(len(flow))] > YIELDING * SATURATION_VEH_S
    together: Mask = (own[:, :, None] & own[:, None, :]).max(axis=0, initial=False)
    return ~together


def _free(group: SignalGroup, seen: JunctionSeen) -> float:
    rooms = [seen.room.get(lane, 1.0) for lane in group.leads_to]
    if not rooms:
        return 1.0
    return sum(min(1.0, max(0.0, (room - FULL) / (EASY - FULL))) for room in rooms) / len(rooms)


def _rate(group: SignalGroup, shown: frozenset[str]) -> float:
    """What a group gets through a lane, vehicles a second."""
    return SATURATION_VEH_S * (YIELDING if shown & frozenset(group.yields_to) else 1.0)


def _lane_rate(rates: Numbers, shown: Mask) -> float:
    if shown.all():
        return float(rates.mean())
    return float(rates.mean()) * 2 * BLOCKED


def _change(junction: Junction, number: dict[str, int], member: Mask) -> Numbers:
    needs = np.zeros((len(number), len(number)))
    amber = np.array([group.amber_s for group in junction.groups.values()])
    for pair in junction.conflicts:
        first, then = number[pair.first], number[pair.then]
        needs[first, then] = max(pair.intergreen_s, amber[first])
        needs[then, first] = max(pair.intergreen_s if pair.back_s is None else pair.back_s, amber[then])
    count = len(member)
    change = np.zeros((count, count))
    for before in range(count):
        for after in range(count):
            ends, begins = member[before] & ~member[after], member[after] & ~member[before]
            change[before, after] = needs[np.ix_(ends, begins)].max(initial=1.0 if begins.any() else 0.0)
    return change

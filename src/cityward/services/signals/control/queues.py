"""What stands and comes at a junction, as far as it can be believed.

Lives here: one junction's lanes as columns for the reckoning, and what is remembered of each lane. Does not live here: what
follows from it.

Theory
------
A vehicle that moves arrives when its distance and speed say; one slower than `CREEPING_M_S` stands in the queue. What is
farther away than the detector sees comes at the lane's slow mean rate, or faster where the lane is so full that more must
stand behind.

A lane is believed as far as it can be true. It never holds more than fits into it. A queue that stands still in front of a
green that it need not share, with room behind, is of no use to serve whatever the reason, lie or breakdown: `doubt` rises and
its weight sinks. Vehicles that move and yet never change place are no vehicles; an approach that falls silent for much longer
than its traffic ever did has lost its detector. These, and a lane that has long been doubted, are treated as `blind` lanes
are: by the traffic that used to come, so that they are neither starved nor favoured.

INVARIANT: a lane's queue, arrivals and weight are finite and bounded whatever it says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from cityward.guard.signals import usual
from cityward.guard.signals.before import JAM_VEHICLE_M, SATURATION_VEH_S
from cityward.services.signals.control.layout import VEHICLE_M, Layout, Numbers, shown_for
from cityward.services.signals.control.memory import LaneKept
from cityward.services.signals.seen import JunctionSeen, LaneSeen

STEP_S, STEPS = 2.0, 45  # how finely and how far is looked ahead: a minute and a half, more than any queue needs here
CREEPING_M_S = 2.0
SLOWEST_SHARE = 0.6  # of the free speed: what moves slower is taken to speed up
CROWDED_FROM, CROWDED_AT = 0.4, 0.8  # how full a lane is when it begins to count as crowded, and when it wholly does
CROWDED_RATE = 0.25  # vehicles a second that are taken to come behind a crowded lane
BLOCKING = 2.0  # how much more a crowded lane counts that other junctions send to: what stands there blocks them
LEARNS = 0.01  # a second: of the mean rate that is expected
SLOW_START_S = 10.0  # a queue at green should move by then
SHARED, SLOW_SHARED_S = 0.6, 30.0  # where part of a lane's traffic gives way, of the full rate: by then
DOUBTS, TRUSTS, FORGIVES = 0.1, 0.2, 1 / 300  # a second: of `doubt`, up; down when it moves; down at red
MOST_DOUBT = 0.95
DISBELIEVED, DISBELIEVED_S = (
    0.5,
    90.0,
)  # so much doubt for so long, and a lane is reckoned as a blind one: jams are over by then
SAME_S = 4.0  # moving vehicles that stay where they are so long are no vehicles
LOST_S, LOST_VEHICLES = 60.0, 24.0  # after so long, or so many missing, it is no short gap any more
USUAL_VEH_S = 0.05  # of a lane that nobody sees, at least
MOST_WAITING = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Queues:
    """Lanes: queue, weight, crowd (L,). blind: those reckoned from memory; lost: those of them that have not been seen for long;
    doubted: those not believed.
    """

    queue: Numbers
    weight: Numbers
    crowd: Numbers
    blind: tuple[str, ...]
    lost: frozenset[str]
    doubted: tuple[str, ...]


class _Here(msgspec.Struct, frozen=True, gc=False):
    """What a lane says of its vehicles: all, those that move, those that stand."""

    vehicles: float
    moving: float
    standing: float


def look(
    layout: Layout,
    seen: JunctionSeen,
    kept: Mapping[str, LaneKept],
    internal: frozenset[str],
    free: Numbers,
    passed_s: float,
) -> tuple[Queues, dict[str, LaneKept]]:
    """The lanes now, and what to remember of them. internal: lanes that other junctions send to; free (L,): see `room_before`."""
    # one lane at a time, in plain numbers: a lane has few vehicles, and a call on so small an array costs more than its sum
    queue: list[float] = []
    weight: list[float] = []
    crowd: list[float] = []
    blind: list[str] = []
    lost: set[str] = set()
    doubted: list[str] = []
    remembered: dict[str, LaneKept] = {}
    rates, green_s = _served(layout, seen)
    for lane, rate, room in zip(layout.lanes, rates.tolist(), free.tolist(), strict=True):
        was = kept.get(lane, _NEW)
        said = None if lane in seen.blind else seen.lanes.get(lane)
        here = None if said is None else _read(said)
        now = was if said is None or here is None else _judge(was, said, here, rate * room, green_s, passed_s)
        if here is None or said is None or now.same_s >= SAME_S or now.usual.silent or now.doubted_s >= DISBELIEVED_S:
            now = _reckon(now, said, rate, passed_s)
            queue.append(now.usual.waiting)
            weight.append(1.0)
            crowd.append(0.0)
            blind.append(lane)
            if said is None or now.same_s >= LOST_S or now.usual.missing >= LOST_VEHICLES:
                lost.add(lane)
        else:
            now = _all_seen(now) if now.usual.waiting else now
            full, believed = _crowd(said), 1.0 - now.doubt
            queue.append(here.standing)
            weight.append(believed * (1.0 + BLOCKING * full * (lane in internal)))
            crowd.append(full * believed)
        if said is not None and now.doubt > DISBELIEVED:
            doubted.append(lane)
        remembered[lane] = now
    return Queues(
        np.array(queue), np.array(weight), np.array(crowd), tuple(blind), frozenset(lost), tuple(doubted)
    ), remembered


def coming(layout: Layout, seen: JunctionSeen, queues: Queues, kept: Mapping[str, LaneKept]) -> Numbers:
    """(STEPS, L): how many come to the stop line in each step, of the lanes that `look` has seen and kept."""
    arrivals = np.zeros((STEPS, len(layout.lanes)))
    for nth, lane in enumerate(layout.lanes):
        now, said = kept[lane], None if lane in seen.blind else seen.lanes.get(lane)
        if said is None or lane in queues.blind:
            arrivals[:, nth] = (max(now.usual.rate, USUAL_VEH_S) if said is None else now.usual.rate) * STEP_S
        else:
            _arrive(said, layout.junction.speed_m_s, now.rate, float(queues.crowd[nth]), arrivals[:, nth])
    return arrivals


_NEW = LaneKept()


def _served(layout: Layout, seen: JunctionSeen) -> tuple[Numbers, float]:
    """What each lane may let go now, vehicles a second, and for how long it has been so, s."""
    if not seen.settled or not 0 <= seen.stage < len(layout.least):
        return np.zeros(len(layout.lanes)), 0.0
    return layout.flow[seen.stage, seen.stage], shown_for(layout, seen)


def _judge(was: LaneKept, said: LaneSeen, here: _Here, goes: float, green_s: float, passed_s: float) -> LaneKept:
    """How far a lane is believed, after what it says now."""
    vehicles, moving = here.vehicles, here.moving
    mark = vehicles * 1e6 + float(np.add.reduce(said.distances)) if len(said.distances) else vehicles * 1e6
    same_s = was.same_s + passed_s if moving and mark == was.mark else 0.0
    stands = vehicles - moving >= 1 and moving == 0
    doubt = was.doubt
    patience_s = SLOW_START_S if goes >= 0.8 * SATURATION_VEH_S else SLOW_SHARED_S
    if goes >= SHARED * SATURATION_VEH_S and green_s > patience_s:
        doubt += passed_s * (DOUBTS if stands else -TRUSTS)
    elif goes == 0:
        doubt -= passed_s * FORGIVES
    learns_s = 0.0 if doubt > DISBELIEVED or same_s >= SAME_S else passed_s
    return LaneKept(
        rate=min(was.rate + (usual.passing(moving, said.length_m) - was.rate) * LEARNS * learns_s, SATURATION_VEH_S),
        usual=usual.seen(was.usual, vehicles, moving, said.length_m, passed_s, learns_s),
        doubt=min(max(doubt, 0.0), MOST_DOUBT),
        doubted_s=was.doubted_s + passed_s if doubt > DISBELIEVED else 0.0,
        mark=mark,
        same_s=same_s,
    )


def _reckon(now: LaneKept, said: LaneSeen | None, rate: float, passed_s: float) -> LaneKept:
    """A lane that is not seen: who used to come waits, who may go has gone."""
    fits = MOST_WAITING if said is None else min(MOST_WAITING, max(said.length_m / VEHICLE_M, 1.0))
    comes = max(now.usual.rate, USUAL_VEH_S) if said is None else now.usual.rate
    return msgspec.structs.replace(now, usual=usual.awaited(now.usual, comes, rate, fits, passed_s))


def _all_seen(now: LaneKept) -> LaneKept:
    return msgspec.structs.replace(now, usual=msgspec.structs.replace(now.usual, waiting=0.0))


def _read(said: LaneSeen) -> _Here:
    """Who moves and who stands, no more than fit into what is seen of the lane."""
    fits = _fits(said)
    vehicles = _within(said.vehicles, fits)
    told, apart = len(said.speeds), min(len(said.distances), len(said.speeds))
    if not told:
        moving = 0.0 if len(said.distances) else _within(said.vehicles - said.halted, fits)
        return _Here(vehicles, moving, vehicles)
    fast = int(np.count_nonzero(said.speeds >= CREEPING_M_S))
    moving = min(float(fast), fits)
    if not apart:
        return _Here(vehicles, moving, vehicles)
    if apart < told:
        fast = int(np.count_nonzero(said.speeds[:apart] >= CREEPING_M_S))
    return _Here(vehicles, moving, min(float(apart - fast), fits))


def _fits(said: LaneSeen) -> float:
    return max(said.length_m, 15.0) / VEHICLE_M * 1.5


def _within(vehicles: float, fits: float) -> float:
    return min(max(vehicles, 0.0), fits) if math.isfinite(vehicles) else 0.0


def _crowd(said: LaneSeen) -> float:
    full = said.vehicles * JAM_VEHICLE_M / max(said.length_m, 15.0)
    return min(1.0, max(0.0, (full - CROWDED_FROM) / (CROWDED_AT - CROWDED_FROM))) if math.isfinite(full) else 0.0


def _arrive(said: LaneSeen, speed_m_s: float, rate: float, crowd: float, arrivals: Numbers) -> None:
    """Fill in when who comes."""
    beyond = min(int(max(said.length_m, 0.0) / speed_m_s / STEP_S), STEPS)
    arrivals[beyond:] = max(rate, CROWDED_RATE * crowd) * STEP_S
    told_apart = min(len(said.distances), len(said.speeds))
    if not told_apart:
        return
    distances = np.fmin(np.fmax(said.distances[:told_apart], 0.0), 1000.0)
    speeds = np.fmin(np.fmax(said.speeds[:told_apart], 0.0), 100.0)
    moving = speeds >= CREEPING_M_S
    seconds = distances[moving] / np.maximum(speeds[moving], SLOWEST_SHARE * speed_m_s) - 1.0
    steps = np.clip(seconds / STEP_S, 0, STEPS - 1).astype(np.intp)
    came = np.bincount(steps, minlength=STEPS)
    arrivals += np.minimum(came, _within(float(came.sum()), _fits(said)))

"""What came of a run: the delay of everybody who wanted to travel, not only of those who got in.

delay = mean over all demand scheduled until the end of (timeLoss + departDelay). A vehicle on the road at the end counts with its
loss so far, one that never got in with its wait outside until the end. Trip time and waiting are SUMO's, over those who got in.

Source: the definitions of RESCO (utils/readXML.py, commit fc65e91f), which forgets vehicles kept outside; here they count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cityward.adapters.sumo.net import elements
from cityward.adapters.sumo.plant import Counts


class Score(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run. Times are means in s over vehicles; queue: vehicles standing at stop lines, mean over seconds, per signal.

    longest_wait_s: the most that one vehicle stood, its wait outside in it. never_entered, unfinished: at the end, of `demand`;
    locked: vehicles that block each other for ever within a junction that has no signal: SUMO's drivers, no controller's doing;
    conflicts: conflicting greens that the monitor counted; short: intergreens, ambers and minimum greens cut short, and colours
    that may not follow; over_red: reds beyond the declared longest. signal_s: groups times seconds that it watched. forced: how
    often the longest wait overruled a wish; refused: wishes that the gate of the centre refused. step_ms: one decision for all
    junctions, mean.
    """

    scenario: str
    controller: str
    seed: int
    sumo: str
    teleport_s: float
    demand: int
    delay_s: float
    trip_s: float
    waiting_s: float
    queue: float
    longest_wait_s: float
    never_entered: int
    unfinished: int
    teleports: int
    collisions: int
    locked: int = 0
    conflicts: int = 0
    short: int = 0
    over_red: int = 0
    signal_s: int = 0
    forced: int = 0
    refused: int = 0
    wall_s: float = 0.0
    step_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Trip:
    """One vehicle's trip in s. entered, arrived: whether it did; delay outside and on the way; standing on the way."""

    entered: bool
    arrived: bool
    outside_s: float
    lost_s: float
    lasted_s: float
    stood_s: float


@dataclass(frozen=True, slots=True)
class Trips:
    """All trips together; see `Score`."""

    demand: int
    delay_s: float
    trip_s: float
    waiting_s: float
    longest_wait_s: float
    never_entered: int
    unfinished: int


def read_trips(path: Path) -> Iterator[Trip]:
    """The trips of a `tripinfo` file, those unfinished and undeparted in it.

    Raises:
        ScenarioError: it cannot be read.
    """
    for one in elements(path, {"tripinfo"}):
        yield Trip(
            entered=float(one.get("depart", "-1")) >= 0,
            arrived=float(one.get("arrival", "-1")) >= 0,
            outside_s=float(one.get("departDelay", "0")),
            lost_s=float(one.get("timeLoss", "0")),
            lasted_s=float(one.get("duration", "0")),
            stood_s=float(one.get("waitingTime", "0")),
        )


def score_trips(trips: Iterator[Trip]) -> Trips:
    """The means; of no trips zeros."""
    demand = entered = unfinished = 0
    delay = lasted = stood = longest = 0.0
    for trip in trips:
        demand += 1
        on_road = trip.entered
        entered += on_road
        unfinished += on_road and not trip.arrived
        delay += trip.outside_s + (trip.lost_s if on_road else 0.0)
        lasted += trip.lasted_s if on_road else 0.0
        stood += trip.stood_s if on_road else 0.0
        longest = max(longest, trip.outside_s + (trip.stood_s if on_road else 0.0))
    return Trips(
        demand=demand,
        delay_s=delay / max(demand, 1),
        trip_s=lasted / max(entered, 1),
        waiting_s=stood / max(entered, 1),
        longest_wait_s=longest,
        never_entered=demand - entered,
        unfinished=unfinished,
    )


def queue_of(counts: Counts, signals: int) -> float:
    """Vehicles standing at the stop lines of one signal, mean over the seconds."""
    return counts.queued / max(counts.steps, 1) / max(signals, 1)

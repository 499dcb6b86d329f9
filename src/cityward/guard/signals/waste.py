"""Green that serves nobody while others stand: what no honest control does for long, whatever it reckons with.

Theory of operation
-------------------
A junction that obeys the centre is looked at once a second, by what it shows and what its detectors say. Where the best of its
stages would serve a queue (at least `LEAST_QUEUE` vehicles that stand), the second is *used* by as much as the shown stage
serves of that, who moves counted too; while greens are still changed, it is used by nobody. A lane of which only some groups
may go counts little (`PARTLY`): who may not go stands before who may. Below a mean use of `LEAST_USE` over the last `OVER_S` the
centre has lost this junction's trust, and is not heard for `FIRST_S`, twice as long each time that it happens again within
`REMEMBERED_S` (`Ban`). So an enemy's wishes, or a mistake of ours, cost a junction minutes. docs/signals-safety.md says where
our own control comes near that.

A queue that has not shrunk within `STILL_S` of its own full green is none (a detector that lies, a blocked street): it counts
for nothing until `DISBELIEVED_S` later. Who serves it no longer is not blamed for that. On a lane that has fallen silent those
wait who usually come (`usual`): who serves it by memory is not blamed either, nor who does not. And who wishes just what the
junction's own plan would show, for `OVER_S` on end, wastes nothing that the junction alone would not.

INVARIANTS: bounded by the junctions of the rules; total: what is no number counts as nobody there.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from cityward.guard.signals.before import SATURATION_VEH_S, Before, counted
from cityward.guard.signals.rules import LONGEST_STEP_S, JunctionRules
from cityward.guard.signals.usual import Unheard

LEAST_QUEUE, PARTLY = 4.0, 0.2
OVER_S, LEAST_USE = 60.0, 0.4
FIRST_S, MOST_PLAN_S, REMEMBERED_S = 1800.0, 86_400.0, 7200.0  # by itself a junction loses little
MOST_TIMES = 16  # beyond that `MOST_PLAN_S` holds
STILL_S, DISBELIEVED_S = 12.0, 300.0
LAGS_S = 8.0


@dataclass(slots=True)
class Ban:
    """For how long somebody is not heard: `FIRST_S`, twice as long each time again within `REMEMBERED_S` of the last end.

    times: how often so far, as long as it is remembered.
    """

    until_s: float = -math.inf
    times: int = 0

    def begin(self, now_s: float) -> None:
        """He is not heard from now on."""
        self.times = self.remembered(now_s) + 1
        self.until_s = now_s + min(FIRST_S * 2.0 ** min(self.times - 1, MOST_TIMES), MOST_PLAN_S)

    def holds(self, now_s: float) -> bool:
        """Whether he is not heard now."""
        return now_s < self.until_s

    def remembered(self, now_s: float) -> int:
        """How often it has happened lately."""
        return self.times if now_s - self.until_s < REMEMBERED_S else 0


@dataclass(slots=True)
class _Kept:
    unheard: Unheard
    at_s: float = -math.inf
    use: float = 1.0
    ban: Ban = field(default_factory=Ban)
    still: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])  # lane -> queue, s
    disbelieved: dict[str, float] = field(default_factory=dict[str, float])  # lane -> until
    planned_s: float = 0.0  # for how long what is shown is what its own plan would show
    strayed_s: float = 0.0

    def follow(self, planned: bool, passed_s: float) -> None:
        """Count for how long the plan is followed, not always to the second: a green may have to be served first."""
        self.strayed_s = 0.0 if planned else self.strayed_s + passed_s
        self.planned_s = 0.0 if self.strayed_s > LAGS_S else self.planned_s + passed_s


class WasteWatch:
    """See the module. Seconds of the street."""

    def __init__(self, junctions: Mapping[str, JunctionRules], least_use: float = LEAST_USE) -> None:
        self._junctions, self._least_use = junctions, least_use
        self._served = {device: _served(rules) for device, rules in junctions.items()}
        self._kept: dict[str, _Kept] = {}

    def see(self, device: str, stage: int, green: Container[str], before: Before, obeys: bool, now_s: float) -> None:
        """One look at a junction. green: its groups that are; obeys: it shows what the centre wished, and not its own plan."""
        stages = self._served.get(device, ())
        if not 0 <= stage < len(stages) or not math.isfinite(now_s):
            return
        kept = self._kept.get(device)
        if kept is None:
            kept = self._kept[device] = _Kept(Unheard(frozenset().union(*stages)))
        passed_s = min(max(now_s - kept.at_s, 0.0), LONGEST_STEP_S) if math.isfinite(kept.at_s) else 0.0
        kept.at_s = now_s
        rules = self._junctions[device]
        shows = all(rules.groups[group] in green for group in rules.members[stage])
        there = kept.unheard.filled(before, _goes(stages[stage], shows), passed_s).present
        _disbelieve(kept, stages[stage], before, passed_s, now_s)
        kept.follow(stage == rules.planned(now_s), passed_s)
        if not obeys:
            kept.use = 1.0
            return
        queued = {lane: n for lane, n in before.waiting.items() if kept.disbelieved.get(lane, -math.inf) <= now_s}
        plans = kept.planned_s >= OVER_S
        used = 1.0 if plans else _used(stages, stage, queued, there if shows else {})
        kept.use += (used - kept.use) * passed_s / OVER_S
        if kept.use < self._least_use:
            kept.ban.begin(now_s)
            kept.use = 1.0

    def on_plan(self, device: str, now_s: float) -> bool:
        """Whether the centre's wishes for a junction are not to leave it now."""
        kept = self._kept.get(device)
        return kept is not None and kept.ban.holds(now_s)


def _served(rules: JunctionRules) -> tuple[Mapping[str, float], ...]:
    """Of each stage: lane -> how far it is served, 1 or `PARTLY`."""
    groups = rules.junction.groups.values()
    lanes = dict.fromkeys(lane for group in groups for lane in group.lanes)
    users = {lane: {nth for nth, group in enumerate(groups) if lane in group.lanes} for lane in lanes}
    return tuple(
        {lane: 1.0 if its <= green else PARTLY for lane, its in users.items() if its & green} for green in rules.members
    )


def _used(
    stages: Sequence[Mapping[str, float]], stage: int, queued: Mapping[str, float], there: Mapping[str, float]
) -> float:
    """How far a second serves what the best stage would, 0..1."""
    best = max(_serves(served, queued) for served in stages)
    return 1.0 if best < LEAST_QUEUE else min(_serves(stages[stage], there) / best, 1.0)


def _goes(served: Mapping[str, float], shown: bool) -> Mapping[str, float]:
    return {lane: SATURATION_VEH_S * share for lane, share in served.items()} if shown else {}


def _serves(served: Mapping[str, float], count: Mapping[str, float]) -> float:
    return sum(share * counted(count.get(lane, 0.0)) for lane, share in served.items())


def _disbelieve(kept: _Kept, served: Mapping[str, float], before: Before, passed_s: float, now_s: float) -> None:
    """Note which queues stand still in front of their own green."""
    for lane in served.keys() | kept.still.keys():
        count = counted(before.waiting.get(lane, 0.0))
        was, still_s = kept.still.get(lane, (math.nan, 0.0))
        still_s = still_s + passed_s if served.get(lane) == 1.0 and count > 0 and count >= was else 0.0
        kept.still[lane] = count, still_s
        if still_s >= STILL_S:
            kept.disbelieved[lane] = now_s + DISBELIEVED_S

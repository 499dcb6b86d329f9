"""The local programme: what a junction does by its own look alone, when it hears nothing or doubts what it hears.

Theory of operation
-------------------
Once a second the cabinet says what its own detectors see, and the present stage is held against each other one by its *pace*: how
many vehicles a second it would really let go, at best over the coming `SPANS_S`. A lane lets go at the rate of its green, who
stands at once, who moves as he comes near; a change takes its intergreens and `CHANGE_S` more (queues start slowly, and there is
a way back), and in that time nobody goes. So a green ends when its queues have gone and others wait, later where a change is
dear. Who has been at red for long counts more. A group that no detector of its own sees (pedestrians, a lane gone blind) counts
by how long it has been red, so it is served in turn.

Who *stands* before a green of his own for `STUCK_S`, while his lane's queue does not shrink, is not let go by this stage whatever
the reason: a full turning lane beside him, a broken vehicle, a detector that lies. His lane counts for nothing in it, and as ever
in others, until its queue shrinks at green.

A lane that has fallen silent, against all that usually comes on it, is reckoned by that (`usual`).

It is no word of the network: nobody outside the cabinet can set it, ask for it, or feed it. Where it has no fresh look, and
where the junction is *crowded*, it answers nothing and the junction follows its plan: beyond what a detector sees the
engineer's plan knows more. Crowded: the less full of the two fullest lanes that no stage serves both is fuller than `HOT` over a
minute, until it is emptier than `COOL`; as our own controller reckons. A junction from which no declared link leads to another
is never crowded: its plan is coordinated with nobody.

It doubts the centre too: where wishes that are obeyed lose too much of the best pace, they are not heard for a while (`doubt`).

INVARIANTS: total: what is no number counts as nobody there; bounded by the junction's lanes; it names a stage and no colour.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from cityward.guard.signals.before import JAM_VEHICLE_M, ROOM, SATURATION_VEH_S, Before, counted
from cityward.guard.signals.doubt import Doubt
from cityward.guard.signals.rules import LONGEST_STEP_S, JunctionRules
from cityward.guard.signals.usual import Unheard

FRESH_S = 3.0  # an older look is none
HOLD_S = 5.0
SETTLED_S = 11.0  # by then a stage that was chosen is shown, and could be left again
SPANS_S = (2.0, 5.0, 8.0, 12.0, 16.0, 20.0, 26.0, 32.0, 40.0)
CHANGE_S = 5.0  # what a change costs beside its intergreens
STAYS, KEEPS = 1.1, 0.2  # in favour of the present stage: a factor, and vehicles a second
AGE_S = 40.0  # who stood at red for so long counts twice
YIELDING = 0.4  # what a turn that gives way gets through, of the full rate
PARTLY = 0.5  # what a lane gets through of that rate, where some of its groups stand at red
STUCK_S = 8.0
UNSEEN_PER_S = 0.1  # a group that no detector sees: as if somebody came every ten seconds of its red
HEAT_S, HOT, COOL = 60.0, 0.12, 0.05  # sooner than our own controller gives way: this rule does not look ahead
FILLS_FROM, FULL_AT = 0.4, 0.8  # share of its room at which a lane begins to count as full, and wholly does
LEAST_ROOM = 6.0  # vehicles: a shorter lane says nothing of a crowd


@dataclass(frozen=True, slots=True)
class _Served:
    """A lane in a stage: at what share of its full rate it goes, by which of its groups; whole: all of them go."""

    share: float
    by: tuple[str, ...]
    whole: bool


class LocalProgramme:
    """See the module. One per junction; seconds of its own clock."""

    def __init__(self, rules: JunctionRules) -> None:
        self._rules = rules
        self._served = tuple(_served(rules, stage) for stage in range(len(rules.stages)))
        # a plan that is coordinated with nobody knows nothing of a crowd that a look does not
        self._apart = _apart(self._served) if rules.junction.links else ()
        self._doubt = Doubt(linked=bool(rules.junction.links))
        self._unheard = Unheard(frozenset().union(*self._served))
        self._said = self._before = Before()  # as it was said, and with those who wait unseen
        self._at_s, self._heat, self._crowded = -math.inf, 0.0, False
        self._shrank: dict[str, float] = {}  # lane -> when its queue last did, or began not to
        self._stuck: dict[str, frozenset[int]] = {}  # lane -> the stages that do not let it go
        self._stage, self._paces, self._best = -1, tuple[float, ...](), 0.0  # by the last look
        self._lost, self._could = 0.0, 0.0  # by the last choice that could have been another

    def look(
        self, before: Before, stage: int, since_s: float, red_s: Mapping[str, float], obeys: bool, now_s: float
    ) -> None:
        """What the cabinet's own detectors see. stage, since_s, red_s: as `wanted` has it; obeys: it is the centre's wish."""
        if not math.isfinite(now_s) or now_s < self._at_s:
            return
        passed_s = min(now_s - self._at_s, LONGEST_STEP_S)
        self._said, before = before, self._unheard.filled(before, self._goes(stage, red_s), passed_s)
        if 0 <= stage < len(self._served):
            self._note_stuck(before, stage, red_s, now_s)
        self._at_s, self._before = now_s, before
        self._heat += (self._crowd() - self._heat) * passed_s / HEAT_S
        self._crowded = self._heat > (COOL if self._crowded else HOT)
        self._judge(stage, since_s, red_s, obeys, passed_s)

    def doubts(self, now_s: float) -> bool:
        """Whether what the centre wishes is not to be heard now."""
        return self._fresh(now_s) and self._doubt.holds(now_s)

    def wanted(self, stage: int, since_s: float, red_s: Mapping[str, float], now_s: float) -> int | None:
        """The stage that it wants next, the present one included. None: the plan is to be followed.

        stage: what is shown, or being changed to, for `since_s`. red_s: group -> how long it has not been green.
        """
        if not self._fresh(now_s) or self._crowded or not 0 <= stage < len(self._served):
            return None
        if since_s < HOLD_S + self._rules.changes[stage][stage]:
            return stage
        paces = self._all_paces(stage, red_s, self._before)
        held = paces[stage] * STAYS + KEEPS * (paces[stage] > 0)
        best = max(range(len(paces)), key=lambda nth: -math.inf if nth == stage else paces[nth])
        return best if paces[best] > held else stage

    def _judge(self, stage: int, since_s: float, red_s: Mapping[str, float], obeys: bool, passed_s: float) -> None:
        """What the centre's choice of a stage loses: of the last one, until it could choose anew."""
        if not obeys or self._crowded or not 0 <= stage < len(self._served):
            self._doubt.count(0.0, 0.0, passed_s, self._at_s)
            self._stage = -1
            return
        if self._stage not in (-1, stage):
            self._weigh(stage)
        self._paces = self._all_paces(stage, red_s, self._before)
        # who is reckoned and not seen is nobody's blame
        heard = self._paces if self._said is self._before else self._all_paces(stage, red_s, self._said)
        self._best = max(heard)
        if self._stage == -1 or since_s >= SETTLED_S:
            self._weigh(stage)
        self._stage = stage
        self._doubt.count(self._lost, self._could, passed_s, self._at_s)

    def _weigh(self, stage: int) -> None:
        """What the choice of a stage loses, by the last look."""
        self._could = self._best
        self._lost = max(self._best - self._paces[stage], 0.0)

    def _all_paces(self, stage: int, red_s: Mapping[str, float], before: Before) -> tuple[float, ...]:
        changes = self._rules.changes[stage]
        return tuple(
            self._pace(other, red_s, before, 0.0 if other == stage else changes[other] + CHANGE_S)
            for other in range(len(self._served))
        )

    def _goes(self, stage: int, red_s: Container[str]) -> dict[str, float]:
        """Lane -> vehicles a second that what is shown lets go."""
        served = self._served[stage] if 0 <= stage < len(self._served) else {}
        return {
            lane: SATURATION_VEH_S * one.share
            for lane, one in served.items()
            if not any(group in red_s for group in one.by)
        }

    def _note_stuck(self, before: Before, stage: int, red_s: Container[str], now_s: float) -> None:
        """Which queues stand before their own green."""
        served, shrank = self._served[stage], dict[str, float]()
        for lane, one in served.items():
            stands = counted(before.waiting.get(lane, 0.0))
            shrinks = stands < counted(self._before.waiting.get(lane, 0.0))
            if shrinks and any(group not in red_s for group in one.by):
                self._stuck.pop(lane, None)
            if not stands or shrinks or not one.whole or any(group in red_s for group in one.by):
                continue
            shrank[lane] = self._shrank.get(lane, now_s)
            if now_s - shrank[lane] >= STUCK_S:
                self._stuck[lane] = self._stuck.get(lane, frozenset()) | {stage}
        self._shrank = shrank

    def _pace(self, stage: int, red_s: Mapping[str, float], before: Before, change_s: float) -> float:
        """Vehicles a second that a stage lets go at best, the change to it paid; who waits long counts more."""
        unseen = self._unseen(stage, red_s)
        lanes = [
            self._lane(lane, one, red_s, before)
            for lane, one in self._served[stage].items()
            if stage not in self._stuck.get(lane, ()) and lane in before.present
        ]
        best = 0.0
        for span in SPANS_S:
            if change_s and span < HOLD_S:
                continue
            goes = sum(
                weight * min(rate * span, stands + moves * min((change_s + span) / reach_s, 1.0))
                for rate, weight, stands, moves, reach_s in lanes
            )
            best = max(best, (goes + unseen) / (change_s + span))
        return best

    def _lane(
        self, lane: str, one: _Served, red_s: Mapping[str, float], before: Before
    ) -> tuple[float, float, float, float, float]:
        """Vehicles a second at green, weight, who stands, who moves, and s until the last of them is at the stop line."""
        there = counted(before.present[lane])
        stands = min(counted(before.waiting.get(lane, 0.0)), there)
        room = before.room.get(lane, ROOM)
        reach_s = counted(room, 1.0) * JAM_VEHICLE_M / self._rules.junction.speed_m_s
        weight = 1 + max(counted(red_s.get(group, 0.0)) for group in one.by) / AGE_S
        return SATURATION_VEH_S * one.share, weight, stands, there - stands, reach_s

    def _unseen(self, stage: int, red_s: Mapping[str, float]) -> float:
        rules = self._rules
        names = (rules.groups[group] for group in rules.members[stage])
        lanes = rules.junction.groups
        unseen = (name for name in names if not any(lane in self._before.present for lane in lanes[name].lanes))
        return UNSEEN_PER_S * sum(counted(red_s.get(name, 0.0)) for name in unseen)

    def _crowd(self) -> float:
        """How full the two fullest lanes are that cannot go together, 0..1: the less full of them."""
        full = {lane: self._full(lane) for lane in self._before.present}
        return max((min(full.get(one, 0.0), full.get(other, 0.0)) for one, other in self._apart), default=0.0)

    def _full(self, lane: str) -> float:
        room = self._before.room.get(lane, ROOM)
        if not math.isfinite(room) or room < LEAST_ROOM:
            return 0.0
        return min(max((counted(self._before.present[lane]) / room - FILLS_FROM) / (FULL_AT - FILLS_FROM), 0.0), 1.0)

    def _fresh(self, now_s: float) -> bool:
        return abs(now_s - self._at_s) <= FRESH_S


def _served(rules: JunctionRules, stage: int) -> dict[str, _Served]:
    """Of each lane that may go in a stage. A shared lane goes at the mean of what its groups may."""
    groups = rules.junction.groups
    shown = {rules.groups[group] for group in rules.members[stage]}
    found: dict[str, _Served] = {}
    for lane in dict.fromkeys(lane for group in groups.values() for lane in group.lanes):
        users = [name for name, group in groups.items() if lane in group.lanes]
        by = tuple(name for name in users if name in shown)
        if by:
            whole = len(by) == len(users)
            rate = sum(YIELDING if shown.intersection(groups[name].yields_to) else 1.0 for name in by) / len(users)
            found[lane] = _Served(rate if whole else rate * PARTLY, by, whole)
    return found


def _apart(served: Sequence[Mapping[str, _Served]]) -> tuple[tuple[str, str], ...]:
    """Pairs of lanes that no stage lets go together well."""
    lanes = sorted({lane for stage in served for lane in stage})
    together = {
        (one, other)
        for stage in served
        for one, first in stage.items()
        for other, then in stage.items()
        if min(first.share, then.share) > YIELDING
    }
    return tuple(pair for pair in combinations(lanes, 2) if pair not in together)

"""The local programme: what a junction does by its own look alone, when it hears nothing or doubts what it hears.

Theory of operation
-------------------
Once a second the cabinet says what its own detectors see, and the present stage is held against each other one by who stands
and comes before it. A stage is kept for `HOLD_S` at least, and then for as long as no other would serve clearly more: a change
costs seconds in which nobody goes, so the other must be ahead by `AHEAD` vehicles and for each second of the change by
`AHEAD_PER_S` more. Who gives way counts little, who has been at red for long counts more, and the present stage less the longer
it lasts. A group that no detector of its own sees (pedestrians, a lane gone blind) counts by how long it has been red, so it is
served in turn.

It is no word of the network: nobody outside the cabinet can set it, ask for it, or feed it. Where it has no fresh look, and
where the junction is *crowded*, it answers nothing and the junction follows its plan: beyond what a detector sees the
engineer's plan knows more. Crowded: the less full of the two fullest lanes that no stage serves both is fuller than `HOT` over a
minute, until it is emptier than `COOL`; as our own controller reckons. A junction from which no declared link leads to another
is never crowded: its plan is coordinated with nobody.

It doubts the centre too: where obeyed wishes waste the green by this same look (`waste`), they are not heard for a while.

INVARIANTS: total: what is no number counts as nobody there; bounded by the junction's lanes; it names a stage and no colour.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from itertools import combinations

from cityward.guard.signals.rules import LONGEST_STEP_S, JunctionRules
from cityward.guard.signals.waste import MOST_WAITING, Before, WasteWatch

FRESH_S = 3.0  # an older look is none
HOLD_S = 5.0
AHEAD, AHEAD_PER_S = 1.0, 0.8
# after two minutes the present stage counts half: who does not get away must not keep the others
FADES_AFTER_S, FADE_S = 60.0, 60.0
AGE_PER_S = 1 / 120  # who stood at red for two minutes counts twice
YIELDING = 0.4  # what a turn that gives way gets through, of the full rate
UNSEEN_PER_S = 0.1  # a group that no detector sees: as if somebody came every ten seconds of its red
HEAT_S, HOT, COOL = 60.0, 0.12, 0.05  # sooner than our own controller gives way: this rule does not look ahead
FILLS_FROM, FULL_AT = 0.4, 0.8  # share of its room at which a lane begins to count as full, and wholly does
ROOM, LEAST_ROOM = 20.0, 6.0  # vehicles: of a lane of which no room is known; a shorter lane says nothing of a crowd
DOUBT_USE = 0.5  # our own control never uses less than 0.55; the centre's gate asks for 0.4
_ME = "own"


class LocalProgramme:
    """See the module. One per junction; seconds of its own clock."""

    def __init__(self, rules: JunctionRules) -> None:
        self._rules = rules
        self._served = tuple(_served(rules, stage) for stage in range(len(rules.stages)))
        # a plan that is coordinated with nobody knows nothing of a crowd that a look does not
        self._apart = _apart(self._served) if rules.junction.links else ()
        self._watch = WasteWatch({_ME: rules}, least_use=DOUBT_USE)
        self._before = Before()
        self._at_s, self._heat, self._crowded = -math.inf, 0.0, False

    def look(self, before: Before, stage: int, green: Container[str], obeys: bool, now_s: float) -> None:
        """What the cabinet's own detectors see. stage, green: what is shown; obeys: by the centre's wish."""
        if not math.isfinite(now_s) or now_s < self._at_s:
            return
        passed_s = min(now_s - self._at_s, LONGEST_STEP_S)
        self._at_s, self._before = now_s, before
        self._heat += (self._crowd() - self._heat) * passed_s / HEAT_S
        self._crowded = self._heat > (COOL if self._crowded else HOT)
        self._watch.see(_ME, stage, green, before, obeys, now_s)

    def doubts(self, now_s: float) -> bool:
        """Whether what the centre wishes is not to be heard now."""
        return self._fresh(now_s) and self._watch.on_plan(_ME, now_s)

    def wanted(self, stage: int, since_s: float, red_s: Mapping[str, float], now_s: float) -> int | None:
        """The stage that it wants next, the present one included. None: the plan is to be followed.

        stage: what is shown, or being changed to, for `since_s`. red_s: group -> how long it has not been green.
        """
        if not self._fresh(now_s) or self._crowded or not 0 <= stage < len(self._served):
            return None
        changes = self._rules.changes[stage]
        if since_s < HOLD_S + changes[stage]:
            return stage
        held = self._value(stage, red_s) / (1 + max(since_s - FADES_AFTER_S, 0.0) / FADE_S)
        leads = [
            -math.inf if other == stage else self._value(other, red_s) - held - AHEAD - AHEAD_PER_S * changes[other]
            for other in range(len(self._served))
        ]
        best = max(range(len(leads)), key=lambda nth: leads[nth])
        return best if leads[best] > 0 else stage

    def _crowd(self) -> float:
        """How full the two fullest lanes are that cannot go together, 0..1: the less full of them."""
        full = {lane: self._full(lane) for lane in self._before.present}
        return max((min(full.get(one, 0.0), full.get(other, 0.0)) for one, other in self._apart), default=0.0)

    def _full(self, lane: str) -> float:
        room = self._before.room.get(lane, ROOM)
        if not math.isfinite(room) or room < LEAST_ROOM:
            return 0.0
        return min(max((_count(self._before.present[lane]) / room - FILLS_FROM) / (FULL_AT - FILLS_FROM), 0.0), 1.0)

    def _fresh(self, now_s: float) -> bool:
        return abs(now_s - self._at_s) <= FRESH_S

    def _value(self, stage: int, red_s: Mapping[str, float]) -> float:
        present, rules = self._before.present, self._rules
        seen = 0.0
        for lane, (share, group) in self._served[stage].items():
            seen += share * _count(present.get(lane, 0.0)) * (1 + AGE_PER_S * _count(red_s.get(group, 0.0)))
        names = (rules.groups[group] for group in rules.members[stage])
        unseen = (name for name in names if not any(lane in present for lane in rules.junction.groups[name].lanes))
        return seen + UNSEEN_PER_S * sum(_count(red_s.get(name, 0.0)) for name in unseen)


def _served(rules: JunctionRules, stage: int) -> dict[str, tuple[float, str]]:
    """Lane -> how far a stage serves it, and by which group. A shared lane: by the group that may best."""
    groups, found = rules.junction.groups, dict[str, tuple[float, str]]()
    names = [rules.groups[group] for group in sorted(rules.members[stage])]
    for name in names:
        gives_way = any(other in names and name not in groups[other].yields_to for other in groups[name].yields_to)
        share = YIELDING if gives_way else 1.0
        for lane in groups[name].lanes:
            found[lane] = max(found.get(lane, (0.0, "")), (share, name))
    return found


def _apart(served: Sequence[Mapping[str, tuple[float, str]]]) -> tuple[tuple[str, str], ...]:
    """Pairs of lanes that no stage lets go together at the full rate."""
    lanes = sorted({lane for stage in served for lane in stage})
    together = {
        (one, other)
        for stage in served
        for one, (share, _) in stage.items()
        for other, (others, _) in stage.items()
        if min(share, others) > YIELDING
    }
    return tuple(pair for pair in combinations(lanes, 2) if pair not in together)


def _count(said: float) -> float:
    return min(max(said, 0.0), MOST_WAITING) if math.isfinite(said) else 0.0

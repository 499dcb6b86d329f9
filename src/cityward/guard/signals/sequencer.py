"""The sequencer: makes colours of wishes. It is what a street controller runs, and the benchmark's junctions too.

Theory of operation
-------------------
It is *wished* a stage now and then, and *ticked* once a second. Its own clock `t` counts ticks: a step counts as long as it
lasted, at most `LONGEST_STEP_S` and never backwards. What a clock jumps over was not shown, so it serves no minimum green and
no intergreen.

One stage is wanted at a time. A change, once begun, is finished: first its greens are all shown (`settled`), and a group that
is to end has been green for its minimum. In a change the groups that are in both stages stay green; those that end go to amber
and red; each that begins goes green as soon as every group in conflict with it has ended its green by the intergreen of that
pair, and it has been red itself for `SHORTEST_RED_S`.

    wish --> heard within lost_after_s, --no--> on its own: what the local programme wants (`local`), if the cabinet is shown its
             and not doubted?                   own detectors and is not crowded; else the plan's stage of this second
               | yes                              |
               v                                  v
             the stage that is wanted next: taken when the present one may end, and everybody can still be served in time after
             it neither it nor staying keeps the longest wait --> the way out: the next stage of the shortest round (`rules`)

The longest wait holds always, not only while somebody is seen to wait: a detector that lies must not starve anybody.

A wish is a whole number of a stage, or `PLAN`; any other counts as none. A wish for `PLAN` and a clock that is no number lead
to the plan; silence for `lost_after_s`, and wishes that waste the green by the cabinet's own look, to the local programme. A
wish dated longer ago than `lost_after_s` is not heard.

INVARIANTS, for any wishes and any clock
- No two conflicting groups are green, or one green and one amber; no intergreen, minimum green or amber is cut short.
- No group that `rules` promises a longest wait is red longer, counted in `t`.
- Total: no input raises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cityward.guard.signals.before import Before
from cityward.guard.signals.colours import Colour, Lights
from cityward.guard.signals.local import LocalProgramme
from cityward.guard.signals.rules import DARK, LONGEST_STEP_S, PLAN, SHORTEST_RED_S, TINY_S, JunctionRules

MOST_CLOCK_S = 1e12  # a clock that says more is none


class Sequencer:
    """See the module. One per junction; remembers nothing beyond its own time."""

    def __init__(self, rules: JunctionRules, now_s: float) -> None:
        self.rules = rules
        self._forced = 0
        self._local = LocalProgramme(rules)
        self.restart(now_s)

    def restart(self, now_s: float) -> None:
        """Begin anew from darkness, all red until the longest intergreens are over: after flashing, or when power comes back."""
        rules = self.rules
        self._now = now_s if _is_time(now_s) else 0.0
        self._t = 0.0
        self._wish, self._silent = PLAN, math.inf
        count = len(rules.groups)
        self._colours = [Colour.RED] * count
        self._since = [0.0] * count  # t when the colour began
        # darkness is taken for the worst: everything was green until now
        self._ended = np.zeros(count)  # t when the green ended
        self._clearing: set[int] = set()  # amber
        self._lights: dict[str, Colour] = dict.fromkeys(rules.groups, Colour.RED)
        self._pending: set[int] = set()  # of the stage, and not green yet
        self._begun, self._latest = 0.0, math.inf
        self.stage = DARK
        self._begin(self._first(rules.planned(self._now)))

    def wish(self, stage: int, now_s: float) -> None:
        """Hear a wish: a stage, or `PLAN` to follow the junction's own plan. Anything else is not heard."""
        if not _is_stage(stage) or not PLAN <= stage < len(self.rules.stages) or not _is_time(now_s):
            return
        if self._now - now_s <= self.rules.lost_after_s:
            self._wish, self._silent = int(stage), -_step(self._now, now_s)  # heard at the coming tick

    def look(self, before: Before, now_s: float) -> None:
        """What the cabinet's own detectors see now: feeds the local programme and nothing else. Never called: there is none."""
        if _is_time(now_s):
            self._local.look(before, self.stage, self._t - self._begun, self.red_s, not self.on_plan, now_s)

    def tick(self, now_s: float) -> Lights:
        """Let the time pass up to `now_s` and say what is shown from now on. The mapping is not changed later."""
        self._pass(now_s)
        self._advance()
        wanted = self._wanted()
        if self._t + LONGEST_STEP_S > self._latest + TINY_S and not self._may_begin(wanted):
            wanted = self.rules.way_out(self.stage, self._ended)
            if wanted != self.stage and self._may_end(wanted):
                self._forced += 1
                self._begin(wanted)
                self._advance()
        elif wanted != self.stage and self._may_begin(wanted):
            self._begin(wanted)
            self._advance()
        return self._lights

    def since_s(self, now_s: float) -> float:
        """How long the present stage has been wanted."""
        return self._t - self._begun + _step(self._now, now_s)

    @property
    def settled(self) -> bool:
        """Whether all greens of the stage are shown."""
        return not self._pending

    @property
    def green_s(self) -> Mapping[str, float]:
        """Group -> how long it has been green; only groups that are."""
        return {
            group: self._t - self._since[nth]
            for nth, group in enumerate(self.rules.groups)
            if self._colours[nth] is Colour.GREEN
        }

    @property
    def red_s(self) -> Mapping[str, float]:
        """Group -> how long ago its green ended, its amber in it; only groups that are not green."""
        return {
            group: self._t - float(self._ended[nth])
            for nth, group in enumerate(self.rules.groups)
            if self._colours[nth] is not Colour.GREEN
        }

    @property
    def on_plan(self) -> bool:
        """Whether it is on its own, by its plan or its local programme, and obeys no wish."""
        return self._unheard or self._local.doubts(self._now)

    @property
    def local(self) -> bool:
        """Whether it is on its own by what its own detectors see, and not by its plan."""
        return self.on_plan and self._alone() is not None

    @property
    def forced(self) -> int:
        """How often the longest wait overruled what was wanted."""
        return self._forced

    @property
    def lights(self) -> Lights:
        """What is shown since the last tick."""
        return self._lights

    def _pass(self, now_s: float) -> None:
        if not _is_time(now_s):
            self._wish = PLAN  # a clock that is no number: doubt
            return
        step = _step(self._now, now_s)
        self._now = now_s
        self._t += step
        self._silent += step

    def _wanted(self) -> int:
        if not self.on_plan:
            return self._wish
        alone = self._alone()
        return self.rules.planned(self._now) if alone is None else alone

    @property
    def _unheard(self) -> bool:
        return self._wish == PLAN or self._silent > self.rules.lost_after_s

    def _alone(self) -> int | None:
        """What the local programme wants. None: the plan, because it was wished on purpose, or there is no look to go by."""
        if self._wish == PLAN and self._silent <= self.rules.lost_after_s and not self._local.doubts(self._now):
            return None
        return self._local.wanted(self.stage, self._t - self._begun, self.red_s, self._now)

    def _may_begin(self, stage: int) -> bool:
        """Whether a stage may be changed to now, and leaves everybody a way out. The present one: whether it may go on."""
        if stage == self.stage:
            return self._t + LONGEST_STEP_S <= self._latest + TINY_S
        return self._may_end(stage) and self.rules.in_time(self.stage, stage, self._ended, self._t)

    def _may_end(self, stage: int) -> bool:
        """Whether what is shown now may be left for a stage: shown as a whole, and every group that ends has had its minimum."""
        if self._pending:
            return False
        shortest, kept = self.rules.min_green, self.rules.members[stage]
        ages = ((group, self._t - self._since[group]) for group in self.rules.members[self.stage] - kept)
        # a green of this very tick was not shown yet: none is so short that nobody sees it
        return all(age > 0 and age >= shortest[group] - TINY_S for group, age in ages)

    def _first(self, planned: int) -> int:
        """The stage to begin with: the plan's, unless only another leaves everybody a way out from darkness."""
        if self.rules.in_time(DARK, planned, self._ended, self._t):
            return planned
        return next(
            (stage for stage, _ in self.rules.plan if self.rules.in_time(self.stage, stage, self._ended, self._t)),
            planned,
        )

    def _begin(self, stage: int) -> None:
        """Change to a stage: its predecessor's other greens end now."""
        rules = self.rules
        before = rules.members[self.stage] if self.stage != DARK else frozenset[int]()
        for group in before - rules.members[stage]:
            self._ended[group] = self._t
            self._show(group, Colour.AMBER if rules.amber[group] > 0 else Colour.RED)
        self._pending = set(rules.members[stage] - before)
        self.stage, self._begun = stage, self._t
        self._latest = rules.latest(stage, self._ended)

    def _advance(self) -> None:
        """Ambers that are over become red; what waits for its intergreens and has them becomes green."""
        for group in [g for g in self._clearing if self._t - self._since[g] >= self.rules.amber[g] - TINY_S]:
            self._show(group, Colour.RED)
        for group in [g for g in self._pending if self._is_clear(g)]:
            self._pending.discard(group)
            self._show(group, Colour.GREEN)

    def _is_clear(self, group: int) -> bool:
        if self._colours[group] is not Colour.RED or self._t - self._since[group] < SHORTEST_RED_S - TINY_S:
            return False
        return all(
            self._colours[other] is Colour.RED and self._t - self._ended[other] >= seconds - TINY_S
            for other, seconds in self.rules.before[group]
        )

    def _show(self, group: int, colour: Colour) -> None:
        (self._clearing.add if colour is Colour.AMBER else self._clearing.discard)(group)
        self._colours[group] = colour
        self._since[group] = self._t
        self._lights = {**self._lights, self.rules.groups[group]: colour}


def _is_time(now_s: Any) -> bool:
    # SECURITY: constructors do not check types; what is no number must not become one
    return isinstance(now_s, int | float) and -MOST_CLOCK_S < now_s < MOST_CLOCK_S


def _is_stage(stage: Any) -> bool:
    return isinstance(stage, int | np.integer) and not isinstance(stage, bool)


def _step(before: float, after: float) -> float:
    """What a step of the clock counts."""
    return min(max(after - before, 0.0), LONGEST_STEP_S) if _is_time(after) else 0.0

"""The sequencer: what it shows and when, worked out by hand; and that nothing it is wished makes the monitor speak."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cityward.errors import PlaceError
from cityward.guard.signals.breaches import Breach
from cityward.guard.signals.colours import Colour
from cityward.guard.signals.monitor import Monitor
from cityward.guard.signals.rules import PLAN, JunctionRules
from cityward.guard.signals.sequencer import Sequencer
from cityward.place.junctions import Conflict, Junction, PlanStep, SignalGroup
from junctions import CROSSING, junctions

RULES = JunctionRules.of(CROSSING)
MAIN, NORTH_ONLY, SIDE, WALKING = range(4)


def shown(sequencer: Sequencer) -> str:
    """North, south, east, walk, by their first letters."""
    return "".join(colour.name[0] for colour in sequencer.lights.values())


def run(sequencer: Sequencer, seconds: Iterable[int], wish: int | None = None) -> dict[int, str]:
    """What is shown at each second at which it changes."""
    changes: dict[int, str] = {}
    for second in seconds:
        before = shown(sequencer)
        if wish is not None:
            sequencer.wish(wish, second)
        sequencer.tick(second)
        if shown(sequencer) != before:
            changes[second] = shown(sequencer)
    return changes


def main_green(at: int = 20) -> Sequencer:
    """A junction that has shown its main road green since second 9, wished so up to now."""
    sequencer = Sequencer(RULES, 0)
    run(sequencer, range(at + 1), MAIN)
    return sequencer


def test_begins_dark_and_goes_green_when_the_longest_intergreens_from_darkness_are_over():
    sequencer = Sequencer(RULES, 0)
    assert shown(sequencer) == "RRRR"
    # 9 s from pedestrians to the main road, whatever was shown before
    assert run(sequencer, range(12)) == {9: "GGRR"}


def test_follows_its_plan_second_by_second_when_nobody_wishes_anything():
    # the plan wants `side` at 30: amber 3 s; 5 s from south; pedestrians at 55, 5 s after east; main at 75, 9 s after them
    assert run(Sequencer(RULES, 0), range(100)) == {
        9: "GGRR", 30: "AARR", 33: "RRRR", 35: "RRGR", 55: "RRAR", 58: "RRRR", 60: "RRRG", 75: "RRRR", 84: "GGRR",
    }  # fmt: skip


def test_begins_in_the_middle_of_the_plan_where_the_city_wide_second_says_so():
    # 100,030 is second 55 of the 1,334th cycle of 75: pedestrians, whom east keeps waiting 5 s after darkness
    assert run(Sequencer(RULES, 100_030), range(100_030, 100_040)) == {100_035: "RRRG"}
    assert RULES.planned(-20) == WALKING == RULES.planned(55)


def test_changes_to_a_wish_by_amber_and_intergreen():
    assert run(main_green(), range(21, 40), SIDE) == {21: "AARR", 24: "RRRR", 26: "RRGR"}


def test_keeps_green_what_is_green_in_both_stages():
    assert run(main_green(), range(21, 40), NORTH_ONLY) == {21: "GARR", 24: "GRRR"}


def test_a_green_that_has_just_ended_comes_back_only_after_its_amber_and_a_second_of_red():
    sequencer = main_green()
    run(sequencer, [21], NORTH_ONLY)
    assert run(sequencer, range(22, 40), MAIN) == {24: "GRRR", 25: "GGRR"}


def test_a_wish_waits_for_the_minimum_green():
    sequencer = main_green(at=9)  # green since 9; the minimum is 5 s
    assert run(sequencer, range(10, 20), SIDE) == {14: "AARR", 17: "RRRR", 19: "RRGR"}


def test_a_change_once_begun_is_finished():
    sequencer = main_green()
    run(sequencer, [21], SIDE)
    # back to main is wished at once: east is shown first and has its 5 s; 6 s to south, 4 s to north
    assert run(sequencer, range(22, 50), MAIN) == {
        24: "RRRR",
        26: "RRGR",
        31: "RRAR",
        34: "RRRR",
        35: "GRRR",
        37: "GGRR",
    }


def test_whoever_holds_a_stage_for_ever_starves_nobody():
    sequencer, monitor = Sequencer(RULES, 0), Monitor(RULES)
    most = dict.fromkeys(RULES.groups, 0.0)
    for second in range(2000):
        sequencer.wish(MAIN, second)
        assert monitor.see(sequencer.tick(second), second) == ()
        most = {group: max(seconds, sequencer.red_s.get(group, 0.0)) for group, seconds in most.items()}
    assert sequencer.forced > 10
    assert max(most.values()) <= 120
    assert most["walk"] > 60  # it is not forced earlier than it must be


def test_the_plan_is_never_overruled_as_it_stands():
    sequencer = Sequencer(RULES, 0)
    run(sequencer, range(1000))
    assert sequencer.forced == 0


def test_falls_to_its_plan_when_no_wish_was_heard_for_so_long():
    sequencer = main_green()
    run(sequencer, range(21, 36))
    assert not sequencer.on_plan  # 15 s after the last wish, at 20
    run(sequencer, [36])
    assert sequencer.on_plan
    assert run(sequencer, range(37, 50)) == {
        39: "RRRR",
        41: "RRGR",
    }  # amber since 36: the plan wants `side` from 30 to 55


def test_a_wish_for_the_plan_is_obeyed_at_once():
    sequencer = main_green(at=35)
    assert shown(sequencer) == "GGRR"
    assert run(sequencer, [36], PLAN) == {36: "AARR"}
    assert sequencer.on_plan


@pytest.mark.parametrize(
    "absurd", [-2, 4, 10**400, 1.0, 2.5, math.nan, math.inf, None, "1", True, b"", [1]], ids=lambda v: repr(v)[:12]
)
def test_what_is_no_stage_is_not_heard(absurd: Any):
    sequencer = main_green()
    sequencer.wish(absurd, 21)
    assert run(sequencer, [21]) == {}
    run(sequencer, range(22, 37), absurd)
    assert sequencer.on_plan  # and does not keep it from its plan


def test_hears_a_whole_number_of_numpy():
    sequencer = main_green()
    sequencer.wish(np.int64(SIDE), 21)  # pyright: ignore[reportArgumentType]
    assert run(sequencer, [21]) == {21: "AARR"}


def test_an_old_wish_is_not_heard():
    sequencer = main_green()
    sequencer.wish(SIDE, 4)
    assert run(sequencer, [21]) == {}


@pytest.mark.parametrize("jump", [3600.0, -3600.0, math.inf, math.nan, 10**400])
def test_a_clock_that_jumps_serves_no_intergreen(jump: float):
    sequencer = main_green()
    run(sequencer, [21], SIDE)
    assert shown(sequencer) == "AARR"
    sequencer.tick(21 + jump)
    assert shown(sequencer) == "AARR"


def test_a_clock_that_is_no_number_leads_to_the_plan():
    sequencer = main_green()
    sequencer.tick(math.nan)
    assert sequencer.on_plan


def test_says_what_a_controller_is_shown():
    sequencer = main_green()
    assert (sequencer.stage, sequencer.since_s(20), sequencer.settled) == (MAIN, 20, True)
    assert sequencer.green_s == {"north": 11, "south": 11}
    assert sequencer.red_s == {"east": 20, "walk": 20}
    run(sequencer, [21, 22], SIDE)
    assert (sequencer.stage, sequencer.since_s(22.5), sequencer.settled) == (SIDE, 1.5, False)
    assert sequencer.red_s == {"north": 1, "south": 1, "east": 22, "walk": 22}  # the amber counts as waiting


def test_lights_that_were_given_do_not_change_later():
    sequencer = main_green()
    before = sequencer.lights
    kept = dict(before)
    run(sequencer, range(21, 40), SIDE)
    assert before == kept


def test_a_stage_with_a_conflict_in_it_is_refused():
    wrong = Junction(
        device="a",
        groups={"a": SignalGroup(), "b": SignalGroup()},
        conflicts=(Conflict(first="a", then="b"),),
        stages={"both": ("a", "b")},
        plan=(PlanStep(stage="both", seconds=10),),
    )
    with pytest.raises(PlaceError, match="conflicting"):
        JunctionRules.of(wrong, "quay")


def test_an_intergreen_shorter_than_the_amber_in_it_is_lengthened():
    short = Junction(
        device="a",
        groups={"a": SignalGroup(), "b": SignalGroup()},
        conflicts=(Conflict(first="a", then="b", intergreen_s=1),),
        stages={"one": ("a",), "two": ("b",)},
        plan=(PlanStep(stage="one", seconds=20), PlanStep(stage="two", seconds=20)),
    )
    assert JunctionRules.of(short).intergreen.tolist() == [[0, 3], [3, 0]]


def test_says_whose_longest_wait_it_cannot_promise():
    hasty = Junction(
        device="a",
        groups={"a": SignalGroup(min_green_s=40), "b": SignalGroup(max_red_s=20)},
        conflicts=(Conflict(first="a", then="b"),),
        stages={"one": ("a",), "two": ("b",)},
        plan=(PlanStep(stage="one", seconds=50), PlanStep(stage="two", seconds=20)),
    )
    assert JunctionRules.of(hasty).unpromised == ("b",)


@settings(max_examples=60, deadline=None)
@given(junctions())
def test_every_junction_that_is_checked_promises_everybody_and_lets_its_plan_be(junction: Junction):
    rules = JunctionRules.of(junction)
    sequencer = Sequencer(rules, 0)
    assert rules.unpromised == ()
    for second in range(int(2 * rules.cycle_s)):
        sequencer.tick(second)
    joined = sequencer.forced  # joining the plan may need it
    for second in range(int(2 * rules.cycle_s), int(4 * rules.cycle_s)):
        sequencer.tick(second)
    assert sequencer.forced == joined


@settings(max_examples=60, deadline=None)
@given(junctions(), st.lists(st.tuples(st.integers(-1, 5), st.integers(1, 300)), min_size=1, max_size=8))
def test_any_wishes_held_for_any_time_keep_every_rule(junction: Junction, wishes: list[tuple[int, int]]):
    rules = JunctionRules.of(junction)
    sequencer, monitor, second = Sequencer(rules, 0), Monitor(rules), 0
    rows: list[list[int]] = [list(sequencer.lights.values())]
    for stage, seconds in wishes:
        for _ in range(seconds):
            second += 1
            sequencer.wish(stage, second)
            rows.append(list(sequencer.tick(second).values()))
    assert monitor.see_many(np.array(rows, dtype=np.int8), np.arange(len(rows), dtype=np.float64)) == ()


class Hostile(RuleBasedStateMachine):
    """Whatever is wished, at whatever time: the monitor has nothing to say."""

    @initialize(junction=junctions())
    def begin(self, junction: Junction) -> None:
        self.rules = JunctionRules.of(junction)
        self.now = 0.0
        self.sequencer, self.monitor = Sequencer(self.rules, self.now), Monitor(self.rules)
        self.found: tuple[Breach, ...] = self.monitor.see(self.sequencer.lights, self.now)

    def step(self, now: float) -> None:
        self.now = now if math.isfinite(now) else self.now
        self.found += self.monitor.see(self.sequencer.tick(now), now)

    @rule(stage=st.integers(-1, 6), seconds=st.integers(1, 120))
    def insist(self, stage: int, seconds: int) -> None:
        for _ in range(seconds):
            self.sequencer.wish(stage, self.now)
            self.step(self.now + 1)

    @rule(stages=st.lists(st.integers(-1, 6), min_size=1, max_size=40))
    def flap(self, stages: list[int]) -> None:
        for stage in stages:
            self.sequencer.wish(stage, self.now)
            self.step(self.now + 1)

    @rule(seconds=st.integers(1, 60))
    def be_silent(self, seconds: int) -> None:
        for _ in range(seconds):
            self.step(self.now + 1)

    @rule(stage=st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3), st.booleans()), when=st.floats())
    def wish_absurdly(self, stage: Any, when: float) -> None:
        self.sequencer.wish(stage, when)
        self.step(self.now + 1)

    @rule(jump=st.one_of(st.floats(-1e6, 1e6), st.just(math.nan), st.just(math.inf)))
    def jump(self, jump: float) -> None:
        self.step(self.now + jump)

    @rule(steps=st.lists(st.floats(0, 2), max_size=30), stage=st.integers(0, 3))
    def step_unevenly(self, steps: list[float], stage: int) -> None:
        for seconds in steps:
            self.sequencer.wish(stage, self.now)
            self.step(self.now + seconds)

    @invariant()
    def nothing_is_found(self) -> None:
        assert getattr(self, "found", ()) == ()


Hostile.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
test_no_wish_and_no_clock_makes_the_monitor_speak = Hostile.TestCase


def test_colours_are_the_numbers_of_the_monitors_columns():
    assert [colour.value for colour in Colour] == [0, 1, 2, 3, 4]

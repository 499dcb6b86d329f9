"""The arrival model: what it learns from what came, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cityward.services.transport.arrivals import advance
from cityward.services.transport.learning import Habits
from cityward.services.transport.memory import Learned, added, shrunk
from cityward.services.transport.runs import Arrival, Call, Run, Stage

HABITS = Habits(stand_s=30, report_s=60)


def run(trip: str, at: str, now: int, *calls: tuple[str, int], stage: Stage = Stage.STANDING) -> Run:
    return Run(trip, "l", "0", tuple(Call(stop, when) for stop, when in calls), stage, at, now, "bus")


def of(arrivals: list[Arrival], stop: str) -> Arrival:
    return next(one for one in arrivals if one.stop == stop)


def test_a_median_is_drawn_to_the_prior_as_if_so_many_values_lay_there():
    assert shrunk([30, 30, 30], 0.0, 1.0) == 22.5  # (3 * 30 + 1 * 0) / 4
    assert shrunk([], 7.0, 1.0) == 7.0


def test_only_the_newest_values_are_kept():
    assert added((1, 2, 3), 4.4, 3) == (2, 3, 4)


def test_before_anything_was_learned_the_agencys_prediction_and_the_habits_are_all_there_is():
    arrivals, _ = advance(Learned(), [run("t", "a", 1000, ("a", 995), ("b", 1100), ("c", 1220))], 1000, "1", HABITS)
    # ours at b: it leaves a in 30 s (half a report), the leg is planned for 105 s; the agency's: 1100 and (30 + 60) / 2
    assert of(arrivals, "b").leaves == pytest.approx((1000 + 30 + 105 + 1100 + 45) / 2)
    assert of(arrivals, "b").learned == 0.5
    # where it stands, it is told how long those stand on that do: a report less five seconds
    assert of(arrivals, "a").leaves == 1055


def test_a_leg_that_took_longer_than_planned_is_expected_to_do_so_again():
    """Leg b-c is planned for 120 s; three buses took 200."""
    learned, now = Learned(), 0
    for trip in ("t1", "t2", "t3"):
        start = now
        steps = (
            (start, "a", (("a", start), ("b", start + 100), ("c", start + 220), ("d", start + 340))),
            (start + 100, "b", (("b", start + 100), ("c", start + 220), ("d", start + 340))),
            (start + 300, "c", (("c", start + 300), ("d", start + 420))),
            (start + 420, "d", (("d", start + 420),)),
        )
        for moment, at, calls in steps:
            _, learned = advance(learned, [run(trip, at, moment, *calls)], moment, f"{trip}{moment}", HABITS)
        now = start + 1000
    # left b at 100, c at 300: 200 s, 80 beyond the plan; of each bus
    assert learned.legs["b|c"].beyond == (80, 80, 80)
    calls = (("a", now), ("b", now + 100), ("c", now + 220), ("d", now + 340))
    before, _ = advance(Learned(), [run("t9", "a", now, *calls)], now, "x", HABITS)
    after, _ = advance(learned, [run("t9", "a", now, *calls)], now, "x", HABITS)
    assert of(after, "c").leaves > of(before, "c").leaves + 20


def test_a_feed_shown_again_teaches_nothing():
    first = [run("t", "a", 1000, ("a", 995), ("b", 1100))]
    _, learned = advance(Learned(), first, 1000, "1", HABITS)
    assert advance(learned, first, 1000, "1", HABITS)[1] == learned


def test_a_trip_that_vanishes_teaches_nothing():
    _, learned = advance(Learned(), [run("t", "a", 1000, ("a", 995), ("b", 1100))], 1000, "1", HABITS)
    _, later = advance(learned, [], 1060, "2", HABITS)
    assert later.judged == 0 and not later.legs and not later.trails


def test_nothing_is_expected_in_the_past_and_no_interval_is_without_its_value():
    late = run("t", "z", 1000, ("a", 200), ("b", 300), stage=Stage.BETWEEN)
    arrivals, _ = advance(Learned(), [late, replace(late, trip="u", stage=Stage.UNSEEN)], 1000, "1", HABITS)
    for one in arrivals:
        assert one.arrives <= one.leaves and one.leaves >= 1000
        assert one.low <= one.leaves <= one.high


def test_a_prediction_of_what_had_come_already_is_not_judged():
    _, learned = advance(Learned(), [run("t", "a", 1000, ("a", 995), ("b", 990))], 1000, "1", HABITS)
    _, learned = advance(learned, [run("t", "b", 1060, ("c", 1200))], 1060, "2", HABITS)
    assert learned.judged == 0

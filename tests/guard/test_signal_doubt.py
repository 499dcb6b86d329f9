"""A junction's doubt of the centre, worked out by hand: what its wishes cost, in vehicles."""

from __future__ import annotations

import math

import pytest

from cityward.guard.signals.doubt import MOST_LOST, Doubt


def seconds(doubt: Doubt, lost: float, could: float, since: int, until: int) -> int | None:
    """The second in which the doubt begins, if it does."""
    for second in range(since, until):
        doubt.count(lost, could, 1.0, float(second))
        if doubt.holds(second):
            return second
    return None


def test_what_costs_much_is_doubted_within_a_minute():
    # all of one vehicle a second is lost, of which a quarter and 0.05 are allowed: 0.7 a second
    assert seconds(Doubt(linked=False), 1.0, 1.0, 0, 600) == math.ceil(MOST_LOST / 0.7) - 1


def test_what_differs_a_little_is_never_doubted():
    assert seconds(Doubt(linked=False), 0.29, 1.0, 0, 100_000) is None
    assert seconds(Doubt(linked=False), 0.04, 0.0, 0, 100_000) is None
    assert seconds(Doubt(linked=False), 0.0, 0.0, 0, 100_000) is None


def test_where_junctions_depend_on_each_other_more_is_allowed():
    assert seconds(Doubt(linked=False), 0.5, 1.0, 0, 3600) is not None
    assert seconds(Doubt(linked=True), 0.5, 1.0, 0, 3600) is None
    assert seconds(Doubt(linked=True), 0.9, 1.0, 0, 3600) is not None


def test_a_pause_does_not_wash_it_away():
    doubt = Doubt(linked=False)
    assert seconds(doubt, 1.0, 1.0, 0, 60) is None  # 42 of 45
    assert seconds(doubt, 0.0, 0.0, 60, 100) is None  # not obeyed for 40 s: two less
    assert seconds(doubt, 1.0, 1.0, 100, 110) == 107


def test_each_time_again_it_comes_sooner_and_lasts_twice_as_long():
    doubt = Doubt(linked=False)
    first = seconds(doubt, 1.0, 1.0, 0, 600)
    assert first is not None and doubt.holds(first + 1799.0) and not doubt.holds(first + 1800.0)
    again = seconds(doubt, 1.0, 1.0, 2000, 2600)
    assert again is not None and again == 2000 + math.ceil(MOST_LOST / 2 / 0.7) - 1
    assert doubt.holds(again + 3599.0) and not doubt.holds(again + 3600.0)
    # after two hours it is forgotten
    late = 20_000
    assert seconds(doubt, 1.0, 1.0, late, late + 600) == late + math.ceil(MOST_LOST / 0.7) - 1


@pytest.mark.parametrize("lie", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_was_not_lost(lie: float):
    assert seconds(Doubt(linked=False), lie, 1.0, 0, 600) is None
    assert seconds(Doubt(linked=False), 1.0, lie, 0, 600) is None

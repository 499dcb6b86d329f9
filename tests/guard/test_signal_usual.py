"""What usually comes on a lane, and when its detector is taken to have fallen silent."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.guard.signals.before import Before
from cityward.guard.signals.usual import MOST_MISSING, SILENT, Unheard, Usual, seen

LENGTH_M = 130.0  # ten seconds less at 14 m/s
ROOM = {"n1": 20.0}  # 130 m


def after(was: Usual, seconds: int, vehicles: float) -> Usual:
    """The same picture for so many seconds, all of them moving."""
    for _ in range(seconds):
        was = seen(was, vehicles, vehicles, LENGTH_M, 1.0, 1.0)
    return was


def test_the_mean_of_what_there_was_is_usual_after_five_minutes() -> None:
    now = Usual()
    for _ in range(30):
        now = after(after(now, 5, 1.0), 5, 0.0)
    assert now.rate == pytest.approx(0.5 * 14.0 / LENGTH_M, rel=0.25)
    assert not now.silent


def test_a_lane_is_silent_when_more_are_missing_than_chance_allows() -> None:
    busy = Usual(rate=0.2, learnt_s=1740.0)
    assert not after(busy, 39, 0.0).silent
    assert after(busy, 43, 0.0).silent
    assert not after(after(busy, 43, 0.0), 1, 1.0).silent


def test_where_they_came_as_late_before_it_is_silent_only_twice_as_late() -> None:
    late = after(after(Usual(rate=0.2, learnt_s=1740.0), 60, 0.0), 1, 1.0)
    assert late.late > SILENT
    assert not after(late, 80, 0.0).silent
    assert after(late, 150, 0.0).silent


def test_however_late_they_once_came_silence_is_told_in_the_end() -> None:
    patient = Usual(rate=0.2, learnt_s=1740.0, late=1e9)
    assert after(patient, 600, 0.0).missing == MOST_MISSING
    assert after(patient, 600, 0.0).silent


def test_silence_unlearns_slowly() -> None:
    hour = after(Usual(rate=0.2, learnt_s=300.0), 3600, 0.0)
    assert 0.06 < hour.rate < 0.08


def test_those_who_usually_come_wait_on_a_silent_lane_until_it_goes() -> None:
    unheard = Unheard({"n1"})
    for second in range(300):
        there = float(second % 10 < 5)
        unheard.filled(Before({"n1": there}, {"n1": 0.0}, ROOM), {}, 1.0)
    looks = [unheard.filled(Before({"n1": 0.0}, {"n1": 0.0}, ROOM), {}, 1.0) for _ in range(400)]
    assert looks[60].present == {"n1": 0.0}
    assert 5 < looks[-1].waiting["n1"] <= ROOM["n1"]
    assert looks[-1].present == looks[-1].waiting
    served = [unheard.filled(Before({"n1": 0.0}, {"n1": 0.0}, ROOM), {"n1": 0.5}, 1.0) for _ in range(60)]
    assert served[-1].waiting["n1"] == 0.0
    assert unheard.filled(Before({"n1": 1.0}, {"n1": 0.0}, ROOM), {}, 1.0).present == {"n1": 1.0}


def test_lanes_that_are_not_the_junctions_are_left_as_they_are() -> None:
    said = Before({"elsewhere": 0.0}, {}, {})
    assert Unheard({"n1"}).filled(said, {}, 1.0) is said


@given(st.lists(st.tuples(st.floats(), st.floats(), st.floats(), st.floats(0, 3)), max_size=40))
def test_whatever_is_said_what_is_filled_in_is_a_number_within_bounds(
    looks: list[tuple[float, float, float, float]],
) -> None:
    unheard = Unheard({"n1"})
    for there, stands, room, passed_s in looks:
        found = unheard.filled(Before({"n1": there}, {"n1": stands}, {"n1": room}), {"n1": 0.5}, passed_s)
        if found.present["n1"] != there:
            assert math.isnan(there) or 0 <= found.present["n1"] <= 1000

"""Cleaning: what a sensor in a lid says, and what is left of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.services.waste.cleaning import Levels, Rise, believed, clean
from cityward.time import DAY, HOUR


def series(values: list[float], every: int = HOUR) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(len(values), dtype=np.int64) * every, np.array(values, np.float64)


def test_rows_out_of_order_and_twice_are_one_rising_series():
    levels = clean(np.array([3, 1, 2, 2]) * HOUR, np.array([30.0, 10.0, 20.0, 21.0]))
    assert levels.times.tolist() == [1 * HOUR, 2 * HOUR, 3 * HOUR] and levels.dropped == 1


def test_a_reflection_is_dropped_and_a_lasting_step_is_not():
    levels = clean(*series([20, 20, 95, 21, 21, 22, 22, 22]))
    assert levels.dropped == 1 and levels.values.max() <= 22
    step = clean(*series([80, 80, 80, 5, 5, 5, 5]))
    assert step.dropped == 0 and step.values.tolist() == [80, 80, 80, 5, 5, 5, 5]


def test_what_is_out_of_range_or_no_number_is_dropped_and_a_little_beyond_is_clipped():
    levels = clean(*series([10, float("nan"), 103, -3, 250, float("inf"), -1e300]))
    assert levels.dropped == 4
    assert clean(*series([103, 103])).values.tolist() == [100, 100]


@pytest.mark.parametrize(
    ("values", "stuck"),
    [
        ([40.0] * 120, True),
        ([40.0] * 80, False),
        ([40.0] * 119 + [40.5], False),
        ([0.0] * 120, False),
        ([100.0] * 120, False),
    ],
    ids=["five days", "three days", "it moved", "empty may last", "full may last"],
)
def test_one_value_for_days_is_a_sensor_that_stands_still(values: list[float], stuck: bool):
    assert clean(*series(values), stuck_h=96).stuck is stuck


def test_a_level_counts_no_faster_than_the_container_may_fill():
    # 24 % a day is 1 % an hour; 8 % at once, once
    levels = Levels(*series([20, 100, 100, 100]))
    assert believed(levels, Rise(24, 8)).tolist() == [20, 29, 30, 31]
    assert believed(levels, Rise(24, 0)).tolist() == [20, 21, 22, 23]


def test_what_may_come_at_once_comes_back_only_with_time():
    every_minute = Levels(*series([0] + [100] * 60, every=HOUR // 60))
    # an hour of readings by the minute: 8 at once, and 1 for the hour
    assert believed(every_minute, Rise(24, 8))[-1] == pytest.approx(9.0)


def test_a_fall_is_believed_at_once():
    assert believed(Levels(*series([90, 5])), Rise(1, 0)).tolist() == [90, 5]


@given(
    st.lists(st.tuples(st.integers(-(10**15), 10**15), st.floats(allow_nan=True, allow_infinity=True)), max_size=40),
    st.floats(0.1, 400),
)
def test_whatever_comes_levels_rise_in_time_lie_in_range_and_count_at_most_what_was_measured(
    rows: list[tuple[int, float]], daily: float
):
    times, values = np.array([t for t, _ in rows], np.int64), np.array([v for _, v in rows], np.float64)
    levels = clean(times, values)
    assert (np.diff(levels.times) > 0).all() and ((levels.values >= 0) & (levels.values <= 100)).all()
    assert len(levels) + levels.dropped == len(rows)
    counted = believed(levels, Rise(daily))
    allowed = counted[:-1] + np.diff(levels.times) / DAY * daily + 8.0 + 1e-6
    assert (counted <= levels.values + 1e-9).all() and (counted[1:] <= allowed).all()

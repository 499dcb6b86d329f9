"""Panels: gaps stay gaps, repeated readings count once, stuck runs are left out."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.insight.forecast.panel import STUCK_AT_LEAST, Panel, panel_of, without_stuck
from cityward.time import DAY, HOUR


def column(*values: float) -> Panel:
    return Panel(0, HOUR, np.array(values, dtype=np.float64)[:, None])


def test_a_step_without_a_reading_stays_a_gap_and_a_repeated_hour_counts_once() -> None:
    at = np.array([0, 2 * HOUR, 2 * HOUR], dtype=np.int64)
    made = panel_of(np.zeros(3, np.int32), at, np.array([5.0, 7.0, 7.0]), count=1, begin=0, end=4 * HOUR, pace_us=HOUR)
    np.testing.assert_array_equal(made.value[:, 0], [5.0, np.nan, 7.0, np.nan])


def test_what_is_not_finite_or_out_of_the_time_asked_for_is_left_out() -> None:
    at = np.array([-HOUR, 0, HOUR, 9 * HOUR], dtype=np.int64)
    value = np.array([1.0, np.inf, 2.0, 3.0])
    made = panel_of(np.zeros(4, np.int32), at, value, count=1, begin=0, end=2 * HOUR, pace_us=HOUR)
    np.testing.assert_array_equal(made.value[:, 0], [np.nan, 2.0])


def test_no_readings_make_an_empty_panel() -> None:
    none = np.empty(0)
    made = panel_of(none.astype(np.int32), none.astype(np.int64), none, count=2, begin=0, end=0, pace_us=HOUR)
    assert made.value.shape == (0, 2)


def test_a_step_that_does_not_divide_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="does not divide"):
        Panel(0, 7 * HOUR, np.zeros((1, 1)))


def test_the_days_of_a_place_begin_at_its_own_usual_midnight() -> None:
    moved = Panel(0, HOUR, np.zeros((1, 1)), zone_us=-6 * HOUR)
    assert moved.local_first == -6
    assert moved.per_day == DAY // HOUR == 24


def test_a_stuck_run_is_left_out_but_for_its_first_reading() -> None:
    moving = [float(n) for n in range(20)]
    found = without_stuck(column(*moving, *[99.0] * (STUCK_AT_LEAST + 2), 1.0)).value[:, 0]
    assert found[20] == 99.0
    assert np.isnan(found[21:-1]).all()
    assert found[-1] == 1.0


def test_a_series_that_always_stands_still_for_so_long_is_not_called_stuck() -> None:
    value = np.repeat(np.arange(20.0), 10)
    np.testing.assert_array_equal(without_stuck(column(*value)).value[:, 0], value)


def test_a_gap_does_not_break_a_stuck_run() -> None:
    moving = [float(n) for n in range(20)]
    found = without_stuck(column(*moving, 99.0, 99.0, 99.0, np.nan, 99.0, 99.0, 99.0, 99.0)).value[:, 0]
    assert np.isnan(found[21:]).all()

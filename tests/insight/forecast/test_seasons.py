"""Seasons, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.insight.forecast.panel import Panel
from cityward.insight.forecast.seasons import left_out, seasons_of
from cityward.time import HOUR

MONDAY = 4 * 24  # 5 January 1970, in hours


def of_days(*levels: float, first: int = MONDAY) -> Panel:
    """Each day the same value at every hour."""
    return Panel(first, HOUR, np.repeat(np.array(levels), 24)[:, None])


def level(panel: Panel, day: int) -> float:
    return float(seasons_of(panel).level[day, 0, 0])


def test_days_of_one_kind_are_moved_towards_by_their_number() -> None:
    """Mon 0, Tue 6: all 3. Workdays n = 2: 3 + 1/2 (3 - 3) = 3. Monday n = 1: 3 + 1/3 (0 - 3) = 2; Tuesday 4; Sunday 3."""
    panel = of_days(0.0, 6.0)
    assert level(panel, 0) == pytest.approx(2.0)
    assert level(panel, 1) == pytest.approx(4.0)
    assert level(panel, 6) == pytest.approx(3.0)


def test_a_day_is_told_what_the_other_days_say() -> None:
    """Mon 0, Tue 6: Monday hears Tuesday, 6; Tuesday hears Monday, 0."""
    told = left_out(of_days(0.0, 6.0))
    np.testing.assert_allclose(told[:24], 6.0)
    np.testing.assert_allclose(told[24:], 0.0)


def test_a_weekend_leaves_workdays_mostly_to_themselves() -> None:
    """Mon-Fri 10, Sat and Sun 0, three weeks: a workday is 10 but for what all days pull, (5 * 10) / 7, by 2/17 and 2/5."""
    panel = of_days(*([10.0] * 5 + [0.0] * 2) * 3)
    everything = 50 / 7
    work = everything + 15 / 17 * (10 - everything)
    assert level(panel, 2) == pytest.approx(work + 3 / 5 * (10 - work))


def test_a_quarter_of_poisoned_days_moves_a_level_by_a_bounded_amount() -> None:
    rng = np.random.default_rng(1)
    clean = 100 + rng.normal(0, 5, (40, 24))
    poisoned = clean.copy()
    poisoned[::5] = 1e9
    found = [seasons_of(Panel(MONDAY, HOUR, days.reshape(-1, 1))).level for days in (clean, poisoned)]
    assert np.abs(found[0] - found[1]).max() < 40


def test_a_slot_without_readings_has_the_median_and_an_empty_series_has_nothing() -> None:
    value = np.full((48, 2), np.nan)
    value[:3, 0] = (1.0, 5.0, 9.0)
    found = seasons_of(Panel(MONDAY, HOUR, value)).level
    assert found[0, 12, 0] == 5.0
    assert np.isnan(found[:, :, 1]).all()


def test_days_are_told_by_weekday_in_utc_or_in_the_usual_time_of_the_place() -> None:
    panel = of_days(0.0, 6.0)
    seasons = seasons_of(panel)
    steps = np.array([MONDAY, MONDAY + 24, MONDAY + 7 * 24], dtype=np.int64)
    np.testing.assert_allclose(seasons.at(steps)[:, 0], [2.0, 4.0, 2.0])

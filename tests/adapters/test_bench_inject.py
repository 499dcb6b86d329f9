"""Attacks written into series: what changes, what does not, and how large a sigma is."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.adapters.bench.inject import (
    RECIPES,
    TABLE,
    Attack,
    Attacked,
    Known,
    Series,
    inject,
    profile_of,
    sigma_of,
)
from cityward.time import DAY, HOUR, MINUTE

DAYS, PER_DAY = 14, 288
FIRST, LAST = 10 * PER_DAY, 12 * PER_DAY
TARGETS = (0, 2)


def series() -> Series:
    """Four channels that swing by 10 over the day, about 50, with an error of 1."""
    at = np.arange(DAYS * PER_DAY, dtype=np.int64) * 5 * MINUTE
    swing = 50 + 10 * np.sin(2 * np.pi * (at % DAY) / DAY)
    value = swing[:, None] + np.random.default_rng(3).normal(0.0, 1.0, (len(at), 4))
    value[FIRST + 5, 0] = np.nan
    return Series(at, value)


def attacked(kind: str, size: float, ramp_us: int = 0, targets: tuple[int, ...] = TARGETS) -> tuple[Series, Attacked]:
    city = series()
    expected = profile_of(city, FIRST)
    knows = Known(np.ones(4), expected, np.full((4, 8), -1, np.int32))
    return city, inject(city, Attack(kind, size, targets, FIRST, LAST, ramp_us), knows, seed=5)


def test_sigma_is_the_deviation_of_what_the_season_leaves() -> None:
    city = series()

    # the season's swing of 10 is gone; errors of 1 and, within a half-hour, a slope of at most 1.3 are left
    assert sigma_of(city, profile_of(city, FIRST), FIRST) == pytest.approx(np.ones(4), abs=0.15)


@pytest.mark.parametrize(("kind", "size", "ramp"), TABLE)
def test_only_targets_change_only_while_they_are_attacked_and_nothing_missing_is_made_up(
    kind: str, size: float, ramp: int
) -> None:
    city, what = attacked(kind, size, ramp)
    others = [1, 3]
    began = 0 if kind == "poisoned-bias" else FIRST

    assert np.array_equal(what.value[:, others], city.value[:, others], equal_nan=True)
    assert np.array_equal(what.value[:began], city.value[:began], equal_nan=True)
    assert np.array_equal(what.value[LAST:], city.value[LAST:], equal_nan=True)
    assert np.isnan(what.value[FIRST + 5, 0]) or kind in ("identity-swap",)
    assert not np.isinf(what.value).any()


@pytest.mark.parametrize(("kind", "size", "ramp"), TABLE)
def test_the_same_seed_gives_the_same_attack(kind: str, size: float, ramp: int) -> None:
    one, two = attacked(kind, size, ramp)[1], attacked(kind, size, ramp)[1]

    assert np.array_equal(one.value, two.value, equal_nan=True)
    assert np.array_equal(one.moved, two.moved)
    assert np.array_equal(one.copies, two.copies)


def test_every_recipe_is_tried() -> None:
    assert {kind for kind, _, _ in TABLE} == set(RECIPES)


def test_a_bias_of_two_is_two_sigma_from_its_beginning_on() -> None:
    city, what = attacked("bias", 2.0)

    assert np.nanmean(what.value[FIRST:LAST, 0] - city.value[FIRST:LAST, 0]) == pytest.approx(2.0)
    assert what.full_at[0] == FIRST


def test_a_drift_grows_evenly_and_is_whole_when_its_ramp_is_over() -> None:
    city, what = attacked("drift", 3.0, 24 * HOUR)
    grown = what.value[:, 2] - city.value[:, 2]

    assert grown[FIRST] == 0.0
    assert grown[FIRST + PER_DAY // 2] == pytest.approx(1.5)
    assert grown[FIRST + PER_DAY + 7] == pytest.approx(3.0)
    assert what.full_at[2] == FIRST + PER_DAY


def test_a_replay_tells_what_was_read_a_week_before() -> None:
    city, what = attacked("replay", 7.0)

    assert what.value[FIRST + 9, 0] == city.value[FIRST + 9 - 7 * PER_DAY, 0]


def test_a_swap_exchanges_two_sensors() -> None:
    city, what = attacked("identity-swap", 0.0)

    assert np.array_equal(what.value[FIRST:LAST, 0], city.value[FIRST:LAST, 2])
    assert np.array_equal(what.value[FIRST:LAST, 2], city.value[FIRST:LAST, 0], equal_nan=True)


def test_a_coordinated_offset_keeps_what_is_between_its_targets() -> None:
    city, what = attacked("coordinated", 3.0)
    before = city.value[FIRST:LAST, 0] - city.value[FIRST:LAST, 2]

    assert what.value[FIRST:LAST, 0] - what.value[FIRST:LAST, 2] == pytest.approx(before, nan_ok=True)


def test_a_stealthy_reading_stays_at_the_limit_it_knows() -> None:
    city, what = attacked("stealthy", 1.0)
    expected = profile_of(city, FIRST)
    raised = what.value[FIRST:LAST, 2] > city.value[FIRST:LAST, 2]

    assert raised.any()
    assert (what.value[FIRST:LAST, 2] - expected[FIRST:LAST, 2])[raised] == pytest.approx(np.ones(raised.sum()))


def test_a_poisoned_past_has_the_named_share_of_days_pushed_up() -> None:
    city, what = attacked("poisoned-bias", 0.2)
    pushed = (what.value[:FIRST] - city.value[:FIRST])[:, 0].reshape(10, PER_DAY)[:, 0]

    assert set(np.round(pushed).tolist()) <= {0.0, 3.0}
    assert np.round(what.value[LAST - 1, 0] - city.value[LAST - 1, 0]) == 3.0


def test_duplicates_and_skew_leave_the_readings_alone() -> None:
    city, copied = attacked("duplicates", 3.0)
    _, moved = attacked("skew", 30.0)

    assert np.array_equal(copied.value, city.value, equal_nan=True)
    assert copied.copies[FIRST, 0] == 3
    assert moved.moved[FIRST, 2] == 30 * MINUTE
    assert not moved.moved[FIRST, 1]

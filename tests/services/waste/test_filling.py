"""Filling: rates that lend each other experience, and distributions that are what they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cityward.services.waste.cleaning import Levels
from cityward.services.waste.filling import Filling, Past, days_full, full_by, gamma_above, past_of, pooled
from cityward.time import DAY, HOUR


@pytest.mark.parametrize("shape", [1, 2, 3, 7])
def test_the_gamma_function_of_whole_shapes_is_a_poisson_sum(shape: int):
    # P(Gamma(k) > x) = P(Poisson(x) < k)
    for x in (0.1, 0.5, 1.0, 3.0, 8.0, 20.0):
        poisson = sum(math.exp(-x) * x**n / math.factorial(n) for n in range(shape))
        assert gamma_above(np.array([float(shape)]), np.array([x]))[0] == pytest.approx(poisson, abs=1e-10)


def test_the_gamma_function_of_large_shapes_is_near_its_normal_limit_and_total():
    # by the central limit theorem P(Gamma(10,000) > 10,000 + 100) is about 1 - Phi(1) = 0.1587
    assert gamma_above(np.array([1e4]), np.array([1e4 + 100]))[0] == pytest.approx(0.1587, abs=0.003)
    odd = gamma_above(np.array([1e-9, 1e-9, 1e9, 50.0]), np.array([0.0, 1e9, 1e-9, 1e6]))
    assert odd.tolist() == pytest.approx([1.0, 0.0, 1.0, 0.0], abs=1e-300)


def test_a_containers_past_counts_its_rises_between_emptyings():
    # 12 % a day for 4 days, emptied, 12 % a day for 4 days more
    times = np.arange(0, 8 * DAY, 2 * HOUR, dtype=np.int64)
    values = (times / DAY * 12) % 48
    past = past_of(Levels(times, values), values)
    assert past.rise / past.days == pytest.approx(12.0, rel=0.01)
    assert past.daily and all(rise == pytest.approx(12.0, rel=0.01) for rise in past.daily)


def test_one_with_a_long_past_is_itself_and_one_without_is_its_kind():
    days = (10.0,) * 60
    pasts = {f"slow-{n}": Past(60, 600, days) for n in range(5)} | {
        "fast": Past(60, 1800, (30.0,) * 60),
        "new": Past(0, 0),
    }
    pace = pooled(pasts, usual=10)
    assert pace["fast"].mean == pytest.approx(30, rel=0.1) and pace["slow-0"].mean == pytest.approx(10, rel=0.1)
    kind = (10 * 7 + 5 * 600 + 1800) / (7 + 6 * 60)  # what was declared counts as seven days
    assert pace["new"].mean == pytest.approx(kind) and pace["new"].unsure > 20 * pace["fast"].unsure


def test_a_kind_without_any_past_is_as_declared():
    assert pooled({"a": Past(0, 0)}, usual=15)["a"].mean == 15


def test_the_chance_of_being_full_rises_with_the_days_and_the_median_fits_the_pace():
    pace = Filling(mean=10, unsure=0.5, spread=20)
    chance = full_by(50, pace, np.linspace(0.1, 20, 60))
    assert (np.diff(chance) >= 0).all() and chance[0] < 0.01 and chance[-1] > 0.99
    low, middle, high = days_full(50, pace, (0.1, 0.5, 0.9))
    assert low < middle < high and middle == pytest.approx(5, abs=0.3)
    assert full_by(0, pace, np.array([0.1]))[0] == 1.0


def test_the_interval_covers_what_it_says_on_gamma_fillings():
    # drawn from the model's own process: of 2,000 containers, eight in ten are full within their 10 to 90 % days
    rng = np.random.default_rng(7)
    mean, spread, room = 8.0, 30.0, 60.0
    pace = Filling(mean, 0.0, spread)
    low, high = days_full(room, pace, (0.1, 0.9))
    steps = rng.gamma(mean**2 / spread / 24, spread / mean, size=(2000, 40 * 24))
    full = np.argmax(steps.cumsum(axis=1) > room, axis=1) / 24
    inside = ((full >= low) & (full <= high)).mean()
    assert inside == pytest.approx(0.8, abs=0.05)

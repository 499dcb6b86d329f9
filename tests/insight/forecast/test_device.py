"""A device's forecasts, of a past in columns."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.insight.forecast.device import Past, forecast_device
from cityward.time import DAY, HOUR
from places import tiny_registry

NOW = 20_000 * DAY
REGISTRY = tiny_registry()
LAMP = REGISTRY.channel_by_property[REGISTRY.unit_index["lamp-01"], "lamp-level"]


def past(days: int, channel: int = LAMP) -> Past:
    """Hourly levels: 80 from 18:00 to 06:00, else 20, with a little noise."""
    at = NOW - np.arange(days * 24, 0, -1, dtype=np.int64) * HOUR
    hour = at // HOUR % 24
    level = np.where((hour >= 18) | (hour < 6), 80.0, 20.0) + np.random.default_rng(1).normal(0, 1, len(at))
    return np.full(len(at), channel, dtype=np.int32), at, level


def test_night_and_day_are_told_apart_and_better_than_by_the_last_value() -> None:
    found = forecast_device(REGISTRY, "lamp-01", past(28), NOW)
    levels = {(e.at - e.made_at) // HOUR: e for e in found.estimates if e.property == "lamp-level"}
    assert sorted(levels) == [1, 2, 3, 4, 6, 12, 24]
    assert levels[1].value == pytest.approx(80, abs=3)  # midnight
    assert levels[12].value == pytest.approx(20, abs=4)  # eleven in the morning
    assert all(0 <= e.low <= e.value <= e.high <= 100 for e in found.estimates)
    so_far = {one.horizon_us // HOUR: one for one in found.rehearsed}
    assert so_far[12].skill > 0.8
    assert so_far[12].count > 100


def test_the_same_past_in_another_order_says_the_same() -> None:
    channel, at, value = past(14)
    order = np.random.default_rng(2).permutation(len(at))
    mixed = (channel[order], at[order], value[order])
    assert forecast_device(REGISTRY, "lamp-01", mixed, NOW) == forecast_device(REGISTRY, "lamp-01", past(14), NOW)


def test_two_days_of_past_are_silence_with_its_reason() -> None:
    found = forecast_device(REGISTRY, "lamp-01", past(2), NOW)
    assert not found.estimates
    assert "it was read on 2 days, and 3 are needed" in {one.why for one in found.silent}


def test_without_any_past_each_property_is_silent() -> None:
    none = (np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0))
    found = forecast_device(REGISTRY, "lamp-01", none, NOW)
    assert {one.why for one in found.silent} == {"nothing was read in 28 days"}
    assert "lamp-level" in {one.series.property for one in found.silent}

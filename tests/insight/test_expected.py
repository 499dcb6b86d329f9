"""Expected ranges: the method against NumPy's own quantiles, and against a recorded year of pedestrians."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cityward.insight.expected
from cityward.insight.expected import LEAST_DAYS, LEAST_READINGS, expected_ranges, ranges_by_hour
from cityward.time import DAY, HOUR, MINUTE
from places import tiny_registry

MELBOURNE = Path(__file__).parents[3] / "shared/data/sensors_melbourne_pedestrian/pedestrian_2015.csv"


def past(values: list[float], hour: int = 9, channel: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Six readings a day at one hour."""
    n = np.arange(len(values))
    at = (n // 6) * DAY + hour * HOUR + (n % 6) * MINUTE
    return np.full(len(values), channel, dtype=np.int32), at.astype(np.int64), np.array(values, dtype=np.float64)


def test_the_example_in_the_docstring_is_true() -> None:
    assert doctest.testmod(cityward.insight.expected).failed == 0


@given(st.lists(st.integers(-50, 50).map(float), min_size=24, max_size=80))
def test_draws_tukeys_fences_around_the_quartiles(values: list[float]) -> None:
    found = ranges_by_hour(*past(values))
    q1, q3 = np.quantile(values, [0.25, 0.75])
    if q1 == q3:
        low, high = np.quantile(values, [0.02, 0.98])
    else:
        low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    assert (found.channel.tolist(), found.hour.tolist(), found.count.tolist()) == ([0], [9], [len(values)])
    np.testing.assert_allclose([found.low[0], found.high[0]], [low, high], atol=1e-9)


@given(st.randoms(use_true_random=False))
def test_does_not_care_for_the_order_of_the_past(random: object) -> None:
    channel, at, value = (
        np.concatenate(c)
        for c in zip(*(past(list(range(k, 40 + k)), hour=k, channel=k) for k in range(3)), strict=True)
    )
    order = list(range(len(channel)))
    random.shuffle(order)  # type: ignore[attr-defined]
    a, b = ranges_by_hour(channel, at, value), ranges_by_hour(channel[order], at[order], value[order])
    for name in ("channel", "hour", "low", "high", "count"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1.0] * 0, id="nothing"),
        pytest.param([1.0] * (LEAST_READINGS - 1), id="too few readings"),
        pytest.param([1.0] * (6 * (LEAST_DAYS - 1)), id="too few days"),
    ],
)
def test_says_nothing_about_an_hour_it_knows_too_little_of(values: list[float]) -> None:
    assert len(ranges_by_hour(*past(values)).channel) == 0


def test_speaks_of_one_hour_and_is_silent_on_the_next() -> None:
    channel, at, value = past([float(n) for n in range(30)])
    channel, at, value = np.append(channel, 0), np.append(at, 10 * HOUR), np.append(value, 5.0)
    assert ranges_by_hour(channel.astype(np.int32), at, value).hour.tolist() == [9]


def test_a_fifth_of_poison_does_not_move_the_range_beyond_what_is_honest() -> None:
    honest = np.random.default_rng(7).normal(20, 2, 480)
    poisoned = honest.copy()
    poisoned[::5] = 1e6
    clean, dirty = (ranges_by_hour(*past(v.tolist())) for v in (honest, poisoned))
    assert dirty.high[0] < 20 + 6 * 2
    assert dirty.low[0] > 20 - 6 * 2
    assert clean.high[0] < dirty.high[0]


def test_keeps_a_range_within_the_limits_of_its_channel() -> None:
    registry = tiny_registry()
    lamp = registry.channel_by_property[registry.unit_index["lamp-01"], "lamp-level"]
    channel, at, value = past([0.0, 100.0] * 20, channel=lamp)
    (row,) = expected_ranges(channel, at, value, registry)
    assert (row.device, row.property, row.hour) == ("lamp-01", "lamp-level", 9)
    assert (row.low, row.high, row.count) == (0.0, 100.0, 40)


def test_a_lamp_that_is_off_all_day_is_expected_to_be_off() -> None:
    found = ranges_by_hour(*past([0.0] * 40))
    assert (found.low[0], found.high[0]) == (0.0, 0.0)


def test_holds_nine_in_ten_readings_of_the_weeks_to_come_at_every_recorded_counter() -> None:
    if not MELBOURNE.exists():
        pytest.skip(f"NOT TESTED ON REAL DATA: {MELBOURNE} is not here")
    year = pl.read_csv(MELBOURNE, try_parse_dates=True).drop_nulls().sort("Date_Time")
    at = year["Date_Time"].dt.epoch("us").to_numpy()
    sensors = year["Sensor"].unique(maintain_order=True).to_list()
    channel = year["Sensor"].replace_strict(sensors, range(len(sensors))).to_numpy().astype(np.int32)
    value = year["Count"].to_numpy().astype(np.float64)
    now = int(at[0]) + 140 * DAY
    before, after = (at < now) & (at >= now - 56 * DAY), (at >= now) & (at < now + 14 * DAY)
    found = ranges_by_hour(channel[before], at[before], value[before])
    low, high = np.full((2, len(sensors) * 24), np.nan)
    slot = found.channel * 24 + found.hour
    low[slot], high[slot] = found.low, found.high
    wanted = channel[after] * 24 + at[after] // HOUR % 24
    told = ~np.isnan(low[wanted])
    inside = (value[after] >= low[wanted]) & (value[after] <= high[wanted])
    assert told.mean() > 0.95
    assert inside[told].mean() > 0.9
    assert np.median(high[slot] - low[slot]) < np.ptp(value[before])  # and says more than "anything"

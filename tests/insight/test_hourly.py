"""Hourly indicators against a slow sum, and against themselves cut into batches."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.insight.hourly import HourlyRow, by_hour
from cityward.place.registry import Registry
from cityward.time import HOUR, SECOND
from places import tiny_registry

NOON = 1_760_011_200 * SECOND
RECORDINGS = Path(__file__).parents[2] / "examples/doggerford/recordings"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return tiny_registry()


def columns(rows: list[tuple[int, int, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    channel, at, value = zip(*rows, strict=True) if rows else ((), (), ())
    return np.array(channel, dtype=np.int32), np.array(value, dtype=np.float64), np.array(at, dtype=np.int64)


def one_by_one(rows: list[tuple[int, int, float]], registry: Registry) -> dict[tuple[str, str, int], list[float]]:
    hours: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    for channel, at, value in rows:
        hours[registry.channel_property[channel], registry.channel_area[channel] or "", at - at % HOUR].append(value)
    return hours


def added(*parts: list[HourlyRow]) -> dict[tuple[str, str, int], tuple[int, float, float, float]]:
    sums: dict[tuple[str, str, int], tuple[int, float, float, float]] = {}
    for row in (row for part in parts for row in part):
        key = (row.property, row.area, row.hour_us)
        n, total, low, high = sums.get(key, (0, 0.0, np.inf, -np.inf))
        sums[key] = (n + row.count, total + row.total, min(low, row.low), max(high, row.high))
    return sums


channels = st.integers(0, len(tiny_registry().channel_unit) - 1)
readings = st.lists(
    st.tuples(channels, st.integers(NOON - 5 * HOUR, NOON + 5 * HOUR), st.integers(-1000, 1000).map(float)), max_size=60
)


@given(readings)
def test_agrees_with_counting_one_by_one(rows: list[tuple[int, int, float]]) -> None:
    registry = tiny_registry()
    found = {(r.property, r.area, r.hour_us): r for r in by_hour(*columns(rows), registry)}
    wanted = one_by_one(rows, registry)
    assert set(found) == set(wanted)
    for key, values in wanted.items():
        row = found[key]
        assert (row.count, row.total, row.low, row.high) == (len(values), sum(values), min(values), max(values))


@given(readings, st.integers(0, 60))
def test_adds_up_however_the_readings_were_batched(rows: list[tuple[int, int, float]], cut: int) -> None:
    registry = tiny_registry()
    whole = added(list(by_hour(*columns(rows), registry)))
    halves = added(
        list(by_hour(*columns(rows[:cut]), registry)),
        list(by_hour(*columns(rows[cut:]), registry)),
    )
    assert whole == halves


def test_gives_no_hours_for_no_readings(registry: Registry) -> None:
    assert list(by_hour(*columns([]), registry)) == []


def test_begins_an_hour_at_its_first_microsecond(registry: Registry) -> None:
    rows = by_hour(*columns([(0, NOON - 1, 1.0), (0, NOON, 2.0), (0, NOON + HOUR - 1, 3.0)]), registry)
    assert [(r.hour_us, r.count, r.total) for r in rows] == [(NOON - HOUR, 1, 1.0), (NOON, 2, 5.0)]


def test_joins_devices_of_one_area_and_parts_those_of_two(registry: Registry) -> None:
    quay, hill = (
        registry.channel_by_property[registry.unit_index[d], "vehicle-count"] for d in ("counter-1", "counter-2")
    )
    rows = by_hour(*columns([(quay, NOON, 10.0), (quay, NOON + 1, 20.0), (hill, NOON, 5.0)]), registry)
    assert [(r.area, r.count, r.total) for r in rows] == [("hill", 1, 5.0), ("quay", 2, 30.0)]


def test_sums_a_recorded_week_of_pedestrians_as_the_file_does(registry: Registry) -> None:
    week = pl.read_csv((RECORDINGS / "pedestrians.csv.gz").read_bytes())
    channel = registry.channel_by_property[registry.unit_index["counter-1"], "vehicle-count"]
    at = week["offset_s"].to_numpy() * SECOND
    rows = by_hour(np.full(len(week), channel, dtype=np.int32), week["value"].to_numpy().astype(float), at, registry)
    assert len(rows) == 7 * 24
    assert sum(r.count for r in rows) == len(week)
    assert sum(r.total for r in rows) == week["value"].sum()

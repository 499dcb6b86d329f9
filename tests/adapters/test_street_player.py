"""Recorded time onto city time, and values onto the wire."""

from __future__ import annotations

import dataclasses
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.adapters.recordings import WEEK, Report, read_folder
from cityward.adapters.street.pace import Pace
from cityward.adapters.street.player import Source, sources
from cityward.adapters.street.sky import clear_sky_lx, illuminance_lx
from cityward.adapters.street.variation import variation_of
from cityward.adapters.street.wire import Wire
from cityward.errors import PlaceError
from cityward.time import DAY, HOUR, MINUTE, SECOND, from_us, to_us
from streets import QUAY, street_place

REGISTRY = street_place()
RECORDINGS = read_folder(Path("examples/doggerford/recordings"))
PLAYING = sources(RECORDINGS, REGISTRY, QUAY, 0)
MONDAY = to_us(datetime(2026, 11, 16, tzinfo=UTC))


def source(device: str) -> Source:
    return PLAYING[device][0]


def wire(device: str) -> Wire:
    return Wire(REGISTRY, REGISTRY.units[REGISTRY.unit_index[device]], PLAYING[device][1])


DEVICES = ["ring-road-loops-01", "harbour-counters-02", "car-parks-01", "air-station", "quay-street-light-sensor"]


@settings(deadline=None)
@given(
    device=st.sampled_from(DEVICES),
    times=st.lists(st.integers(MONDAY - 2 * WEEK, MONDAY + 2 * WEEK), min_size=3, max_size=3).map(sorted),
)
def test_what_is_due_in_two_steps_is_what_is_due_in_one(device: str, times: list[int]) -> None:
    a, b, c = times
    due, most = source(device).due, 100_000
    assert due(a, b, most) + due(b, c, most) == due(a, c, most)


@settings(deadline=None)
@given(device=st.sampled_from(DEVICES), after=st.integers(MONDAY - WEEK, MONDAY + WEEK))
def test_the_next_reading_is_the_first_one_due(device: str, after: int) -> None:
    at = source(device).next_after(after)
    assert at > after
    assert source(device).due(after, at - 1, 10) == []
    [report] = source(device).due(after, at, 10)
    assert report.at == at


def week(device: str, start: int) -> dict[tuple[int, str], float]:
    played = source(device).due(start - 1, start + WEEK - 1, 10_000)
    return {(r.at - start, prop): value for r in played for prop, value in r.readings}


@pytest.mark.parametrize("device", DEVICES[:4])
def test_each_week_is_like_the_week_before_but_not_its_digits(device: str) -> None:
    one, other = week(device, MONDAY), week(device, MONDAY + WEEK)
    assert one.keys() == other.keys() == week(device, MONDAY - 52 * WEEK).keys()
    for prop in {prop for _, prop in one}:
        a, b = (np.array([w[key] for key in one if key[1] == prop]) for w in (one, other))
        moved = np.abs(a - b)
        # it never rained in that week
        assert prop == "rain" or np.mean(moved > 0) > 0.4
        assert np.quantile(moved, 0.95) <= 0.15 * np.ptp(a)
    assert one == week(device, MONDAY)


@pytest.mark.parametrize("device", DEVICES[:4])
def test_what_is_played_keeps_the_decimals_and_limits_of_what_was_recorded(device: str) -> None:
    recording = next(r for r in RECORDINGS if device in r.units)
    own = recording.take(recording.unit == recording.units.index(device))
    for number, prop in enumerate(own.properties):
        recorded = own.value[own.prop == number]
        played = np.array([value for (_, name), value in week(device, MONDAY).items() if name == prop])
        assert recorded.min() <= played.min() <= played.max() <= recorded.max()
        decimals = next(d for d in range(5) if np.allclose(np.round(recorded, d), recorded, atol=1e-9))
        assert np.allclose(np.round(played, decimals), played, atol=1e-9)


@pytest.mark.parametrize("device", DEVICES[:4])
def test_what_stood_still_stands_still(device: str) -> None:
    recording = next(r for r in RECORDINGS if device in r.units).week()
    own = recording.take(recording.unit == recording.units.index(device))
    played = week(device, MONDAY)
    stood = 0
    for number, prop in enumerate(own.properties):
        mine = own.take(own.prop == number)
        for before, after, a, b in zip(mine.at, mine.at[1:], mine.value, mine.value[1:], strict=False):
            if a == b:
                assert played[int(before), prop] == played[int(after), prop]
                stood += 1
    assert stood > 0 or device == "harbour-counters-02"  # people never come in equal numbers


def test_varying_moves_by_the_noise_of_the_channel_and_leaves_its_mean() -> None:
    rng = np.random.default_rng(4)
    recorded = np.round(50 + 10 * np.sin(np.arange(2000) / 100) + rng.normal(0, 0.8, 2000), 1)
    variation = variation_of("air-temperature", recorded)
    moved = np.array([variation.varied(50.0, "a", "air-temperature", at) for at in range(2000)]) - 50.0
    # half of 0.8, and nothing in the mean: three standard errors of each
    assert np.std(moved) == pytest.approx(0.4, abs=0.06)
    assert abs(np.mean(moved)) < 0.03


def test_what_is_counted_stays_whole_and_nothing_stays_nothing() -> None:
    variation = variation_of("pedestrian-count", np.array([0, 400, 90, 800, 3, 500, 0, 700], dtype=np.float64))
    assert all(variation.varied(0.0, "a", "pedestrian-count", at) == 0.0 for at in range(100))
    played = [variation.varied(400.0, "a", "pedestrian-count", at) for at in range(100)]
    assert all(value.is_integer() for value in played)
    # no more than the square root of 400, three times
    assert 1 < np.std(played) < 25 and max(abs(value - 400) for value in played) <= 60


def test_the_car_park_is_counted_in_the_daytime_of_the_place() -> None:
    hours = {from_us(r.at).hour for r in source("car-parks-01").due(MONDAY, MONDAY + WEEK, 10_000)}
    assert hours == set(range(8, 17))
    east = sources(read_folder(Path("examples/doggerford/recordings")), REGISTRY, QUAY, 3600)
    hours = {from_us(r.at).hour for r in east["car-parks-01"][0].due(MONDAY, MONDAY + WEEK, 10_000)}
    assert hours == set(range(7, 16))


def test_due_gives_no_more_than_asked_for() -> None:
    assert len(source("ring-road-loops-01").due(MONDAY, MONDAY + WEEK, 7)) == 7


def test_devices_that_the_place_does_not_declare_are_not_played() -> None:
    assert set(PLAYING) == {u.id for u in REGISTRY.units if "lamps" not in u.id}


def test_the_light_sensor_is_dark_at_night_and_bright_at_noon() -> None:
    day = source("quay-street-light-sensor").due(MONDAY, MONDAY + DAY, 1000)
    lux = {from_us(r.at).strftime("%H:%M"): r.readings[0][1] for r in day}
    assert lux["00:00"] < 1 < 1000 < lux["12:00"] < 30_000


@pytest.mark.parametrize(("elevation", "lx"), [(90, 129_000), (0, 759), (-6, 3.4), (-12, 0.008), (-50, 0.0006)])
def test_clear_sky_agrees_with_the_published_table(elevation: float, lx: float) -> None:
    assert clear_sky_lx(elevation) == pytest.approx(lx, rel=0.05)


def test_the_sky_has_no_steps() -> None:
    lux = [clear_sky_lx(e / 10) for e in range(-250, 901)]
    assert all(b >= a * 0.99 for a, b in itertools.pairwise(lux))


def test_clouds_take_three_quarters_of_the_light() -> None:
    clear, overcast = (illuminance_lx(MONDAY + 12 * HOUR, QUAY, c) for c in (0, 100))
    assert overcast == pytest.approx(clear / 4)


# -- the wire ----------------------------------------------------------------------------------------------------------


def reports(device: str, count: int, prop: str, value: float = 36.0) -> list[Report]:
    return [Report(device, MONDAY + n * MINUTE, ((prop, value),)) for n in range(count)]


def test_a_backlog_goes_out_in_packs_of_fifty_in_time_order() -> None:
    messages = wire("ring-road-loops-01").messages(reports("ring-road-loops-01", 120, "vehicle-speed"))
    assert [m.rows for m in messages] == [50, 50, 20]
    records = [r for m in messages for r in json.loads(m.body)]
    assert records[0] == {"n": "speed", "u": "km/h", "t": MONDAY // SECOND, "v": 36}
    assert [r["t"] for r in records] == sorted(r["t"] for r in records)
    assert messages[-1].upto == MONDAY + 119 * MINUTE


def test_a_report_is_never_split_between_packs() -> None:
    eleven = source("air-station").due(MONDAY, MONDAY + DAY, 100)
    for message in wire("air-station").messages(eleven):
        times = [r["t"] for r in json.loads(message.body)]
        assert message.rows == len(times) <= 50
    whole = [sorted({r["t"] for r in json.loads(m.body)}) for m in wire("air-station").messages(eleven)]
    assert all(a[-1] < b[0] for a, b in itertools.pairwise(whole))


def test_a_counter_says_what_its_model_says() -> None:
    [message] = wire("harbour-counters-01").messages(reports("harbour-counters-01", 1, "pedestrian-count", 466.0))
    assert json.loads(message.body) == {"at": "2026-11-16T00:00:00Z", "count": 466}


def test_a_car_park_says_its_entity() -> None:
    [message] = wire("car-parks-02").messages(reports("car-parks-02", 1, "parking-occupied", 61.0))
    assert json.loads(message.body) == [
        {
            "id": "urn:ngsi-ld:OffStreetParking:car-parks-02",
            "type": "OffStreetParking",
            "occupiedSpotNumber": {"type": "Property", "value": 61, "observedAt": "2026-11-16T00:00:00Z"},
        }
    ]


def test_recorded_units_become_the_models() -> None:
    unit = REGISTRY.units[REGISTRY.unit_index["ring-road-loops-01"]]
    in_mph = Wire(REGISTRY, unit, {"vehicle-speed": "mph"})
    [message] = in_mph.messages(reports(unit.id, 1, "vehicle-speed", 64.375))
    assert json.loads(message.body)[0]["v"] == pytest.approx(64.375 * 1.609344, abs=1e-4)


def test_refuses_a_recorded_unit_that_does_not_convert() -> None:
    unit = REGISTRY.units[REGISTRY.unit_index["ring-road-loops-01"]]
    with pytest.raises(PlaceError, match="recorded in Cel, which does not convert into km/h"):
        Wire(REGISTRY, unit, {"vehicle-speed": "Cel"})


def test_what_the_model_does_not_declare_is_left_out() -> None:
    assert wire("ring-road-loops-01").messages(reports("ring-road-loops-01", 3, "rain")) == []
    assert wire("harbour-counters-01").messages(reports("harbour-counters-01", 3, "rain")) == []


def test_a_nested_path_is_made_on_the_way() -> None:
    unit = REGISTRY.units[REGISTRY.unit_index["harbour-counters-01"]]
    model = REGISTRY.models["counter"]
    import msgspec

    nested = msgspec.structs.replace(
        model,
        time_path="/when",
        properties={"pedestrian-count": msgspec.structs.replace(model.properties["pedestrian-count"], path="/a~1b/n")},
    )
    other = dataclasses.replace(REGISTRY, models={**REGISTRY.models, "counter": nested})
    [message] = Wire(other, unit, {}).messages(reports(unit.id, 1, "pedestrian-count"))
    assert json.loads(message.body)["a/b"] == {"n": 36}


# -- the pace ----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(limit=st.integers(1, 3000), gaps=st.lists(st.integers(0, 2 * MINUTE), max_size=50))
def test_never_more_than_the_limit_in_any_minute(limit: int, gaps: list[int]) -> None:
    pace, now, sent = Pace(limit), MONDAY, list[int]()
    for gap in gaps:
        now += gap
        for _ in range(2 * limit if len(sent) < 5000 else 0):
            if wait := pace.wait_us(now):
                assert wait > 0
                break
            sent.append(now)
    for i, first in enumerate(sent):
        assert sum(first <= t < first + MINUTE for t in sent[i:]) <= limit


def test_a_clock_that_went_back_silences_nobody() -> None:
    pace = Pace(60)
    assert pace.wait_us(MONDAY) == 0
    assert pace.wait_us(MONDAY - DAY) == 0

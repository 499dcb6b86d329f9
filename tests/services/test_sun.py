"""The sun's place, held to published values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from astral import Observer
from astral import sun as astral_sun
from hypothesis import given
from hypothesis import strategies as st

from cityward.services.lighting.sun import CIVIL_TWILIGHT_DEG, SUNSET_DEG, Daylight, elevation_deg, sun_times
from cityward.time import DAY, MINUTE, SECOND, from_us, to_us

LONDON = (-0.0008333, 51.4733)
NORTH_NORWAY = (19.0, 69.5)


def us(text: str) -> int:
    return to_us(datetime.fromisoformat(text).astimezone(UTC))


@pytest.mark.parametrize(
    ("where", "rise", "set_"),
    [
        # US Naval Observatory, Sun and Moon Data for One Day, E19.0 N69.5, given in UT+1
        (NORTH_NORWAY, "2014-04-01T04:50+01:00", "2014-04-01T18:49+01:00"),
        (NORTH_NORWAY, "2014-04-30T02:29+01:00", "2014-04-30T20:58+01:00"),
        (NORTH_NORWAY, "2014-05-17T00:29+01:00", "2014-05-17T23:06+01:00"),
        # timeanddate.com, London
        (LONDON, "2015-12-01T07:43+00:00", "2015-12-01T15:55+00:00"),
    ],
)
def test_rises_and_sets_within_90_seconds_of_the_almanac(where: tuple[float, float], rise: str, set_: str):
    times = sun_times(us(set_), where)
    assert times.daylight is Daylight.CHANGES
    assert times.rise_us is not None and times.set_us is not None
    assert abs(times.rise_us - us(rise)) <= 90 * SECOND
    assert abs(times.set_us - us(set_)) <= 90 * SECOND


def test_civil_twilight_and_transit_agree_with_the_almanac():
    # US Naval Observatory, as above: civil twilight 03:46 to 19:53, transit 11:48, UT+1
    times = sun_times(us("2014-04-01T12:00+01:00"), NORTH_NORWAY, CIVIL_TWILIGHT_DEG)
    assert times.rise_us is not None and times.set_us is not None
    assert abs(times.rise_us - us("2014-04-01T03:46+01:00")) <= 90 * SECOND
    assert abs(times.set_us - us("2014-04-01T19:53+01:00")) <= 90 * SECOND
    assert abs(times.noon_us - us("2014-04-01T11:48+01:00")) <= 60 * SECOND


def test_the_declination_is_that_of_meeus_example_25a():
    # 1992 October 13, 0h: -7.78507 degrees; over the pole the elevation is the declination
    assert elevation_deg(us("1992-10-13T00:00+00:00"), (0.0, 90.0)) == pytest.approx(-7.78507, abs=1e-4)


def test_the_sun_of_the_far_north_sets_again_after_the_69_days_of_the_almanac():
    # US Naval Observatory, as above: rises on 18 May, sets on 25 July
    day = us("2014-05-17T12:00+00:00")
    kinds = [sun_times(day + n * DAY, NORTH_NORWAY).daylight for n in range(80)]
    without_sunset = [from_us(day + n * DAY).date() for n, kind in enumerate(kinds) if kind is Daylight.SUN_NEVER_SETS]
    assert without_sunset[0] - datetime(2014, 5, 18).date() <= timedelta(days=1)
    assert datetime(2014, 7, 25).date() - without_sunset[-1] <= timedelta(days=1)


def test_a_polar_night_has_a_noon_and_no_sunrise():
    times = sun_times(us("2014-12-21T12:00+00:00"), NORTH_NORWAY)
    assert (times.daylight, times.rise_us, times.set_us) == (Daylight.SUN_NEVER_RISES, None, None)
    assert elevation_deg(times.noon_us, NORTH_NORWAY) < SUNSET_DEG


@pytest.mark.parametrize("latitude", [-90.0, 90.0])
def test_the_poles_are_places_too(latitude: float):
    assert sun_times(us("2024-06-21T12:00+00:00"), (0.0, latitude)).daylight is not Daylight.CHANGES


@given(
    st.integers(us("1970-01-01T00:00+00:00"), us("2099-12-31T00:00+00:00")),
    st.floats(-180, 180),
    st.floats(-65, 65),
)
def test_the_sun_stands_at_the_horizon_when_it_is_said_to(day: int, longitude: float, latitude: float):
    times = sun_times(day, (longitude, latitude))
    assert times.rise_us is not None and times.set_us is not None
    assert times.rise_us < times.noon_us < times.set_us
    for moment in (times.rise_us, times.set_us):
        assert elevation_deg(moment, (longitude, latitude)) == pytest.approx(SUNSET_DEG, abs=0.01)
    top = elevation_deg(times.noon_us, (longitude, latitude))
    assert top >= elevation_deg(times.noon_us + 20 * MINUTE, (longitude, latitude))
    assert top >= elevation_deg(times.noon_us - 20 * MINUTE, (longitude, latitude))


@given(st.integers(0, 4_000_000_000_000_000), st.floats(-180, 180), st.floats(-90, 90))
def test_any_place_at_any_time_has_an_elevation(now: int, longitude: float, latitude: float):
    assert -90 <= elevation_deg(now, (longitude, latitude)) <= 90


@pytest.mark.parametrize("where", [(2.37, 54.9), (-93.26, 44.98), (144.96, -37.81), (0.0, 0.0)], ids=str)
def test_agrees_with_astral_within_a_minute_on_every_eleventh_day_of_a_year(where: tuple[float, float]):
    noon, observer = us("2024-01-01T12:00+00:00"), Observer(where[1], where[0])
    for n in range(0, 366, 11):
        ours = sun_times(noon + n * DAY, where)
        assert ours.rise_us is not None and ours.set_us is not None
        # near the date line a rise may fall on the neighbouring day
        days = [from_us(noon + (n + k) * DAY).date() for k in (-1, 0, 1)]
        for mine, theirs in ((ours.rise_us, astral_sun.sunrise), (ours.set_us, astral_sun.sunset)):
            assert min(abs(mine - to_us(theirs(observer, date=day))) for day in days) <= MINUTE


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_the_sun_stands_where_astral_has_it(hour: int):
    for n in range(0, 366, 30):
        at = us("2024-01-01T00:00+00:00") + n * DAY + hour * 60 * MINUTE
        theirs = astral_sun.elevation(Observer(54.9, 2.37), from_us(at), with_refraction=False)
        assert elevation_deg(at, (2.37, 54.9)) == pytest.approx(theirs, abs=0.05)

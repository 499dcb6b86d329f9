"""Where the sun stands, from position and time. Pure; good to about 0.02 degrees and half a minute between 1950 and 2050.

Source: J. Meeus, *Astronomical Algorithms*, 2nd ed. (1998), chapter 25 (low accuracy) and chapter 13; the arrangement with
the equation of time follows NOAA's Solar Calculator (gml.noaa.gov/grad/solcalc). Dynamical and universal time are taken as
equal (they differ by about 70 s, in which the sun moves 0.0008 degrees).
Fails when: mountains or houses hide the horizon; elevations here are geometric, without refraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import acos, asin, atan2, cos, degrees, radians, sin, tan

from cityward.place.things import Position
from cityward.time import DAY, MINUTE

SUNSET_DEG = -0.833
"""Elevation of the sun's centre when its upper limb touches the horizon: 34' of refraction, 16' of radius."""

CIVIL_TWILIGHT_DEG = -6.0

_J2000_US = 946_728_000_000_000  # 2000-01-01T12:00Z


class Daylight(StrEnum):
    """What kind of day it is at a place."""

    CHANGES = "changes"
    SUN_NEVER_SETS = "sun-never-sets"
    SUN_NEVER_RISES = "sun-never-rises"


@dataclass(frozen=True, slots=True)
class SunTimes:
    """The crossings of a given elevation around one solar noon, in us; None unless `daylight` is `CHANGES`."""

    daylight: Daylight
    noon_us: int
    rise_us: int | None
    set_us: int | None


@dataclass(frozen=True, slots=True)
class _Sun:
    declination: float  # radians
    right_ascension: float  # radians
    equation_of_time: float  # minutes: apparent minus mean solar time


def elevation_deg(now_us: int, position: Position) -> float:
    """Degrees of the sun's centre above the horizon, -90 to 90, geometric.

    Args:
        now_us: us since 1970 UTC.
        position: (longitude, latitude) in degrees.

    Example:
        >>> round(elevation_deg(1_403_352_000_000_000, (0.0, 51.48)))  # Greenwich, solstice 2014, noon
        62
    """
    sun = _sun(now_us)
    longitude, latitude = position[0], radians(position[1])
    solar_minutes = (now_us % DAY) / MINUTE + sun.equation_of_time + 4 * longitude
    hour_angle = radians(solar_minutes / 4 - 180)
    sine = sin(latitude) * sin(sun.declination) + cos(latitude) * cos(sun.declination) * cos(hour_angle)
    return degrees(asin(max(-1.0, min(1.0, sine))))


def sun_times(day_us: int, position: Position, at_deg: float = SUNSET_DEG) -> SunTimes:
    """When the sun rises above and sets below `at_deg` on the UTC day that holds `day_us`.

    The solar noon is the day's own; near the date line rise or set may fall on the neighbouring UTC day.
    """
    midnight = day_us - day_us % DAY
    noon = midnight + DAY // 2
    for _ in range(2):
        noon = _noon(midnight, noon, position[0])
    daylight = _daylight(_cos_hour_angle(noon, position[1], at_deg))
    if daylight is not Daylight.CHANGES:
        return SunTimes(daylight, noon, None, None)
    rise, set_ = _crossing(noon, position, at_deg, -1), _crossing(noon, position, at_deg, +1)
    return SunTimes(daylight, noon, rise, set_)


def _noon(midnight: int, guess: int, longitude: float) -> int:
    return midnight + round((720 - 4 * longitude - _sun(guess).equation_of_time) * MINUTE)


def _crossing(noon: int, position: Position, at_deg: float, side: int) -> int:
    """Where the elevation passes `at_deg`, before (-1) or after (+1) noon: each round uses the sun of the last round's time."""
    moment, noon_equation = noon, _sun(noon).equation_of_time
    for _ in range(4):
        cosine = max(-1.0, min(1.0, _cos_hour_angle(moment, position[1], at_deg)))
        drift = _sun(moment).equation_of_time - noon_equation
        moment = noon + round((side * 4 * degrees(acos(cosine)) - drift) * MINUTE)
    return moment


def _cos_hour_angle(moment: int, latitude_deg: float, at_deg: float) -> float:
    declination, latitude = _sun(moment).declination, radians(max(-89.999, min(89.999, latitude_deg)))
    return (sin(radians(at_deg)) - sin(latitude) * sin(declination)) / (cos(latitude) * cos(declination))


def _daylight(cosine: float) -> Daylight:
    if cosine < -1:
        return Daylight.SUN_NEVER_SETS
    return Daylight.SUN_NEVER_RISES if cosine > 1 else Daylight.CHANGES


def _sun(now_us: int) -> _Sun:
    """Apparent coordinates of the sun. Source: Meeus chapter 25, equations 25.2 to 25.8, and 28.3 for the equation of time."""
    t = (now_us - _J2000_US) / (36_525 * DAY)
    mean_longitude = (280.46646 + t * (36_000.76983 + t * 0.0003032)) % 360
    anomaly = radians(357.52911 + t * (35_999.05029 - t * 0.0001537))
    eccentricity = 0.016708634 - t * (0.000042037 + t * 0.0000001267)
    centre = (
        sin(anomaly) * (1.914602 - t * (0.004817 + t * 0.000014))
        + sin(2 * anomaly) * (0.019993 - t * 0.000101)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * t)
    apparent = radians(mean_longitude + centre - 0.00569 - 0.00478 * sin(node))
    mean_obliquity = 23.4392911 - t * (0.0130042 + t * (0.00000016 - t * 0.000000504))
    obliquity = radians(mean_obliquity + 0.00256 * cos(node))
    return _Sun(
        declination=asin(sin(obliquity) * sin(apparent)),
        right_ascension=atan2(cos(obliquity) * sin(apparent), cos(apparent)),
        equation_of_time=_equation_of_time(radians(mean_longitude), anomaly, eccentricity, obliquity),
    )


def _equation_of_time(longitude: float, anomaly: float, eccentricity: float, obliquity: float) -> float:
    y = tan(obliquity / 2) ** 2
    angle = (
        y * sin(2 * longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(2 * longitude)
        - 0.5 * y * y * sin(4 * longitude)
        - 1.25 * eccentricity * eccentricity * sin(2 * anomaly)
    )
    return 4 * degrees(angle)

"""Is it dark? Sun and light sensors check each other.

High sun: day, low sun: night, whatever a sensor says: a covered sensor at noon lights nothing, a torch held to one at midnight
darkens nothing. In the twilight between, fresh sensors decide by their median with hysteresis (night below `dusk_lux`, day above
`dawn_lux`, between as before, and night where there is no before); without fresh sensors the sun decides alone.
Fails when: all sensors of a street are manipulated together during twilight; lamps are at most wrong by the length of twilight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median

from cityward.services.contract import Reading, View
from cityward.services.lighting.settings import LightingSettings, Street
from cityward.time import SECOND

MOST_LIGHT_SENSORS = 16  # a street looks at the first of these


@dataclass(frozen=True, slots=True)
class Sky:
    """Whether it is dark, why, and the reading that was looked at (whether believed or not); `sources` where it decided."""

    dark: bool
    why: str
    sun_deg: float
    illuminance: Reading | None
    sources: tuple[str, ...] = ()


def judge_sky(view: View[LightingSettings], street: Street, sun_deg: float, was_dark: bool | None) -> Sky:
    """Question 1. `was_dark` is the last answer; None where there is none."""
    settings = view.settings
    fresh = fresh_of(view, street.light, "illuminance", MOST_LIGHT_SENSORS)
    reading, sources = median_of(list(fresh.values())), tuple(fresh)
    if sun_deg >= settings.day_sun_deg:
        return Sky(False, "the sun is high", sun_deg, reading)
    if sun_deg <= settings.night_sun_deg:
        return Sky(True, "the sun is far below the horizon", sun_deg, reading)
    if reading is None:
        return Sky(sun_deg <= settings.dusk_sun_deg, "twilight, by the sun: no fresh light sensor", sun_deg, None)
    if reading.value < settings.dusk_lux:
        return Sky(True, "twilight, measured dark", sun_deg, reading, sources)
    if reading.value > settings.dawn_lux:
        return Sky(False, "twilight, measured light", sun_deg, reading, sources)
    return Sky(was_dark is not False, "twilight, between the thresholds: as before", sun_deg, reading, sources)


def fresh_of(view: View[LightingSettings], devices: Sequence[str], property_id: str, most: int) -> dict[str, Reading]:
    """Unit -> its reading, of the first `most` units that have a fresh one."""
    max_age = view.settings.max_age_s * SECOND
    units = view.units(devices)[:most]
    found = {unit: reading for unit in units if (reading := view.fresh(unit, property_id, max_age)) is not None}
    # SECURITY: NaN is neither more nor less than any threshold; none of what is looked at here is ever below zero
    return {unit: reading for unit, reading in found.items() if isfinite(reading.value) and reading.value >= 0}


def median_of(readings: Sequence[Reading]) -> Reading | None:
    """The middle value, as old as the oldest it was made of."""
    if not readings:
        return None
    oldest = max(readings, key=lambda reading: reading.age_us)
    return Reading(median(reading.value for reading in readings), oldest.observed_at, oldest.age_us)

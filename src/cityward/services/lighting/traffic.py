"""Is there traffic, how much, and are there people on foot? What readings say; unknown stays unknown.

One busy detector makes a street busy; quiet takes all that have something to say, and at least half of those declared must have.
Everything else is uncertain. The same holds of people on foot and of the weather: half of the declared sensors must speak.
Fails when
- traffic is known by speed only and flows fast but dense: below capacity speed hardly falls with volume, so a street may
  count as quiet with many cars on it. Where counts are to be had, set `busy_above_count` and `quiet_below_count`.
- one slow vehicle (a tractor, a bicycle) on an empty street counts as dense: brighter than needed, never darker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cityward.services.contract import Reading, View
from cityward.services.lighting.settings import LightingSettings, Street
from cityward.services.lighting.sky import fresh_of
from cityward.time import SECOND

MOST_DETECTORS, MOST_COUNTERS, MOST_WEATHER = 64, 32, 8  # with the light sensors: what one proposal may rest on


class Traffic(StrEnum):
    """What is known of a street's traffic."""

    QUIET = "quiet"
    BUSY = "busy"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Flow:
    """The traffic, and the reading that decided it: the slowest speed or highest count. `sources`: all that had a say."""

    traffic: Traffic
    why: str
    reading: Reading | None = None
    sources: tuple[str, ...] = ()


def judge_traffic(view: View[LightingSettings], street: Street, before: str | None) -> Flow:
    """Question 2. `before` is the last answer, kept while readings lie between the thresholds."""
    detectors = view.units(street.traffic)[:MOST_DETECTORS]
    said = {unit: vote for unit in detectors if (vote := _vote(view, unit)) is not None}
    if not detectors or 2 * len(said) < len(detectors):
        return Flow(Traffic.UNCERTAIN, f"{len(said)} of {len(detectors)} detectors have something to say")
    votes, sources = list(said.values()), tuple(said)
    for traffic, reading in votes:
        if traffic is Traffic.BUSY:
            return Flow(Traffic.BUSY, "a detector is busy", reading, sources)
    if all(traffic is Traffic.QUIET for traffic, _ in votes):
        return Flow(Traffic.QUIET, f"all {len(votes)} detectors are quiet", votes[0][1], sources)
    kept = Traffic.QUIET if before == Traffic.QUIET else Traffic.BUSY
    return Flow(kept, "between the thresholds: as before", votes[0][1], sources)


def _vote(view: View[LightingSettings], unit: str) -> tuple[Traffic, Reading] | None:
    """What one detector says; `UNCERTAIN` between the thresholds, None where it has nothing to say."""
    settings, max_age = view.settings, view.settings.max_age_s * SECOND
    count = view.fresh(unit, "vehicle-count", max_age)
    if count is not None and settings.busy_above_count is not None and settings.quiet_below_count is not None:
        return _between(count, -settings.busy_above_count, -settings.quiet_below_count, -count.value)
    speed = view.fresh(unit, "vehicle-speed", max_age)
    # a mean speed of exactly 0 is how detectors write "nothing measured" (METR-LA among them)
    if speed is None or speed.value <= 0:
        return None
    return _between(speed, settings.busy_below_m_s, settings.quiet_above_m_s, speed.value)


def _between(reading: Reading, busy_below: float, quiet_above: float, value: float) -> tuple[Traffic, Reading]:
    if value < busy_below:
        return Traffic.BUSY, reading
    return (Traffic.QUIET if value > quiet_above else Traffic.UNCERTAIN), reading


@dataclass(frozen=True, slots=True)
class Said:
    """What sensors of one kind say of one question. yes: None where fewer than half of them have something to say."""

    yes: bool | None
    why: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Volume:
    """Vehicles in the newest report of the busiest detector; None where fewer than half of the detectors count."""

    count: float | None
    sources: tuple[str, ...] = ()


def volume_of(view: View[LightingSettings], street: Street) -> Volume:
    """See `Volume`."""
    detectors = view.units(street.traffic)[:MOST_DETECTORS]
    counts = fresh_of(view, street.traffic, "vehicle-count", MOST_DETECTORS)
    if not counts or 2 * len(counts) < len(detectors):
        return Volume(None)
    return Volume(max(reading.value for reading in counts.values()), tuple(counts))


def people_about(view: View[LightingSettings], street: Street) -> Said:
    """Whether anybody was counted on foot."""
    units = view.units(street.pedestrians)[:MOST_COUNTERS]
    counts = fresh_of(view, street.pedestrians, "pedestrian-count", MOST_COUNTERS)
    if not counts or 2 * len(counts) < len(units):
        return Said(None, f"{len(counts)} of {len(units)} counters of people have something to say", tuple(counts))
    most = max(reading.value for reading in counts.values())
    return Said(most > 0, "people were counted" if most > 0 else "nobody was counted", tuple(counts))


def weather_is_bad(view: View[LightingSettings], street: Street) -> Said:
    """Whether it rains or is foggy, by the worst of the sensors."""
    units = view.units(street.weather)[:MOST_WEATHER]
    rain = fresh_of(view, street.weather, "rain", MOST_WEATHER)
    sight = fresh_of(view, street.weather, "visibility", MOST_WEATHER)
    speak = tuple(unit for unit in units if unit in rain or unit in sight)
    if not speak or 2 * len(speak) < len(units):
        return Said(None, f"{len(speak)} of {len(units)} weather sensors have something to say", speak)
    return _judged_weather(view.settings, list(rain.values()), list(sight.values()), speak)


def _judged_weather(
    settings: LightingSettings, rain: Sequence[Reading], sight: Sequence[Reading], speak: tuple[str, ...]
) -> Said:
    if any(reading.value >= settings.rain_mm_h for reading in rain):
        return Said(True, "it rains", speak)
    if any(reading.value < settings.fog_m for reading in sight):
        return Said(True, "it is foggy", speak)
    return Said(False, "the weather is fair", speak)

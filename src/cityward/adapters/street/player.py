"""Gives recorded readings their place in the city's time: which are due between two moments, and when the next one is. Pure.

A recorded week is played week after week, by weekday and time of day in the place's standard time (no summer time, so that no
hour is played twice or left out). What is played varies by the channel's own noise (`variation`), so that no week has the digits
of another.

INVARIANT: `due(a, b)` and `due(b, c)` together give what `due(a, c)` gives: nothing twice, nothing left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.recordings import WEEK, Recording, Report
from cityward.adapters.street.sky import illuminance_lx
from cityward.adapters.street.variation import Variation, draw, variation_of
from cityward.place.registry import Registry
from cityward.place.things import Position
from cityward.time import DAY, HOUR, MINUTE, SECOND

MONDAY = 3 * DAY  # 1 January 1970 was a Thursday
LIGHT_PERIOD = 5 * MINUTE
LIGHT_NOISE = (
    0.02  # PRECEDENT: street lighting sensors are told to some percent; thin cloud moves light as much in minutes
)
GLOW_LX, GLOW_NOISE = 0.1, 0.1  # PRECEDENT: overcast skies over cities were measured at some 0.1 lx at night

Readings = tuple[tuple[str, float, int], ...]
"""Property, value, and for how long it has been that value, us."""


class Source(Protocol):
    """What one device will say, for ever. Times are city us."""

    def due(self, after: int, upto: int, most: int) -> list[Report]:
        """The first `most` reports with after < at <= upto, in time order."""
        ...

    def next_after(self, after: int) -> int:
        """The time of the first report later than `after`."""
        ...


class WeekSource:
    """A recorded week of one unit, over and over, never quite the same."""

    def __init__(
        self,
        unit: str,
        at: NDArray[np.int64],
        readings: Sequence[Readings],
        zone_s: int,
        variations: Mapping[str, Variation],
    ) -> None:
        """`at`: (R,) us since Monday 00:00, rising; `readings`: R of them; `variations`: by property."""
        self._unit, self._at, self._readings, self._zone = unit, at, readings, zone_s * SECOND
        self._variations = variations

    def due(self, after: int, upto: int, most: int) -> list[Report]:
        """See `Source`."""
        found: list[Report] = []
        at = after
        while len(found) < most and (at := self.next_after(at)) <= upto:
            found.append(Report(self._unit, at, self._varied(at)))
        return found

    def _varied(self, at: int) -> tuple[tuple[str, float], ...]:
        """What stood still stands still: readings alike in a row vary alike."""
        recorded = self._readings[self._nth(at)]
        return tuple(
            (prop, self._variations[prop].varied(value, self._unit, prop, at - rested))
            for prop, value, rested in recorded
        )

    def next_after(self, after: int) -> int:
        """See `Source`."""
        week, offset = divmod(after + self._zone + MONDAY, WEEK)
        nth = int(np.searchsorted(self._at, offset, side="right"))
        if nth == len(self._at):
            week, nth = week + 1, 0
        return week * WEEK + int(self._at[nth]) - self._zone - MONDAY

    def _nth(self, at: int) -> int:
        return int(np.searchsorted(self._at, (at + self._zone + MONDAY) % WEEK))


class LightSource:
    """The light sensor: illuminance every five minutes, from the sun and the recorded cloud cover of the hours around it."""

    def __init__(self, unit: str, clouds: NDArray[np.float64], position: Position, zone_s: int) -> None:
        """`clouds`: (168,) percent, by hour of the week from Monday 00:00."""
        self._unit, self._clouds, self._position, self._zone = unit, clouds, position, zone_s * SECOND

    def due(self, after: int, upto: int, most: int) -> list[Report]:
        """See `Source`."""
        first = self.next_after(after)
        times = range(first, upto + 1, LIGHT_PERIOD)[:most]
        return [Report(self._unit, at, (("illuminance", self._lx(at)),)) for at in times]

    def next_after(self, after: int) -> int:
        """See `Source`."""
        return (after // LIGHT_PERIOD + 1) * LIGHT_PERIOD

    def _lx(self, at: int) -> float:
        hour, into = divmod((at + self._zone + MONDAY) % WEEK, HOUR)
        before, after = float(self._clouds[hour]), float(self._clouds[(hour + 1) % len(self._clouds)])
        light = illuminance_lx(at, self._position, before + (after - before) * into / HOUR)
        return light * (1 + LIGHT_NOISE * draw(f"{self._unit} illuminance {at}")) + self._glow(at)

    def _glow(self, at: int) -> float:
        """What a city's sky and the sensor itself add in the dark, lx."""
        return GLOW_LX * (1 + GLOW_NOISE * draw(f"{self._unit} glow {at}"))


def sources(
    recordings: Sequence[Recording], registry: Registry, position: Position, zone_s: int
) -> dict[str, tuple[Source, Mapping[str, str]]]:
    """unit -> what it will say, and the units its values come in; for the units of the recordings that the place declares.

    `position` stands in for a light sensor that has none of its own.
    """
    found: dict[str, tuple[Source, Mapping[str, str]]] = {}
    for recording in recordings:
        week = recording.week()
        for number, unit in enumerate(week.units):
            if (index := registry.unit_index.get(unit)) is None:
                continue
            own = week.take(week.unit == number)
            if recording.derive == "illuminance":
                where = registry.units[index].position or position
                found[unit] = (LightSource(unit, _by_hour(own), where, zone_s), {})
            else:
                found[unit] = (_week_source(unit, own, zone_s), recording.sent_units)
    return found


def _week_source(unit: str, week: Recording, zone_s: int) -> WeekSource:
    reports = list(week.reports())
    at = np.array([r.at - week.begins for r in reports], dtype=np.int64)
    variations = {
        prop: variation_of(prop, week.value[week.prop == number])
        for number, prop in enumerate(week.properties)
        if (week.prop == number).any()
    }
    return WeekSource(unit, at, _with_rest(reports), zone_s, variations)


def _with_rest(reports: Sequence[Report]) -> list[Readings]:
    """Each reading with the time since its property came to that value."""
    last: dict[str, tuple[float, int]] = {}
    found: list[Readings] = []
    for report in reports:
        for prop, value in report.readings:
            if prop not in last or last[prop][0] != value:
                last[prop] = (value, report.at)
        found.append(tuple((prop, value, report.at - last[prop][1]) for prop, value in report.readings))
    return found


def _by_hour(week: Recording) -> NDArray[np.float64]:
    """(168,) the value of each hour; an hour without one has that of the hour before."""
    latest = np.searchsorted(week.at, np.arange(168, dtype=np.int64) * HOUR, side="right") - 1
    return week.value[latest]

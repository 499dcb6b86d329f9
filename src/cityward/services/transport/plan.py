"""What the timetable says of one trip on one day, and of what comes next at a stop. Times are POSIX seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from cityward.place.things import Position
from cityward.transit.realtime import Trip
from cityward.transit.timetable import DAY_S, Timetable

MOST_CALLS_OF_TRIP = 500
EARLIER_S = 6 * 3600  # how long before a trip's first call, or after its last, it may still be the one that is meant


@dataclass(frozen=True, slots=True)
class Planned:
    """One trip on one service day. stops, arrivals, departures, sequence: of each call, in order."""

    trip: str
    day: date
    number: int
    route: str
    direction: str
    headsign: str
    stops: tuple[str, ...]
    sequence: tuple[int, ...]
    arrivals: tuple[int, ...]
    departures: tuple[int, ...]

    @property
    def key(self) -> str:
        """As runs are called."""
        return run_key(f"{self.day:%Y%m%d}", self.trip)


@dataclass(frozen=True, slots=True)
class Departure:
    """One departure at a stop by the timetable."""

    at: int
    key: str
    trip: str
    route: str
    line: str
    towards: str


def run_key(start_date: str | None, trip_id: str | None) -> str:
    """The name of a trip on a day."""
    return f"{start_date or ''} {trip_id or ''}"


def key_of(trip: Trip | None) -> str | None:
    """What a trip of a feed is called; None where it does not say which it is.

    NYCT runs two trains under one trip id now and then: its train id tells them apart.
    """
    if trip is None or not trip.trip_id:
        return None
    key = run_key(trip.start_date, trip.trip_id)
    return f"{key} {trip.nyct.train_id}" if trip.nyct is not None and trip.nyct.train_id else key


def planned(table: Timetable, trip_id: str, start_date: str | None, at_s: int) -> Planned | None:
    """What the timetable has of a trip; None where it has no such trip, or no times for it.

    Where the feed does not say the day, the one on which the trip is under way at `at_s`, or nearest to it.
    """
    number = table.trip_of.get(trip_id)
    if number is None:
        return None
    rows = table.rows(number)
    times = _filled(table.times.arrival[rows], table.times.departure[rows])
    if times is None or not 2 <= len(times[0]) <= MOST_CALLS_OF_TRIP:
        return None
    day = _day(table, start_date, at_s, times)
    if day is None:
        return None
    begin = table.beginning(day)
    stops = table.times.stop[rows]
    return Planned(
        trip=trip_id,
        day=day,
        number=number,
        route=table.routes.ids[int(table.trips.route[number])] if table.trips.route[number] >= 0 else "",
        direction=str(max(0, int(table.trips.direction[number]))),
        headsign=table.trips.headsigns[number],
        stops=tuple(table.stops.ids[int(stop)] if stop >= 0 else "" for stop in stops),
        sequence=tuple(int(n) for n in table.times.sequence[rows]),
        arrivals=tuple(begin + int(second) for second in times[0]),
        departures=tuple(begin + int(second) for second in times[1]),
    )


def _filled(arrival: np.ndarray, departure: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Times with what is not given between time points put on the line; None where the ends are not given."""
    arrivals = np.where(arrival >= 0, arrival, departure).astype(np.float64)
    departures = np.where(departure >= 0, departure, arrival).astype(np.float64)
    known = np.flatnonzero(arrivals >= 0)
    if len(known) < 2 or known[0] != 0 or known[-1] != len(arrivals) - 1:
        return None
    every = np.arange(len(arrivals))
    return np.interp(every, known, arrivals[known]), np.interp(every, known, departures[known])


def _day(table: Timetable, start_date: str | None, at_s: int, times: tuple[np.ndarray, np.ndarray]) -> date | None:
    if start_date:
        try:
            return datetime.strptime(start_date, "%Y%m%d").date()
        except ValueError:
            return None

    def off(day: date) -> float:
        begin = table.beginning(day)
        return max(begin + times[0][0] - at_s, at_s - begin - times[1][-1], 0)

    nearest = min(table.days_at(at_s), key=off)
    return nearest if off(nearest) <= EARLIER_S else None


def place_of(table: Timetable, stop_id: str) -> Position | None:
    """Where a stop is; None where the timetable does not say."""
    number = table.stop_of.get(stop_id)
    if number is None or not math.isfinite(float(table.stops.lon[number])):
        return None
    return float(table.stops.lon[number]), float(table.stops.lat[number])


def departures(table: Timetable, stop_id: str, at_s: int, until_s: int, most: int) -> Iterator[Departure]:
    """The next departures at a stop by the timetable, in order, at most `most`. The last call of a trip is none."""
    number = table.stop_of.get(stop_id)
    if number is None:
        return
    found: list[Departure] = []
    rows = table.calls_at(number)
    for day in table.days_at(at_s):
        begin, runs = table.beginning(day), table.trips_on(day)
        if begin > until_s or begin + 3 * DAY_S < at_s:
            continue
        seconds = table.times.departure[rows]
        due = rows[(seconds >= at_s - begin) & (seconds <= until_s - begin) & runs[table.times.trip[rows]]]
        found.extend(_departure(table, int(row), day, begin) for row in due[:most] if not _is_last(table, int(row)))
    found.sort(key=lambda departure: (departure.at, departure.key))
    yield from found[:most]


def _is_last(table: Timetable, row: int) -> bool:
    return row + 1 == int(table.times.first[int(table.times.trip[row]) + 1])


def _departure(table: Timetable, row: int, day: date, begin: int) -> Departure:
    trip = int(table.times.trip[row])
    route = int(table.trips.route[trip])
    trip_id = table.trips.ids[trip]
    return Departure(
        at=begin + int(table.times.departure[row]),
        key=run_key(f"{day:%Y%m%d}", trip_id),
        trip=trip_id,
        route=table.routes.ids[route] if route >= 0 else "",
        line=line_name(table, table.routes.ids[route]) if route >= 0 else "",
        towards=table.trips.headsigns[trip],
    )


def line_name(table: Timetable | None, route_id: str) -> str:
    """A route as riders call it."""
    number = table.route_of.get(route_id) if table is not None else None
    if table is None or number is None:
        return route_id
    return table.routes.short_names[number] or table.routes.long_names[number] or route_id

"""A timetable (GTFS) as columns: who goes where when, by its plan.

Lives here: the types and the questions put to them. Does not live here: reading them from a zip (`reading`), what is wrong with
a feed (`faults`).

Rows are numbered in the order of the feed's files; a column of another table's numbers holds -1 where nothing is said. Times of
day are int32 seconds from noon minus 12 h of the service day, and may pass 24:00 (86,400); -1 where the feed gives none. Stop
times are sorted by trip, then by `stop_sequence`: those of trip `t` stand at `first[t]:first[t + 1]`.

INVARIANTS
- Every number in a column is -1 or a row of the table it points to: what points nowhere was left out by `reading`, which said so.
- Columns are read-only.

SPEC: GTFS Schedule reference (routes, stops, trips, stop_times, calendar, calendar_dates, shapes, frequencies).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

DAY_S = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Stops:
    """stops.txt. lon, lat: degrees, NaN where absent. kind: location_type. parent: another stop's number or -1.

    wheelchair: wheelchair_boarding: 0 nothing is known, 1 some vehicles can be boarded, 2 none; of a platform that says nothing
    its station's.
    """

    ids: Sequence[str]
    names: Sequence[str]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    kind: NDArray[np.int8]
    parent: NDArray[np.int32]
    wheelchair: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Routes:
    """routes.txt. kind: route_type. agency: number or -1."""

    ids: Sequence[str]
    short_names: Sequence[str]
    long_names: Sequence[str]
    kind: NDArray[np.int16]
    agency: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Trips:
    """trips.txt. direction: 0, 1 or -1. block: block_id or ""."""

    ids: Sequence[str]
    headsigns: Sequence[str]
    blocks: Sequence[str]
    route: NDArray[np.int32]
    service: NDArray[np.int32]
    direction: NDArray[np.int8]
    shape: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class StopTimes:
    """stop_times.txt, sorted by trip and sequence.

    first: (trips + 1,) where each trip's begin. travelled: shape_dist_traveled or NaN.
    """

    first: NDArray[np.int64]
    trip: NDArray[np.int32]
    stop: NDArray[np.int32]
    sequence: NDArray[np.int32]
    arrival: NDArray[np.int32]
    departure: NDArray[np.int32]
    travelled: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """The same stop times, by stop and departure: row numbers of `StopTimes`; those of stop `s` at `first[s]:first[s + 1]`."""

    first: NDArray[np.int64]
    row: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """shapes.txt, points in order. Those of shape `s` at `first[s]:first[s + 1]`."""

    ids: Sequence[str]
    first: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """calendar.txt and calendar_dates.txt. Days are `date.toordinal()`.

    weekdays: (services, 7) bool, Monday first. start, end: int32, both included; a service without a calendar row has
    end < start. added, removed: day -> the numbers of the services.
    """

    ids: Sequence[str]
    weekdays: NDArray[np.bool_]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    added: Mapping[int, Sequence[int]]
    removed: Mapping[int, Sequence[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Frequencies:
    """frequencies.txt. start, end, headway: s. exact: exact_times is 1."""

    trip: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    headway: NDArray[np.int32]
    exact: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Timetable:
    """One feed. agencies: their ids. zone: of all its times of day. *_of: id -> number."""

    digest: str
    agencies: Sequence[str]
    zone: ZoneInfo
    stops: Stops
    routes: Routes
    trips: Trips
    times: StopTimes
    calls: Calls
    shapes: Shapes
    calendar: Calendar
    frequencies: Frequencies
    stop_of: Mapping[str, int]
    route_of: Mapping[str, int]
    trip_of: Mapping[str, int]

    def rows(self, trip: int) -> slice:
        """Where the stop times of a trip stand, in order."""
        return slice(int(self.times.first[trip]), int(self.times.first[trip + 1]))

    def calls_at(self, stop: int) -> NDArray[np.int64]:
        """The stop times at a stop, rows of `times`, by departure."""
        return self.calls.row[self.calls.first[stop] : self.calls.first[stop + 1]]

    def line(self, trip: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(lon, lat) of the points of a trip's shape; empty where it has none."""
        shape = int(self.trips.shape[trip])
        span = slice(0, 0) if shape < 0 else slice(int(self.shapes.first[shape]), int(self.shapes.first[shape + 1]))
        return self.shapes.lon[span], self.shapes.lat[span]

    def active(self, day: date) -> NDArray[np.bool_]:
        """(services,) whether each runs on this service day."""
        at = day.toordinal()
        calendar = self.calendar
        runs = (calendar.start <= at) & (at <= calendar.end) & calendar.weekdays[:, day.weekday()]
        runs[list(calendar.added.get(at, ()))] = True
        runs[list(calendar.removed.get(at, ()))] = False
        return runs

    def trips_on(self, day: date) -> NDArray[np.bool_]:
        """(trips,) whether each runs on this service day."""
        service = self.trips.service
        return np.append(self.active(day), False)[service]

    def beginning(self, day: date) -> int:
        """POSIX s of noon minus 12 h of a service day: midnight, but on the days when clocks change."""
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=self.zone)
        return int(noon.timestamp()) - DAY_S // 2

    def days_at(self, at_s: int, *, back: int = 1) -> list[date]:
        """The service days that may be under way at a moment: its local day, and the `back` days before it."""
        today = datetime.fromtimestamp(at_s, self.zone).date()
        return [today - timedelta(days=n) for n in range(back + 1)]

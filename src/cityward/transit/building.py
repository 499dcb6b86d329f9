"""From a feed's tables of text to the columns of a `Timetable`.

What points nowhere, or cannot be read, is left out here: `faults` names it. What is left is a timetable that holds together,
which may be smaller than the feed meant.

INVARIANT: every `Tables` gives a `Timetable` that keeps its own invariants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from cityward.transit.archive import Table, Tables, unpack
from cityward.transit.timetable import (
    Calendar,
    Calls,
    Frequencies,
    Routes,
    Shapes,
    Stops,
    StopTimes,
    Timetable,
    Trips,
)

A = TypeVar("A", bound=np.generic)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_DAY_S = 10 * 86_400  # PRECEDENT: night trains of a few days exist; more is a slip of the pen
_NO_END = (1, 0)  # start, end of a service that has no calendar row


@lru_cache(maxsize=4)
def timetable(body: bytes) -> Timetable:
    """The timetable in a zip. The last four are remembered: they are the same for the same bytes.

    Raises:
        DecodeError: as `archive.unpack`.
    """
    return build(unpack(body), digest=sha256(body).hexdigest())


def build(tables: Tables, *, digest: str = "") -> Timetable:
    """The timetable that these tables are."""
    agencies = tables["agency.txt"]
    agency_of = _numbers(agencies.column("agency_id"))
    stops, stop_of = _stops(tables["stops.txt"])
    routes, route_of = _routes(tables["routes.txt"], agency_of)
    shapes, shape_of = _shapes(tables["shapes.txt"])
    calendar, service_of = _calendar(tables["calendar.txt"], tables["calendar_dates.txt"])
    trips, trip_of = _trips(tables["trips.txt"], route_of, service_of, shape_of)
    times = _times(tables["stop_times.txt"], trip_of, stop_of)
    return Timetable(
        digest=digest,
        agencies=tuple(agency_of),
        zone=_zone(agencies.column("agency_timezone")),
        stops=stops,
        routes=routes,
        trips=trips,
        times=times,
        calls=_calls(times, len(stops.ids)),
        shapes=shapes,
        calendar=calendar,
        frequencies=_frequencies(tables["frequencies.txt"], trip_of),
        stop_of=stop_of,
        route_of=route_of,
        trip_of=trip_of,
    )


def seconds(text: str) -> int:
    """`H:MM:SS` as seconds of a service day; -1 where it is none."""
    parts = text.split(":")
    if len(parts) != 3 or not all(p.isascii() and p.isdigit() and len(p) <= 3 for p in parts):
        return -1
    hours, minutes, rest = map(int, parts)
    if len(parts[1]) != 2 or len(parts[2]) != 2 or minutes >= 60 or rest >= 60:
        return -1
    found = hours * 3600 + minutes * 60 + rest
    return found if found <= MOST_DAY_S else -1


def day(text: str) -> date | None:
    """`YYYYMMDD`; None where it is no day."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def whole(text: str, otherwise: int = -1) -> int:
    """A whole number that is not negative; `otherwise` where it is none, or a wild one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else otherwise


def real(text: str) -> float:
    """A finite number; NaN where it is none."""
    try:
        found = float(text) if len(text) <= 40 else math.nan
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def _numbers(ids: Sequence[str]) -> dict[str, int]:
    """id -> the row of its first mention. Numbered anew, so that the ids themselves are the rows."""
    return {text: n for n, text in enumerate(dict.fromkeys(ids))}


def _firsts(ids: Sequence[str]) -> NDArray[np.int64]:
    """The rows in which an id that is not empty stands for the first time."""
    seen: dict[str, int] = {}
    for row, text in enumerate(ids):
        if text:
            seen.setdefault(text, row)
    return np.fromiter(seen.values(), np.int64, len(seen))


def _taken(table: Table, key: str, names: Sequence[str]) -> list[list[str]]:
    """These columns, in the rows where a new id stands; the id's own first."""
    rows: list[int] = _firsts(table.column(key)).tolist()
    return [[table.column(name)[row] for row in rows] for name in (key, *names)]


def _column(values: Sequence[float], kind: type[A]) -> NDArray[A]:
    column = np.array(values, kind)
    column.setflags(write=False)
    return column


def _sealed(column: NDArray[A]) -> NDArray[A]:
    column.setflags(write=False)
    return column


def _small(text: str, most: int, otherwise: int) -> int:
    found = whole(text, otherwise)
    return found if found <= most else otherwise


def _zone(names: Sequence[str]) -> ZoneInfo:
    """The first agency's clock; UTC where it names none. The tables of the world's clocks are constants."""
    try:
        return ZoneInfo(names[0]) if names and names[0] else ZoneInfo("UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _stops(table: Table) -> tuple[Stops, dict[str, int]]:
    ids, names, lon, lat, kind, parent, boarding = _taken(
        table,
        "stop_id",
        ("stop_name", "stop_lon", "stop_lat", "location_type", "parent_station", "wheelchair_boarding"),
    )
    number = _numbers(ids)
    above = _column([number.get(x, -1) for x in parent], np.int32)
    says = _column([_small(x, 2, 0) for x in boarding], np.int8)
    found = Stops(
        ids=tuple(ids),
        names=tuple(names),
        lon=_column([_degrees(x, 180) for x in lon], np.float64),
        lat=_column([_degrees(x, 90) for x in lat], np.float64),
        kind=_column([_small(x, 4, 0) for x in kind], np.int8),
        parent=above,
        # SPEC: GTFS Schedule, stops.txt: where a platform says nothing, what its station says
        wheelchair=_sealed(np.where((says == 0) & (above >= 0), says[above], says)) if len(ids) else says,
    )
    return found, number


def _degrees(text: str, most: int) -> float:
    found = real(text)
    return found if abs(found) <= most else math.nan


def _routes(table: Table, agency_of: Mapping[str, int]) -> tuple[Routes, dict[str, int]]:
    ids, short, long, kind, agency = _taken(
        table, "route_id", ("route_short_name", "route_long_name", "route_type", "agency_id")
    )
    only = 0 if len(agency_of) == 1 else -1
    found = Routes(
        ids=tuple(ids),
        short_names=tuple(short),
        long_names=tuple(long),
        kind=_column([_small(x, 1702, -1) for x in kind], np.int16),
        agency=_column([agency_of.get(x, -1) if x else only for x in agency], np.int32),
    )
    return found, _numbers(ids)


def _trips(
    table: Table, route_of: Mapping[str, int], service_of: Mapping[str, int], shape_of: Mapping[str, int]
) -> tuple[Trips, dict[str, int]]:
    columns = _taken(
        table, "trip_id", ("trip_headsign", "block_id", "route_id", "service_id", "direction_id", "shape_id")
    )
    ids, headsigns, blocks, route, service, direction, shape = columns
    found = Trips(
        ids=tuple(ids),
        headsigns=tuple(headsigns),
        blocks=tuple(blocks),
        route=_column([route_of.get(x, -1) for x in route], np.int32),
        service=_column([service_of.get(x, -1) for x in service], np.int32),
        direction=_column([_small(x, 1, -1) for x in direction], np.int8),
        shape=_column([shape_of.get(x, -1) for x in shape], np.int32),
    )
    return found, _numbers(ids)


def _times(table: Table, trip_of: Mapping[str, int], stop_of: Mapping[str, int]) -> StopTimes:
    trip = np.array([trip_of.get(x, -1) for x in table.column("trip_id")], np.int32)
    stop = np.array([stop_of.get(x, -1) for x in table.column("stop_id")], np.int32)
    sequence = np.array([whole(x) for x in table.column("stop_sequence")], np.int32)
    kept = np.flatnonzero((trip >= 0) & (stop >= 0) & (sequence >= 0))
    order = kept[np.lexsort((sequence[kept], trip[kept]))]
    known: dict[str, int] = {}
    arrival, departure = (_clock(table.column(n), known)[order] for n in ("arrival_time", "departure_time"))
    travelled = np.array([real(x) for x in table.column("shape_dist_traveled")], np.float64)
    return StopTimes(
        first=_offsets(trip[order], len(trip_of)),
        trip=_sealed(trip[order]),
        stop=_sealed(stop[order]),
        sequence=_sealed(sequence[order]),
        arrival=_sealed(np.where(arrival < 0, departure, arrival)),
        departure=_sealed(np.where(departure < 0, arrival, departure)),
        travelled=_sealed(travelled[order]),
    )


def _clock(texts: Sequence[str], known: dict[str, int]) -> NDArray[np.int32]:
    """The times of a column. Few of them are different: each is read once."""
    for text in set(texts):
        known[text] = seconds(text)
    return np.fromiter((known[t] for t in texts), np.int32, len(texts))


def _offsets(owner: NDArray[np.int32], owners: int) -> NDArray[np.int64]:
    """(owners + 1,) where each one's rows begin; `owner` rises."""
    return _sealed(np.searchsorted(owner, np.arange(owners + 1)).astype(np.int64))


def _calls(times: StopTimes, stops: int) -> Calls:
    row = np.lexsort((times.departure, times.stop)).astype(np.int64)
    return Calls(first=_offsets(times.stop[row], stops), row=_sealed(row))


def _shapes(table: Table) -> tuple[Shapes, dict[str, int]]:
    ids = [x for x in table.column("shape_id") if x]
    number = _numbers(ids)
    shape = np.array([number.get(x, -1) for x in table.column("shape_id")], np.int32)
    sequence = np.array([whole(x) for x in table.column("shape_pt_sequence")], np.int64)
    lon = np.array([_degrees(x, 180) for x in table.column("shape_pt_lon")], np.float64)
    lat = np.array([_degrees(x, 90) for x in table.column("shape_pt_lat")], np.float64)
    kept = np.flatnonzero((shape >= 0) & (sequence >= 0) & ~np.isnan(lon) & ~np.isnan(lat))
    order = kept[np.lexsort((sequence[kept], shape[kept]))]
    found = Shapes(tuple(number), _offsets(shape[order], len(number)), _sealed(lon[order]), _sealed(lat[order]))
    return found, number


def _calendar(table: Table, dates: Table) -> tuple[Calendar, dict[str, int]]:
    ids, start, end, *week = _taken(table, "service_id", ("start_date", "end_date", *WEEKDAYS))
    number = _numbers([*ids, *(x for x in dates.column("service_id") if x)])
    rest = len(number) - len(ids)
    spans = [_span(a, b) for a, b in zip(start, end, strict=True)] + [_NO_END] * rest
    weekdays = np.zeros((len(number), 7), np.bool_)
    weekdays[: len(ids)] = np.array([[x == "1" for x in one] for one in week], np.bool_).T.reshape(len(ids), 7)
    added, removed = _exceptions(dates, number)
    found = Calendar(
        ids=tuple(number),
        weekdays=_sealed(weekdays),
        start=_column([s for s, _ in spans], np.int32),
        end=_column([e for _, e in spans], np.int32),
        added=added,
        removed=removed,
    )
    return found, number


def _span(start: str, end: str) -> tuple[int, int]:
    first, last = day(start), day(end)
    return (first.toordinal(), last.toordinal()) if first is not None and last is not None else _NO_END


def _exceptions(dates: Table, number: Mapping[str, int]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    added, removed = dict[int, list[int]](), dict[int, list[int]]()
    columns = (dates.column(n) for n in ("service_id", "date", "exception_type"))
    for service, when, kind in zip(*columns, strict=True):
        at = day(when)
        if service and at is not None and kind in {"1", "2"}:
            (added if kind == "1" else removed).setdefault(at.toordinal(), []).append(number[service])
    return added, removed


def _frequencies(table: Table, trip_of: Mapping[str, int]) -> Frequencies:
    columns = (table.column(n) for n in ("trip_id", "start_time", "end_time", "headway_secs", "exact_times"))
    read = [
        (trip_of.get(trip, -1), seconds(start), seconds(end), whole(headway), exact == "1")
        for trip, start, end, headway, exact in zip(*columns, strict=True)
    ]
    kept = [row for row in read if min(row[:3]) >= 0 and row[3] > 0]
    return Frequencies(
        trip=_column([r[0] for r in kept], np.int32),
        start=_column([r[1] for r in kept], np.int32),
        end=_column([r[2] for r in kept], np.int32),
        headway=_column([r[3] for r in kept], np.int32),
        exact=_column([r[4] for r in kept], np.bool_),
    )

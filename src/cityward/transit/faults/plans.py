"""Faults of the plan: trips that nobody can run, stops that cannot be one, shapes that are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from cityward.transit.building import day, real
from cityward.transit.faults.fault import Found, Shown, error, warning
from cityward.transit.ground import metres_between

MOST_KMH = {0: 100.0, 1: 150.0, 2: 350.0, 3: 120.0, 4: 80.0, 5: 50.0, 6: 50.0, 7: 50.0, 11: 100.0, 12: 150.0}
OTHER_KMH = 350.0
"""PRECEDENT: what a vehicle of each route type may average between two stops; generous, for stops may lie off the road."""
SLACK_S = 60.0  # times are often given in whole minutes
NEAR_M = 2.0


@error("unusable-trip", "A trip has fewer than two stop times")
def unusable_trip(shown: Shown) -> Found:
    table = shown.tables["trips.txt"]
    calls = Counter(shown.tables["stop_times.txt"].column("trip_id"))
    for row, trip in enumerate(table.column("trip_id")):
        if trip and calls[trip] < 2:
            yield "trips.txt", table.lines[row], "trip_id", f"`{trip[:80]}` has {calls[trip]} stop times"


@error("stop-is-no-platform", "A trip stops at what is no stop or platform")
def no_platform(shown: Shown) -> Found:
    """The same as E010 of the rules of live feeds. Told once for a stop."""
    plan, table = shown.plan, shown.tables["stop_times.txt"]
    stops = table.column("stop_id")
    for number in np.unique(plan.times.stop[plan.stops.kind[plan.times.stop] != 0]).tolist():
        stop = plan.stops.ids[number]
        what = f"`{stop[:80]}` has location_type {plan.stops.kind[number]}"
        yield "stop_times.txt", table.lines[stops.index(stop)], "stop_id", what


@error("wrong-parent", "A stop's parent is not what it can be")
def wrong_parent(shown: Shown) -> Found:
    """A station has none; an entrance has a station; a boarding area has a platform; all others at most a station."""
    table = shown.tables["stops.txt"]
    kinds = table.column("location_type")
    kind_of = {stop: kind or "0" for stop, kind in zip(table.column("stop_id"), kinds, strict=True)}
    for row, parent in enumerate(table.column("parent_station")):
        kind = kinds[row] or "0"
        what = ""
        if not parent:
            what = "empty, and it needs one" if kind in {"2", "3", "4"} else ""
        elif kind == "1":
            what = "a station has no parent"
        elif parent in kind_of and kind_of[parent] != ("0" if kind == "4" else "1"):
            what = f"`{parent[:80]}` has location_type {kind_of[parent]}"
        if what:
            yield "stops.txt", table.lines[row], "parent_station", what


def _steps(shown: Shown) -> Iterator[tuple[int, int]]:
    """Pairs of rows of stop times that follow one another on a trip, both with a time."""
    times = shown.plan.times
    timed = np.flatnonzero(times.departure >= 0)
    same = times.trip[timed[1:]] == times.trip[timed[:-1]]
    yield from zip(timed[:-1][same].tolist(), timed[1:][same].tolist(), strict=True)


def _call(shown: Shown, row: int) -> str:
    plan = shown.plan
    trip, stop = plan.trips.ids[int(plan.times.trip[row])], plan.stops.ids[int(plan.times.stop[row])]
    return f"trip `{trip[:80]}`, stop {plan.times.sequence[row]} (`{stop[:80]}`)"


@error("time-runs-back", "A trip arrives before it left the stop before, or leaves before it arrives")
def runs_back(shown: Shown) -> Found:
    times = shown.plan.times
    for row in np.flatnonzero(times.departure < times.arrival).tolist():
        yield "stop_times.txt", 0, "departure_time", f"{_call(shown, row)} leaves before it arrives"
    back = (times.arrival[1:] >= 0) & (times.departure[:-1] >= 0) & (times.trip[1:] == times.trip[:-1])
    for row in np.flatnonzero(back & (times.arrival[1:] < times.departure[:-1])).tolist():
        yield "stop_times.txt", 0, "arrival_time", f"{_call(shown, row + 1)} comes before the stop before was left"


@error("untimed-end", "The first or last stop of a trip has no time")
def untimed_end(shown: Shown) -> Found:
    times = shown.plan.times
    for first, after in zip(times.first[:-1].tolist(), times.first[1:].tolist(), strict=True):
        for row in {first, after - 1} if after > first else ():
            if times.arrival[row] < 0:
                yield "stop_times.txt", 0, "arrival_time", f"{_call(shown, row)} has no time, at an end of the trip"


@warning("too-fast", "A trip would have to run faster than its vehicles can")
def too_fast(shown: Shown) -> Found:
    """By the straight line between two stops, with a minute to spare, for times are often whole minutes."""
    plan = shown.plan
    for one, two in _steps(shown):
        lapse = int(plan.times.arrival[two] - plan.times.departure[one])
        metres = _apart(shown, one, two)
        route = int(plan.trips.route[int(plan.times.trip[one])])
        most = MOST_KMH.get(int(plan.routes.kind[route]), OTHER_KMH) if route >= 0 else OTHER_KMH
        if lapse >= 0 and metres > most / 3.6 * (lapse + SLACK_S):
            yield "stop_times.txt", 0, "arrival_time", f"{_call(shown, two)}: {metres:.0f} m in {lapse} s"


def _apart(shown: Shown, one: int, two: int) -> float:
    stops = shown.plan.stops
    a, b = int(shown.plan.times.stop[one]), int(shown.plan.times.stop[two])
    found = metres_between(stops.lon[a], stops.lat[a], stops.lon[b], stops.lat[b])
    return 0.0 if np.isnan(found) else found


@warning("duplicate-stop", "Two stops of one name lie in one place")
def duplicate_stop(shown: Shown) -> Found:
    table = shown.tables["stops.txt"]
    columns = (table.column(c) for c in ("stop_name", "location_type", "parent_station", "stop_lat", "stop_lon"))
    first = dict[tuple[str, ...], int]()
    for row, (name, kind, parent, lat, lon) in enumerate(zip(*columns, strict=True)):
        place = (name, kind or "0", parent, f"{real(lat):.5f}", f"{real(lon):.5f}")
        if name and lat and lon and first.setdefault(place, row) != row:
            what = f"`{name[:80]}` lies where line {table.lines[first[place]]} has it"
            yield "stops.txt", table.lines[row], "stop_name", what


@error("calendar-ends-first", "A service ends before it begins")
def ends_first(shown: Shown) -> Found:
    for name, start, end in (
        ("calendar.txt", "start_date", "end_date"),
        ("feed_info.txt", "feed_start_date", "feed_end_date"),
    ):
        table = shown.tables[name]
        for row, pair in enumerate(zip(table.column(start), table.column(end), strict=True)):
            first, last = map(day, pair)
            if first is not None and last is not None and last < first:
                yield name, table.lines[row], end, f"{pair[1]} is before {pair[0]}"


@warning("shape-is-a-point", "A shape has fewer than two different points")
def point_shape(shown: Shown) -> Found:
    shapes, table = shown.plan.shapes, shown.tables["shapes.txt"]
    for number, shape in enumerate(shapes.ids):
        span = slice(int(shapes.first[number]), int(shapes.first[number + 1]))
        if len(set(zip(shapes.lon[span].tolist(), shapes.lat[span].tolist(), strict=True))) < 2:
            line = table.lines[table.column("shape_id").index(shape)]
            yield "shapes.txt", line, "shape_id", f"`{shape[:80]}` has no line"


@error("frequency-ends-first", "A frequency ends before it begins, or overlaps another of the same trip")
def odd_frequency(shown: Shown) -> Found:
    rows = shown.plan.frequencies
    order = np.lexsort((rows.start, rows.trip))
    for n, row in enumerate(order.tolist()):
        trip = shown.plan.trips.ids[int(rows.trip[row])]
        if rows.end[row] <= rows.start[row]:
            yield "frequencies.txt", 0, "end_time", f"trip `{trip[:80]}`: it ends as it begins, or before"
        last = order[n - 1] if n else -1
        if n and rows.trip[last] == rows.trip[row] and rows.start[row] < rows.end[last]:
            yield "frequencies.txt", 0, "start_time", f"trip `{trip[:80]}`: two frequencies at once"


KINDS = (
    unusable_trip, no_platform, wrong_parent, runs_back, untimed_end, too_fast, duplicate_stop, ends_first, point_shape,
    odd_frequency,
)  # fmt: skip

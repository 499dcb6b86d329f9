"""Rules of trips: which trip, of which route, on which day, by the timetable or beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from cityward.transit.building import day, seconds
from cityward.transit.realtime import Trip
from cityward.transit.rules.case import Case, Found, Need, error, warning

BESIDE_THE_PLAN = frozenset({"ADDED", "NEW"})
"""Relationships of trips that no timetable has."""

# NYCT names a trip by its origin time in hundredths of a minute, its route, direction and path: `038236_A..N55R`. Its timetable
# names the same trip otherwise, by a number of its own or with more before it: there is no id to look up.
_NYCT_TRIP = re.compile(r"-?\d{6}_[0-9A-Z]{1,3}\.\.?[NESW].{0,10}")
_TIME = re.compile(r"\d{1,3}:[0-5]\d:[0-5]\d", re.ASCII)


def speaks_nyct(case: Case, trip: Trip) -> bool:
    """Whether a trip is named in NYCT's way, in a feed that says it is NYCT's."""
    return case.feed.header.nyct is not None and _NYCT_TRIP.fullmatch(trip.trip_id or "") is not None


@error("E003", "`trip_id` does not exist in GTFS data", Need.TIMETABLE)
def unknown_trip(case: Case) -> Found:
    """Of trip updates and vehicles. Trips that say they are beside the timetable, and NYCT's names, are looked up nowhere."""
    for entity, path, trip in case.trips():
        known = not trip.trip_id or trip.trip_id in case.plan.trip_of
        if not known and trip.relationship not in BESIDE_THE_PLAN and not speaks_nyct(case, trip):
            yield entity, f"{path}.trip_id", f"`{trip.trip_id}` is not in trips.txt"


@error("E004", "`route_id` does not exist in GTFS data", Need.TIMETABLE)
def unknown_route(case: Case) -> Found:
    for entity, path, route in _routes(case):
        if route not in case.plan.route_of:
            yield entity, path, f"`{route}` is not in routes.txt"


def _routes(case: Case) -> Iterator[tuple[int, str, str]]:
    for entity, path, trip in (*case.trips(), *case.informed_trips()):
        if trip.route_id:
            yield entity, f"{path}.route_id", trip.route_id
    for i, alert in case.feed.alerts():
        for n, one in enumerate(alert.informed):
            if one.route_id:
                yield i, f"alert.informed_entity[{n}].route_id", one.route_id


@error("E006", "Missing required trip field for frequency-based `exact_times` = 0", Need.TIMETABLE)
def frequency_field_missing(case: Case) -> Found:
    """Without a `trip_id` nothing says that a trip is frequency-based: that is W006."""
    for entity, path, trip in _frequent(case, exact=False):
        for name, value in (("start_time", trip.start_time), ("start_date", trip.start_date)):
            if not value:
                yield entity, f"{path}.{name}", f"trip `{trip.trip_id}` runs by frequency and does not say it"


@error("E013", "Frequency type 0 trip `schedule_relationship` should be `UNSCHEDULED` or empty", Need.TIMETABLE)
def frequency_scheduled(case: Case) -> Found:
    for entity, path, trip in _frequent(case, exact=False):
        if trip.relationship not in {None, "UNSCHEDULED"}:
            yield entity, f"{path}.schedule_relationship", f"{trip.relationship} for trip `{trip.trip_id}`"


@error("E016", "`trip_ids` with `schedule_relationship` `ADDED` must not be in GTFS data", Need.TIMETABLE)
def added_but_planned(case: Case) -> Found:
    for entity, path, trip in case.trips():
        if trip.relationship == "ADDED" and trip.trip_id in case.plan.trip_of:
            yield entity, f"{path}.trip_id", f"`{trip.trip_id}` is said to be ADDED, and is in trips.txt"


@error("E019", "Frequency type 1 trip `start_time` must be a multiple of `headway_secs` later", Need.TIMETABLE)
def off_headway(case: Case) -> Found:
    """In one of the periods of `frequencies.txt` that the time lies in."""
    rows = case.plan.frequencies
    for entity, path, trip in _frequent(case, exact=True):
        at = seconds(trip.start_time or "")
        if at < 0:
            continue
        mine = np.flatnonzero((rows.trip == case.plan.trip_of[trip.trip_id or ""]) & rows.exact)
        fits = (rows.start[mine] <= at) & (at <= rows.end[mine]) & ((at - rows.start[mine]) % rows.headway[mine] == 0)
        if not fits.any():
            yield entity, f"{path}.start_time", f"{trip.start_time} is no departure of trip `{trip.trip_id}`"


@error("E020", "Invalid `start_time` format")
def wrong_start_time(case: Case) -> Found:
    for entity, path, trip in (*case.trips(), *case.informed_trips()):
        if trip.start_time and _TIME.fullmatch(trip.start_time) is None:
            yield entity, f"{path}.start_time", f"`{trip.start_time}` is not H:MM:SS"


@error("E021", "Invalid `start_date` format")
def wrong_start_date(case: Case) -> Found:
    for entity, path, trip in (*case.trips(), *case.informed_trips()):
        if trip.start_date and day(trip.start_date) is None:
            yield entity, f"{path}.start_date", f"`{trip.start_date}` is no day written YYYYMMDD"


@error("E023", "trip `start_time` does not match first GTFS `arrival_time`", Need.TIMETABLE)
def other_start(case: Case) -> Found:
    """Of trips that do not run by frequency."""
    plan, frequent = case.plan, _frequency_trips(case)
    for entity, path, trip in case.trips():
        number, at = plan.trip_of.get(trip.trip_id or "", -1), seconds(trip.start_time or "")
        rows = plan.rows(number) if number >= 0 else slice(0, 0)
        if number in frequent or at < 0 or rows.start == rows.stop or trip.relationship in BESIDE_THE_PLAN:
            continue
        first = int(plan.times.arrival[rows.start])
        if first >= 0 and first != at:
            yield entity, f"{path}.start_time", f"{trip.start_time} is not the planned {clock(first)}"


@error("E024", "trip `direction_id` does not match GTFS data", Need.TIMETABLE)
def other_direction(case: Case) -> Found:
    """A timetable that gives the trip no direction contradicts nothing."""
    plan = case.plan
    for entity, path, trip in (*case.trips(), *case.informed_trips()):
        number = plan.trip_of.get(trip.trip_id or "", -1)
        planned = int(plan.trips.direction[number]) if number >= 0 else -1
        if trip.direction_id is not None and planned >= 0 and planned != trip.direction_id:
            yield entity, f"{path}.direction_id", f"{trip.direction_id} is not the planned {planned}"


@error("E035", "`trip.trip_id` does not belong to `trip.route_id` in GTFS `trips.txt`", Need.TIMETABLE)
def other_route(case: Case) -> Found:
    for entity, path, trip in (*case.trips(), *case.informed_trips()):
        planned = route_of(case, trip.trip_id)
        if trip.route_id and planned is not None and planned != trip.route_id:
            yield entity, f"{path}.route_id", f"trip `{trip.trip_id}` is of route `{planned}`, not `{trip.route_id}`"


@warning("W005", "Missing `vehicle_id` in `trip_update` for frequency-based `exact_times` = 0", Need.TIMETABLE)
def frequency_without_vehicle(case: Case) -> Found:
    frequent = _frequency_trips(case, exact=False)
    for i, update, number in case.planned():
        if number in frequent and (update.vehicle is None or not update.vehicle.id):
            yield i, "trip_update.vehicle.id", f"trip `{update.trip.trip_id}` runs by frequency: which of its vehicles?"


@warning("W006", "`trip_update` missing `trip_id`")
def no_trip_id(case: Case) -> Found:
    """A trip named by route, direction, time and date is named well enough, unless its route runs by frequency."""
    frequent = _frequency_routes(case)
    for entity, path, trip in case.trips():
        other = trip.route_id and trip.direction_id is not None and trip.start_time and trip.start_date
        if not trip.trip_id and not (other and trip.route_id not in frequent):
            yield entity, f"{path}.trip_id", "not said"


@warning("W009", "`schedule_relationship` not populated")
def no_relationship(case: Case) -> Found:
    """Told once for all the stops of a trip update."""
    for entity, path, trip in case.trips():
        if trip.relationship is None:
            yield entity, f"{path}.schedule_relationship", "not said"
    for i, update in case.feed.trip_updates():
        without = [n for n, stop in enumerate(update.stops) if stop.relationship is None]
        if without:
            path = f"trip_update.stop_time_update[{without[0]}].schedule_relationship"
            yield i, path, f"not said, for {len(without)} of {len(update.stops)} stops"


def route_of(case: Case, trip_id: str | None) -> str | None:
    """The planned route of a trip, if the timetable has the trip."""
    number = case.plan.trip_of.get(trip_id or "", -1)
    route = int(case.plan.trips.route[number]) if number >= 0 else -1
    return case.plan.routes.ids[route] if route >= 0 else None


def clock(at: int) -> str:
    """Seconds of a service day as H:MM:SS."""
    return f"{at // 3600}:{at // 60 % 60:02d}:{at % 60:02d}"


def _frequency_trips(case: Case, *, exact: bool | None = None) -> frozenset[int]:
    rows = case.plan.frequencies
    which = np.ones(len(rows.trip), np.bool_) if exact is None else rows.exact == exact
    return frozenset(rows.trip[which].tolist())


def _frequency_routes(case: Case) -> frozenset[str]:
    if case.timetable is None:
        return frozenset()
    plan = case.timetable
    numbers = (int(plan.trips.route[trip]) for trip in _frequency_trips(case))
    return frozenset(plan.routes.ids[n] for n in numbers if n >= 0)


def _frequent(case: Case, *, exact: bool) -> Iterator[tuple[int, str, Trip]]:
    """The trips that run by frequency, by departures that are kept exactly or not."""
    numbers = _frequency_trips(case, exact=exact)
    for entity, path, trip in case.trips():
        if case.plan.trip_of.get(trip.trip_id or "", -1) in numbers:
            yield entity, path, trip


RULES = (
    unknown_trip, unknown_route, frequency_field_missing, frequency_scheduled, added_but_planned, off_headway,
    wrong_start_time, wrong_start_date, other_start, other_direction, other_route, frequency_without_vehicle, no_trip_id,
    no_relationship,
)  # fmt: skip

"""Rules of alerts: what they are about."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.transit.realtime import Selector
from cityward.transit.rules.case import Case, Found, Need, error
from cityward.transit.rules.trips import route_of


def _selectors(case: Case) -> Iterator[tuple[int, str, Selector]]:
    for i, alert in case.feed.alerts():
        for n, one in enumerate(alert.informed):
            yield i, f"alert.informed_entity[{n}]", one


@error("E030", "alert `trip_id` does not belong to alert `route_id` in GTFS `trips.txt`", Need.TIMETABLE)
def trip_of_other_route(case: Case) -> Found:
    for entity, path, one in _selectors(case):
        planned = route_of(case, one.trip.trip_id) if one.trip is not None else None
        if one.trip is not None and one.route_id and planned is not None and planned != one.route_id:
            what = f"trip `{one.trip.trip_id}` is of route `{planned}`, not `{one.route_id}`"
            yield entity, f"{path}.trip.trip_id", what


@error("E031", "Alert `informed_entity.route_id` does not match `informed_entity.trip.route_id`")
def two_routes(case: Case) -> Found:
    for entity, path, one in _selectors(case):
        other = one.trip.route_id if one.trip is not None else None
        if one.route_id and other and one.route_id != other:
            yield entity, f"{path}.route_id", f"`{one.route_id}`, and its trip says `{other}`"


@error("E032", "Alert does not have an `informed_entity`")
def about_nothing(case: Case) -> Found:
    for i, alert in case.feed.alerts():
        if not alert.informed:
            yield i, "alert.informed_entity", "none"


@error("E033", "Alert `informed_entity` does not have any specifiers")
def empty_selector(case: Case) -> Found:
    for entity, path, one in _selectors(case):
        trip = one.trip is not None and bool(one.trip.trip_id or one.trip.route_id)
        if not (one.agency_id or one.route_id or one.stop_id or trip or one.route_type is not None):
            yield entity, path, "names nothing"


@error("E034", "`agency_id` does not exist in GTFS data", Need.TIMETABLE)
def unknown_agency(case: Case) -> Found:
    for entity, path, one in _selectors(case):
        if one.agency_id and one.agency_id not in case.plan.agencies:
            yield entity, f"{path}.agency_id", f"`{one.agency_id}` is not in agency.txt"


RULES = (trip_of_other_route, two_routes, about_nothing, empty_selector, unknown_agency)

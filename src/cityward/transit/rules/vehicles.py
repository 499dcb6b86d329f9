"""Rules of vehicles: where one is, how fast, which one, and that two feeds say the same of it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from cityward.transit.ground import covers, metres_to_line
from cityward.transit.realtime import VehiclePosition, Whereabouts
from cityward.transit.rules.case import Case, Found, Need, error, warning

COVERAGE_MARGIN_M = 1609.0
TRIP_MARGIN_M = 200.0
MOST_SPEED_M_S = 26.0


def _placed(case: Case) -> Iterator[tuple[int, VehiclePosition, Whereabouts]]:
    for i, vehicle in case.feed.vehicles():
        if vehicle.position is not None:
            yield i, vehicle, vehicle.position


def is_on_earth(at: Whereabouts) -> bool:
    """Whether it is a place at all. Exactly 0 is what an unset coordinate looks like, and no stop of ours lies there."""
    if not (math.isfinite(at.latitude) and math.isfinite(at.longitude)):
        return False
    return abs(at.latitude) <= 90 and abs(at.longitude) <= 180 and at.latitude != 0 and at.longitude != 0


@error("E026", "Invalid vehicle `position`")
def no_place(case: Case) -> Found:
    """WGS 84 degrees; one that is exactly 0 was never set."""
    for i, _, at in _placed(case):
        if not is_on_earth(at):
            yield i, "vehicle.position", f"latitude {at.latitude:g}, longitude {at.longitude:g} is no place"


@error("E027", "Invalid vehicle `bearing`")
def no_bearing(case: Case) -> Found:
    for i, _, at in _placed(case):
        if at.bearing is not None and not 0 <= at.bearing <= 360:
            yield i, "vehicle.position.bearing", f"{at.bearing:g} is not between 0 and 360 degrees"


@error("E028", "Vehicle `position` outside agency coverage area", Need.TIMETABLE)
def outside(case: Case) -> Found:
    """Of the box around all shapes (all stops, where there are no shapes) and 1,609 m beyond."""
    plan = case.plan
    lons, lats = (plan.shapes.lon, plan.shapes.lat) if len(plan.shapes.lon) else (plan.stops.lon, plan.stops.lat)
    for i, _, at in _placed(case):
        if is_on_earth(at) and not covers(lons, lats, at.longitude, at.latitude, COVERAGE_MARGIN_M):
            what = f"latitude {at.latitude:.5f}, longitude {at.longitude:.5f} is outside the timetable's area"
            yield i, "vehicle.position", what


@error("E029", "Vehicle `position` far from trip shape", Need.TIMETABLE)
def off_route(case: Case) -> Found:
    """More than 200 m from the line of its trip, unless an alert tells of a detour of the trip or of its route."""
    detours = _detours(case)
    for i, vehicle, at in _placed(case):
        trip = vehicle.trip
        number = case.plan.trip_of.get(trip.trip_id or "", -1) if trip is not None else -1
        if trip is None or number < 0 or not is_on_earth(at):
            continue
        route = case.plan.trips.route[number]
        if trip.trip_id in detours or (route >= 0 and f"route {case.plan.routes.ids[route]}" in detours):
            continue
        lons, lats = case.plan.line(number)
        away = metres_to_line(at.longitude, at.latitude, lons, lats)
        if len(lons) and away > TRIP_MARGIN_M:
            yield i, "vehicle.position", f"{away:.0f} m from the line of trip `{trip.trip_id}`"


def _detours(case: Case) -> frozenset[str]:
    """The trips, and `route <id>`, that an alert says make a detour. A route's own alert speaks of all its trips."""
    found = set[str]()
    for alert in case.all_alerts():
        for one in alert.informed if alert.effect == "DETOUR" else ():
            if one.trip is not None and one.trip.trip_id:
                found.add(one.trip.trip_id)
            elif one.route_id and one.stop_id is None:
                found.add(f"route {one.route_id}")
    return frozenset(found)


@error("E047", "`VehiclePosition` and `TripUpdate` ID pairing mismatch", Need.BOTH)
def other_pairing(case: Case) -> Found:
    """A trip with two vehicles, or a vehicle on a trip that the updates of that vehicle do not know."""
    vehicle_of, trips_of = dict[str, str](), dict[str, set[str]]()
    for update in case.all_updates():
        if update.trip.trip_id and update.vehicle is not None and update.vehicle.id:
            vehicle_of[update.trip.trip_id] = update.vehicle.id
            trips_of.setdefault(update.vehicle.id, set()).add(update.trip.trip_id)
    for vehicle in case.all_vehicles():
        trip = vehicle.trip.trip_id if vehicle.trip is not None else None
        mine = vehicle.vehicle.id if vehicle.vehicle is not None else None
        if not trip or not mine:
            continue
        if vehicle_of.get(trip, mine) != mine:
            yield (
                _entity(case, vehicle),
                "vehicle",
                f"trip `{trip}` has vehicle `{mine}` here, `{vehicle_of[trip]}` there",
            )
        elif mine in trips_of and trip not in trips_of[mine]:
            other = min(trips_of[mine])
            yield _entity(case, vehicle), "vehicle", f"vehicle `{mine}` is on trip `{trip}` here, on `{other}` there"


def _entity(case: Case, vehicle: VehiclePosition) -> int:
    """Its number in this feed; -1 where it is in the feed beside."""
    return next((i for i, mine in case.feed.vehicles() if mine is vehicle), -1)


@error("E052", "`vehicle.id` is not unique")
def two_of_one(case: Case) -> Found:
    """Among the vehicle positions of one feed. Each but the first is told."""
    seen = dict[str, int]()
    for i, vehicle in case.feed.vehicles():
        mine = vehicle.vehicle.id if vehicle.vehicle is not None else None
        if mine and mine in seen:
            yield i, "vehicle.vehicle.id", f"`{mine}` is entity {seen[mine]} too"
        elif mine:
            seen[mine] = i


@warning("W002", "`vehicle_id` not populated")
def no_vehicle_id(case: Case) -> Found:
    for i, update in case.feed.trip_updates():
        if update.vehicle is None or not update.vehicle.id:
            yield i, "trip_update.vehicle.id", "not said"
    for i, vehicle in case.feed.vehicles():
        if vehicle.vehicle is None or not vehicle.vehicle.id:
            yield i, "vehicle.vehicle.id", "not said"


@warning("W003", "ID in one feed missing from the other", Need.BOTH)
def not_in_the_other(case: Case) -> Found:
    """A vehicle's trip without an update; an update's vehicle without a position."""
    updated = {u.trip.trip_id for u in case.all_updates()}
    placed = {v.vehicle.id for v in case.all_vehicles() if v.vehicle is not None}
    for i, vehicle in case.feed.vehicles():
        if vehicle.trip is not None and vehicle.trip.trip_id and vehicle.trip.trip_id not in updated:
            yield i, "vehicle.trip.trip_id", f"`{vehicle.trip.trip_id}` has no trip update"
    for i, update in case.feed.trip_updates():
        if update.vehicle is not None and update.vehicle.id and update.vehicle.id not in placed:
            yield i, "trip_update.vehicle.id", f"`{update.vehicle.id}` has no position"


@warning("W004", "vehicle `speed` is unrealistic")
def too_fast(case: Case) -> Found:
    """Over 26 m/s, or under 0. The published bound is for buses: a fast train breaks it truly and harmlessly."""
    for i, _, at in _placed(case):
        if at.speed is not None and not 0 <= at.speed <= MOST_SPEED_M_S:
            yield i, "vehicle.position.speed", f"{at.speed:g} m/s is not between 0 and {MOST_SPEED_M_S:g}"


RULES = (
    no_place, no_bearing, outside, off_route, other_pairing, two_of_one, no_vehicle_id, not_in_the_other, too_fast,
)  # fmt: skip

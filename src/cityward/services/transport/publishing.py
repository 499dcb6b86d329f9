"""What others may fetch: our own GTFS-Realtime feeds, SIRI-Lite answers, and what the stop pages show.

INVARIANTS
- Our feeds keep the published rules (`transit.rules` finds nothing in them, beside the agency's timetable): times rise along a
  trip, no header is older than its content, every trip and stop is the timetable's, a trip with a vehicle has its position.
- What is not predicted from a fresh feed is in no feed of ours; a stop page may show it, called timetable.

SPEC: GTFS Realtime 2.0.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from cityward.services.transport.pages import stop_pages
from cityward.services.transport.picture import Picture
from cityward.services.transport.plan import Planned, planned
from cityward.services.transport.runs import Arrival, Run
from cityward.services.transport.settings import TransportSettings
from cityward.services.transport.siri import estimated_timetable, stop_monitoring
from cityward.transit.encoding import encode
from cityward.transit.realtime import (
    FULL_DATASET,
    Entity,
    Event,
    Feed,
    Header,
    StopUpdate,
    Trip,
    TripUpdate,
    Vehicle,
    VehiclePosition,
)

TRIP_UPDATES, VEHICLE_POSITIONS, ALERTS = "trip-updates.pb", "vehicle-positions.pb", "alerts.pb"
ESTIMATED_TIMETABLE, STOP_MONITORING, STOPS = "siri-et.json", "siri-sm.json", "stops.json"
MOST_ALERTS = 500


def published(picture: Picture, settings: TransportSettings) -> dict[str, bytes]:
    """Name -> body, always the same names."""
    header = Header(version="2.0", incrementality=FULL_DATASET, timestamp=picture.now_s)
    told = list(_told(picture))
    return {
        TRIP_UPDATES: encode(Feed(header=header, entities=tuple(_update(picture, *one) for one in told))),
        VEHICLE_POSITIONS: encode(Feed(header=header, entities=tuple(_positions(picture, told)))),
        ALERTS: encode(Feed(header=header, entities=tuple(_alerts(picture)))),
        ESTIMATED_TIMETABLE: estimated_timetable(picture, settings),
        STOP_MONITORING: stop_monitoring(picture, settings),
        STOPS: stop_pages(picture, settings),
    }


def _told(picture: Picture) -> Iterator[tuple[Run, Planned, Sequence[Arrival]]]:
    """The trips that stand in the timetable and have a vehicle: an id that riders' programs can look up."""
    arrivals: dict[str, list[Arrival]] = defaultdict(list)
    for one in picture.arrivals:
        arrivals[one.trip].append(one)
    twice: set[tuple[str, str]] = set()
    vehicles: set[str] = set()
    for run in picture.runs:
        plan = planned(picture.table, run.trip_id, run.start_date or None, picture.at_s) if picture.table else None
        same = (run.trip_id, run.start_date)
        if plan is None or same in twice or not run.vehicle or run.vehicle in vehicles or not arrivals[run.trip]:
            continue
        twice.add(same)
        vehicles.add(run.vehicle)
        yield run, plan, arrivals[run.trip]


def _trip(run: Run, plan: Planned) -> Trip:
    return Trip(
        trip_id=run.trip_id,
        route_id=plan.route,
        direction_id=int(plan.direction),
        start_date=f"{plan.day:%Y%m%d}",
        relationship="SCHEDULED",
    )


def _update(picture: Picture, run: Run, plan: Planned, arrivals: Sequence[Arrival]) -> Entity:
    update = TripUpdate(
        trip=_trip(run, plan),
        vehicle=Vehicle(id=run.vehicle),
        stops=tuple(_stops(plan, arrivals)),
        timestamp=min(picture.at_s, picture.now_s),
    )
    return Entity(id=f"u {run.trip}", trip_update=update)


def _stops(plan: Planned, arrivals: Sequence[Arrival]) -> Iterator[StopUpdate]:
    """In the order of the trip, each stop once, times rising."""
    expected = {one.stop: one for one in arrivals}
    latest = 0
    for n, stop in enumerate(plan.stops):
        one = expected.pop(stop, None)
        if one is None:
            continue
        arrives = max(round(one.arrives), latest + 1)
        leaves = latest = max(round(one.leaves), arrives)
        half = math.ceil((one.high - one.low) / 2)
        yield StopUpdate(
            stop_sequence=plan.sequence[n],
            stop_id=stop,
            arrival=Event(time=arrives, uncertainty=half),
            departure=Event(time=leaves, uncertainty=half),
            relationship="SCHEDULED",
        )


def _positions(picture: Picture, told: Sequence[tuple[Run, Planned, Sequence[Arrival]]]) -> Iterator[Entity]:
    for run, plan, _ in told:
        seen = picture.believed.get(run.vehicle)
        if seen is None or seen.position is None:
            continue
        known = seen.stop_id in plan.stops
        at = plan.stops.index(seen.stop_id) if known and seen.stop_id is not None else None
        position = VehiclePosition(
            trip=_trip(run, plan),
            vehicle=Vehicle(id=run.vehicle),
            position=seen.position,
            stop_sequence=plan.sequence[at] if at is not None else None,
            stop_id=seen.stop_id if known else None,
            status=seen.status if known else None,
            timestamp=min(seen.timestamp or picture.at_s, picture.now_s),
        )
        yield Entity(id=f"v {run.vehicle}", vehicle=position)


def _alerts(picture: Picture) -> Iterator[Entity]:
    """The agency's own, as they came: what they are about is known to the timetable or left out."""
    told = 0
    for feed in picture.feeds:
        for _, alert in feed.alerts():
            informed = tuple(one for one in alert.informed if _is_known(picture, one.route_id, one.stop_id))
            if informed and told < MOST_ALERTS:
                told += 1
                yield Entity(id=f"a {told}", alert=msgspec.structs.replace(alert, informed=informed))


def _is_known(picture: Picture, route_id: str | None, stop_id: str | None) -> bool:
    table = picture.table
    if table is None:
        return False
    return (route_id is None or route_id in table.route_of) and (stop_id is None or stop_id in table.stop_of)

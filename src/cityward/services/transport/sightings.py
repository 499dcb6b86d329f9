"""Trips under way, made of what feeds say, where vehicles are believed to be, and the timetable.

Where a feed says less than it might, the timetable fills in: a delay at one stop holds for those after it until another is given
(SPEC: GTFS Realtime, StopTimeUpdate), and a vehicle without a trip update has the delay with which it was seen.

INVARIANT: total: whatever a feed says gives runs, maybe none; each trip at most once, each stop of a trip once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from cityward.services.transport.ground import along_line
from cityward.services.transport.memory import LONGEST_STOP
from cityward.services.transport.plan import Planned, key_of, place_of, planned
from cityward.services.transport.runs import Call, Run, Stage
from cityward.transit.realtime import Feed, StopUpdate, Trip, TripUpdate, VehiclePosition
from cityward.transit.timetable import Timetable

MOST_RUNS = 2000
MOST_CALLS = 100
GONE = frozenset({"CANCELED", "DELETED"})
PASSED_OVER = frozenset({"SKIPPED", "NO_DATA"})
LATE_TO_GO_S = 3600  # a call expected so long ago has been left, whatever the feed still lists


def runs_of(
    feeds: Sequence[Feed], vehicles: Mapping[str, VehiclePosition], table: Timetable | None, at_s: int
) -> list[Run]:
    """The trips under way, those with updates first. vehicles: by name, as far as they are believed."""
    located = {key: (name, one) for name, one in vehicles.items() if (key := key_of(one.trip)) is not None}
    runs: dict[str, Run] = {}
    for feed in feeds:
        for _, update in feed.trip_updates():
            key = key_of(update.trip)
            if key is None or key in runs or update.trip.relationship in GONE or len(runs) >= MOST_RUNS:
                continue
            run = _run(key, update.trip, update, located.get(key), table, at_s)
            if run is not None:
                runs[key] = run
    for key, (name, one) in located.items():
        if key not in runs and one.trip is not None and len(runs) < MOST_RUNS:
            run = _run(key, one.trip, None, (name, one), table, at_s)
            if run is not None:
                runs[key] = run
    return list(runs.values())


def cancelled(feeds: Sequence[Feed]) -> frozenset[str]:
    """The trips that do not run."""
    updates = (update for feed in feeds for _, update in feed.trip_updates())
    keys = (key_of(update.trip) for update in updates if update.trip.relationship in GONE)
    return frozenset(key for key in keys if key is not None)


def _run(
    key: str,
    trip: Trip,
    update: TripUpdate | None,
    located: tuple[str, VehiclePosition] | None,
    table: Timetable | None,
    at_s: int,
) -> Run | None:
    plan = planned(table, trip.trip_id, trip.start_date, at_s) if table is not None and trip.trip_id else None
    name, seen = located if located is not None else ("", None)
    calls = _calls(update, plan, seen, table, at_s)
    if not calls:
        return None
    stage = _stage(calls, seen, plan)
    return Run(
        trip=key,
        trip_id=trip.trip_id or "",
        start_date=trip.start_date or (f"{plan.day:%Y%m%d}" if plan is not None else ""),
        route=trip.route_id or (plan.route if plan is not None else ""),
        direction=_direction(trip, plan),
        calls=tuple(calls),
        stage=stage,
        at=(seen.stop_id or "") if seen is not None else "",
        seen_at=min(seen.timestamp or at_s, at_s) if seen is not None else 0,
        vehicle=name,
    )


def _direction(trip: Trip, plan: Planned | None) -> str:
    if trip.direction_id is not None:
        return str(trip.direction_id)
    if trip.nyct is not None and trip.nyct.direction:
        return trip.nyct.direction[:1]
    if plan is not None:
        return plan.direction
    return ""


def _calls(
    update: TripUpdate | None,
    plan: Planned | None,
    seen: VehiclePosition | None,
    table: Timetable | None,
    at_s: int,
) -> list[Call]:
    if plan is None:
        found = _updated(update.stops if update is not None else ())
    elif update is not None and update.stops:
        found = _filled(update, plan)
    else:
        late = update.delay if update is not None and update.delay is not None else _lateness(plan, seen, table, at_s)
        found = [(stop, plan.arrivals[n] + late) for n, stop in enumerate(plan.stops)]
        found = _ahead_of(found, seen, plan)
    once = dict[str, int]()
    for stop, expected in found:
        if 0 < len(stop) <= LONGEST_STOP and expected > at_s - LATE_TO_GO_S:
            once.setdefault(stop, expected)
    return [Call(stop, expected) for stop, expected in list(once.items())[:MOST_CALLS]]


def _updated(stops: Sequence[StopUpdate]) -> list[tuple[str, int]]:
    """What a trip update says by itself, where no timetable knows the trip."""
    found: list[tuple[str, int]] = []
    for stop in stops:
        expected = _time(stop)
        if stop.stop_id and expected is not None and stop.relationship not in PASSED_OVER:
            found.append((stop.stop_id, expected))
    return found


def _time(stop: StopUpdate) -> int | None:
    for event in (stop.arrival, stop.departure):
        if event is not None and event.time:
            return event.time
    return None


def _filled(update: TripUpdate, plan: Planned) -> list[tuple[str, int]]:
    """From the first stop that the update names: what it says, and the last delay where it says nothing."""
    by_sequence = {stop.stop_sequence: stop for stop in update.stops if stop.stop_sequence is not None}
    by_stop = {stop.stop_id: stop for stop in update.stops if stop.stop_id is not None and stop.stop_sequence is None}
    late: int | None = None
    found: list[tuple[str, int]] = []
    for n, stop in enumerate(plan.stops):
        said = by_sequence.get(plan.sequence[n]) or by_stop.get(stop)
        if said is not None:
            late = _late(said, plan, n, late)
        if late is not None and (said is None or said.relationship not in PASSED_OVER):
            found.append((stop, plan.arrivals[n] + late))
    return found


def _late(said: StopUpdate, plan: Planned, n: int, before: int | None) -> int | None:
    for event, aimed in ((said.arrival, plan.arrivals[n]), (said.departure, plan.departures[n])):
        if event is not None and event.time:
            return event.time - aimed
        if event is not None and event.delay is not None:
            return event.delay
    return before if said.relationship in PASSED_OVER else before or 0


def _lateness(plan: Planned, seen: VehiclePosition | None, table: Timetable | None, at_s: int) -> int:
    """How late a vehicle is where it was seen; 0 where that cannot be told."""
    if seen is None:
        return 0
    when = min(seen.timestamp or at_s, at_s)
    n = _number(plan, seen)
    if n is not None and seen.status == "STOPPED_AT":
        return when - plan.arrivals[n]
    places = [place_of(table, stop) for stop in plan.stops] if table is not None else []
    if seen.position is None or not math.isfinite(seen.position.longitude + seen.position.latitude):
        return 0
    if not places or any(place is None for place in places):
        return 0
    line = [place for place in places if place is not None]
    piece, along = along_line((seen.position.longitude, seen.position.latitude), line)
    begin, end = plan.departures[piece], plan.arrivals[min(piece + 1, len(plan.arrivals) - 1)]
    return max(0, round(when - begin - along * (end - begin)))


def _number(plan: Planned, seen: VehiclePosition) -> int | None:
    """The call of the plan that the vehicle's report names."""
    if seen.stop_sequence is not None and seen.stop_sequence in plan.sequence:
        return plan.sequence.index(seen.stop_sequence)
    return plan.stops.index(seen.stop_id) if seen.stop_id in plan.stops else None


def _ahead_of(found: list[tuple[str, int]], seen: VehiclePosition | None, plan: Planned) -> list[tuple[str, int]]:
    n = _number(plan, seen) if seen is not None else None
    return found[n:] if n is not None else found


def _stage(calls: Sequence[Call], seen: VehiclePosition | None, plan: Planned | None) -> Stage:
    if seen is None or not (seen.stop_id or seen.position):
        return Stage.UNSEEN
    ahead = any(call.stop == seen.stop_id for call in calls)
    if seen.status == "STOPPED_AT":
        return Stage.STANDING if ahead else Stage.BETWEEN
    first = plan.stops[0] if plan is not None else calls[0].stop
    begun = calls[0].stop != first or (plan is None and (seen.stop_sequence or 0) > 1)
    return Stage.BETWEEN if begun else Stage.AHEAD


def vehicles_in(feeds: Sequence[Feed]) -> Iterator[VehiclePosition]:
    """Every vehicle position of the feeds, in order."""
    return (one for feed in feeds for _, one in feed.vehicles())

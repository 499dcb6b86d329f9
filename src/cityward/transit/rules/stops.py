"""Rules of stops: what a trip update expects at each, in order, by the timetable."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from cityward.transit.realtime import Event, StopUpdate, TripUpdate
from cityward.transit.rules.case import Case, Found, Need, error

WITHOUT_STOPS = frozenset({"CANCELED", "DELETED"})


def _updates(case: Case) -> Iterator[tuple[int, TripUpdate, int, StopUpdate, str]]:
    for i, update in case.feed.trip_updates():
        for n, stop in enumerate(update.stops):
            yield i, update, n, stop, f"trip_update.stop_time_update[{n}]"


def _events(stop: StopUpdate) -> list[tuple[str, Event]]:
    both = (("arrival", stop.arrival), ("departure", stop.departure))
    return [(name, event) for name, event in both if event is not None]


def _pairs(case: Case) -> Iterator[tuple[int, TripUpdate, StopUpdate, StopUpdate, str]]:
    """Every stop with the one before it."""
    for i, update in case.feed.trip_updates():
        for n, (one, two) in enumerate(pairwise(update.stops), start=1):
            yield i, update, one, two, f"trip_update.stop_time_update[{n}]"


@error("E002", "`stop_time_updates` not strictly sorted")
def unsorted(case: Case) -> Found:
    """By `stop_sequence` where stops say it, else, with a timetable, by the order of their `stop_id`s on the trip."""
    for i, update in case.feed.trip_updates():
        places = [s.stop_sequence for s in update.stops]
        if update.stops and all(p is None for p in places):
            yield from _out_of_plan(case, i, update)
            continue
        said = [(n, p) for n, p in enumerate(places) if p is not None]
        for (_, one), (n, two) in pairwise(said):
            if two <= one:
                yield i, f"trip_update.stop_time_update[{n}].stop_sequence", f"{two} follows {one}"


def _out_of_plan(case: Case, entity: int, update: TripUpdate) -> Found:
    """The stops without a sequence whose ids cannot be found one after another on the planned trip."""
    plan = case.timetable
    number = plan.trip_of.get(update.trip.trip_id or "", -1) if plan is not None else -1
    if plan is None or number < 0:
        return
    planned = [plan.stops.ids[s] for s in plan.times.stop[plan.rows(number)]]
    at = 0
    for n, stop in enumerate(update.stops):
        if stop.stop_id not in planned:
            continue
        if stop.stop_id not in planned[at:]:
            yield entity, f"trip_update.stop_time_update[{n}].stop_id", f"`{stop.stop_id}` comes earlier on the trip"
            return
        at = planned.index(stop.stop_id, at) + 1


@error("E009", "`stop_sequence` isn't provided for `trip` that visits same `stop_id` more than once", Need.TIMETABLE)
def loop_without_sequence(case: Case) -> Found:
    """Told once for a trip."""
    for i, update, number in case.planned():
        planned = case.plan.times.stop[case.plan.rows(number)]
        without = [n for n, s in enumerate(update.stops) if s.stop_sequence is None]
        if without and len(np.unique(planned)) < len(planned):
            what = f"trip `{update.trip.trip_id}` visits a stop more than once"
            yield i, f"trip_update.stop_time_update[{without[0]}].stop_sequence", what


@error("E010", "`location_type` not `0` in stops.txt", Need.TIMETABLE)
def planned_at_no_platform(case: Case) -> Found:
    """Of the timetable itself: its stop times name stations or entrances."""
    plan = case.plan
    for stop in np.unique(plan.times.stop[plan.stops.kind[plan.times.stop] != 0]):
        yield -1, f"stops.txt `{plan.stops.ids[stop]}`", f"location_type {plan.stops.kind[stop]}, and trips stop there"


@error("E011", "`stop_id` does not exist in GTFS data", Need.TIMETABLE)
def unknown_stop(case: Case) -> Found:
    """Of trip updates, vehicles and alerts."""
    for entity, path, stop in (*_stop_ids(case), *_informed(case)):
        if stop not in case.plan.stop_of:
            yield entity, path, f"`{stop}` is not in stops.txt"


@error("E015", "All `stop_ids` must have the `location_type` = 0", Need.TIMETABLE)
def no_platform(case: Case) -> Found:
    """Of trip updates and vehicles; alerts may name stations."""
    plan = case.plan
    for entity, path, stop in _stop_ids(case):
        number = plan.stop_of.get(stop, -1)
        if number >= 0 and plan.stops.kind[number] != 0:
            yield entity, path, f"`{stop}` has location_type {plan.stops.kind[number]}"


def _stop_ids(case: Case) -> Iterator[tuple[int, str, str]]:
    for i, _, _, stop, path in _updates(case):
        if stop.stop_id:
            yield i, f"{path}.stop_id", stop.stop_id
    for i, vehicle in case.feed.vehicles():
        if vehicle.stop_id:
            yield i, "vehicle.stop_id", vehicle.stop_id


def _informed(case: Case) -> Iterator[tuple[int, str, str]]:
    for i, alert in case.feed.alerts():
        for n, one in enumerate(alert.informed):
            if one.stop_id:
                yield i, f"alert.informed_entity[{n}].stop_id", one.stop_id


@error("E022", "Sequential `stop_time_update` times are not increasing")
def not_increasing(case: Case) -> Found:
    """Each time of a stop is later than each of the last stop before it that has one."""
    for i, update in case.feed.trip_updates():
        latest: int | None = None
        for n, stop in enumerate(update.stops):
            said = [(name, event.time) for name, event in _events(stop) if event.time is not None]
            for name, at in said:
                if latest is not None and at <= latest:
                    path = f"trip_update.stop_time_update[{n}].{name}.time"
                    yield i, path, f"{at} is not after {latest} at the stop before"
            latest = max((at for _, at in said), default=latest)


@error("E025", "`stop_time_update` departure time is before arrival time")
def leaves_before_arriving(case: Case) -> Found:
    for i, _, _, stop, path in _updates(case):
        if stop.arrival is None or stop.departure is None:
            continue
        arrival, departure = stop.arrival.time, stop.departure.time
        if arrival is not None and departure is not None and departure < arrival:
            yield i, f"{path}.departure.time", f"{departure} is {arrival - departure} s before the arrival {arrival}"


@error("E036", "Sequential `stop_time_updates` have the same `stop_sequence`")
def same_sequence(case: Case) -> Found:
    for i, _, one, two, path in _pairs(case):
        if two.stop_sequence is not None and one.stop_sequence == two.stop_sequence:
            yield i, f"{path}.stop_sequence", f"{two.stop_sequence} again"


@error("E037", "Sequential `stop_time_updates` have the same `stop_id`")
def same_stop(case: Case) -> Found:
    """A loop whose both ends are in the timetable under these sequences is none."""
    for i, update, one, two, path in _pairs(case):
        if two.stop_id and one.stop_id == two.stop_id and not _both_planned(case, update, one, two):
            yield i, f"{path}.stop_id", f"`{two.stop_id}` again"


def _both_planned(case: Case, update: TripUpdate, one: StopUpdate, two: StopUpdate) -> bool:
    if case.timetable is None or one.stop_sequence == two.stop_sequence:
        return False
    number = case.timetable.trip_of.get(update.trip.trip_id or "", -1)
    return number >= 0 and all(_planned_stop(case, number, s.stop_sequence) == s.stop_id for s in (one, two))


def _planned_stop(case: Case, trip: int, sequence: int | None) -> str | None:
    row = _row(case, trip, sequence)
    return None if row is None else case.plan.stops.ids[int(case.plan.times.stop[row])]


def _row(case: Case, trip: int, sequence: int | None) -> int | None:
    """The stop time of a trip under a sequence."""
    if sequence is None:
        return None
    rows = case.plan.rows(trip)
    at = rows.start + int(np.searchsorted(case.plan.times.sequence[rows], sequence))
    return at if at < rows.stop and case.plan.times.sequence[at] == sequence else None


@error("E040", "`stop_time_update` doesn't contain `stop_id` or `stop_sequence`")
def which_stop(case: Case) -> Found:
    for i, _, _, stop, path in _updates(case):
        if not stop.stop_id and stop.stop_sequence is None:
            yield i, path, "says neither stop_id nor stop_sequence"


@error("E041", "`trip` doesn't have any `stop_time_updates`")
def no_stops(case: Case) -> Found:
    """A trip that is taken back needs none."""
    for i, update in case.feed.trip_updates():
        if not update.stops and update.trip.relationship not in WITHOUT_STOPS:
            yield i, "trip_update.stop_time_update", f"none, for trip `{update.trip.trip_id or ''}`"


@error("E042", "`arrival` or `departure` provided for `NO_DATA` `stop_time_update`")
def data_for_no_data(case: Case) -> Found:
    for i, _, _, stop, path in _updates(case):
        if stop.relationship == "NO_DATA":
            yield from ((i, f"{path}.{name}", "given, where NO_DATA is said") for name, _ in _events(stop))


@error("E043", "`stop_time_update` doesn't have `arrival` or `departure`")
def nothing_expected(case: Case) -> Found:
    for i, _, _, stop, path in _updates(case):
        if stop.relationship not in {"SKIPPED", "NO_DATA"} and not _events(stop):
            yield i, path, "says neither arrival nor departure"


@error("E044", "`stop_time_update` `arrival/departure` doesn't have `delay` or `time`")
def empty_event(case: Case) -> Found:
    for i, _, _, stop, path in _updates(case):
        for name, event in _events(stop):
            if stop.relationship != "SKIPPED" and event.time is None and event.delay is None:
                yield i, f"{path}.{name}", "says neither time nor delay"


@error("E045", "`stop_time_update` `stop_sequence` and `stop_id` do not match GTFS", Need.TIMETABLE)
def other_stop(case: Case) -> Found:
    for i, update, number in case.planned():
        for n, stop in enumerate(update.stops):
            planned = _planned_stop(case, number, stop.stop_sequence)
            if stop.stop_id and planned is not None and planned != stop.stop_id:
                path = f"trip_update.stop_time_update[{n}].stop_id"
                yield i, path, f"stop {stop.stop_sequence} of the trip is `{planned}`, not `{stop.stop_id}`"


@error("E046", "`stop_time_update` without `time` doesn't have arrival/departure time in GTFS", Need.TIMETABLE)
def delay_of_nothing(case: Case) -> Found:
    for i, update, number in case.planned():
        for n, stop in enumerate(update.stops):
            row = _stop_time(case, number, stop)
            if row is None or case.plan.times.arrival[row] >= 0:
                continue
            for name, event in _events(stop):
                if event.time is None and event.delay is not None:
                    yield i, f"trip_update.stop_time_update[{n}].{name}", "a delay, and no planned time"


def _stop_time(case: Case, trip: int, stop: StopUpdate) -> int | None:
    """By sequence, or by the stop where the trip visits it once."""
    if stop.stop_sequence is not None:
        return _row(case, trip, stop.stop_sequence)
    rows = case.plan.rows(trip)
    found = np.flatnonzero(case.plan.times.stop[rows] == case.plan.stop_of.get(stop.stop_id or "", -1))
    return rows.start + int(found[0]) if len(found) == 1 else None


@error("E051", "`stop_sequence` not found in GTFS data", Need.TIMETABLE)
def unknown_sequence(case: Case) -> Found:
    for i, update, number in case.planned():
        for n, stop in enumerate(update.stops):
            if stop.stop_sequence is not None and _row(case, number, stop.stop_sequence) is None:
                path = f"trip_update.stop_time_update[{n}].stop_sequence"
                yield i, path, f"trip `{update.trip.trip_id}` has no stop {stop.stop_sequence}"


RULES = (
    unsorted, loop_without_sequence, planned_at_no_platform, unknown_stop, no_platform, not_increasing,
    leaves_before_arriving, same_sequence, same_stop, which_stop, no_stops, data_for_no_data, nothing_expected, empty_event,
    other_stop, delay_of_nothing, unknown_sequence,
)  # fmt: skip

"""A GTFS-Realtime feed as bytes: the inverse of `decoding`, without extensions.

INVARIANTS
- Deterministic: the same feed gives the same bytes.
- What a feed does not say (`None`) is not written; a word that the standard does not know is left out.

SPEC: GTFS Realtime 2.0.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from google.transit import gtfs_realtime_pb2

from cityward.transit.realtime import (
    Alert,
    Entity,
    Event,
    Feed,
    Selector,
    StopUpdate,
    Text,
    Trip,
    TripUpdate,
    Vehicle,
    VehiclePosition,
    Whereabouts,
)


def encode(feed: Feed) -> bytes:
    """The feed as a protocol buffer.

    Raises:
        ValueError: a number does not fit its field (a time before 1970).
    """
    raw = cast("Any", gtfs_realtime_pb2.FeedMessage())
    raw.header.gtfs_realtime_version = feed.header.version
    _put(raw.header, timestamp=feed.header.timestamp)
    _word(raw.header, "incrementality", feed.header.incrementality)
    for entity in feed.entities:
        _entity(raw.entity.add(), entity)
    return bytes(raw.SerializeToString(deterministic=True))


def _put(raw: Any, **fields: str | float | None) -> None:
    for name, value in fields.items():
        if value is not None:
            setattr(raw, name, value)


def _word(raw: Any, name: str, word: str | None) -> None:
    known = raw.DESCRIPTOR.fields_by_name[name].enum_type.values_by_name
    if word in known:
        setattr(raw, name, known[word].number)


def _entity(raw: Any, entity: Entity) -> None:
    _put(raw, id=entity.id, is_deleted=entity.is_deleted)
    if entity.trip_update is not None:
        _trip_update(raw.trip_update, entity.trip_update)
    if entity.vehicle is not None:
        _position(raw.vehicle, entity.vehicle)
    if entity.alert is not None:
        _alert(raw.alert, entity.alert)


def _trip_update(raw: Any, update: TripUpdate) -> None:
    _trip(raw.trip, update.trip)
    _vehicle(raw, update.vehicle)
    for stop in update.stops:
        _stop(raw.stop_time_update.add(), stop)
    _put(raw, timestamp=update.timestamp, delay=update.delay)


def _trip(raw: Any, trip: Trip) -> None:
    raw.SetInParent()
    _put(raw, trip_id=trip.trip_id, route_id=trip.route_id, direction_id=trip.direction_id)
    _put(raw, start_time=trip.start_time, start_date=trip.start_date)
    _word(raw, "schedule_relationship", trip.relationship)


def _vehicle(raw: Any, vehicle: Vehicle | None) -> None:
    if vehicle is not None:
        raw.vehicle.SetInParent()
        _put(raw.vehicle, id=vehicle.id, label=vehicle.label, license_plate=vehicle.license_plate)


def _stop(raw: Any, stop: StopUpdate) -> None:
    _put(raw, stop_sequence=stop.stop_sequence, stop_id=stop.stop_id)
    _event(raw, "arrival", stop.arrival)
    _event(raw, "departure", stop.departure)
    _word(raw, "schedule_relationship", stop.relationship)


def _event(raw: Any, name: str, event: Event | None) -> None:
    if event is not None:
        inner = getattr(raw, name)
        inner.SetInParent()
        _put(inner, time=event.time, delay=event.delay, uncertainty=event.uncertainty)


def _position(raw: Any, one: VehiclePosition) -> None:
    if one.trip is not None:
        _trip(raw.trip, one.trip)
    _vehicle(raw, one.vehicle)
    if one.position is not None:
        _whereabouts(raw.position, one.position)
    _put(raw, current_stop_sequence=one.stop_sequence, stop_id=one.stop_id, timestamp=one.timestamp)
    _word(raw, "current_status", one.status)
    _word(raw, "occupancy_status", one.occupancy)


def _whereabouts(raw: Any, place: Whereabouts) -> None:
    _put(raw, latitude=place.latitude, longitude=place.longitude, bearing=place.bearing)
    _put(raw, odometer=place.odometer, speed=place.speed)


def _alert(raw: Any, alert: Alert) -> None:
    for span in alert.active:
        _put(raw.active_period.add(), start=span.start, end=span.end)
    for selector in alert.informed:
        _selector(raw.informed_entity.add(), selector)
    _word(raw, "cause", alert.cause)
    _word(raw, "effect", alert.effect)
    _texts(raw.header_text, alert.header)
    _texts(raw.description_text, alert.description)


def _selector(raw: Any, selector: Selector) -> None:
    _put(raw, agency_id=selector.agency_id, route_id=selector.route_id, route_type=selector.route_type)
    _put(raw, direction_id=selector.direction_id, stop_id=selector.stop_id)
    if selector.trip is not None:
        _trip(raw.trip, selector.trip)


def _texts(raw: Any, texts: Iterable[Text]) -> None:
    for text in texts:
        _put(raw.translation.add(), text=text.text, language=text.language)

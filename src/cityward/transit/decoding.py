"""GTFS-Realtime from bytes, as protocol buffers or as their JSON, into our own types.

Lives here: `decode`, its bounds, NYCT's extension. Does not live here: whether what a feed says can be true (`rules`), and
whether it may be believed (`guard.feeds`).

INVARIANTS
- Any bytes give a `Feed` or a `DecodeError`, in bounded time and memory.
- What the standard does not know is passed over, never an error: feeds carry extensions of all kinds.
- What the standard requires and a feed leaves out is left out here too, for the rules to name; only its header must be there.
- SECURITY: size is bounded before anything is read, the number of entities before they are made, depth by the parser (100 levels)
  and for JSON by a scan before it.

SPEC: GTFS Realtime 2.0; NYCT's extension: field 1001 of FeedHeader, TripDescriptor and StopTimeUpdate.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# protobuf makes its messages at run time and has no types of its own to hold us to; ours begin where `_Reader` ends.

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, cast

from google.protobuf import json_format, message
from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet
from google.transit import gtfs_realtime_pb2

from cityward.errors import DecodeError
from cityward.transit.realtime import (
    Alert,
    Entity,
    Event,
    Feed,
    Header,
    NyctStop,
    NyctTrip,
    Selector,
    Span,
    StopUpdate,
    Text,
    Trip,
    TripUpdate,
    Vehicle,
    VehiclePosition,
    Whereabouts,
)

MOST_BYTES = 4 << 20  # PRECEDENT: a large city's feed is 1-3 MB; the smallest messages make 100 bytes of memory of two
MOST_JSON_BYTES = 2 << 20
"""JSON is read by a library in Python: some 0.25 s a megabyte of vehicles, 1.2 s of one that is made to be slow. Protobuf is
read in C. PRECEDENT: 5,000 vehicles are 1 MB of JSON, which agencies offer for people to look at.
"""
MOST_ENTITIES = 50_000
MOST_PARTS = 500_000  # stop time updates, selectors, periods and texts, in all
MOST_TEXT = 512  # characters of an id
MOST_WORDS = 20_000  # characters of a text for people
MOST_DEPTH = 32  # of JSON; the standard needs 8
MOST_OBJECTS = (
    150_000  # of JSON: each costs microseconds, however small it is. PRECEDENT: a feed full of stop times has 105,000
)

_NYCT = 1001
_DIRECTIONS = {1: "NORTH", 2: "EAST", 3: "SOUTH", 4: "WEST"}
_ENTITY_TAG = 0x12


def decode(body: bytes) -> Feed:
    """The feed that these bytes are, whichever of the two forms they have.

    Raises:
        DecodeError: `too-large`, `too-deep`, or `undecodable`: they are no feed.
    """
    raw = parse_message(body)
    try:
        return _Reader().feed(raw)
    except UnicodeError as error:
        raise DecodeError("undecodable", "a text of the feed is no UTF-8") from error


def parse_message(body: bytes) -> Any:
    """The same as the message of the bindings, for `encoding`.

    Raises:
        DecodeError: as `decode`.
    """
    if len(body) > MOST_BYTES:
        raise DecodeError("too-large", f"a feed of {len(body)} bytes is larger than {MOST_BYTES}")
    raw = _from_json(body) if body.lstrip()[:1] == b"{" else _from_protobuf(body)
    if not raw.HasField("header"):
        raise DecodeError("undecodable", "these bytes are no GTFS-Realtime feed: it has no header")
    if len(raw.entity) > MOST_ENTITIES:
        raise DecodeError("too-large", f"a feed of {len(raw.entity)} entities has more than {MOST_ENTITIES}")
    return raw


def _from_protobuf(body: bytes) -> Any:
    _count_entities(body)
    raw = cast("Any", gtfs_realtime_pb2.FeedMessage())
    try:
        raw.ParseFromString(body)
    except message.DecodeError as error:
        raise DecodeError("undecodable", "these bytes are no GTFS-Realtime feed") from error
    return raw


def _from_json(body: bytes) -> Any:
    if len(body) > MOST_JSON_BYTES:
        raise DecodeError(
            "too-large", f"a feed of {len(body)} bytes of JSON is larger than {MOST_JSON_BYTES}; ask for protobuf"
        )
    raw = cast("Any", gtfs_realtime_pb2.FeedMessage())
    try:
        text = body.decode("utf-8")
        _refuse_many(text)
        _refuse_depth(text)
        json_format.Parse(text, raw, ignore_unknown_fields=True, max_recursion_depth=MOST_DEPTH)
    except (json_format.ParseError, UnicodeDecodeError, json.JSONDecodeError, RecursionError, ValueError) as error:
        raise DecodeError("undecodable", "this JSON is no GTFS-Realtime feed") from error
    return raw


def _refuse_many(text: str) -> None:
    """SECURITY: before anything is made of them: two megabytes can hold a million objects that say nothing."""
    if (found := text.count("{")) > MOST_OBJECTS:
        raise DecodeError(
            "too-large", f"a feed of {found} objects of JSON has more than {MOST_OBJECTS}; ask for protobuf"
        )


def _refuse_depth(text: str) -> None:
    """SECURITY: braces within strings count too: a feed that holds 32 unclosed ones in its texts is refused, not misread."""
    depth = 0
    for character in text:
        if character in "{[":
            depth += 1
            if depth > MOST_DEPTH:
                raise DecodeError("too-deep", f"the feed is nested deeper than {MOST_DEPTH} levels")
        elif character in "}]":
            depth -= 1


def _count_entities(body: bytes) -> None:
    """Walk the outermost fields without making anything of them."""
    at, entities = 0, 0
    while at < len(body):
        tag, at = _varint(body, at)
        entities += tag == _ENTITY_TAG
        if entities > MOST_ENTITIES:
            raise DecodeError("too-large", f"the feed has more than {MOST_ENTITIES} entities")
        at = _past(body, tag, at)


def _past(body: bytes, tag: int, at: int) -> int:
    match tag & 7:
        case 0:
            return _varint(body, at)[1]
        case 1:
            return at + 8
        case 2:
            size, at = _varint(body, at)
            return at + size
        case 5:
            return at + 4
        case _:
            raise DecodeError("undecodable", "these bytes are no GTFS-Realtime feed")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n, byte in enumerate(body[at : at + 10]):
        value |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return value, at + n + 1
    raise DecodeError("undecodable", "these bytes are no GTFS-Realtime feed")


class _Reader:
    """Reads one feed, and counts what it reads: a message that stands there is read field by field, never copied whole."""

    def __init__(self) -> None:
        self._parts = 0

    def feed(self, raw: Any) -> Feed:
        return Feed(header=self._header(raw.header), entities=tuple(self._entity(e) for e in raw.entity))

    def _count(self, parts: Any) -> Iterable[Any]:
        self._parts += len(parts)
        if self._parts > MOST_PARTS:
            raise DecodeError("too-large", f"the feed has more than {MOST_PARTS} parts")
        return parts

    def _header(self, raw: Any) -> Header:
        nyct = _extension(raw)
        return Header(
            version=_text(raw, "gtfs_realtime_version") or "",
            incrementality=_word(raw, "incrementality"),
            timestamp=_number(raw, "timestamp"),
            nyct=_said(nyct, 1) or "" if nyct is not None else None,
        )

    def _entity(self, raw: Any) -> Entity:
        return Entity(
            id=_text(raw, "id") or "",
            is_deleted=bool(raw.is_deleted) if raw.HasField("is_deleted") else None,
            trip_update=self._trip_update(raw.trip_update) if raw.HasField("trip_update") else None,
            vehicle=self._vehicle(raw.vehicle) if raw.HasField("vehicle") else None,
            alert=self._alert(raw.alert) if raw.HasField("alert") else None,
        )

    def _trip_update(self, raw: Any) -> TripUpdate:
        return TripUpdate(
            trip=_trip(raw.trip),
            vehicle=_descriptor(raw.vehicle) if raw.HasField("vehicle") else None,
            stops=tuple(_stop(s) for s in self._count(raw.stop_time_update)),
            timestamp=_number(raw, "timestamp"),
            delay=_number(raw, "delay"),
        )

    def _vehicle(self, raw: Any) -> VehiclePosition:
        return VehiclePosition(
            trip=_trip(raw.trip) if raw.HasField("trip") else None,
            vehicle=_descriptor(raw.vehicle) if raw.HasField("vehicle") else None,
            position=_whereabouts(raw.position) if raw.HasField("position") else None,
            stop_sequence=_number(raw, "current_stop_sequence"),
            stop_id=_text(raw, "stop_id"),
            status=_word(raw, "current_status"),
            timestamp=_number(raw, "timestamp"),
            occupancy=_word(raw, "occupancy_status"),
        )

    def _alert(self, raw: Any) -> Alert:
        return Alert(
            active=tuple(_span(s) for s in self._count(raw.active_period)),
            informed=tuple(_selector(s) for s in self._count(raw.informed_entity)),
            cause=_word(raw, "cause"),
            effect=_word(raw, "effect"),
            header=self._texts(raw.header_text),
            description=self._texts(raw.description_text),
        )

    def _texts(self, raw: Any) -> tuple[Text, ...]:
        return tuple(
            Text(text=_str(t.text)[:MOST_WORDS], language=_text(t, "language")) for t in self._count(raw.translation)
        )


def _trip(raw: Any) -> Trip:
    nyct = _extension(raw)
    return Trip(
        trip_id=_text(raw, "trip_id"),
        route_id=_text(raw, "route_id"),
        direction_id=_number(raw, "direction_id"),
        start_time=_text(raw, "start_time"),
        start_date=_text(raw, "start_date"),
        relationship=_word(raw, "schedule_relationship"),
        nyct=_nyct_trip(nyct) if nyct is not None else None,
    )


def _nyct_trip(raw: dict[int, object]) -> NyctTrip:
    assigned, direction = raw.get(2), raw.get(3)
    return NyctTrip(
        train_id=_said(raw, 1),
        assigned=bool(assigned) if isinstance(assigned, int) else None,
        direction=_DIRECTIONS.get(direction) if isinstance(direction, int) else None,
    )


def _stop(raw: Any) -> StopUpdate:
    nyct = _extension(raw)
    return StopUpdate(
        stop_sequence=_number(raw, "stop_sequence"),
        stop_id=_text(raw, "stop_id"),
        arrival=_event(raw.arrival) if raw.HasField("arrival") else None,
        departure=_event(raw.departure) if raw.HasField("departure") else None,
        relationship=_word(raw, "schedule_relationship"),
        nyct=NyctStop(scheduled_track=_said(nyct, 1), actual_track=_said(nyct, 2)) if nyct is not None else None,
    )


def _event(raw: Any) -> Event:
    return Event(time=_number(raw, "time"), delay=_number(raw, "delay"), uncertainty=_number(raw, "uncertainty"))


def _descriptor(raw: Any) -> Vehicle:
    return Vehicle(id=_text(raw, "id"), label=_text(raw, "label"), license_plate=_text(raw, "license_plate"))


def _whereabouts(raw: Any) -> Whereabouts:
    return Whereabouts(
        latitude=_float(raw, "latitude", math.nan),
        longitude=_float(raw, "longitude", math.nan),
        bearing=_float(raw, "bearing", None),
        odometer=_float(raw, "odometer", None),
        speed=_float(raw, "speed", None),
    )


def _span(raw: Any) -> Span:
    return Span(start=_number(raw, "start"), end=_number(raw, "end"))


def _selector(raw: Any) -> Selector:
    return Selector(
        agency_id=_text(raw, "agency_id"),
        route_id=_text(raw, "route_id"),
        route_type=_number(raw, "route_type"),
        direction_id=_number(raw, "direction_id"),
        trip=_trip(raw.trip) if raw.HasField("trip") else None,
        stop_id=_text(raw, "stop_id"),
    )


def _text(raw: Any, name: str) -> str | None:
    """The text, if it is said. One that is longer than any id is cut: it will match nothing."""
    return _str(getattr(raw, name))[:MOST_TEXT] if raw.HasField(name) else None


def _str(value: Any) -> str:
    """The parser gives a text that is no UTF-8 as bytes, or as lone surrogates."""
    if not isinstance(value, str):
        raise DecodeError("undecodable", "a text of the feed is no UTF-8")
    value.encode("utf-8")
    return value


def _number(raw: Any, name: str) -> int | None:
    return int(getattr(raw, name)) if raw.HasField(name) else None


def _float(raw: Any, name: str, otherwise: Any) -> Any:
    return float(getattr(raw, name)) if raw.HasField(name) else otherwise


def _word(raw: Any, name: str) -> str | None:
    if not raw.HasField(name):
        return None
    value = int(getattr(raw, name))
    known = raw.DESCRIPTOR.fields_by_name[name].enum_type.values_by_number.get(value)
    return str(known.name) if known is not None else str(value)


def _extension(raw: Any) -> dict[int, object] | None:
    """NYCT's fields of a message, by number; None where it has none, or something else under that number."""
    for field in UnknownFieldSet(raw):
        if field.field_number == _NYCT and isinstance(field.data, bytes):
            inner = Empty()
            try:
                inner.ParseFromString(field.data)
            except message.DecodeError:
                return None
            return {int(f.field_number): cast("object", f.data) for f in UnknownFieldSet(inner)}
    return None


def _said(fields: dict[int, object] | None, number: int) -> str | None:
    value = (fields or {}).get(number)
    return value.decode("utf-8", "replace")[:MOST_TEXT] if isinstance(value, bytes) else None

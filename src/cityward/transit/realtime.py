"""What a GTFS-Realtime feed says, as our own types: the words of the standard, and `None` where nothing is said.

Lives here: the types, frozen, each one message of the standard. Does not live here: reading them from bytes (`decoding`),
writing them (`encoding`), whether what they say can be true (`rules`).

INVARIANTS
- `None` means "not said"; a default of the standard is never put in its place, for a rule may ask whether it was said.
- Times are POSIX seconds as claimed, not checked. Angles in degrees, speed in m/s.
- Values of enumerations are the standard's words (`SCHEDULED`); a number that it does not know is that number as text.

SPEC: GTFS Realtime 2.0 reference; NYCT's extension (field 1001 of header, trip and stop time update).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

FULL_DATASET = "FULL_DATASET"
DIFFERENTIAL = "DIFFERENTIAL"


class NyctTrip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """NYCT's word on a trip. direction: NORTH, EAST, SOUTH or WEST.

    assigned: a train stands for it; where it is false the trip may never run.
    """

    train_id: str | None = None
    assigned: bool | None = None
    direction: str | None = None


class NyctStop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """NYCT's word on a stop time: the track the train was meant to use, and the one it uses."""

    scheduled_track: str | None = None
    actual_track: str | None = None


class Trip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which trip: TripDescriptor. start_time `H:MM:SS`, start_date `YYYYMMDD`, as claimed."""

    trip_id: str | None = None
    route_id: str | None = None
    direction_id: int | None = None
    start_time: str | None = None
    start_date: str | None = None
    relationship: str | None = None  # SCHEDULED, ADDED, UNSCHEDULED, CANCELED, REPLACEMENT, DUPLICATED, DELETED, NEW
    nyct: NyctTrip | None = None


class Vehicle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which vehicle: VehicleDescriptor."""

    id: str | None = None
    label: str | None = None
    license_plate: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One arrival or departure: StopTimeEvent. time: POSIX s; delay and uncertainty: s."""

    time: int | None = None
    delay: int | None = None
    uncertainty: int | None = None


class StopUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is expected at one stop of a trip: StopTimeUpdate."""

    stop_sequence: int | None = None
    stop_id: str | None = None
    arrival: Event | None = None
    departure: Event | None = None
    relationship: str | None = None  # SCHEDULED, SKIPPED, NO_DATA, UNSCHEDULED
    nyct: NyctStop | None = None


class TripUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is expected of one trip."""

    trip: Trip
    vehicle: Vehicle | None = None
    stops: tuple[StopUpdate, ...] = ()
    timestamp: int | None = None
    delay: int | None = None


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place on the ground: Position. WGS 84 degrees (NaN: not said), bearing clockwise from north, odometer m, speed m/s."""

    latitude: float
    longitude: float
    bearing: float | None = None
    odometer: float | None = None
    speed: float | None = None


class VehiclePosition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one vehicle is, and on which trip."""

    trip: Trip | None = None
    vehicle: Vehicle | None = None
    position: Whereabouts | None = None
    stop_sequence: int | None = None
    stop_id: str | None = None
    status: str | None = None  # INCOMING_AT, STOPPED_AT, IN_TRANSIT_TO
    timestamp: int | None = None
    occupancy: str | None = None


class Selector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an alert is about: EntitySelector."""

    agency_id: str | None = None
    route_id: str | None = None
    route_type: int | None = None
    direction_id: int | None = None
    trip: Trip | None = None
    stop_id: str | None = None


class Span(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when to when: TimeRange. POSIX s; an open end is `None`."""

    start: int | None = None
    end: int | None = None


class Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One translation of what is said to people."""

    text: str
    language: str | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that riders should know."""

    active: tuple[Span, ...] = ()
    informed: tuple[Selector, ...] = ()
    cause: str | None = None
    effect: str | None = None  # NO_SERVICE, DETOUR, ...
    header: tuple[Text, ...] = ()
    description: tuple[Text, ...] = ()


class Entity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entity of a feed: what it is about, under an id that is its own within the feed. is_deleted: `None` where not said."""

    id: str
    is_deleted: bool | None = None
    trip_update: TripUpdate | None = None
    vehicle: VehiclePosition | None = None
    alert: Alert | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The head of a feed. timestamp: POSIX s when its content was made. version "": not said. nyct: its dialect's version."""

    version: str
    incrementality: str | None = None
    timestamp: int | None = None
    nyct: str | None = None


class Feed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole feed: FeedMessage."""

    header: Header
    entities: tuple[Entity, ...] = ()

    def trip_updates(self) -> Iterator[tuple[int, TripUpdate]]:
        """Its trip updates, each with the number of its entity."""
        return ((i, e.trip_update) for i, e in enumerate(self.entities) if e.trip_update is not None)

    def vehicles(self) -> Iterator[tuple[int, VehiclePosition]]:
        """Its vehicle positions, each with the number of its entity."""
        return ((i, e.vehicle) for i, e in enumerate(self.entities) if e.vehicle is not None)

    def alerts(self) -> Iterator[tuple[int, Alert]]:
        """Its alerts, each with the number of its entity."""
        return ((i, e.alert) for i, e in enumerate(self.entities) if e.alert is not None)

"""Vehicle positions of GTFS-Realtime as readings: one message is a feed, and what it says of the device itself is claimed.

A feed that speaks of several vehicles is read for the one that the subject names: the entity whose vehicle has the device's own
id. What comes by a declared pull flow was judged by `guard.feeds` before, and cut into one message per vehicle
(`compose.gathering.feeds`); what a device sends by itself was not, and is held to the limits of its model like any reading.

SPEC: GTFS Realtime 2.0, VehiclePosition: degrees, m/s; `timestamp` in seconds, or the header's.
"""

from __future__ import annotations

from collections.abc import Iterator

from cityward.adapters.protocols.rows import Rows
from cityward.adapters.protocols.strict_json import nests_too_deep, refusal
from cityward.errors import DecodeError
from cityward.guard.batch import Claims, Codec, Messages
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry
from cityward.time import SECOND
from cityward.transit.decoding import decode
from cityward.transit.realtime import Feed, VehiclePosition, Whereabouts

ID = "gtfs-rt"
MOST_BYTES = 1 << 20
LATEST_S = 1 << 40

FIELDS = {
    "position-longitude": "longitude",
    "position-latitude": "latitude",
    "bearing": "bearing",
    "vehicle-speed": "speed",
}
"""Observed property -> the field of a position; in the catalogue's units already."""


def create() -> Codec:
    """A codec; it remembers nothing."""
    return GtfsRtCodec()


class GtfsRtCodec:
    """Implements `guard.batch.Codec`."""

    def decode(self, messages: Messages, registry: Registry) -> Claims:
        """The claims of these messages."""
        rows = Rows()
        for i, (unit, payload) in enumerate(zip(messages.unit, messages.payload, strict=True)):
            try:
                if unit < 0:
                    raise refusal(Reason.UNKNOWN_DEVICE, "the subject names no declared device")
                claims = list(_claims(_feed(payload), registry, unit, messages.received_at[i]))
            except DecodeError as error:
                rows.refuse_for(i, error)
                continue
            for channel, value, at in claims:
                rows.claim(i, channel, value, at)
        return rows.claims()


def _feed(payload: bytes) -> Feed:
    if len(payload) > MOST_BYTES:
        raise refusal(Reason.TOO_LARGE, f"{len(payload)} bytes are more than {MOST_BYTES}")
    if payload.lstrip()[:1] in {b"{", b"["} and nests_too_deep(payload):
        raise refusal(Reason.TOO_DEEP, "nested too deep")
    try:
        return decode(payload)
    except DecodeError as error:
        reasons = {"too-large": Reason.TOO_LARGE, "too-deep": Reason.TOO_DEEP}
        raise refusal(reasons.get(error.reason, Reason.UNDECODABLE), error.what) from error


def _claims(feed: Feed, registry: Registry, unit: int, received_at: int) -> Iterator[tuple[int, float, int]]:
    vehicle, position = _mine(feed, registry.units[unit].id)
    said = vehicle.timestamp or feed.header.timestamp or 0
    if said > LATEST_S:
        raise refusal(Reason.BAD_TIME, "a time beyond all times")
    at = said * SECOND if said else received_at
    model = registry.models[registry.units[unit].model]
    found = [(prop, getattr(position, name)) for prop, name in FIELDS.items() if prop in model.properties]
    said_values = [(prop, value) for prop, value in found if value is not None]
    if not said_values:
        raise refusal(Reason.WRONG_SHAPE, "it says nothing that its model observes")
    for prop, value in said_values:
        yield registry.channel_by_property[unit, prop], float(value), at


def _mine(feed: Feed, device: str) -> tuple[VehiclePosition, Whereabouts]:
    """What a feed says of one device.

    Raises:
        DecodeError: it says nothing of a vehicle, or only of others; or it says two things of this one.
    """
    placed = [(v, v.position) for _, v in feed.vehicles() if v.position is not None]
    if not placed:
        raise refusal(Reason.WRONG_SHAPE, "the feed has no vehicle positions")
    mine = [(v, p) for v, p in placed if v.vehicle is not None and v.vehicle.id == device]
    if len(mine) != 1:
        raise refusal(Reason.DUPLICATE if mine else Reason.WRONG_DEVICE, "one position, of this device")
    return mine[0]

"""What happened in the city, as neutral facts: who came, who was turned away, who read, what was told and answered.

Lives here: the one `Event` struct and the words of its kinds. Roles make events (`runtime.ports.EventSink`), the bus carries
them, event detectors judge them. An event says what was seen, never what it means.

Times are city us. Everything in an event may come from outside: it is data, bounded here, and made harmless where it is shown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from cityward.text import harmless

LONGEST = 256
MOST_DETAILS = 16


class EventKind(StrEnum):
    """What happened. The `detail` each carries is named behind it; numbers are decimal texts."""

    CONNECTED = "connected"  # device connected: client_id, connection, tls ("yes" | "no")
    DISCONNECTED = "disconnected"  # client_id, connection, why, seconds, messages_in, bytes_in
    TURNED_AWAY = "turned-away"  # a sign-in at the broker or an HTTP door failed: door, why, count, budget
    REFUSED_PUBLISH = "refused-publish"  # the broker refused a topic: topic, count
    REFUSED_SUBSCRIBE = "refused-subscribe"  # topic, count
    OVERSIZED = "oversized"  # a message over the bound: count
    SHED = "shed"  # a budget was used up: budget, count
    LATE_USE = "late-use"  # a credential that is revoked, lost, stolen or retired was used: state, door
    LIFE = "life"  # a device's life changed: to, who
    SIGN_IN = "sign-in"  # a person signed in: way, elsewhere (roles that all hold from other addresses only)
    SIGN_IN_FAILED = "sign-in-failed"  # why
    READ = "read"  # a person or recipient read: what, rows, devices
    PRIVILEGE = "privilege"  # a right was given or taken: what, to, given ("yes" | "no"), who
    COMMAND = "command"  # left the permit gate: command_id, command, value, service
    OUTCOME = "outcome"  # command_id, outcome, level
    ANSWER = "answer"  # an actuator answered what nobody asked: command_id
    CONFIGURATION = "configuration"  # declaration or running configuration changed: what, before, after
    FRAME = "frame"  # a device's radio, by its network: counter, session, gateway, lon, lat, eui, imei, iccid
    RADIO = "radio"  # what a network server says of a device's radio: what, network, session, text
    DESTINATION = "destination"  # a connection seen in a log of the network: to, port, protocol, count, declared
    CAMERA = "camera"  # a trouble of a camera began or ended: what, phase ("began" | "ended"), camera, why
    HOLD = "hold"  # a person holds actuators: service, target, units, value, percent (of the range, from the fail-safe value)
    PROCESS = "process"  # a role started or ended: role, code; or its state: "stands still", "goes on"


Short = Annotated[str, Meta(max_length=LONGEST)]


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fact.

    subject: who it is about: a unit's id, or `person:<name>`, `party:<id>`, `role:<name>`; "" where nobody could be named.
    source: where it came from on the network (an address), "" where that does not apply.
    by: the role that saw it. record: the evidence entry that says so, where there is one.
    """

    at: int
    kind: EventKind
    by: Short
    subject: Short = ""
    source: Short = ""
    detail: Annotated[dict[Short, Short], Meta(max_length=MOST_DETAILS)] = {}
    record: Short = ""


_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """As the bus carries it."""
    return _ENCODER.encode(event)


def decode(data: bytes) -> Event:
    """The inverse of `encode`.

    Raises:
        msgspec.DecodeError: not an event.
    """
    try:
        return _DECODER.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:  # neither is msgspec's own, both come out of its decoder
        raise msgspec.DecodeError(f"no event: {type(error).__name__}") from error


def cut(text: str) -> str:
    """A foreign text, short enough for an event, and harmless to whatever it goes through from here on."""
    clean = harmless(text)
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"

"""What the city and its actuators say to each other, as bytes: commands out, acknowledgements back. Pure and bounded.

A command is `{"id", "command", "set": {property: value}, "issued_at", "expires_at"}`, an acknowledgement
`{"id", "outcome": "done" | "rejected", "level", "at", "reason"?}`; times are RFC 3339, values in the catalogue's units.
"""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from cityward.errors import DecodeError
from cityward.guard.permit import Permitted
from cityward.guard.reasons import Reason
from cityward.time import from_us

MOST_BYTES = 1024  # PRECEDENT: ours are about 200; LwM2M and Zigbee actuators fit theirs in one radio frame of 127

ACK_PREFIX = "$MQTT.msgs.ack."
"""The log's subject of an answer, without the device that gave it."""

ACKNOWLEDGEMENTS = (f"{ACK_PREFIX}>",)
"""What to read the log for, to hear every answer."""

CommandId = Annotated[str, Meta(min_length=1, max_length=192, pattern=r"^[a-z0-9.-]+\Z")]
Moment = Annotated[datetime, Meta(tz=True)]


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an actuator is told."""

    id: CommandId
    command: Annotated[str, Meta(min_length=1, max_length=64)]
    set: dict[Annotated[str, Meta(max_length=64)], float]
    issued_at: Moment
    expires_at: Moment


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an actuator answers. `level` is what it now stands at, in the unit of the property that was set."""

    id: CommandId
    outcome: Literal["done", "rejected"]
    level: Annotated[float, Meta(ge=-1e9, le=1e9)] | None
    at: Moment
    reason: Annotated[str, Meta(max_length=64)] = ""


_COMMANDS = msgspec.json.Decoder(Command)
_ACKNOWLEDGEMENTS = msgspec.json.Decoder(Acknowledgement)

T = TypeVar("T", Command, Acknowledgement)


def encode_command(permitted: Permitted) -> bytes:
    """The command as its device reads it."""
    return msgspec.json.encode(
        Command(
            id=permitted.command_id,
            command=permitted.command,
            set={permitted.sets: permitted.value},
            issued_at=from_us(permitted.issued_at),
            expires_at=from_us(permitted.expires_at),
        )
    )


def decode_command(payload: bytes) -> Command:
    """What an actuator was told.

    Raises:
        DecodeError: not a command.
    """
    command = _decode(payload, _COMMANDS)
    _require_plausible(command.issued_at, command.expires_at)
    if not command.set or not all(isfinite(value) for value in command.set.values()):
        raise DecodeError(Reason.NOT_FINITE.name, "a command sets one property or more, each to a finite number")
    return command


def encode_acknowledgement(answer: Acknowledgement) -> bytes:
    """The answer as the city reads it."""
    return msgspec.json.encode(answer)


def decode_acknowledgement(payload: bytes) -> Acknowledgement:
    """What an actuator answered.

    Raises:
        DecodeError: not an acknowledgement.
    """
    answer = _decode(payload, _ACKNOWLEDGEMENTS)
    _require_plausible(answer.at)
    return answer


def _require_plausible(*moments: datetime) -> None:
    # SECURITY: a time at the calendar's edge with an offset cannot be turned into UTC
    if not all(1970 < moment.year < 9999 for moment in moments):
        raise DecodeError(Reason.BAD_TIME.name, "times lie between 1971 and 9998")


def _decode(payload: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    # SECURITY: the size is looked at before the content; within it, nesting cannot pass what the decoder's stack bears
    if len(payload) > MOST_BYTES:
        raise DecodeError(Reason.TOO_LARGE.name, f"{len(payload)} bytes; at most {MOST_BYTES} are read")
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise DecodeError(Reason.WRONG_SHAPE.name, str(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DecodeError(Reason.NOT_JSON.name, f"not one JSON value: {type(error).__name__}") from error

"""What the city and its actuators say to each other, as bytes: commands out, acknowledgements back. Pure and bounded.

A command is `{"id", "device", "command", "set": {property: value}, "issued_at", "expires_at", "nonce"}`, signed: a JWS in its
compact form, `<header>.<payload>.<signature>`, each part in base64url. The header is always the same, so nobody can choose
another algorithm by it. An acknowledgement is `{"id", "outcome": "done" | "rejected", "level", "at", "reason"?}`, as JSON. Times
are RFC 3339, values in the catalogue's units.

Does not live here: keys. Who signs and who checks is passed in.

INVARIANTS
- What a command says is decoded only when its signature was found good.
- A command names its device: another's is none of mine, however well it is signed.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from datetime import datetime
from math import isfinite
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from cityward.errors import DecodeError
from cityward.guard.permit import Permitted
from cityward.guard.reasons import Reason
from cityward.time import from_us

MOST_BYTES = 2048  # ours are about 600 as signed; names and ids at their longest make 1,400

HEADER = urlsafe_b64encode(b'{"alg":"EdDSA","typ":"cityward-command"}').rstrip(b"=")
"""# SPEC: RFC 7515 4.1, RFC 8037 3.1: the signature's algorithm, and what is signed."""

Sign = Callable[[bytes], bytes]
"""Bytes -> 64 bytes of Ed25519 signature."""

Verify = Callable[[bytes, bytes], bool]
"""Whether a signature (the second) was made over these bytes by the city's command key."""

ACK_PREFIX = "$MQTT.msgs.ack."
"""The log's subject of an answer, without the device that gave it."""

ACKNOWLEDGEMENTS = (f"{ACK_PREFIX}>",)
"""What to read the log for, to hear every answer."""

CommandId = Annotated[str, Meta(min_length=1, max_length=192, pattern=r"^[a-z0-9.-]+\Z")]
Moment = Annotated[datetime, Meta(tz=True)]


class BadSignature(DecodeError):  # noqa: N818 - it is what is wrong with it
    """Whoever made this command is not the city. `id`: what the actuator calls it in its answer; it has no name of its own."""

    def __init__(self, payload: bytes) -> None:
        self.id = f"unsigned.{hashlib.sha256(payload).hexdigest()[:16]}"
        super().__init__(
            Reason.WRONG_SHAPE.name,
            "the command's signature is not the city's",
            mend="find out who else may publish commands; where the city's key was replaced, give it to the device",
        )


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an actuator is told. `nonce`: never the same twice."""

    id: CommandId
    device: Annotated[str, Meta(min_length=1, max_length=96)]
    command: Annotated[str, Meta(min_length=1, max_length=64)]
    set: dict[Annotated[str, Meta(max_length=64)], float]
    issued_at: Moment
    expires_at: Moment
    nonce: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{16,43}\Z")]


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


def encode_command(permitted: Permitted, nonce: str, sign: Sign) -> bytes:
    """The command as its device reads it.

    Args:
        permitted: what passed the gate.
        nonce: 16 to 43 characters of base64url that were never used before.
        sign: the city's command key.
    """
    command = Command(
        id=permitted.command_id,
        device=permitted.device,
        command=permitted.command,
        set={permitted.sets: permitted.value},
        issued_at=from_us(permitted.issued_at),
        expires_at=from_us(permitted.expires_at),
        nonce=nonce,
    )
    return signed(msgspec.json.encode(command), sign)


def signed(payload: bytes, sign: Sign) -> bytes:
    """The bytes and their signature. SPEC: RFC 7515 5.1 and 7.1."""
    message = b".".join((HEADER, _base64(payload)))
    return b".".join((message, _base64(sign(message))))


def decode_command(payload: bytes, verify: Verify) -> Command:
    """What an actuator was told, by the city and nobody else.

    Raises:
        BadSignature: it has the form of a signed command, and is not the city's.
        DecodeError: not a command.
    """
    command = _decode(_opened(payload, verify), _COMMANDS)
    _require_plausible(command.issued_at, command.expires_at)
    if not command.set or not all(isfinite(value) for value in command.set.values()):
        raise DecodeError(Reason.NOT_FINITE.name, "a command sets one property or more, each to a finite number")
    return command


def _opened(payload: bytes, verify: Verify) -> bytes:
    """What was signed. SPEC: RFC 7515 5.2."""
    _require_small(payload)
    parts = payload.split(b".")
    if len(parts) != 3:
        raise DecodeError(
            Reason.WRONG_SHAPE.name, "a command is signed: header, payload and signature, with dots between"
        )
    header, body, signature = parts
    try:
        content, proof = _unbase64(body), _unbase64(signature)
    except Base64Error as error:
        raise DecodeError(Reason.WRONG_SHAPE.name, "the command's parts are not base64url") from error
    # SECURITY: the header is compared and never read: it cannot name another algorithm
    if header != HEADER or not verify(b".".join((header, body)), proof):
        raise BadSignature(payload)
    return content


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _unbase64(text: bytes) -> bytes:
    """# SECURITY: one form only: what decodes alike and is written otherwise would pass a memory of what was seen."""
    data = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if _base64(data) != text:
        raise Base64Error("not in its one form")
    return data


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


def _require_small(payload: bytes) -> None:
    if len(payload) > MOST_BYTES:
        raise DecodeError(Reason.TOO_LARGE.name, f"{len(payload)} bytes; at most {MOST_BYTES} are read")


def _decode(payload: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    # SECURITY: the size is looked at before the content; within it, nesting cannot pass what the decoder's stack bears
    _require_small(payload)
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise DecodeError(Reason.WRONG_SHAPE.name, str(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DecodeError(Reason.NOT_JSON.name, f"not one JSON value: {type(error).__name__}") from error

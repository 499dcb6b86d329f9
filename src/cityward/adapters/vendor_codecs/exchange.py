"""What the host and its child say to each other: frames of four bytes of length and a body of JSON. Pure."""

from __future__ import annotations

import msgspec

MOST_SCRIPT = 256 * 1024  # PRECEDENT: the largest of 340 published device profiles is 109 kB
MOST_PAYLOAD = 512  # SPEC: LoRaWAN RP002: 242 bytes at most in one frame; other radios a little more
MOST_ANSWER = 64 * 1024
MOST_FRAME = 2 * MOST_SCRIPT  # a script as JSON text, escaped
LENGTH = 4


class Learn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="learn"):
    """Keep this script under this name."""

    name: str
    script: str


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ask"):
    """Decode these bytes with that script. at_ms: when they came, ms since 1970 UTC."""

    name: str
    port: int
    payload: bytes
    at_ms: int


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer: what the script made of it, as JSON text; or what went wrong, and neither is to be believed.

    stopped: it came to one of its limits. seconds: of processor time that it took.
    """

    text: str = ""
    fault: str = ""
    stopped: bool = False
    seconds: float = 0.0


_DECODER = msgspec.json.Decoder(Learn | Ask)
_ANSWERS = msgspec.json.Decoder(Said)


def write(message: Learn | Ask | Said) -> bytes:
    """One frame."""
    body = msgspec.json.encode(message)
    if len(body) > MOST_FRAME:
        raise ValueError(f"{len(body)} bytes are more than a frame holds, {MOST_FRAME}")
    return len(body).to_bytes(LENGTH, "big") + body


def length_of(head: bytes) -> int:
    """How long the body is.

    Raises:
        ValueError: longer than a frame may be.
    """
    length = int.from_bytes(head, "big")
    if length > MOST_FRAME:
        raise ValueError(f"a frame of {length} bytes is longer than {MOST_FRAME}")
    return length


def read_asked(body: bytes) -> Learn | Ask:
    """What the host says.

    Raises:
        msgspec.DecodeError: it is neither.
    """
    return _DECODER.decode(body)


def read_said(body: bytes) -> Said:
    """What the child says.

    Raises:
        msgspec.DecodeError: it is no answer.
    """
    return _ANSWERS.decode(body)

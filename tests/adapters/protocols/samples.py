"""Samples: what a message is and what must become of it, one JSON file each, told against `places.tiny_place`.

`text`, `base64` or `made` is the message; `rows` the claims, in order: a property with its value and time, or a `fault`.
"""

from __future__ import annotations

import base64
import math
import sys
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from cityward.adapters.protocols.times import rfc3339_us
from cityward.guard.batch import Claims, Codec, Messages
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry
from places import tiny_registry

REGISTRY: Registry = tiny_registry()


class Made(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A long message in few words: `head`, then `repeat` so many `times`, then `tail`."""

    head: str
    repeat: str
    times: int
    tail: str


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    why: str
    device: str
    received_at: str
    rows: list[dict[str, Any]]
    source: str = ""
    text: str | None = None
    base64: str | None = None
    made: Made | None = None

    def payload(self) -> bytes:
        if self.text is not None:
            return self.text.encode()
        if self.base64 is not None:
            return base64.b64decode(self.base64)
        assert self.made is not None
        return (self.made.head + self.made.repeat * self.made.times + self.made.tail).encode()


Kind = Literal["good", "hostile"]


@cache
def samples(codec_type: type[Codec], kind: Kind) -> dict[str, Sample]:
    """name -> sample of one codec, from the folder it lives in."""
    home = Path(str(sys.modules[codec_type.__module__].__file__)).parent
    found = sorted((home / "samples" / kind).glob("*.json"))
    return {path.stem: msgspec.json.decode(path.read_bytes(), type=Sample) for path in found}


def as_messages(some: list[Sample]) -> Messages:
    """The samples as they would stand in the log."""
    return Messages(
        unit=[REGISTRY.unit_index.get(s.device, -1) for s in some],
        payload=[s.payload() for s in some],
        received_at=[rfc3339_us(s.received_at) for s in some],
        seq=range(1, len(some) + 1),
    )


def as_rows(claims: Claims) -> list[dict[str, Any]]:
    """Claims as samples write them."""
    columns = (claims.channel.tolist(), claims.value.tolist(), claims.observed_at.tolist(), claims.fault.tolist())
    return [_row(*fields) for fields in zip(*columns, strict=True)]


def expected_rows(sample: Sample) -> list[dict[str, Any]]:
    """The sample's rows, times in us."""
    return [
        row | {"observed_at": rfc3339_us(row["observed_at"])} if "observed_at" in row else row for row in sample.rows
    ]


def check_invariants(claims: Claims, count: int, registry: Registry = REGISTRY) -> None:
    """What must hold of the claims of `count` messages, whatever was in them."""
    messages = claims.message.tolist()
    assert messages == sorted(messages)
    assert set(messages) == set(range(count)), "every message gives a row"
    lengths = {len(c) for c in (claims.message, claims.channel, claims.value, claims.observed_at, claims.fault)}
    assert len(lengths) == 1
    types = (claims.message, claims.channel, claims.value, claims.observed_at, claims.fault)
    assert [str(c.dtype) for c in types] == ["int32", "int32", "float64", "int64", "uint8"]
    for channel, value, at, fault in zip(
        claims.channel.tolist(), claims.value.tolist(), claims.observed_at.tolist(), claims.fault.tolist(), strict=True
    ):
        Reason(fault)
        assert -1 <= channel < len(registry.channel_unit)
        assert fault != 0 or channel >= 0
        assert math.isnan(value) if fault else math.isfinite(value)
        assert at == 0 if fault else 0 <= at < 2**62


def _row(channel: int, value: float, at: int, fault: int) -> dict[str, Any]:
    prop = {"property": REGISTRY.channel_property[channel]} if channel >= 0 else {}
    return prop | ({"fault": Reason(fault).word} if fault else {"value": value, "observed_at": at})

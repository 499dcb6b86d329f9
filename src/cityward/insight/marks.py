"""Marks: which held observations are not to be relied on. An interval of one device's time, not a change of the rows.

Lives here: what a mark is, and which rows of columns it covers. Rows stay in history as they were admitted; whoever reads joins
them with the marks in force.
Does not live here: making and lifting marks, and making again what was derived (`compose.proving.taint`).

- `suspect` (the watch says so): left out of decisions and of what is learned from the past; indicators keep it until a person
  decides.
- `retracted` (a person says so): left out of everything that is derived.

INVARIANTS
- A row is covered by its own `observed_at`, whenever it is received: what arrives late into a marked span is marked too.
- `covered` depends on the set of marks, not on their order, and more marks never uncover a row.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.place.registry import Registry

OPEN = 253_402_300_799_000_000
"""The `until` of a mark that has no end yet: the last second of the year 9999, in us."""


class MarkState(StrEnum):
    """What marked rows are good for."""

    SUSPECT = "suspect"
    RETRACTED = "retracted"


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One mark in force: rows of `device` observed from `since` to before `until` (city us).

    properties: the observed properties it is about, sorted; none means all. why, person: who said so. made_at: city us.
    record: the evidence entry.
    """

    id: str
    device: str
    properties: tuple[str, ...] = ()
    since: int
    until: int
    state: MarkState
    why: str = ""
    person: str = ""
    made_at: int = 0
    record: str = ""

    def covers(self, property_id: str, observed_at: int) -> bool:
        """Whether a row of its device is marked by it."""
        return self.since <= observed_at < self.until and (not self.properties or property_id in self.properties)


def covered(
    channel: NDArray[np.int32], observed_at: NDArray[np.int64], marks: Sequence[Mark], registry: Registry
) -> NDArray[np.bool_]:
    """(N,) whether each row is marked by any of these.

    Args:
        channel: (N,) numbers of the registry. observed_at: (N,) us since 1970 UTC.
    """
    out = np.zeros(len(channel), dtype=np.bool_)
    spans = _by_channel(marks, registry)
    if not len(channel) or not spans:
        return out
    order = np.argsort(channel, kind="stable")
    ordered = channel[order]
    for of, its in spans.items():
        first, stop = np.searchsorted(ordered, [of, of + 1])
        rows = order[first:stop]
        at = observed_at[rows]
        for since, until in its if len(rows) else ():
            out[rows] |= (at >= since) & (at < until)
    return out


def _by_channel(marks: Sequence[Mark], registry: Registry) -> dict[int, set[tuple[int, int]]]:
    """Channel -> the spans in which it is marked; devices and properties that are no longer declared have no channel."""
    out: dict[int, set[tuple[int, int]]] = {}
    for mark in marks:
        unit = registry.unit_index.get(mark.device)
        for of in registry.channels_of(unit) if unit is not None else ():
            if not mark.properties or registry.channel_property[of] in mark.properties:
                out.setdefault(of, set()).add((mark.since, mark.until))
    return out


def mark_id(device: str, properties: Sequence[str], since: int, until: int, state: MarkState) -> str:
    """16 hexadecimal characters: the same words about the same rows are the same mark."""
    said = "\n".join((device, ",".join(properties), str(since), str(until), state.value))
    return sha256(said.encode()).hexdigest()[:16]


def digest_of(
    names: Sequence[str],
    observed_at: NDArray[np.int64],
    received_at: NDArray[np.int64],
    value: NDArray[np.float64],
    seq: NDArray[np.int64],
) -> str:
    """SHA-256 over a device's rows in canonical order: by property, then time observed, then sequence, then value.

    Each row is its property's id, a zero byte, and observed_at, received_at, seq (int64) and value (IEEE 754 binary64), all
    little-endian. It does not depend on the order the rows are given in.
    """
    named = np.array(names, dtype=np.str_)
    hashed = sha256()
    for i in np.lexsort((value, seq, observed_at, named)).tolist():
        hashed.update(str(named[i]).encode() + b"\0")
        hashed.update(struct.pack("<qqqd", int(observed_at[i]), int(received_at[i]), int(seq[i]), float(value[i])))
    return hashed.hexdigest()

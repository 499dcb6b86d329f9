"""What the running chain needs of the world. Kept with the consumer; `adapters` implements, `compose` chooses.

Every method that touches the world raises `LinkError` when the world does not answer, and nothing else on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.evidence.records import AnyRecord
from cityward.guard.admit import Admitted
from cityward.guard.permit import Permitted


@dataclass(frozen=True, slots=True)
class LogMessage:
    """One message of the durable log. `stamped_us` is the log's machine time."""

    subject: str
    payload: bytes
    seq: int
    stamped_us: int


class LogReader(Protocol):
    """Reads the durable log from a sequence on, in order, without acknowledging: the position is kept in the store's commit."""

    async def fetch(self, most: int, wait_s: float) -> Sequence[LogMessage]:
        """Up to `most` messages; empty when none came within `wait_s`."""
        ...

    async def close(self) -> None: ...


class Ledger(Protocol):
    """The tamper-evident log of one role."""

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        """Append durably; the entries' ids (`<log>:<index>`), in order."""
        ...

    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]:
        """The newest entries with their ids, oldest first."""
        ...


class History(Protocol):
    """The observations, held for as long as their dataset says."""

    def committed(self) -> Mapping[int, int]:
        """partition -> the last log sequence held; partitions never committed are absent."""
        ...

    def append(self, batch: Admitted, upto: Mapping[int, int]) -> None:
        """Hold the batch and, in the same commit, the sequence each partition is now held up to."""
        ...

    def tail(self, since_us: int, per_channel: int, upto: Mapping[int, int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(channel, observed_at) of the newest `per_channel` observations of each channel observed at or after `since_us`
        and held by a log sequence not above their partition's `upto`; sorted by channel, then time. For the replay windows."""
        ...

    def window(
        self, device: str, properties: Sequence[str], since_us: int, until_us: int, most: int
    ) -> Sequence[tuple[str, int, float]]:
        """(property, observed_at, value) of one device, oldest first; the newest `most` if there are more."""
        ...

    def compact(self) -> None:
        """Merge small files and forget superseded ones. Never changes what is held."""
        ...


@dataclass(frozen=True, slots=True)
class FlowCount:
    """Rows of one flow in one batch. INVARIANT: received == admitted + refused + shed."""

    flow: str
    received: int
    admitted: int
    refused: int
    shed: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One refused row, with the reason and the beginning of the message it came in."""

    seq: int
    row: int
    device: str
    flow: str
    property: str
    reason: str
    value: float | None
    observed_at: int | None
    received_at: int
    excerpt: bytes  # at most 256 bytes


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest admitted value of one channel."""

    device: str
    property: str
    value: float
    observed_at: int
    received_at: int
    seq: int


@dataclass(frozen=True, slots=True)
class HourlyRow:
    """An hour of one property in one area, to be added to what is there. `hour_us` is the hour's beginning."""

    property: str
    area: str
    hour_us: int
    count: int
    total: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """When a unit was last heard, and its rate window: the messages counted in the minute `window`."""

    device: str
    last_seen: int
    window: int
    in_window: int


@dataclass(frozen=True, slots=True)
class BatchEffects:
    """All that one batch changes in the state store: carried out in one transaction, with the positions."""

    upto: Mapping[int, int]  # partition -> last log sequence
    counts: Sequence[FlowCount] = ()
    reasons: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (flow, reason word) -> rows refused or shed
    quarantine: Sequence[Quarantined] = ()
    quarantine_dropped: int = 0  # refused rows beyond the quarantine's bound: counted here, not kept
    latest: Sequence[Latest] = ()
    hourly: Sequence[HourlyRow] = ()
    seen: Sequence[DeviceSeen] = ()


class State(Protocol):
    """Everything small that changes: latest values, counts, registry, commands. One SQL database, two engines."""

    def committed(self) -> Mapping[int, int]:
        """partition -> the last log sequence whose effects are here."""
        ...

    def apply(self, effects: BatchEffects) -> None:
        """One transaction. Idempotent by sequence: a partition already at or past `upto` is not applied twice."""
        ...

    def rate_windows(self) -> Mapping[str, tuple[int, int]]:
        """device -> (window, in_window), as last committed."""
        ...


class CommandLink(Protocol):
    """The way to the actuators. Accepts nothing but what the permit gate let pass."""

    async def send(self, permitted: Permitted) -> None: ...

"""What the running chain needs of the world. Kept with the consumer; `adapters` implements, `compose` chooses.

Every method that touches the world raises `LinkError` when the world does not answer, and nothing else on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.evidence.records import AnyRecord
from cityward.guard.admit import Admitted
from cityward.guard.permit import Permitted
from cityward.insight.expected import ExpectedRow
from cityward.insight.hourly import HourlyRow
from cityward.insight.marks import Mark
from cityward.runtime.people import SessionRow
from cityward.watch.events import Event


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

    def tail(
        self, since_us: int, per_channel: int, upto: Mapping[int, int]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(channel, observed_at) of the newest `per_channel` observations of each channel observed at or after `since_us`
        and held by a log sequence not above their partition's `upto`; sorted by channel, then time. For the replay windows."""
        ...

    def window(
        self, device: str, properties: Sequence[str], since_us: int, until_us: int, most: int
    ) -> Sequence[tuple[str, int, float]]:
        """(property, observed_at, value) of one device, oldest first; the newest `most` if there are more."""
        ...

    def moment(self, since_us: int, until_us: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
        """(channel, observed_at, value) of the newest observation of each channel in the span, by channel."""
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
class DeviceSeen:
    """When a unit was last heard, and its rate window: the messages counted in the minute `window`."""

    device: str
    last_seen: int
    window: int
    in_window: int


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """What is used up of a budget in the minute `window`, as the gate goes on from after a restart.

    name: `device:<unit>`, or the kind and id of a shared budget. owner: which worker's part of it, by its partitions; "" of a
    device, which only one worker hears. open_to: the number of priority classes that it still lets pass.
    """

    owner: str
    name: str
    window: int
    messages: int
    bytes: int
    open_to: int


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
    budgets: Sequence[BudgetWindow] = ()
    without: Callable[[Sequence[Mark]], tuple[Sequence[Latest], Sequence[HourlyRow]]] | None = None
    """`latest` and `hourly` of the batch without the rows that these retractions cover: asked for in the transaction."""


class State(Protocol):
    """Everything small that changes: latest values, counts, registry, commands. One SQL database, two engines."""

    def committed(self) -> Mapping[int, int]:
        """partition -> the last log sequence whose effects are here."""
        ...

    def apply(self, effects: BatchEffects) -> None:
        """One transaction. Idempotent by sequence: a partition already at or past `upto` is not applied twice."""
        ...

    def rate_windows(self) -> Mapping[str, tuple[int, int, int]]:
        """device -> (window, in_window, last_seen), as last committed."""
        ...

    def budget_windows(self) -> Sequence[BudgetWindow]:
        """As last committed."""
        ...


class CommandLink(Protocol):
    """The way to the actuators. Accepts nothing but what the permit gate let pass."""

    async def send(self, permitted: Permitted) -> None: ...


class EventSink(Protocol):
    """Where a role tells what it saw. Nobody waits for it: it keeps a bounded queue, and counts what finds it full."""

    def tell(self, event: Event) -> None:
        """Never blocks, never raises."""
        ...


# -- the reading side, and what the doors and services keep -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceSpan:
    """A device a command rests on, and when the readings of it that the service was shown were observed (city us)."""

    device: str
    oldest_at: int
    newest_at: int


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command and what became of it. `state`: sent | acknowledged | timed-out | rejected. Times in city us."""

    command_id: str
    service: str
    device: str
    command: str
    value: float
    cause: Mapping[str, str]
    record: str  # the evidence entry
    state: str
    sent_at: int
    settled_at: int | None = None
    sources: Sequence[SourceSpan] = ()


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """What a device proves itself with; the secret itself is never stored.

    `state`: active | revoked | lost | stolen | retired.
    """

    device: str
    password_bcrypt: str | None
    key_sha256: bytes | None
    certificate_sha256: bytes | None
    state: str
    issued_at: int
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCounts:
    """What the processes of a city count, each since its start; for metrics.

    classes: class of the device -> `admitted` or the reason word -> rows held. barred: (class, why) -> devices barred now.
    commands: what became of the services' proposals -> how many. commands_refused: by reason word. left_out: reason word ->
    readings that the services were not shown in their last turn. made_safe: fail-safe commands in place of refused ones.
    outward: (exit, opened | closed | failed | refused | cut) -> connections to elsewhere. plans: issued, and how they ended.
    jobs: done | failed | shed. service_faults, service_notices (that stand), service_memory_bytes: by service. turn_parts_shed:
    part of a turn -> how much of it was not taken. forecasts: word -> what the turns of the declared forecasts came to;
    forecasts_now: `said` | `silent` -> series in the last of them.
    """

    classes: Mapping[str, Mapping[str, int]]
    barred: Mapping[tuple[str, str], int]
    commands: Mapping[str, int]
    commands_refused: Mapping[str, int]
    left_out: Mapping[str, int]
    made_safe: int
    plans: Mapping[str, int] = field(default_factory=dict[str, int])
    plans_refused: Mapping[str, int] = field(default_factory=dict[str, int])
    jobs: Mapping[str, int] = field(default_factory=dict[str, int])
    service_faults: Mapping[str, int] = field(default_factory=dict[str, int])
    service_notices: Mapping[str, int] = field(default_factory=dict[str, int])
    service_memory_bytes: Mapping[str, int] = field(default_factory=dict[str, int])
    turn_parts_shed: Mapping[str, int] = field(default_factory=dict[str, int])
    forecasts: Mapping[str, int] = field(default_factory=dict[str, int])
    forecasts_now: Mapping[str, int] = field(default_factory=dict[str, int])
    outward: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])


@dataclass(frozen=True, slots=True)
class BarRow:
    """Nothing is taken from a device for a while. `why`: revoked | lost | stolen | retired | isolated | penalty.

    Machine us, `until` exclusive; None: until it is lifted. `by`: the role or person that barred it.
    """

    device: str
    why: str
    from_us: int
    until_us: int | None
    by: str


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """Where a device was last connected from. City us; `until` None: it is connected."""

    device: str
    source: str
    client_id: str
    since: int
    until: int | None


class StateReader(Protocol):
    """What the console and the services read. Every answer is bounded."""

    def counts(self) -> Sequence[FlowCount]: ...
    def reasons(self) -> Mapping[tuple[str, str], int]: ...
    def latest(self, after_seq: int, most: int) -> Sequence[Latest]:
        """Values whose `seq` is above `after_seq`, lowest first."""
        ...

    def latest_of(self, devices: Sequence[str]) -> Sequence[Latest]: ...
    def quarantine(self, most: int, device: str | None = None) -> Sequence[Quarantined]:
        """Newest first."""
        ...

    def hourly(self, since_us: int, until_us: int, property_id: str | None = None) -> Sequence[HourlyRow]: ...
    def expected(self, device: str) -> Sequence[ExpectedRow]: ...
    def marks(self, device: str | None = None) -> Sequence[Mark]:
        """The marks in force, of one device or of all."""
        ...

    def commands(self, most: int, device: str | None = None) -> Sequence[CommandRow]:
        """Newest first."""
        ...

    def steps(
        self, services: Collection[str], since_us: int, until_us: int, most: int
    ) -> tuple[Sequence[tuple[CommandRow, int]], int]:
        """What these services commanded in the span, a step for each service and minute: (the last of its commands, to how many
        devices), the newest first; and how many steps there are."""
        ...

    def seen(self) -> Mapping[str, int]:
        """device -> when last heard."""
        ...


class ServiceBook(Protocol):
    """What services and estimates write."""

    def command_sent(self, row: CommandRow) -> None: ...
    def command_settled(self, command_id: str, state: str, at_us: int) -> None: ...
    def open_commands(self) -> Sequence[CommandRow]: ...
    def set_expected(self, rows: Sequence[ExpectedRow]) -> None: ...


class Credentials(Protocol):
    """The device registry's secrets, as hashes. `version` grows with every change, so that others notice."""

    def version(self) -> int: ...
    def all(self) -> Sequence[CredentialRow]: ...
    def issue(self, rows: Sequence[CredentialRow]) -> None:
        """Replaces a device's row if it has one."""
        ...

    def revoke(self, device: str, at_us: int) -> bool:
        """False when the device has no active credential."""
        ...

    def device_of_key(self, key_sha256: bytes) -> str | None:
        """The device with this active HTTP key; None also while the device is barred."""
        ...

    def late_key(self, key_sha256: bytes) -> tuple[str, str] | None:
        """(device, why) of a key that was once good: of a barred device, or replaced by another. None: it never was one."""
        ...


class Bars(Protocol):
    """Who is kept out for a while. Everything here counts into `Credentials.version`."""

    def bar(self, rows: Sequence[BarRow]) -> None: ...
    def lift(self, devices: Sequence[str], why: str, until_us: int, instead: Sequence[BarRow] = ()) -> int:
        """End the open bars of this kind at a moment, and set others in the same transaction; how many ended."""
        ...

    def bars(self) -> Sequence[BarRow]:
        """All that are in force or ended lately, oldest first."""
        ...


class Sessions(Protocol):
    """Sign-in: one-time links and the sessions they open. Only SHA-256 hashes are kept. Times in machine us."""

    def add_link(self, token_sha256: bytes, who: str, expires_at: int) -> None: ...
    def redeem_link(self, token_sha256: bytes, now_us: int) -> str | None:
        """Who it was for; None when unknown, expired or used. A link works once, also under two requests at a time."""
        ...

    def open(self, row: SessionRow) -> Sequence[bytes]:
        """Begin a session. A person has so many at most: the hashes of older ones that it ended."""
        ...

    def find(self, session_sha256: bytes, now_us: int) -> SessionRow | None: ...
    def find_all(self, sessions_sha256: Collection[bytes], now_us: int) -> Mapping[bytes, SessionRow]:
        """By hash, those of these that are open: in one question, for whoever asks of many."""
        ...

    def sessions_of(self, who: str, now_us: int) -> Sequence[SessionRow]:
        """Newest first."""
        ...

    def prove(self, session_sha256: bytes, at: int) -> None:
        """The person has proved again who they are."""
        ...

    def close(self, session_sha256: bytes) -> None: ...
    def close_all(self, who: str) -> None: ...

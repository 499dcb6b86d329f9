"""What the watch needs of the world: the history as it grows, what the roles tell, its book, and where it writes itself down.

Kept with the consumer; `adapters` implements, `compose` chooses. What touches the world raises `LinkError` when it does not
answer, and nothing else on purpose.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from cityward.evidence.records import AnyRecord
from cityward.insight.marks import Mark
from cityward.watch.contract import Held
from cityward.watch.events import Event
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState


class HistoryAt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the history was read: its version, and partition -> the log sequence held up to there."""

    version: int = -1
    upto: dict[int, int] = {}


class Position(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the watch has come: in the history, and in what the roles told (the last event's sequence)."""

    history: HistoryAt = HistoryAt()
    events: int = 0


@dataclass(frozen=True, slots=True)
class Tailed:
    """What the history took in since a position. `more`: there is more to read at once.

    by_sequence: whether the commits were gone and the rows were found by their sequences instead.
    unknown: rows of channels that the declaration knows no more: left out.
    """

    held: Held
    at: HistoryAt
    more: bool
    by_sequence: bool = False
    unknown: int = 0


class Tail(Protocol):
    """The history as it grows."""

    def newest(self) -> HistoryAt:
        """Where it stands now."""
        ...

    def next(self, after: HistoryAt, most: int) -> Tailed:
        """What was held since; about `most` rows, and always whole commits where those can still be read."""
        ...

    def count(self, since_us: int, until_us: int) -> int:
        """At most how many rows were observed in a span. Cheap."""
        ...

    def past(self, upto: HistoryAt, since_us: int, until_us: int, most: int) -> Held:
        """What was held up to a position, of observations made from `since_us` to before `until_us`; the newest `most`."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """Events in their order. `upto`: the last one's sequence; `missed`: gone before they were read; `unreadable`: no events.

    began_anew: the stream had lost its end, and its sequences began again: what was told meanwhile is unknown.
    """

    events: Sequence[Event]
    upto: int
    missed: int = 0
    unreadable: int = 0
    began_anew: bool = False


class EventSource(Protocol):
    """What the roles told."""

    async def fetch(self, after: int, most: int, wait_s: float) -> Told:
        """Up to `most` events behind a sequence; none when none came within `wait_s`."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert to be sent. `state`: waiting | sent | failed | shed | refused. (channel, incident, stage) is its identity."""

    channel: str
    incident: str
    stage: str  # opened | raised | closed
    body: bytes
    state: str = "waiting"
    tries: int = 0
    next_at: int = 0
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class WatchEffects:
    """All that one turn of the watch changes in its book: one transaction, with the position. Any of it again changes nothing."""

    position: Position
    at: int = 0
    findings: Sequence[Finding] = ()
    incidents: Sequence[Incident] = ()
    standings: Sequence[DeviceStanding] = ()
    trusted: Sequence[str] = ()  # devices that need no standing any more
    alerts: Sequence[AlertRow] = ()
    counts: Mapping[str, int] = field(default_factory=dict[str, int])  # added to the tallies of these names


class WatchBook(Protocol):
    """What the watch keeps, and others read."""

    def watch_position(self) -> Position | None:
        """How far the effects are here; None before the first turn."""
        ...

    def hold(self, effects: WatchEffects) -> None: ...

    def standings(self) -> Mapping[str, DeviceStanding]:
        """Every device that is not fully trusted. Costs one short question where nothing changed since the last call."""
        ...

    def findings(
        self, *, incident: str | None = None, device: str | None = None, going_on: bool = False, most: int = 100
    ) -> Sequence[Finding]:
        """Newest first."""
        ...

    def incidents(self, state: IncidentState | None = None, most: int = 100) -> Sequence[Incident]:
        """The worst first, then the newest. None: of every state."""
        ...

    def words_on(self, incidents: Collection[str]) -> Mapping[str, tuple[IncidentState, str, str]]:
        """What people said of these: (state, person, note)."""
        ...

    def one_source(self) -> frozenset[frozenset[str]]:
        """Pairs of devices that are one source now."""
        ...

    def findings_since(self, ended_since: int, most: int) -> Sequence[Finding]:
        """Those that go on and those that ended at or after a time, newest first."""
        ...

    def acknowledge(self, incident: str, person: str, note: str, state: IncidentState) -> bool:
        """A person takes an incident in hand, or closes it; False where there is none. Evidence first: the caller's part."""
        ...


class SuspectMarks(Protocol):
    """Where rows are marked that come from a device the watch does not believe."""

    def open_suspects(self) -> Sequence[Mark]:
        """The suspect marks that have no end yet."""
        ...

    def put_suspects(self, marks: Sequence[Mark]) -> None:
        """Hold suspect marks, or their ends."""
        ...

    def marks(self) -> Sequence[Mark]:
        """All marks in force."""
        ...


class Notebook(Protocol):
    """Where the watch writes down the state of its detectors: one blob, whole or not there."""

    def load(self) -> bytes | None: ...
    def save(self, data: bytes) -> None: ...


class WatchLedger(Protocol):
    """The evidence log of the watch."""

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]: ...
    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]: ...


def no_alerts(stages: Sequence[tuple[str, Incident]], findings: Sequence[Finding]) -> Sequence[AlertRow]:
    """For a city that alerts nobody."""
    return ()


@dataclass(frozen=True, slots=True)
class WatchPorts:
    """What the watch needs of the world.

    settled: the city time up to which everything that came is held, None while that is not known. alerts: who is to be told of
    incidents that were opened, raised or closed.
    """

    tail: Tail
    events: EventSource
    book: WatchBook
    ledger: WatchLedger
    notes: Notebook
    now_us: Callable[[], int]
    settled: Callable[[], Awaitable[int | None]]
    marks: SuspectMarks | None = None
    alerts: Callable[[Sequence[tuple[str, Incident]], Sequence[Finding]], Sequence[AlertRow]] = no_alerts

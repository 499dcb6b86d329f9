"""What the web door needs of the world beyond `runtime.ports`, and `Doors`: everything one door is given.

Synchronous ports are called in threads, never in the event loop. Each raises `LinkError` when the world does not answer.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.reach.containment import Containment
from cityward.runtime.containing import ContainmentRow
from cityward.runtime.ports import Credentials, EventSink, History, Latest, Ledger, RoleCounts, Sessions, StateReader
from cityward.time import CityClock
from cityward.watch.contract import Severity
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState


class Intake(Protocol):
    """The way into the durable log."""

    async def publish(self, device: str, codec: str, payload: bytes) -> int:
        """The sequence under which the log holds the message. `codec` is senml, json or ngsi-ld.

        Raises:
            LinkError: the log did not say that it holds it.
        """
        ...


class Tiles(Protocol):
    """The map's tile archive: one file that never changes while it is served."""

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    @property
    def etag(self) -> str:
        """A strong entity tag, without the quotes."""
        ...

    def read(self, start: int, length: int) -> bytes:
        """The bytes `start .. start + length`, all of them."""
        ...


@runtime_checkable
class NgsiProblem(Protocol):
    """An RFC 7807 problem with an ETSI error type."""

    @property
    def status(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def detail(self) -> str: ...


class NgsiPart(Protocol):
    """One entity of an upsert: `body` is what goes to the log under `device`, which may or may not be declared."""

    @property
    def entity(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def body(self) -> bytes: ...


class NgsiMisfit(Protocol):
    """One entity of an upsert that names no device or cannot be read."""

    @property
    def entity(self) -> str: ...
    @property
    def problem(self) -> NgsiProblem: ...


class NgsiBatch(Protocol):
    """What an upsert was made of."""

    @property
    def parts(self) -> Sequence[NgsiPart]: ...
    @property
    def misfits(self) -> Sequence[NgsiMisfit]: ...


class WatchReader(Protocol):
    """What the watch found. `acknowledge` is the book's part: evidence first is the caller's."""

    def incidents(
        self, state: IncidentState | None = None, most: int = 100, after: str | None = None
    ) -> Sequence[Incident]: ...
    def incident_counts(self) -> Mapping[IncidentState, Mapping[Severity, int]]: ...
    def incident(self, id_: str) -> Incident | None: ...
    def findings(
        self, *, incident: str | None = None, device: str | None = None, going_on: bool = False, most: int = 100
    ) -> Sequence[Finding]: ...
    def standings(self) -> Mapping[str, DeviceStanding]: ...
    def acknowledge(self, incident: str, person: str, note: str, state: IncidentState) -> bool: ...


class Containing(Protocol):
    """Containing what turned against the city. Each raises `PlaceError` where it may not be."""

    def preview(self, target: str) -> Containment: ...
    def begin(self, target: str, reason: str, person: str, seconds: int) -> ContainmentRow: ...
    def approve(self, id_: str, person: str) -> ContainmentRow: ...
    def refuse(self, id_: str, person: str) -> ContainmentRow: ...
    def lift(self, id_: str, person: str) -> ContainmentRow: ...
    def all(self) -> Sequence[ContainmentRow]:
        """Those that wait or are in force before those that ended; of each, the newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entities:
    """Devices as NGSI-LD entities: pure functions over the registry's unit numbers; entities come without `@context`."""

    split: Callable[[bytes, str], NgsiBatch | NgsiProblem]  # an upsert's body and content type
    device_of: Callable[[str], str | None]  # the device that an entity id names, declared or not
    id_of: Callable[[int], str]
    type_of: Callable[[int], str]
    normalized: Callable[[int, Sequence[Latest]], Mapping[str, object]]
    simplified: Callable[[int, Sequence[Latest]], Mapping[str, object]]


def machine_now_us() -> int:
    """The machine's time, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What the web door of one place is given. Ports that may be None are parts the city runs without."""

    place: Place
    registry: Registry
    clock: CityClock
    digest: str = ""  # of the declaration
    where: Callable[[str], str] = str  # dotted path -> `file:line  path` of the declaration
    state: StateReader
    history: History
    credentials: Credentials
    sessions: Sessions
    intake: Intake
    entities: Entities | None = None
    tiles: Tiles | None = None
    ledger: Ledger | None = None  # sign-ins are recorded there
    events: EventSink | None = None  # the watch is told there who was turned away
    watch: WatchReader | None = None
    containing: Containing | None = None
    backlog: Callable[[], Awaitable[int]] | None = None  # messages in the log that are not judged yet
    roles: Callable[[], RoleCounts] | None = None  # what the other processes of the city count
    machine_us: Callable[[], int] = machine_now_us
    secure: bool = False  # reached over https, here or at a proxy: cookies are `Secure`, HSTS is sent

    def city_now_us(self) -> int:
        """The city's time."""
        return self.clock.to_city_us(self.machine_us())

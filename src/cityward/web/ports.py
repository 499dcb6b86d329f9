"""What the web door needs of the world beyond `runtime.ports`, and `Doors`: everything one door is given.

Synchronous ports are called in threads, never in the event loop. Each raises `LinkError` when the world does not answer.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.policy.preview import Preview
from cityward.reach.containment import Containment
from cityward.reach.following.shapes import Facts
from cityward.reach.picture import Picture
from cityward.reach.since.shapes import Since
from cityward.runtime.containing import ContainmentRow
from cityward.runtime.forecast_told import KeptReader
from cityward.runtime.overriding import ConsentRow, Operator, OverrideRow
from cityward.runtime.people import Grant, Passkey, Person, Second, Stance, Standing, Wish
from cityward.runtime.pictures.camera_ports import Pictures, SegmentBook
from cityward.runtime.pictures.viewing import ViewRefusal, ViewRow
from cityward.runtime.pictures.viewing_ports import Shown, Viewed, Viewer, ViewWanted
from cityward.runtime.ports import (
    CommandRow,
    Credentials,
    EventSink,
    History,
    Latest,
    Ledger,
    RoleCounts,
    Sessions,
    StateReader,
)
from cityward.runtime.posturing import Declared, PostureRow, Switcher
from cityward.runtime.releasing.opened import OpenDocument
from cityward.runtime.releasing.ports import Question, Receipt, ReleaseAnswer
from cityward.runtime.serving.acting.preview import OverridePreview, Wanted
from cityward.runtime.serving.kept import NoticeRow, PlanRow, ServiceStatus
from cityward.services.board import Board
from cityward.services.contract import Estimate
from cityward.time import CityClock
from cityward.watch.contract import Severity
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState
from cityward.watch.hands import Hand
from cityward.web.assurance_ports import Assuring, Exercises
from cityward.web.whatif_ports import Lessening, Proposing


@dataclass(frozen=True, slots=True)
class Exercised:
    """This door is a twin's (ADR 19): of which exercise, and the secret by which the exercise says who seems to ask."""

    id: str
    secret: str


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

    def version(self) -> int:
        """Grows with every change of incidents, of standings, and of what people said of them."""
        ...

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


class Handing(Protocol):
    """Whose incidents are and which wait. Each that changes something raises `PlaceError` where it may not be; evidence first."""

    def hands(self, incidents: Collection[str]) -> Mapping[str, Hand]: ...
    def people(self) -> Mapping[str, str]: ...
    def assign(self, incident: str, to: str, person: str, note: str = "") -> Hand: ...
    def snooze(self, incident: str, for_us: int, person: str, why: str = "") -> Hand: ...


class Registering(Protocol):
    """Giving declared devices what they prove themselves with. Raises `PlaceError` where it may not be."""

    def give(self, device: str, person: str, again: bool) -> Mapping[str, str]:
        """The device's new `secret`, and its `command_key` if it takes commands; `again`: in place of the one it has."""
        ...


class Drawn(Protocol):
    """Where the chain picture was drawn last."""

    def before(self) -> Picture | None: ...
    def keep(self, picture: Picture) -> None: ...


class Filing(Protocol):
    """Steps of incident files, evidence first. Raises `PlaceError` where one may not be. They answer (id, state, title)."""

    async def open(self, incident: str, title: str, subjects: Sequence[str], person: str) -> tuple[str, str, str]: ...
    async def decide(self, file: str, text: str, person: str) -> tuple[str, str, str]: ...
    async def note(self, file: str, text: str, people: str, person: str) -> tuple[str, str, str]: ...
    async def told(self, file: str, text: str, to: str, duties: Sequence[str], person: str) -> tuple[str, str, str]: ...
    async def close(self, file: str, text: str, person: str) -> tuple[str, str, str]: ...
    async def export(self, file: str) -> bytes:
        """The archive: to read, for machines, and with the proofs."""
        ...


class Posturing(Protocol):
    """Switching postures. Each that changes something raises `PlaceError` where it may not be."""

    def all(self) -> Sequence[Declared]: ...
    def turns(self, most: int = 100) -> Sequence[PostureRow]: ...
    def preview(self, name: str) -> Preview: ...
    def on(self, name: str, reason: str, who: Switcher, seconds: int) -> PostureRow: ...
    def off(self, name: str, who: Switcher) -> PostureRow: ...
    def approve(self, name: str, who: Switcher) -> PostureRow: ...
    def refuse(self, name: str, who: Switcher) -> PostureRow: ...


class Overriding(Protocol):
    """Holding actuators at a value. Each that changes or previews something raises `PlaceError` where it may not be."""

    def overrides(self, most: int = 100, service: str | None = None) -> Sequence[OverrideRow]: ...
    def consents(self, most: int = 100, service: str | None = None) -> Sequence[ConsentRow]: ...
    def preview(
        self, wanted: Wanted, who: Operator, told: Callable[[CommandRow], CommandRow] = ...
    ) -> OverridePreview: ...
    def begin(self, wanted: Wanted, reason: str, seconds: int, who: Operator) -> OverrideRow: ...
    def undo(self, id_: str, who: Operator) -> OverrideRow: ...
    def approve(self, id_: str, who: Operator) -> OverrideRow | ConsentRow: ...
    def refuse(self, id_: str, who: Operator) -> OverrideRow | ConsentRow: ...


class ServiceReader(Protocol):
    """What is kept of the services for people (`adapters.stores.service_records`)."""

    def statuses(self) -> Mapping[str, ServiceStatus]: ...
    def board(self, service: str) -> Board | None: ...
    def notices_of(self, service: str, most: int) -> Sequence[NoticeRow]:
        """Those that stand before those that ended; of each the newest first."""
        ...

    def notices_standing(self) -> Mapping[str, int]: ...
    def estimates_of(
        self, service: str, since_us: int, most: int, subject: str | None = None
    ) -> Sequence[Estimate]: ...
    def published_names(self, service: str) -> Mapping[str, int]: ...
    def plans_of(self, service: str, most: int) -> Sequence[PlanRow]:
        """Newest first."""
        ...

    def plan(self, plan_id: str) -> PlanRow | None: ...
    def commands_of(self, service: str, most: int) -> Sequence[CommandRow]:
        """Newest first."""
        ...

    def commands_open(self) -> Mapping[str, int]: ...


class Received(Protocol):
    """What left. Each but `recipients` raises `PlaceError` for names that name nothing."""

    def recipients(self) -> Sequence[object]: ...
    def statement(self, recipient: str | None, dataset: str | None, month: str | None) -> object: ...
    def receipts(
        self,
        recipient: str | None,
        dataset: str | None,
        after: str,
        most: int,
        purpose: str | None = None,
        month: str | None = None,
    ) -> Sequence[Mapping[str, object]]:
        """Newest first; those behind the receipt `after`; of a month (`2026-11`), or ever."""
        ...

    def refusals(self, recipient: str | None, most: int) -> Sequence[object]: ...
    def register(self, kind: Literal["processing", "transfers"]) -> object: ...
    def erasures(self) -> Sequence[object]: ...
    def retention(self) -> Sequence[object]: ...


class Releasing(Protocol):
    """What recipients may ask for."""

    def recipient_of(self, token: str, certificate: bytes | None) -> str:
        """Who shows this token, or this certificate (SHA-256) on a connection whose TLS ends here; "" nobody."""
        ...

    def turned_away(self, source: str, token: str = "", certificate: bytes | None = None) -> None:
        """Somebody from this address showed what is nobody's, or was revoked: gathered, put on record, told."""
        ...

    def person_turned_away(self, person: str, source: str, why: str) -> None:
        """A person ("": somebody unknown) was refused here for where they came from, or for their proof: gathered, kept."""
        ...

    def is_from_declared(self, recipient: str, source: str) -> bool: ...
    def ask(self, question: Question) -> ReleaseAnswer: ...
    def receipts_of(self, recipient: str, most: int, after: str) -> Sequence[Receipt]: ...


class Containing(Protocol):
    """Containing what turned against the city. Each raises `PlaceError` where it may not be."""

    def preview(self, target: str) -> Containment: ...
    def begin(self, target: str, reason: str, person: str, seconds: int) -> ContainmentRow: ...
    def ask(self, target: str, reason: str, person: str, seconds: int) -> ContainmentRow:
        """As `begin`, but it waits for a second person in any case."""
        ...

    def approve(self, id_: str, person: str) -> ContainmentRow: ...
    def refuse(self, id_: str, person: str) -> ContainmentRow: ...
    def lift(self, id_: str, person: str) -> ContainmentRow: ...
    def all(self) -> Sequence[ContainmentRow]:
        """Those that wait or are in force before those that ended; of each, the newest first."""
        ...


class Viewing(Protocol):
    """Looking through cameras. Each that changes something for one person raises `PlaceError` where it may not be."""

    def ask(self, wanted: ViewWanted, who: Viewer) -> Viewed: ...
    def open(self, view: str, who: Viewer) -> Viewed: ...
    def approve(self, view: str, who: Viewer) -> ViewRow: ...
    def refuse(self, view: str, who: Viewer) -> ViewRow: ...
    def spend(self, view: str, token: str, who: Viewer, at: int = 0) -> Shown | tuple[str, ...]:
        """Take one token for one picture; words of `ViewReason` where there is none."""
        ...

    def end(self, view: str, who: Viewer) -> ViewRow: ...
    def views(self, most: int, camera: str = "", person: str = "", since: int = 0) -> Sequence[ViewRow]: ...
    def refusals(self, most: int, camera: str = "", person: str = "", since: int = 0) -> Sequence[ViewRefusal]: ...


class PeopleDesk(Protocol):
    """Accounts, passkeys, roles, second persons. Each raises `PlaceError` where it may not be. `version` grows with changes."""

    def version(self) -> int: ...
    def standing(self, id_: str) -> Standing | None: ...
    def people(self) -> Sequence[Person]: ...
    def add(self, id_: str, name: str, party: str, by: str) -> Person: ...
    def stand(self, id_: str, to: Stance, by: str) -> Person: ...
    def link_for_another(self, id_: str, by: str, *, alone: bool) -> str: ...
    def person_of_subject(self, issuer: str, subject: str) -> Person | None: ...
    def passkeys(self, person: str) -> Sequence[Passkey]: ...
    def passkey(self, credential: bytes) -> Passkey | None: ...
    def add_passkey(self, passkey: Passkey) -> None: ...
    def drop_passkey(self, person: str, credential: bytes) -> bool: ...
    def use_passkey(self, credential: bytes, sign_count: int, at: int) -> bool: ...
    def grants(self, person: str | None = None) -> Sequence[Grant]: ...
    def give(self, wish: Wish, by: str) -> Grant: ...
    def ask(self, wish: Wish) -> Grant: ...
    def open(self, id_: str, by: str) -> Grant: ...
    def ask_to_open(self, id_: str, by: str) -> Grant: ...
    def refuse(self, id_: str, by: str) -> Grant: ...
    def take(self, id_: str, by: str) -> Grant: ...
    def break_glass(self, wish: Wish) -> Grant: ...
    def review(self, id_: str, by: str) -> Grant: ...
    def seconds(self) -> Sequence[Second]: ...
    def ask_to_give(self, wish: Wish, by: str) -> Second: ...
    def approve(self, id_: str, by: str) -> Second: ...
    def decline(self, id_: str, by: str) -> Second: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """The city's OpenID provider, as it is configured. `fetch` asks it: (method, address, form or None) -> (status, body)."""

    issuer: str
    client: str
    secret: str = ""
    scopes: tuple[str, ...] = ("openid",)
    fetch: Callable[[str, str, Mapping[str, str] | None], tuple[int, bytes]]


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


class OpenDocuments(Protocol):
    """What anybody may read: documents that a service publishes and the declaration opens."""

    def document(self, name: str) -> OpenDocument:
        """The newest of that name, or why there is none."""
        ...


class ReportTold(Protocol):
    """A report as JSON, as a page, and the content security policy that the page needs."""

    @property
    def data(self) -> bytes: ...
    @property
    def page(self) -> bytes: ...
    @property
    def policy(self) -> str: ...


class IncidentsTold(Protocol):
    """The list of incident files as JSON, and each file by its id."""

    @property
    def list(self) -> bytes: ...
    @property
    def files(self) -> Mapping[str, bytes]: ...


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
    handing: Handing | None = None
    filing: Filing | None = None
    registering: Registering | None = None
    containing: Containing | None = None
    posturing: Posturing | None = None
    overriding: Overriding | None = None
    services: ServiceReader | None = None
    forecasts: KeptReader | None = None  # what is kept of the declared forecasts
    releasing: Releasing | None = None
    received: Received | None = None
    drawn: Drawn | None = None
    seen: Callable[[], Awaitable[bytes | None]] | None = (
        None  # flows with what was seen of them; None of it: being made
    )
    changed: Callable[[int, int], Since] | None = None  # since, now (city us): between declarations that were run
    following: Callable[[str, str, int | None], Facts] | None = None  # device, property, city ms (None: the newest)
    viewing: Viewing | None = None  # without it nobody looks through a camera
    pictures: Pictures | None = None
    segments: SegmentBook | None = None  # what is recorded, by time
    camera_told: Callable[[], Mapping[str, Mapping[str, object]]] | None = None  # what the role `cameras` says of each
    opened: OpenDocuments | None = None  # without it nothing is open to the public
    people: PeopleDesk | None = None  # without it nobody signs in
    oidc: OidcSettings | None = None
    backlog: Callable[[], Awaitable[int]] | None = None  # messages in the log that are not judged yet
    roles: Callable[[], RoleCounts] | None = None  # what the other processes of the city count
    reporting: Callable[[], Awaitable[ReportTold | None]] | None = None  # None of it: it is still being made
    lessening: Lessening | None = None
    proposing: Proposing | None = None  # None: a twin, whose declaration lies in no file
    incidents: Callable[[], Awaitable[IncidentsTold | None]] | None = None  # None of it: they are still being made
    assuring: Assuring | None = None
    exercises: Exercises | None = None  # None: a twin, in which none is begun
    machine_us: Callable[[], int] = machine_now_us
    secure: bool = False  # reached over https, here or at a proxy: cookies are `Secure`, HSTS is sent
    exercise: Exercised | None = None  # this is the door of a twin

    def city_now_us(self) -> int:
        """The city's time."""
        return self.clock.to_city_us(self.machine_us())

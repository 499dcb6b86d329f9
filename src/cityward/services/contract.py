"""What a service is: a pure function from a view of the city and its own memory to what it would like, with its settings.

Lives here: the `View` a service is shown, the `Turn` it answers with, the `Service` contract, and the words they use. All that a
service remembers is in the view (what it commanded before, with its cause) or in its memory, which the runtime keeps: a restart
forgets nothing, and the same view and memory always give the same turn. A proposal names its sources: every unit whose readings
its value rests on, so that the same view without any other readings gives the same value.
Does not live here: reading the city or carrying anything out (`runtime`), saying no (`guard.permit`, `guard.plans`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.errors import PlaceError
from cityward.guard.permit import Proposal, Urgency
from cityward.guard.plans import PlanProposal, Stop
from cityward.insight.estimate import Estimate
from cityward.place.junctions import Junction
from cityward.place.things import CommandLimits, Position
from cityward.services.board import Board

__all__ = [
    "Actuator",
    "Board",
    "Commanded",
    "Document",
    "Estimate",
    "Job",
    "KnowsJunctions",
    "NoMemory",
    "Notice",
    "PlanProposal",
    "Proposal",
    "Reading",
    "Series",
    "Service",
    "Stop",
    "Turn",
    "Urgency",
    "View",
    "Window",
]

S = TypeVar("S")
M = TypeVar("M", bound=msgspec.Struct)

MOST_MEMORY = 1 << 20  # bytes of a service's memory as JSON: what is larger is not kept, and the service is in fault
NOT_ON_RECORD = "not-on-record"
MOST_WINDOWS = 500  # series in one view
MOST_WINDOW_POINTS = 5000  # values in one of them; the newest are shown


class NoMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a service that remembers nothing but what the view tells."""


@dataclass(frozen=True, slots=True)
class Window:
    """A past that a service would like to see: one property of a device or of all of a group. span_us: up to now."""

    device: str
    property: str
    span_us: int


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """What was admitted of one property of one unit. times: (n,) int64 city us, rising; values: (n,) float64.

    left_out: how many readings of the span are not shown, because they are marked or their device is not believed.
    """

    times: NDArray[np.int64]
    values: NDArray[np.float64]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """The newest admitted body of a flow that carries documents and not readings (a GTFS-Realtime feed). `age_us`: city time."""

    body: bytes
    received_at: int
    age_us: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know or do: a fire in a container, a failed lamp. Stands as long as a turn names it.

    id: the same for the same thing, so that it is told once. urgency SAFETY goes out by the alert channels.
    """

    id: str
    subject: str
    title: str
    urgency: Urgency = Urgency.ROUTINE
    since: int = 0
    do: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """Slow work: `body` is given to the service's `work` in a process of its own; the answer is in a later view's `done`."""

    id: str
    body: bytes
    longest_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Turn(Generic[M]):
    """What a service answers. memory: what it wants to be told next time.

    published: name -> a document for others to fetch (our own feed, a stop's page): each leaves by the release gate.
    """

    memory: M
    proposals: Sequence[Proposal] = ()
    plans: Sequence[PlanProposal] = ()
    estimates: Sequence[Estimate] = ()
    notices: Sequence[Notice] = ()
    jobs: Sequence[Job] = ()
    published: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    board: Board | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest admitted value of one property of one unit. `age_us` is city time since it was observed, never negative."""

    value: float
    observed_at: int
    age_us: int


@dataclass(frozen=True, slots=True)
class Actuator:
    """One unit the service may command, and what it can be told."""

    commands: Mapping[str, CommandLimits]
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Commanded:
    """The last command to a unit. `state`: sent | acknowledged | timed-out | rejected. `sent_at` city us.

    sources: the units whose readings it rested on.
    """

    command: str
    value: float
    cause: Mapping[str, str]
    state: str
    sent_at: int
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View(Generic[S]):
    """What a service sees at one moment. Nothing in it may be missing a key that exists; anything may be absent.

    members: group or unit -> its units, for every device the settings name.
    readings: (unit, observed property) -> the newest admitted value; absent where none was ever admitted.
    actuators: unit -> what it can be told; only units that are active.
    last_commands: unit -> the last command to it, by this service or another. One that rested on a device whose readings are
    left out now has an empty cause: memory of what is not believed is no memory.
    left_out: (unit, observed property) -> why its newest value is not shown: `quarantined`, `not-trusted`, `suspect`,
    `retracted`.
    positions: unit -> where it stands, for every unit in `members` that has a place.
    series: (unit, observed property) -> the past asked for by `windows`; read anew now and then, so it may end a while ago.
    documents: flow -> its newest admitted body, for the flows that `documents` names.
    held: units that a person holds at a value now (an override): the service proposes nothing for them.
    done: job id -> what `work` answered since the last turn; None: it failed, or was stopped after its `longest_s`.
    refused_plans: (kind, crew) -> why the gate refused what was planned in the last turn, in its word; `NOT_ON_RECORD` where the
    evidence could not be written. Such a plan was shown to nobody.
    refused: (device, command) -> why the gate refused what was proposed in the last turn, in its word.
    pace: city seconds in a second of the street: more than 1 only where a demonstration's clock runs faster.
    """

    now_us: int
    position: Position
    settings: S
    members: Mapping[str, Sequence[str]]
    readings: Mapping[tuple[str, str], Reading]
    actuators: Mapping[str, Actuator]
    last_commands: Mapping[str, Commanded]
    left_out: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    positions: Mapping[str, Position] = field(default_factory=dict[str, Position])
    series: Mapping[tuple[str, str], Series] = field(default_factory=dict[tuple[str, str], Series])
    documents: Mapping[str, Document] = field(default_factory=dict[str, Document])
    held: frozenset[str] = frozenset()
    done: Mapping[str, bytes | None] = field(default_factory=dict[str, "bytes | None"])
    refused_plans: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    refused: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    pace: float = 1.0

    def fresh(self, unit: str, property_id: str, max_age_us: int) -> Reading | None:
        """The reading, if there is one and it is not older than `max_age_us`."""
        reading = self.readings.get((unit, property_id))
        return reading if reading is not None and reading.age_us <= max_age_us else None

    def units(self, devices: Sequence[str]) -> list[str]:
        """The units of these devices and groups, in order."""
        return [unit for device in devices for unit in self.members.get(device, ())]


class Service(Protocol[S, M]):
    """One service: a folder of `services/` whose package offers it as `SERVICE`. The folder's name is its id."""

    @property
    def settings(self) -> type[S]:
        """The type of its settings."""
        ...

    @property
    def memory(self) -> type[M]:
        """The type of its memory: all fields have defaults, and what an older version kept still decodes."""
        ...

    @property
    def example(self) -> Mapping[str, Any]:
        """Settings as they stand in a declaration: for the manual and the conformance suite."""
        ...

    def read_settings(self, raw: Mapping[str, Any], where: str) -> S | PlaceError:
        """The settings, or what is wrong with them. `where` is their path in the declaration."""
        ...

    def reads(self, settings: S) -> Sequence[str]:
        """The devices and groups whose readings it looks at."""
        ...

    def commands(self, settings: S) -> Sequence[str]:
        """The devices and groups it may propose to command."""
        ...

    def windows(self, settings: S) -> Sequence[Window]:
        """The pasts it would like to see."""
        ...

    def documents(self, settings: S) -> Sequence[str]:
        """The flows whose newest bodies it looks at."""
        ...

    def step(self, view: View[S], memory: M) -> Turn[M]:
        """What it would like now. Pure and total: stale or missing readings lead to the safe state, not an error."""
        ...

    def work(self, body: bytes) -> bytes:
        """One of its own jobs, done. Pure, deterministic and slow; runs in a process of its own, apart from the city.

        Raises:
            ValueError: this is none of its jobs.
        """
        ...


@runtime_checkable
class KnowsJunctions(Protocol):
    """What a service offers besides, whose settings name junctions: they are laid into its settings when it is bound."""

    def with_junctions(self, settings: Any, junctions: Mapping[str, Junction], where: str) -> Any:
        """The settings with the declared junctions that they name, or a `PlaceError`."""
        ...

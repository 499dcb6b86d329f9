"""What a service is: a pure function from a view of the city to proposals, with its settings.

Lives here: the `View` a service is shown, the `Service` contract, and the words they use. A service's memory is what it
commanded before, with its cause: both are in the view, so that a restart forgets nothing and the same view always gives
the same proposals. A proposal names its sources: every unit whose readings its value rests on, so that the same view without
any other readings gives the same value.
Does not live here: reading the city or carrying anything out (`runtime`), saying no (`guard.permit`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from cityward.errors import PlaceError
from cityward.guard.permit import Proposal, Urgency
from cityward.place.things import CommandLimits, Position

__all__ = ["Actuator", "Commanded", "Proposal", "Reading", "Service", "Urgency", "View"]

S = TypeVar("S")


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
    """

    now_us: int
    position: Position
    settings: S
    members: Mapping[str, Sequence[str]]
    readings: Mapping[tuple[str, str], Reading]
    actuators: Mapping[str, Actuator]
    last_commands: Mapping[str, Commanded]
    left_out: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def fresh(self, unit: str, property_id: str, max_age_us: int) -> Reading | None:
        """The reading, if there is one and it is not older than `max_age_us`."""
        reading = self.readings.get((unit, property_id))
        return reading if reading is not None and reading.age_us <= max_age_us else None

    def units(self, devices: Sequence[str]) -> list[str]:
        """The units of these devices and groups, in order."""
        return [unit for device in devices for unit in self.members.get(device, ())]


class Service(Protocol[S]):
    """One service: a folder of `services/` whose package offers it as `SERVICE`. The folder's name is its id."""

    @property
    def settings(self) -> type[S]:
        """The type of its settings."""
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

    def step(self, view: View[S]) -> Sequence[Proposal]:
        """What it would like to do now. Pure and total: stale or missing readings lead to the safe state, not an error."""
        ...

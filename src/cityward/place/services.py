"""What the city does with it: services, and the functions citizens notice."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from cityward.ids import Id
from cityward.place.record import Record
from cityward.place.things import Need


class Function(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something a citizen notices when it stops."""

    service: Id
    needs: tuple[Need, ...] = ()
    areas: tuple[Id, ...] = ()
    essential: bool = False
    tolerance_hours: Annotated[float, Meta(ge=0)] = 0.0
    fail_safe: str = ""


class Priority(IntEnum):
    """The lower, the longer it is kept. The numbers stand in columns, not in stores."""

    CRITICAL = 0
    IMPORTANT = 1
    ROUTINE = 2

    @property
    def word(self) -> str:
        """As people read it."""
        return self.name.lower()


class Service(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service of the city. `settings` are read, and their errors reported, by the service's own plug-in."""

    kind: Literal["lighting", "signals", "waste", "transport", "cctv"]
    operator: Id
    actuators: tuple[Id, ...] = ()  # devices or groups it may command
    reads: tuple[Id, ...] = ()  # datasets
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


class Purpose(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A purpose of use, the word every flow and agreement is held to."""

    dpv: str | None = None  # the matching Data Privacy Vocabulary term

"""What the city does with it: services, and the functions citizens notice."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Literal

import msgspec
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


class PlanLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of plan that a service may make: an order of work for people.

    at: the devices, groups and sites where its stops may be; empty: any. per_day: plans within 24 hours, of all crews.
    Of what a plan rests on: as of a command (`quorum`, `least_trust`). At most `share_of_area_most` of its stops are in one
    area, however full somebody says that area is; `area_free` stops a day in an area are let pass whatever their share is.
    fixed: the round that is made when no reading is believed: a plan of stops among these, that names no source, needs none
    of this, and has `per_day` of its own.
    """

    at: tuple[Id, ...] = ()
    stops_most: Annotated[int, Meta(ge=1, le=1000)] = 200
    per_day: Annotated[int, Meta(ge=1, le=1000)] = 12
    share_of_area_most: Annotated[float, Meta(gt=0, le=1)] = 1.0
    area_free: Annotated[int, Meta(ge=0, le=100)] = 5
    quorum: Annotated[int, Meta(ge=1, le=3)] = 1
    least_trust: Annotated[float, Meta(ge=0, le=1)] = 0.0
    valid_hours: Annotated[float, Meta(gt=0, le=168)] = 24.0
    fixed: tuple[Id, ...] = ()


class Hindrance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device says while something must not be done. Of a group, any member of it.

    Holds while the newest value (in the catalogue unit) is above `above` or below `below`, is older than `max_age_s`, is not
    believed, or was never heard: who silences the device hinders, too.
    """

    device: Id
    property: Id
    above: float | None = None
    below: float | None = None
    max_age_s: Annotated[int, Meta(ge=1, le=86_400)] = 900


class Interlock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """While `unless` holds, the actuators are told their fail-safe value and no other. `commands`: which ones; none: all."""

    unless: Hindrance
    commands: tuple[Id, ...] = ()
    why: str = ""


class FanOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of a service's actuators may be moved away from their fail-safe value within `minutes`: the smaller of the two.

    `share` of its active actuators, rounded down, though never less than one. The way back to the fail-safe value is always free.
    """

    most: Annotated[int, Meta(ge=1)] | None = None
    share: Annotated[float, Meta(gt=0, le=1)] | None = None
    minutes: Annotated[float, Meta(gt=0, le=60)] = 10.0


class Service(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service of the city. `settings` are read, and their errors reported, by the service's own plug-in.

    What it may do, whoever asks: `interlocks`, `fan_out`, and `plans` by their kind. A person may hold its actuators at a value
    for `override_hours` at most.
    """

    kind: Literal["lighting", "signals", "waste", "transport", "cctv"]
    operator: Id
    actuators: tuple[Id, ...] = ()  # devices or groups it may command
    reads: tuple[Id, ...] = ()  # datasets
    interlocks: tuple[Interlock, ...] = ()
    fan_out: FanOut | None = None
    plans: dict[Id, PlanLimits] = field(default_factory=dict[Id, PlanLimits])
    override_hours: Annotated[float, Meta(gt=0, le=24)] = 24.0
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


class Purpose(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A purpose of use, the word every flow and agreement is held to."""

    dpv: str | None = None  # the matching Data Privacy Vocabulary term


class Forecast(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Series that are forecast together: one observed property of devices and groups, each told by what the others do, too.

    Forecasts are made once an hour, for up to `horizon_hours` ahead.
    """

    devices: Annotated[tuple[Id, ...], Meta(min_length=1)]
    property: Id
    horizon_hours: Annotated[int, Meta(ge=1, le=48)] = 6

"""Junctions: what may be green together, for how long, and what a junction does when nobody tells it anything.

Lives here: the records only. That a junction's declaration is whole (every stage free of conflicts, every group green somewhere
in its plan) is checked by `place/checks`; what may be shown next is decided by `guard.signals`.

Times are seconds of the street. A *group* is a set of signal heads that always show the same; a *stage* names the groups that are
green together; the *intergreen* of a conflict is the time from the end of one group's green to the beginning of the other's,
amber in it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from cityward.ids import Id
from cityward.place.record import Record
from cityward.place.things import Position

Seconds = Annotated[float, Meta(ge=0, le=600)]


class SignalGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signal group. max_red_s: nobody waits longer, whatever the controller likes. lanes: what it lets go, for detectors.

    leads_to: the lanes it lets traffic go onto, where known: whether there is room is told of them (`JunctionSeen.room`).

    A group that yields (`yields_to`: a turn on full green that gives way) may be green with those groups: that is no conflict.
    """

    kind: Literal["vehicle", "bus", "cycle", "pedestrian"] = "vehicle"
    lanes: tuple[Annotated[str, Meta(max_length=128)], ...] = ()
    min_green_s: Seconds = 5.0
    amber_s: Seconds = 3.0
    max_red_s: Seconds = 180.0
    yields_to: tuple[Id, ...] = ()
    leads_to: tuple[Annotated[str, Meta(max_length=128)], ...] = ()


class Conflict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two groups that are never green together. intergreen_s: from `first` to `then`; back_s: the other way (None: the same)."""

    first: Id
    then: Id
    intergreen_s: Seconds = 4.0
    back_s: Seconds | None = None


class PlanStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage of the junction's own plan, with how long it lasts from the moment that it is wanted (the change to it in it)."""

    stage: Id
    seconds: Annotated[float, Meta(ge=1, le=600)]


class PriorityCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may ask for green, and how it proves itself: a device of ours that signs its requests, on one of these `groups`.

    most_per_hour: more requests than that, of one device, are not believed (S-02); rank: emergency before bus before cycle.
    """

    devices: tuple[Id, ...]
    groups: tuple[Id, ...]
    kind: Literal["emergency", "bus", "cycle", "pedestrian"]
    most_per_hour: Annotated[int, Meta(ge=1, le=3600)] = 60


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a group's traffic goes next: a lane of another junction, and how long it takes at free speed."""

    group: Id
    to: Id  # a junction
    lanes: tuple[Annotated[str, Meta(max_length=128)], ...]
    seconds: Seconds


class Junction(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signalled junction.

    device: its controller, one unit (a group's member is named `ring-signals-06`), that takes the command `signal-stage`: the
    number of a stage, in the order of `stages`, from 0; -1, the safe value: follow your own plan. plan: what it does by itself,
    begun at `offset_s` of a city-wide second count, and what it falls back to. lost_after_s: how long it obeys a centre that has
    fallen silent.
    """

    device: Id
    groups: dict[Id, SignalGroup]
    conflicts: tuple[Conflict, ...]
    stages: dict[Id, tuple[Id, ...]]
    plan: tuple[PlanStep, ...]
    offset_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    position: Position | None = None
    calls: tuple[PriorityCall, ...] = ()
    links: tuple[Link, ...] = ()
    detectors: dict[Id, tuple[str, ...]] = field(default_factory=dict[Id, tuple[str, ...]])  # unit -> the lanes it sees
    lost_after_s: Annotated[float, Meta(ge=1, le=600)] = 15.0
    speed_m_s: Annotated[float, Meta(gt=0, le=40)] = 13.9
    reach_m: Annotated[float, Meta(gt=0, le=1000)] = 200.0

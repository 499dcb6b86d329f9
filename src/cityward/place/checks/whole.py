"""What the checks share: the whole place with its lookups, and what a check yields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from cityward.place.data import Flow
from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import members
from cityward.place.things import Device, DeviceModel


class Word(StrEnum):
    """What a warning is about: the word it is counted under."""

    UNKNOWN = "unknown"
    UNCARRIED = "uncarried"
    NO_AGREEMENT = "no-agreement"
    NO_CONDUIT = "no-conduit"
    PLAIN = "plain"
    IDLE = "idle"
    NARROW = "narrow"
    QUORUM = "quorum"
    NEVER = "never"
    NO_ACCESS = "no-access"
    WATCHED_BY_OTHERS = "watched-by-others"
    OTHERS = "others"
    UNSEARCHED = "unsearched"

    @property
    def heading(self) -> str:
        """As people read it, after a count."""
        return _HEADINGS[self]

    @property
    def told_by_path(self) -> bool:
        """Whether the path says it all."""
        return self is Word.UNKNOWN


_HEADINGS = {
    Word.UNKNOWN: "not known; never taken for a pass",
    Word.UNCARRIED: "observed, but carried by no flow; refused at the gate",
    Word.NO_AGREEMENT: "flowing to another party's system without an agreement",
    Word.NO_CONDUIT: "crossing zones without a conduit",
    Word.PLAIN: "entering without protection",
    Word.IDLE: "budgets under which nothing comes in",
    Word.NARROW: "budgets that hold less than one of their devices may send",
    Word.QUORUM: "commands that no reading can ever permit: too few independent sources are declared",
    Word.NEVER: "declared for recipients that can never be given it",
    Word.OTHERS: "addresses of recipients where something of another party stands",
    Word.UNSEARCHED: "cameras that do not search for number plates",
    Word.NO_ACCESS: "roles of parties without a declared access",
    Word.WATCHED_BY_OTHERS: "roles that show every incident to people of another party",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A warning: true, worth knowing, no reason not to run. `where` is `file:line  path`."""

    word: Word
    what: str
    path: str
    where: str
    mend: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What a check yields. `path` is the dotted path of the field at fault."""

    path: str
    what: str
    mend: str
    word: Word | None = None


@dataclass(frozen=True)
class Whole:
    """A place and the lookups the checks share. Records that did not convert are not in it."""

    place: Place
    timezones: Collection[str] | None = None

    @cached_property
    def group_of(self) -> dict[str, str]:
        """Member or device -> the declared device."""
        return {unit: name for name, device in self.place.devices.items() for unit in _unit_ids(name, device)}

    def device(self, name: str) -> Device | None:
        """The declared device of a name: itself, or the group of a member."""
        return self.place.devices.get(self.group_of.get(name, name))

    def model(self, name: str) -> DeviceModel | None:
        """The model of a device or member."""
        device = self.device(name)
        return self.place.device_models.get(device.model) if device else None

    def carried(self, flow: Flow) -> frozenset[str]:
        """The observed properties a flow carries."""
        known = (self.place.datasets[name] for name in flow.datasets if name in self.place.datasets)
        return frozenset(prop for dataset in known for prop in dataset.properties)

    @cached_property
    def flows_from(self) -> dict[str, list[tuple[str, Flow]]]:
        """Device, group, system or party -> the flows that leave it."""
        leaving: dict[str, list[tuple[str, Flow]]] = defaultdict(list)
        for name, flow in self.place.flows.items():
            leaving[flow.from_].append((name, flow))
        return leaving


Check = Callable[[Whole], Iterator[Problem]]


def _unit_ids(name: str, device: Device) -> list[str]:
    return list(dict.fromkeys([name, *member_ids(name, device)]))


def member_ids(name: str, device: Device) -> list[str]:
    """The units of a group; none of a device that is no group. Does not trust `areas` to be as long as `positions`."""
    if not device.positions:
        return []
    return [unit for unit, _, _ in members(name, msgspec.structs.replace(device, areas=()))]


def recipient(whole: Whole, flow: Flow) -> str | None:
    """The party that receives: itself, or who operates the system. None where it is a device, or not known."""
    if flow.to in whole.place.parties:
        return flow.to
    system = whole.place.systems.get(flow.to)
    return system.operator if system is not None and system.operator != UNKNOWN else None


def records(place: Place) -> Iterator[tuple[str, Any]]:
    """(path, record) of every record."""
    for field in msgspec.structs.fields(place):
        value = getattr(place, field.name)
        if isinstance(value, dict):
            for name, record in value.items():
                yield f"{field.encode_name}.{name}", record

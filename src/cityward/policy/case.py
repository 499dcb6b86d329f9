"""One case that the rules judge: this dataset, by this flow, to this recipient, as things stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from cityward.place.data import Dataset, Flow
from cityward.place.model import Place
from cityward.place.parties import Agreement
from cityward.place.record import Record
from cityward.place.registry import members
from cityward.place.release import Recipient
from cityward.place.things import Device
from cityward.policy.contract import ReleaseReason, Standing

ANYWHERE = ""
"""The area of what may come from any."""


@dataclass(frozen=True, slots=True)
class Against:
    """One reason against a case, in words, with the lines of the declaration it stands on."""

    reason: ReleaseReason
    what: str
    paths: tuple[str, ...]
    mend: str


@dataclass(frozen=True)
class Facts:
    """A place, how it stands, and the day; with the lookups that the rules share."""

    place: Place
    standing: Standing
    today: date

    @cached_property
    def around(self) -> dict[str, frozenset[str]]:
        """Jurisdiction -> itself and every one it lies in: by `parent`, or as a member of a bloc."""
        lands = self.place.jurisdictions
        above: dict[str, set[str]] = {name: {name} for name in lands}
        for name, land in lands.items():
            if land.parent in lands:
                above[name].add(land.parent)
            for member in land.members:
                if member in lands:
                    above[member].add(name)
        return {name: _all_above(name, above) for name in lands}

    @cached_property
    def areas(self) -> dict[str, frozenset[str]]:
        """Dataset -> the areas where it is measured; `ANYWHERE` where a part of it may come from anywhere.

        That is so where a device has no area, where it comes from another system or party, and where no device sends it.
        """
        place, found = self.place, dict[str, set[str]]()
        where = _areas_of_devices(place.devices)
        for flow in place.flows.values():
            if flow.from_ != place.platform:
                for dataset in flow.datasets:
                    found.setdefault(dataset, set()).update(where.get(flow.from_, (ANYWHERE,)))
        return {name: frozenset(found.get(name, (ANYWHERE,))) for name in place.datasets}

    def stands(self, record: Record) -> bool:
        """Whether a record holds on this day."""
        begins, ends = record.valid_from, record.valid_to
        return (begins is None or begins <= self.today) and (ends is None or self.today <= ends)


def _all_above(start: str, above: Mapping[str, set[str]]) -> frozenset[str]:
    found, pending = {start}, [start]
    for name in pending:
        fresh = above[name] - found
        found |= fresh
        pending += sorted(fresh)
    return frozenset(found)


def _areas_of_devices(devices: Mapping[str, Device]) -> dict[str, set[str]]:
    """Device, group and member -> areas."""
    found: dict[str, set[str]] = {}
    for name, device in devices.items():
        for unit, _, area in members(name, device):
            found.setdefault(name, set()).add(area or ANYWHERE)
            found[unit] = found.get(unit, set()) | {area or ANYWHERE}
    return found


@dataclass(frozen=True)
class Case:
    """A dataset of a flow of a recipient. All three are declared; what they name may not be."""

    facts: Facts
    recipient_id: str
    recipient: Recipient
    flow_id: str
    flow: Flow
    dataset_id: str
    dataset: Dataset

    @property
    def place(self) -> Place:
        """The declaration."""
        return self.facts.place

    @property
    def agreement(self) -> Agreement | None:
        """The agreement that the flow names, where there is one."""
        return self.place.agreements.get(self.flow.agreement or "")


def cases(facts: Facts) -> Iterator[Case]:
    """Every case there is: of each recipient, its declared flows and their declared datasets, in the declaration's order."""
    place = facts.place
    for name, recipient in place.recipients.items():
        for flow_id in dict.fromkeys(recipient.flows):
            flow = place.flows.get(flow_id)
            for dataset in dict.fromkeys(flow.datasets if flow is not None else ()):
                if flow is not None and dataset in place.datasets:
                    yield Case(facts, name, recipient, flow_id, flow, dataset, place.datasets[dataset])

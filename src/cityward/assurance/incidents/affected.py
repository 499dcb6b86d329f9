"""What an incident touches, as far as it is known: things, services, data, people, who was given it, and what it spoiled.

Of what a device says the declaration tells where it goes, and receipts tell what really left. A receipt names a flow and the
count of devices, not which ones: whoever is told here *may* hold rows of an affected device; `cityward taint` says it exactly.

INVARIANT: a count of people is only ever what a person put on record; without that it is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cityward.assurance.incidents.file import IncidentFile
from cityward.assurance.trail import Entry, Trail
from cityward.evidence.records import CommandIssued, Marked, Release, Retracted, Standing
from cityward.place.checks.whole import Whole
from cityward.place.data import Dataset
from cityward.place.model import Place
from cityward.reach.chains import downstream, flow_graph

MOST_RECEIPTS = 20  # of one recipient, by name; the rest is counted
MOST_COMMANDS = 100


class Known(StrEnum):
    """What can be said of a question with an honest third answer."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class People:
    """Whom the affected data is about. count: as a person put it on record, in words; `unknown` else."""

    categories: tuple[str, ...]
    data: tuple[str, ...]
    datasets: tuple[str, ...]
    count: str


@dataclass(frozen=True, slots=True)
class Given:
    """A recipient that was given data which affected things feed, since the incident began. receipts: the newest ones."""

    recipient: str
    party: str
    flows: tuple[str, ...]
    datasets: tuple[str, ...]
    rows: int
    since: int
    until: int
    count: int
    receipts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spoiled:
    """What came of one unit's data: entries of the log. hours, ranges: indicators and expected ranges that were made again.

    state: its newest standing. commands: those that rest on its readings, since the incident began; commands_more: further ones.
    tell: who must be told, as a retraction said.
    """

    unit: str
    state: str
    marks: tuple[str, ...]
    retractions: tuple[str, ...]
    hours: int
    ranges: int
    commands: tuple[str, ...]
    commands_more: int
    services: tuple[str, ...]
    tell: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """See the module. unplaced: subjects that are not followed here (addresses, accounts, strangers, zones)."""

    devices: tuple[str, ...]
    units: tuple[str, ...]
    systems: tuple[str, ...]
    parties: tuple[str, ...]
    flows: tuple[str, ...]
    datasets: tuple[str, ...]
    services: tuple[str, ...]
    functions: tuple[str, ...]
    lands: tuple[str, ...]
    unplaced: tuple[str, ...]
    personal: Known
    essential: Known
    people: People
    recipients: tuple[Given, ...]
    lineage: tuple[Spoiled, ...]


@dataclass(frozen=True, slots=True)
class _Named:
    """The subjects of a file, sorted by what the declaration has of that name; those that are not followed are unplaced."""

    units: tuple[str, ...]
    of: Mapping[str, tuple[str, ...]]
    unplaced: tuple[str, ...]


_KINDS = {
    "device": "devices", "system": "systems", "party": "parties", "flow": "flows", "dataset": "datasets",
    "service": "services", "recipient": "recipients", "site": "sites",
}  # fmt: skip


def affected_of(place: Place, file: IncidentFile, trail: Trail) -> Affected:
    """What a file's subjects touch, by the declaration and by the entries since it began."""
    whole = Whole(place)
    named = _named(whole, file.subjects)
    devices = tuple(dict.fromkeys([*(whole.group_of[unit] for unit in named.units), *_standing_in(place, named)]))
    flows = _flows(place, named, devices)
    datasets = tuple(
        dict.fromkeys([*named.of.get("datasets", ()), *(d for f in flows for d in place.flows[f].datasets)])
    )
    lineage = tuple(_spoiled(unit, file, trail) for unit in named.units)
    services = _services(place, named, devices, datasets, lineage)
    functions = tuple(name for name, one in place.functions.items() if one.service in services)
    known = {name: place.datasets[name] for name in datasets if name in place.datasets}
    blind = bool(named.unplaced) or file.more_subjects > 0 or not file.subjects
    return Affected(
        devices=devices,
        units=named.units,
        systems=named.of.get("systems", ()),
        parties=named.of.get("parties", ()),
        flows=flows,
        datasets=datasets,
        services=services,
        functions=functions,
        lands=_lands(place, devices, named),
        unplaced=named.unplaced,
        personal=_known(any(one.personal for one in known.values()), blind),
        essential=_known(any(place.functions[name].essential for name in functions), blind),
        people=_people(known, file.people),
        recipients=_given(trail.of(Release), frozenset(flows), file.began_at),
        lineage=lineage,
    )


def _known(found: bool, blind: bool) -> Known:
    """No is only said where everything that is touched is declared."""
    return Known.YES if found else Known.UNKNOWN if blind else Known.NO


def _named(whole: Whole, subjects: Iterable[str]) -> _Named:
    units: list[str] = []
    of: dict[str, list[str]] = {}
    unplaced: list[str] = []
    for subject in subjects:
        kind, _, name = subject.rpartition(":")
        field = _KINDS.get(kind, "")
        if name in whole.group_of and kind in ("", "device", "unit"):
            units.append(name)
        elif kind == "camera" and name in whole.place.cameras:
            units.append(whole.place.cameras[name].device)
        elif kind == "junction" and name in whole.place.junctions:
            units.append(whole.place.junctions[name].device)
        elif field and name in getattr(whole.place, field):
            of.setdefault(field, []).append(name)
        else:
            unplaced.append(subject)
    return _Named(tuple(units), {kind: tuple(names) for kind, names in of.items()}, tuple(unplaced))


def _standing_in(place: Place, named: _Named) -> Iterable[str]:
    """Devices of named sites."""
    sites = frozenset(named.of.get("sites", ()))
    return (name for name, device in place.devices.items() if device.site in sites)


def _flows(place: Place, named: _Named, devices: Sequence[str]) -> tuple[str, ...]:
    """The flows by which what leaves the affected travels on, and those that are affected themselves."""
    graph = flow_graph(place)
    starts = [*devices, *named.of.get("systems", ()), *named.of.get("parties", ())]
    found = [flow for start in starts for flow in downstream(graph, start)]
    datasets, systems = frozenset(named.of.get("datasets", ())), frozenset(named.of.get("systems", ()))
    found += [name for name, flow in place.flows.items() if flow.to in systems]
    found += [name for name, flow in place.flows.items() if datasets.intersection(flow.datasets)]
    found += [flow for name in named.of.get("recipients", ()) for flow in place.recipients[name].flows]
    return tuple(name for name in dict.fromkeys([*named.of.get("flows", ()), *found]) if name in place.flows)


def _services(
    place: Place, named: _Named, devices: Sequence[str], datasets: Iterable[str], lineage: Iterable[Spoiled]
) -> tuple[str, ...]:
    acted = {service for one in lineage for service in one.services}
    touched, read = {*devices, *named.units}, frozenset(datasets)
    return tuple(
        name
        for name, service in place.services.items()
        if name in named.of.get("services", ())
        or name in acted
        or touched.intersection(service.actuators)
        or read.intersection(service.reads)
    )


def _lands(place: Place, devices: Sequence[str], named: _Named) -> tuple[str, ...]:
    """The jurisdictions where affected things stand, as far as known."""
    sites = [place.devices[name].site for name in devices]
    sites += [place.systems[name].site for name in named.of.get("systems", ())]
    return tuple(dict.fromkeys(place.sites[site].jurisdiction for site in sites if site in place.sites))


def _people(datasets: Mapping[str, Dataset], count: str) -> People:
    personal = {name: one for name, one in datasets.items() if one.personal}
    return People(
        categories=tuple(dict.fromkeys(subject for one in personal.values() for subject in one.subjects)),
        data=tuple(dict.fromkeys(category for one in personal.values() for category in one.categories)),
        datasets=tuple(personal),
        count=count or Known.UNKNOWN.value,
    )


def _given(receipts: Iterable[Entry[Release]], flows: frozenset[str], since: int) -> tuple[Given, ...]:
    of: dict[tuple[str, str], list[Entry[Release]]] = {}
    for entry in receipts:
        if entry.record.flow in flows and entry.record.at >= since:
            of.setdefault((entry.record.recipient, entry.record.party), []).append(entry)
    return tuple(_to(recipient, party, mine) for (recipient, party), mine in sorted(of.items()))


def _to(recipient: str, party: str, receipts: Sequence[Entry[Release]]) -> Given:
    records = [entry.record for entry in receipts]
    return Given(
        recipient=recipient,
        party=party,
        flows=tuple(dict.fromkeys(one.flow for one in records)),
        datasets=tuple(dict.fromkeys(dataset for one in records for dataset in one.datasets)),
        rows=sum(one.rows for one in records),
        since=min(one.at for one in records),
        until=max(one.at for one in records),
        count=len(records),
        receipts=tuple(entry.id for entry in receipts[-MOST_RECEIPTS:]),
    )


def _spoiled(unit: str, file: IncidentFile, trail: Trail) -> Spoiled:
    marks = [entry for entry in trail.of(Marked) if entry.record.device == unit and entry.record.until > file.began_at]
    taken = [one for one in trail.of(Retracted) if one.record.device == unit and one.record.until > file.began_at]
    standing = [entry for entry in trail.of(Standing) if entry.record.device == unit]
    commands = [
        entry for entry in trail.of(CommandIssued) if entry.record.at >= file.began_at and unit in entry.record.sources
    ]
    return Spoiled(
        unit=unit,
        state=standing[-1].record.state if standing else "trusted",
        marks=tuple(entry.id for entry in marks),
        retractions=tuple(entry.id for entry in taken),
        hours=sum(entry.record.hours for entry in taken),
        ranges=sum(entry.record.ranges for entry in taken),
        commands=tuple(entry.id for entry in commands[-MOST_COMMANDS:]),
        commands_more=max(0, len(commands) - MOST_COMMANDS),
        services=tuple(dict.fromkeys(entry.record.service for entry in commands)),
        tell=tuple(dict.fromkeys(party for entry in taken for party in entry.record.tell)),
    )

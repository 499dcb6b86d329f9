"""What anybody may know of what is sensed in a place: one notice for each group of devices, made of the declaration alone.

Lives here: who senses what and why, how long it is kept, who is given it, whose law can reach it; as records. Does not live
here: words and pages (`web/api/public.py`), values.

INVARIANTS
- A claim says how it is known (`Known`): what the city's own gate enforces is told apart from what is only declared.
- Nothing that is not known is left out: it is a claim that says `unknown`.
- SECURITY: the declaration is a target list. No address, key, system, way in, network or position is in a notice; a thing that
  stands at a `sensitive` site does not say where.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

import msgspec

from cityward.place.data import Dataset, Flow, Observability
from cityward.place.model import Place
from cityward.place.record import UNKNOWN, Record
from cityward.place.registry import members
from cityward.place.things import Device, DeviceStatus
from cityward.reach.chains import FlowGraph, NodeKind, downstream, flow_graph
from cityward.reach.exposure.answers import Axis, Exposure, Verdict
from cityward.reach.exposure.nodes import Mode, Node, Predicate


class Known(StrEnum):
    """How a claim is known."""

    ENFORCED = "enforced"  # it passes the city's own gate, which lets nothing else through
    SEEN = "seen"  # others' logs show it
    DECLARED = "declared"  # the people of the city say so
    UNKNOWN = "unknown"


class Reached(StrEnum):
    """How far a country comes to some of it, the farthest first."""

    LAW = "law"  # a declared law of it can have it read
    PERHAPS = "perhaps"  # so it is if what is not known is at its worst
    THERE = "there"  # who holds or can read it is there, and no law of it is declared that asks for it


_KNOWN = {
    Observability.ENFORCED: Known.ENFORCED,
    Observability.IMPORTED: Known.SEEN,
    Observability.INFERRED: Known.DECLARED,
    Observability.NOT_OBSERVABLE: Known.DECLARED,
}
_REACHED = {
    Verdict.REACHABLE: Reached.LAW,
    Verdict.UNKNOWN: Reached.PERHAPS,
    Verdict.ACCESS_WITHOUT_INSTRUMENT: Reached.THERE,
}
_SILENT = frozenset({DeviceStatus.PLANNED, DeviceStatus.STORED, DeviceStatus.REVOKED, DeviceStatus.RETIRED})


class Somebody(msgspec.Struct, frozen=True, kw_only=True):
    """A party. land: code of where it is incorporated; "" where that is not known."""

    id: str
    name: str
    land: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset. days: how long it is kept; None: not known. basis: the lawful basis, of personal data."""

    id: str
    name: str
    personal: bool
    open: bool  # anybody may have it
    special: bool
    categories: tuple[str, ...]
    subjects: tuple[str, ...]
    basis: str | None
    days: int | None


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """Who is given something of it, beside whoever senses it. datasets: names; purposes: names."""

    who: Somebody
    datasets: tuple[str, ...]
    purposes: tuple[str, ...]
    personal: bool
    known: Known


class Land(msgspec.Struct, frozen=True, kw_only=True):
    """A jurisdiction that comes to some of it."""

    id: str
    name: str
    code: str
    home: bool
    reached: Reached


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """One camera's view in words. hours: covered pictures are kept so long; seen: whether a person may look at all.

    plates: whether number plates are searched for.
    """

    view: str
    hours: float
    seen: bool
    plates: bool


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One group of devices. where: the site's name, "" where it is not told. properties: ids of the catalogue."""

    id: str
    name: str
    where: str
    count: int
    properties: tuple[str, ...]
    acts: bool
    owner: Somebody | None
    operator: Somebody | None
    maker: Somebody | None
    purposes: tuple[str, ...]
    data: tuple[Kept, ...]
    receivers: tuple[Receiver, ...]
    lands: tuple[Land, ...]
    cameras: tuple[Camera, ...]
    known: Known

    @property
    def personal(self) -> bool:
        """Whether any of it is about people."""
        return any(one.personal for one in self.data)


class Notices(msgspec.Struct, frozen=True, kw_only=True):
    """All of a place. declaration: SHA-256 of what they were made from. contact: how anybody reaches whoever answers for it."""

    place: str
    name: str
    declaration: str
    responsible: Somebody | None
    contact: str
    notices: tuple[Notice, ...]


def notices_of(place: Place, exposure: Exposure, digest: str) -> Notices:
    """What anybody may know. exposure: of `scenarios_of(place)`."""
    graph = flow_graph(place)
    found = (
        _notice(place, exposure, graph, name, device)
        for name, device in place.devices.items()
        if device.status not in _SILENT
    )
    responsible = place.parties.get(place.responsible)
    return Notices(
        place=place.place,
        name=place.name,
        declaration=digest,
        responsible=_somebody(place, place.responsible),
        contact=responsible.contact if responsible is not None else "",
        notices=tuple(sorted(found, key=lambda one: (not one.personal, one.name.casefold()))),
    )


def _notice(place: Place, exposure: Exposure, graph: FlowGraph, name: str, device: Device) -> Notice:
    model = place.device_models[device.model]
    units = [unit for unit, _, _ in members(name, device)]
    own = {key: flow for key, flow in place.flows.items() if flow.from_ == name or flow.from_ in units}
    onward = _onward(place, graph, name, own)
    datasets = _named(dataset for flow in own.values() for dataset in flow.datasets)
    return Notice(
        id=name,
        name=device.name or in_words(name),
        where=_where(place, device),
        count=len(units),
        properties=tuple(model.properties),
        acts=bool(model.commands),
        owner=_somebody(place, device.owner),
        operator=_somebody(place, device.operator or device.owner),
        maker=_somebody(place, model.maker),
        purposes=_titles(place.purposes, _named(flow.purpose for flow in (*own.values(), *onward.values()))),
        data=tuple(_kept(key, place.datasets[key]) for key in datasets),
        receivers=tuple(_receivers(place, device, onward)),
        lands=tuple(_lands(place, exposure, datasets)),
        cameras=tuple(_cameras(place, units)),
        known=_weakest(own.values()),
    )


def _onward(place: Place, graph: FlowGraph, name: str, own: Mapping[str, Flow]) -> dict[str, Flow]:
    """The flows by which something of it goes to somebody, commands left out: they go to the street."""
    parties = {node.id for node in graph.nodes if node.kind is not NodeKind.DEVICE}
    flows = {key: place.flows[key] for key in downstream(graph, name) if key in place.flows}
    return {key: flow for key, flow in {**own, **flows}.items() if flow.to in parties and flow.protocol != "command"}


def _receivers(place: Place, device: Device, onward: Mapping[str, Flow]) -> Iterator[Receiver]:
    """Whoever else is given some of it, each once; a system counts for whoever operates it."""
    by_party: dict[str, list[Flow]] = {}
    for flow in onward.values():
        system = place.systems.get(flow.to)
        by_party.setdefault(system.operator if system is not None else flow.to, []).append(flow)
    own = {device.owner, device.operator or device.owner}
    for party, flows in by_party.items():
        if party in own and party != UNKNOWN:
            continue
        datasets = _named(dataset for flow in flows for dataset in flow.datasets)
        yield Receiver(
            who=_somebody(place, party) or Somebody(id="", name="", land=""),
            datasets=_titles(place.datasets, datasets),
            purposes=_titles(place.purposes, _named(flow.purpose for flow in flows)),
            personal=any(place.datasets[dataset].personal for dataset in datasets),
            known=Known.UNKNOWN if party == UNKNOWN else _weakest(flows),
        )


def _lands(place: Place, exposure: Exposure, datasets: tuple[str, ...]) -> Iterator[Land]:
    items = [Node(Predicate.DATASET, dataset, Mode.READ) for dataset in datasets]
    for key, land in place.jurisdictions.items():
        verdicts = {exposure.verdict(key, axis, item) for item in items for axis in Axis}
        reached = next((how for verdict, how in _REACHED.items() if verdict in verdicts), None)
        if reached is not None:
            yield Land(id=key, name=land.name or land.code, code=land.code, home=land.home, reached=reached)


def _cameras(place: Place, units: list[str]) -> Iterator[Camera]:
    for camera in place.cameras.values():
        if camera.device in units:
            yield Camera(
                view=camera.view,
                hours=camera.keep_hours,
                seen=camera.viewing is not None,
                plates=camera.no_vehicles is None,
            )


def _kept(key: str, dataset: Dataset) -> Kept:
    return Kept(
        id=key,
        name=dataset.name or in_words(key),
        personal=dataset.personal,
        open=dataset.sensitivity == "public" and not dataset.personal,
        special=dataset.special,
        categories=dataset.categories,
        subjects=dataset.subjects,
        basis=dataset.basis,
        days=None if dataset.retention_days == UNKNOWN else dataset.retention_days,
    )


def _where(place: Place, device: Device) -> str:
    site = place.sites.get(device.site)
    if site is None or "sensitive" in site.tags:
        return ""
    return site.name or in_words(device.site)


def _weakest(flows: Iterable[Flow]) -> Known:
    """How the least known of some flows is known."""
    return max((_KNOWN[flow.observability] for flow in flows), key=tuple(Known).index, default=Known.DECLARED)


def _somebody(place: Place, party: str | None) -> Somebody | None:
    record = place.parties.get(party) if party is not None else None
    if party is None or record is None:
        return None
    land = place.jurisdictions.get(record.incorporated_in)
    return Somebody(id=party, name=record.name or in_words(party), land=land.code if land is not None else "")


def _named(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


def _titles(records: Mapping[str, Record], ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple((records[one].name if one in records else "") or in_words(one) for one in ids)


def in_words(name: str) -> str:
    """An id as people read it, where nobody gave it a name: `public-safety` is Public safety."""
    return name.replace("-", " ").capitalize()

"""Which data no longer arrive where, when flows are cut and things are dark.

A dataset still arrives where a flow brings it that stands and whose sender still has it. A sender has what it is still brought;
and what it makes itself, as long as it is still brought something, or never was brought anything.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple

import msgspec

from cityward.place.model import Place
from cityward.reach.chains import Edge, NodeKind, flow_graph


class Arrival(NamedTuple):
    """A dataset and the thing or party it arrives at."""

    dataset: str
    at: str


class Lost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset that no longer arrives somewhere. `services` read it there: their operator is who receives it."""

    dataset: str
    at: str
    services: tuple[str, ...] = ()


class Thinner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset still made at a thing that is brought less than before."""

    dataset: str
    made_at: str
    without: tuple[str, ...]  # the datasets it is no longer brought


class LostData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What no longer arrives, and what is made of less. In the order of the declared flows."""

    gone: tuple[Lost, ...] = ()
    thinner: tuple[Thinner, ...] = ()


def lost_data(place: Place, cut: Container[str], dark: Container[str]) -> LostData:
    """What no longer arrives at things and parties that still stand.

    Args:
        place: the declaration.
        cut: flows that carry nothing any more.
        dark: things and parties that send nothing any more.
    """
    graph = flow_graph(place)
    devices = {node.id for node in graph.nodes if node.kind is NodeKind.DEVICE}
    standing = [edge for edge in graph.edges if edge.flow not in cut and not _dark(place, edge, dark)]
    makes = _makes(graph.edges, devices)
    brought = frozenset(edge.target for edge in graph.edges if edge.target != edge.source) - devices
    before = _arriving(graph.edges, makes, brought)
    after = _arriving(standing, makes, brought)
    every = dict.fromkeys(Arrival(dataset, edge.target) for edge in graph.edges for dataset in edge.datasets)
    gone = [one for one in every if one in before and one not in after and one.at not in dark]
    return LostData(
        gone=tuple(Lost(dataset=d, at=at, services=tuple(_readers(place, d, at))) for d, at in gone),
        thinner=tuple(_thinner(standing, makes, gone, after)),
    )


def _readers(place: Place, dataset: str, at: str) -> Iterator[str]:
    system = place.systems.get(at)
    receiver = at if system is None else system.operator
    for name, service in place.services.items():
        if dataset in service.reads and service.operator == receiver:
            yield name


def _dark(place: Place, edge: Edge, dark: Container[str]) -> bool:
    """Whether an end of a flow is dark: the node itself, or the member that the flow names."""
    flow = place.flows[edge.flow]
    return any(end in dark for end in (edge.source, edge.target, flow.from_, flow.to))


def _makes(edges: Iterable[Edge], devices: Container[str]) -> dict[str, dict[str, None]]:
    """Node -> the datasets that leave it and are brought to it by no flow.

    A dataset that only goes round in circles is made by the devices that send it; where none does, by all that send it.
    """
    brought = {(edge.target, dataset) for edge in edges for dataset in edge.datasets}
    senders: dict[str, list[str]] = {}
    for edge in edges:
        for dataset in edge.datasets:
            senders.setdefault(dataset, []).append(edge.source)
    makes: dict[str, dict[str, None]] = {}
    for dataset, sending in senders.items():
        origins = [node for node in sending if (node, dataset) not in brought]
        for node in origins or [node for node in sending if node in devices] or sending:
            makes.setdefault(node, {})[dataset] = None
    return makes


def _arriving(edges: Iterable[Edge], makes: dict[str, dict[str, None]], brought: Container[str]) -> set[Arrival]:
    """What arrives by some edges, as a worklist: each (edge, dataset) is opened once."""
    leaving: dict[str, list[Edge]] = {}
    for edge in edges:
        leaving.setdefault(edge.source, []).append(edge)
    has = [(node, dataset) for node, made in makes.items() if node not in brought for dataset in made]
    seen, found, fed = set(has), set[Arrival](), set[str]()
    for node, dataset in has:
        for edge in leaving.get(node, ()):
            if dataset not in edge.datasets:
                continue
            found.add(Arrival(dataset, edge.target))
            new = [(edge.target, dataset)]
            if edge.target not in fed:
                fed.add(edge.target)
                new += [(edge.target, made) for made in makes.get(edge.target, ())]
            has.extend(one for one in new if one not in seen)
            seen.update(new)
    return found


def _thinner(
    edges: Iterable[Edge], makes: dict[str, dict[str, None]], gone: list[Arrival], after: Container[Arrival]
) -> Iterator[Thinner]:
    without: dict[str, list[str]] = {}
    for dataset, at in gone:
        without.setdefault(at, []).append(dataset)
    sent = dict.fromkeys((edge.source, d) for edge in edges for d in edge.datasets if Arrival(d, edge.target) in after)
    for node, dataset in sent:
        if node in without and dataset in makes.get(node, ()):
            yield Thinner(dataset=dataset, made_at=node, without=tuple(without[node]))

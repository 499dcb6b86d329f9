"""Which data no longer arrive where, and from when on, when flows are cut and things are dark.

A dataset still arrives where a flow brings it that stands and whose sender still has it. A sender has what it is still brought;
and what it makes itself, as long as it is still brought something, or never was brought anything.

What is lost is told of whatever still stands at that hour: what falls itself only later stands without its data until then. Of
equals the longest way counts, so arrivals are settled in the order of their hours, the latest first.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from math import inf
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
    hours: float = 0.0  # from then on


class Underfed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A thing that still sends data of its own, and no longer receives all it did.

    Which of the one is made of which of the other is not declared: what it sends may rest on what it lacks.
    """

    at: str
    without: tuple[str, ...]  # the datasets it is no longer brought
    sends: tuple[str, ...]  # the datasets that it makes, and that still arrive somewhere


class LostData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What no longer arrives, and who sends on without it. In the order of the declared flows."""

    gone: tuple[Lost, ...] = ()
    underfed: tuple[Underfed, ...] = ()


Until = dict[Arrival, float]
"""How long a dataset arrives, in hours; infinite for good."""


def lost_data(place: Place, cut: Container[str], falls: Mapping[str, float]) -> LostData:
    """What no longer arrives at things and parties while they stand.

    Args:
        place: the declaration.
        cut: flows that carry nothing any more.
        falls: the hour from which on a thing or party sends and receives nothing any more, of those that fall.
    """
    graph = flow_graph(place)
    devices = {node.id for node in graph.nodes if node.kind is NodeKind.DEVICE}
    carrying = [(edge, 0.0 if edge.flow in cut else _stands(place, edge, falls)) for edge in graph.edges]
    makes = _makes(graph.edges, devices)
    brought = frozenset(edge.target for edge in graph.edges if edge.target != edge.source) - devices
    before = _arriving([(edge, inf) for edge in graph.edges], makes, brought)
    after = _arriving(carrying, makes, brought)
    every = dict.fromkeys(Arrival(dataset, edge.target) for edge in graph.edges for dataset in edge.datasets)
    ends = {one: after.get(one, 0.0) for one in every if one in before}
    gone = {one: hours for one, hours in ends.items() if hours < falls.get(one.at, inf)}
    return LostData(
        gone=tuple(
            Lost(dataset=d, at=at, services=tuple(_readers(place, d, at)), hours=hours)
            for (d, at), hours in gone.items()
        ),
        underfed=tuple(_underfed(graph.edges, makes, gone, after)),
    )


def _readers(place: Place, dataset: str, at: str) -> Iterator[str]:
    system = place.systems.get(at)
    receiver = at if system is None else system.operator
    for name, service in place.services.items():
        if dataset in service.reads and service.operator == receiver:
            yield name


def _stands(place: Place, edge: Edge, falls: Mapping[str, float]) -> float:
    """How long both ends of a flow stand: the nodes themselves, and the members that the flow names."""
    flow = place.flows[edge.flow]
    return min(falls.get(end, inf) for end in (edge.source, edge.target, flow.from_, flow.to))


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


def _arriving(
    edges: Iterable[tuple[Edge, float]], makes: Mapping[str, Iterable[str]], brought: Container[str]
) -> Until:
    """How long what arrives by some edges does so, each edge carrying for its hours. Each (node, dataset) is opened once."""
    leaving: dict[str, list[tuple[Edge, float]]] = {}
    for edge, carries in edges:
        if carries > 0:
            leaving.setdefault(edge.source, []).append((edge, carries))
    heap = [(-inf, node, dataset) for node, made in makes.items() if node not in brought for dataset in made]
    heapify(heap)
    opened, fed, found = set[tuple[str, str]](), set[str](), Until()
    while heap:
        less, node, dataset = heappop(heap)
        if (node, dataset) in opened:
            continue
        opened.add((node, dataset))
        if node not in fed:  # by what it has longest: so long it makes what it makes
            fed.add(node)
            for made in makes.get(node, ()):
                heappush(heap, (less, node, made))
        for edge, carries in leaving.get(node, ()):
            if dataset in edge.datasets:
                arrival, until = Arrival(dataset, edge.target), min(-less, carries)
                found[arrival] = max(found.get(arrival, 0.0), until)
                heappush(heap, (-until, edge.target, dataset))
    return found


def _underfed(
    edges: Iterable[Edge], makes: Mapping[str, Container[str]], gone: Until, after: Until
) -> Iterator[Underfed]:
    without: dict[str, list[Arrival]] = {}
    for one in gone:
        without.setdefault(one.at, []).append(one)
    sends: dict[str, dict[str, None]] = {}
    for edge in edges:
        for dataset in edge.datasets:
            lacks = min((gone[one] for one in without.get(edge.source, ())), default=inf)
            if after.get(Arrival(dataset, edge.target), 0.0) > lacks and dataset in makes.get(edge.source, ()):
                sends.setdefault(edge.source, {})[dataset] = None
    for node, datasets in sends.items():
        yield Underfed(at=node, without=tuple(one.dataset for one in without[node]), sends=tuple(datasets))

"""Data chains: which flows a datum takes from the device that made it to its last recipient.

Lives here: the graph of flows of a declaration, what is downstream and upstream of a thing, and the single chains.
Does not live here: who may read at a node (accesses, legal powers), and drawing (`picture`).

Theory of operation. A *step* is a flow together with one dataset it carries. A step is followed by another where the second
flow leaves the thing the first one arrives at, and carries either the same dataset or one that is *made there*: sent by the
thing but brought to it by no flow (counts made from video, commands made from readings). So two datasets that merely meet in
one platform do not run together, and nothing derived is lost. A device makes what it measures from the street, not from what
it is told: a command ends at its lamp, and only a relay's own datasets pass through a device.

INVARIANTS
- Every flow of the declaration is one edge; nothing is drawn that is not declared.
- Order is the declaration's own: the same declaration gives the same graph and the same chains.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from cityward.place.data import Flow, Observability, Protection
from cityward.place.model import Place
from cityward.place.record import UNKNOWN, Record
from cityward.place.registry import members
from cityward.place.things import Device, System

MAX_CHAINS = 1000  # single chains can be exponentially many; a person reads tens, an export hundreds
MAX_LENGTH = 24  # flows in one chain: the longest documented supplier chains have fewer than ten


class NodeKind(StrEnum):
    """What stands at the end of a flow."""

    DEVICE = "device"
    SYSTEM = "system"
    PARTY = "party"


@dataclass(frozen=True, slots=True)
class Node:
    """A device (or group), system or party that sends or receives."""

    id: str
    kind: NodeKind
    title: str
    subtitle: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One flow between two nodes. `datasets` and `purpose` are ids."""

    flow: str
    title: str
    source: str
    target: str
    datasets: tuple[str, ...]
    purpose: str
    protection: Protection
    observability: Observability


@dataclass(frozen=True, slots=True)
class FlowGraph:
    """All flows of a declaration. Edges may be parallel, run in circles, and begin where they end."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """One path of flows. `nodes` has one entry more than `flows`; `datasets` is what reaches the last recipient."""

    flows: tuple[str, ...]
    nodes: tuple[str, ...]
    datasets: tuple[str, ...]


def flow_graph(place: Place) -> FlowGraph:
    """The graph of a checked place: devices first, then systems, then parties, each in declared order.

    A flow that names a member of a group stands at the group. A flow that names nothing declared stands at a party of that
    name, whose subtitle says so: a drawing is also made of a declaration under repair.
    """
    group_of = {unit: name for name, device in place.devices.items() for unit, _, _ in members(name, device)}
    edges = tuple(_edge(place, name, flow, group_of) for name, flow in place.flows.items())
    used = {end for edge in edges for end in (edge.source, edge.target)}
    known = (*place.devices, *place.systems, *place.parties)
    ordered = [*dict.fromkeys(name for name in known if name in used)]
    ordered += sorted(used.difference(ordered))
    return FlowGraph(nodes=tuple(_node(place, name) for name in ordered), edges=edges)


def downstream(graph: FlowGraph, node: str) -> tuple[str, ...]:
    """The flows by which something that leaves `node` travels on, in the graph's order."""
    steps = _Steps(graph)
    return _flows(graph, _closure(steps.out_of(node), steps.after))


def upstream(graph: FlowGraph, node: str) -> tuple[str, ...]:
    """The flows by which something that arrives at `node` has come, in the graph's order."""
    steps = _Steps(graph)
    return _flows(graph, _closure(steps.into(node), steps.before))


@dataclass(frozen=True, slots=True)
class Onward:
    """One flow on the way of given datasets. `step`: how many flows from the beginning, at least, itself counted.

    `datasets`: those of it that are on the way; `itself`: whether one of the given datasets is among them, as it was.
    """

    flow: str
    step: int
    datasets: tuple[str, ...]
    itself: bool


def onward(graph: FlowGraph, start: str, datasets: Container[str]) -> tuple[Onward, ...]:
    """The flows that these datasets take from `start`, or what is made of them, nearest first, then in the graph's order."""
    steps = _Steps(graph)
    begin = [step for step in steps.out_of(start) if step[1] in datasets]
    itself = _closure(begin, lambda step: (one for one in steps.after(step) if one[1] == step[1]))
    found: dict[int, tuple[int, set[str]]] = {}
    seen, front, depth = set(begin), begin, 1
    while front:
        for edge, dataset in front:
            found.setdefault(edge, (depth, set()))[1].add(dataset)
        front = [step for step in dict.fromkeys(s for one in front for s in steps.after(one)) if step not in seen]
        seen.update(front)
        depth += 1
    as_it_was = {edge for edge, _ in itself}
    ordered = sorted(found.items(), key=lambda item: (item[1][0], item[0]))
    return tuple(
        Onward(graph.edges[i].flow, step, tuple(sorted(carried)), i in as_it_was) for i, (step, carried) in ordered
    )


def through(graph: FlowGraph) -> dict[str, tuple[str, ...]]:
    """Node -> the flows up- and downstream of it: every chain that begins, ends or passes there."""
    steps = _Steps(graph)
    return {
        name: _flows(graph, _closure(steps.into(name), steps.before) | _closure(steps.out_of(name), steps.after))
        for name in (node.id for node in graph.nodes)
    }


def chains(graph: FlowGraph, start: str, most: int = MAX_CHAINS) -> tuple[Chain, ...]:
    """The single chains from `start` to each last recipient: no thing twice, at most `most` of them.

    A chain ends where nothing of what it carries leaves, or where every way on returns to a thing it already passed.
    """
    return chains_by_start(graph)(start, most)


def chains_by_start(graph: FlowGraph) -> Callable[[str, int], tuple[Chain, ...]]:
    """`chains`, for whoever asks for many starts of one graph: what they share is worked out once."""
    walk = _Walk(graph)
    return lambda start, most: tuple(islice(walk.from_node(start), most))


Step = tuple[int, str]  # the edge's number, a dataset it carries


class _Steps:
    """The steps of a graph and which follows which."""

    def __init__(self, graph: FlowGraph) -> None:
        self.graph = graph
        self.leaving: dict[str, list[int]] = {}
        self.arriving: dict[str, list[int]] = {}
        for i, edge in enumerate(graph.edges):
            self.leaving.setdefault(edge.source, []).append(i)
            self.arriving.setdefault(edge.target, []).append(i)
        self.made = {
            node.id: set[str]() if node.kind is NodeKind.DEVICE else self._sent(node.id) - self._brought(node.id)
            for node in graph.nodes
        }

    def out_of(self, node: str) -> list[Step]:
        """The steps that leave a node."""
        return [(i, d) for i in self.leaving.get(node, ()) for d in self.graph.edges[i].datasets]

    def into(self, node: str) -> list[Step]:
        """The steps that arrive at a node."""
        return [(i, d) for i in self.arriving.get(node, ()) for d in self.graph.edges[i].datasets]

    def onward(self, edge: int, carried: Container[str]) -> list[str]:
        """What travels on by a flow: of the datasets carried to its sender, and those made there."""
        leaving = self.graph.edges[edge]
        return [d for d in leaving.datasets if d in carried or d in self.made[leaving.source]]

    def after(self, step: Step) -> Iterator[Step]:
        """The steps that may follow: the same dataset, or one made where this step arrives."""
        here = self.graph.edges[step[0]].target
        for i in self.leaving.get(here, ()):
            for d in self.onward(i, (step[1],)):
                yield (i, d)

    def before(self, step: Step) -> Iterator[Step]:
        """The steps that this one may follow (the inverse of `after`)."""
        here = self.graph.edges[step[0]].source
        made_here = step[1] in self.made[here]
        for i in self.arriving.get(here, ()):
            for d in self.graph.edges[i].datasets:
                if made_here or d == step[1]:
                    yield (i, d)

    def _sent(self, node: str) -> set[str]:
        return {d for _, d in self.out_of(node)}

    def _brought(self, node: str) -> set[str]:
        return {d for _, d in self.into(node)}


class _Walk:
    """Depth-first over the steps, carrying the set of datasets that came along."""

    def __init__(self, graph: FlowGraph) -> None:
        self.graph, self.steps = graph, _Steps(graph)

    def from_node(self, start: str) -> Iterator[Chain]:
        for i in self.steps.leaving.get(start, ()):
            edge = self.graph.edges[i]
            if edge.target != start:
                yield from self._onward((i,), (start, edge.target), frozenset(edge.datasets))

    def _onward(self, path: tuple[int, ...], nodes: tuple[str, ...], carried: frozenset[str]) -> Iterator[Chain]:
        here, ended = nodes[-1], True
        for i in self.steps.leaving.get(here, ()) if len(path) < MAX_LENGTH else ():
            edge = self.graph.edges[i]
            onward = frozenset(self.steps.onward(i, carried))
            if onward and edge.target not in nodes:
                ended = False
                yield from self._onward((*path, i), (*nodes, edge.target), onward)
        if ended:
            flows = tuple(self.graph.edges[i].flow for i in path)
            yield Chain(flows=flows, nodes=nodes, datasets=tuple(sorted(carried)))


def _closure(begin: list[Step], following: Callable[[Step], Iterator[Step]]) -> set[Step]:
    seen, open_ = set(begin), list(begin)
    while open_:
        for step in following(open_.pop()):
            if step not in seen:
                seen.add(step)
                open_.append(step)
    return seen


def _flows(graph: FlowGraph, steps: set[Step]) -> tuple[str, ...]:
    return tuple(graph.edges[i].flow for i in sorted({i for i, _ in steps}))


def _edge(place: Place, name: str, flow: Flow, group_of: dict[str, str]) -> Edge:
    return Edge(
        flow=name,
        title=flow.name or name,
        source=_end(place, flow.from_, group_of),
        target=_end(place, flow.to, group_of),
        datasets=flow.datasets,
        purpose=flow.purpose,
        protection=flow.protection,
        observability=flow.observability,
    )


def _end(place: Place, name: str, group_of: dict[str, str]) -> str:
    declared = name in place.devices or name in place.systems or name in place.parties
    return name if declared else group_of.get(name, name)


def _node(place: Place, name: str) -> Node:
    if name in place.devices:
        device = place.devices[name]
        return Node(name, NodeKind.DEVICE, device.name or name, _device_line(place, device))
    if name in place.systems:
        system = place.systems[name]
        return Node(name, NodeKind.SYSTEM, system.name or name, _system_line(place, system))
    if name in place.parties:
        party = place.parties[name]
        where = "jurisdiction unknown" if party.incorporated_in == UNKNOWN else _code(place, party.incorporated_in)
        return Node(name, NodeKind.PARTY, party.name or name, f"{party.kind.value}, {where}")
    return Node(name, NodeKind.PARTY, name, "not declared")


def _device_line(place: Place, device: Device) -> str:
    count = len(device.positions) or 1
    model = _title(place.device_models, device.model)
    return f"{count} units, {model}" if count > 1 else model


def _system_line(place: Place, system: System) -> str:
    who = "operator unknown" if system.operator == UNKNOWN else _title(place.parties, system.operator)
    return f"{system.kind}, {who}"


def _code(place: Place, jurisdiction: str) -> str:
    known = place.jurisdictions.get(jurisdiction)
    return known.code if known else jurisdiction


def _title(records: Mapping[str, Record], name: str) -> str:
    known = records.get(name)
    return (known.name or name) if known else name

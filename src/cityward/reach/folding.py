"""A flow graph in which all that one party runs is one box: for pictures that are too large to be read at once.

INVARIANTS
- Every flow between two boxes stays an edge of its own; flows inside a box are counted in its second line, never lost silently.
- The order of what is left is the graph's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.chains import FlowGraph, Node, NodeKind
from cityward.reach.telling.names import name_of
from cityward.reach.telling.phrases import counted

PREFIX = "party:"
"""Before the party's id, in the id of a folded box: no declared id has a colon."""

NOBODY = "unknown"


def parties_of(place: Place, graph: FlowGraph) -> dict[str, str]:
    """Node -> the party that runs it; `unknown` where nobody has said."""
    return {node.id: _party(place, node.id) for node in graph.nodes}


def _party(place: Place, name: str) -> str:
    if name in place.devices:
        device = place.devices[name]
        return device.operator or device.owner
    if name in place.systems:
        return place.systems[name].operator
    return name if name in place.parties else UNKNOWN


def folded(place: Place, graph: FlowGraph, parties: Collection[str]) -> FlowGraph:
    """The graph with all that each of these parties runs as one box. A party with one thing is left as it is."""
    of = parties_of(place, graph)
    sizes = Counter(of.values())
    into = {node: f"{PREFIX}{party}" for node, party in of.items() if party in parties and sizes[party] > 1}
    edges = tuple(
        replace(edge, source=into.get(edge.source, edge.source), target=into.get(edge.target, edge.target))
        for edge in graph.edges
    )
    inside = Counter(edge.source for edge in edges if edge.source == edge.target and edge.source.startswith(PREFIX))
    boxes = dict.fromkeys(into.get(node.id, node.id) for node in graph.nodes)
    known = {node.id: node for node in graph.nodes}
    nodes = tuple(known.get(box) or _box(place, box, sizes, inside) for box in boxes)
    kept = tuple(edge for edge in edges if edge.source != edge.target or not edge.source.startswith(PREFIX))
    return FlowGraph(nodes=nodes, edges=kept)


def _box(place: Place, box: str, sizes: Mapping[str, int], inside: Mapping[str, int]) -> Node:
    party = box.removeprefix(PREFIX)
    title = "Nobody known" if party == NOBODY else name_of(place, party)
    flows = f", {counted(inside[box], 'flow')} inside" if inside[box] else ""
    return Node(box, NodeKind.PARTY, title, f"{sizes[party]} things{flows}")

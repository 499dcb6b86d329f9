"""Flows as a drawing: the picture of the console, as a file that stands alone.

Lives here: nothing but the names made harmless. Positions are `reach.picture`'s, shapes and words `reach.chain_svg`'s.
"""

from __future__ import annotations

from dataclasses import replace

from cityward.adapters.exchange.exports.contract import Format, Subject
from cityward.reach.chain_svg import chain_svg_file
from cityward.reach.chains import FlowGraph
from cityward.reach.picture import layout
from cityward.text import harmless

FORMAT = Format("svg", "SVG: the flows, drawn", ".svg", "image/svg+xml", ("graph",))


def write(subject: Subject) -> bytes:
    """The flows, devices left, last recipients right; in light and dark colours."""
    return f"{chain_svg_file(layout(_harmless(subject.graph)))}\n".encode()


def _harmless(graph: FlowGraph) -> FlowGraph:
    nodes = (replace(node, title=harmless(node.title), subtitle=harmless(node.subtitle)) for node in graph.nodes)
    edges = (replace(edge, title=harmless(edge.title)) for edge in graph.edges)
    return FlowGraph(nodes=tuple(nodes), edges=tuple(edges))

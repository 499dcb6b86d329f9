"""Flows as a DOT drawing, for Graphviz and what reads it. How a flow is known shows in its dashes, not in colour alone.

SECURITY: in DOT a text in quotes ends at `"`, gives `\\n`, `\\N` and the like a meaning, and reads `&...;` as a character. All
three are written out; markup labels (`<...>`) are never used.
"""

from __future__ import annotations

from collections.abc import Iterator

from cityward.adapters.exchange.exports.contract import Format, Subject
from cityward.place.data import Observability
from cityward.reach.chains import Edge, Node, NodeKind
from cityward.text import harmless

FORMAT = Format("dot", "Graphviz DOT: the flows", ".dot", "text/vnd.graphviz", ("graph",))

_SHAPES = {NodeKind.DEVICE: "ellipse", NodeKind.SYSTEM: "box", NodeKind.PARTY: "hexagon"}
_STYLES = {
    Observability.ENFORCED: "solid",
    Observability.IMPORTED: "dashed",
    Observability.INFERRED: "dotted",
    Observability.NOT_OBSERVABLE: "dotted",
}


def write(subject: Subject) -> bytes:
    """The flows as a directed graph, from left to right."""
    return "".join(f"{line}\n" for line in _lines(subject)).encode()


def _lines(subject: Subject) -> Iterator[str]:
    yield f"digraph {quoted(subject.loaded.place.place)} {{"
    yield f"  graph [label={quoted(subject.loaded.place.name)}, labelloc=t, rankdir=LR];"
    yield '  node [fontname="sans-serif", fontsize=11];'
    yield '  edge [fontname="sans-serif", fontsize=9];'
    yield from (_node(node) for node in subject.graph.nodes)
    yield from (_edge(edge) for edge in subject.graph.edges)
    yield "}"


def _node(node: Node) -> str:
    words = {"label": f"{node.title}\n{node.subtitle}", "shape": _SHAPES[node.kind], "class": node.kind.value}
    return f"  {quoted(node.id)} [{_attributes(words)}];"


def _edge(edge: Edge) -> str:
    words = {
        "id": edge.flow,
        "label": edge.title,
        "tooltip": f"{', '.join(edge.datasets)}; for {edge.purpose}; protection {edge.protection.value}",
        "style": _STYLES[edge.observability],
        "class": edge.observability.value,
    }
    return f"  {quoted(edge.source)} -> {quoted(edge.target)} [{_attributes(words)}];"


def _attributes(words: dict[str, str]) -> str:
    return ", ".join(f"{key}={quoted(text)}" for key, text in words.items())


def quoted(text: str) -> str:
    """A text as a DOT string. Its lines stay lines only where this module joined them: each is made harmless by itself.

    >>> quoted('say "hi"')
    '"say \\\\"hi\\\\""'
    """
    return '"' + "\\n".join(map(_escaped, text.split("\n"))) + '"'


def _escaped(text: str) -> str:
    return harmless(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')

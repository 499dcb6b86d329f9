"""Flows as GraphML, for yEd, Gephi, NetworkX and the like: a node per thing, an edge per flow, with what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from cityward.adapters.exchange.exports.contract import Format, Subject
from cityward.adapters.exchange.exports.ends import Ends, ends_of, route_words
from cityward.reach.chains import Edge, Node
from cityward.text import harmless

FORMAT = Format("graphml", "GraphML: the flows", ".graphml", "application/graphml+xml", ("graph",))

NAMESPACE = "http://graphml.graphdrawing.org/xmlns"

_NODE = ("title", "kind", "subtitle", "party", "party_jurisdiction", "place_jurisdiction", "zone")
_EDGE = (
    "title",
    "datasets",
    "personal",
    "purpose",
    "protocol",
    "protection",
    "route",
    "agreement",
    "observability",
    "evidence",
)


def write(subject: Subject) -> bytes:
    """The flows as one directed graph. Lists are written as words with spaces between; ids hold none."""
    root = ElementTree.Element("graphml", xmlns=NAMESPACE)
    for scope, names in (("node", _NODE), ("edge", _EDGE)):
        for name in names:
            kind = "boolean" if name == "personal" else "string"
            words = {"id": f"{scope}.{name}", "for": scope, "attr.name": name, "attr.type": kind}
            ElementTree.SubElement(root, "key", words)
    place = subject.loaded.place
    ends = ends_of(place)
    graph = ElementTree.SubElement(root, "graph", {"id": place.place, "edgedefault": "directed"})
    for node in subject.graph.nodes:
        _element(graph, "node", {"id": node.id}, _of_node(ends, node))
    for edge in subject.graph.edges:
        _element(
            graph, "edge", {"id": edge.flow, "source": edge.source, "target": edge.target}, _of_edge(subject, edge)
        )
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _element(graph: ElementTree.Element, tag: str, own: Mapping[str, str], data: Mapping[str, str]) -> None:
    element = ElementTree.SubElement(graph, tag, {key: harmless(text) for key, text in own.items()})
    for name, text in data.items():
        ElementTree.SubElement(element, "data", key=f"{tag}.{name}").text = harmless(text)


def _of_node(ends: Ends, node: Node) -> dict[str, str]:
    party = ends.party(node.id)
    values = (
        node.title,
        node.kind.value,
        node.subtitle,
        party,
        ends.code(ends.incorporated_in(party)),
        ends.code(ends.stands_in(node.id)),
        ends.zone(node.id) or "",
    )
    return dict(zip(_NODE, values, strict=True))


def _of_edge(subject: Subject, edge: Edge) -> dict[str, str]:
    place = subject.loaded.place
    flow = place.flows[edge.flow]
    personal = any(place.datasets[name].personal for name in flow.datasets)
    values = (
        edge.title,
        " ".join(flow.datasets),
        "true" if personal else "false",
        flow.purpose,
        flow.protocol,
        flow.protection.value,
        " ".join(route_words(place, flow)),
        flow.agreement or "",
        flow.observability.value,
        flow.evidence.value,
    )
    return dict(zip(_EDGE, values, strict=True))

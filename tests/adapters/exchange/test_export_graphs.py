"""Flows as GraphML, DOT and SVG: everything is drawn, what is asked for alone is drawn, and texts stay texts."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from cityward.adapters.exchange.exports.dot import quoted
from cityward.errors import CitywardError
from cityward.place.loader import Loaded
from cityward.reach.chains import flow_graph
from exported import doggerford, exported, hostile

GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


def graphml(loaded: Loaded | None = None, **more: str) -> ElementTree.Element:
    return ElementTree.fromstring(exported("graphml", loaded, **more))


def data(element: ElementTree.Element) -> dict[str, str]:
    return {one.attrib["key"].partition(".")[2]: one.text or "" for one in element.iter(f"{GRAPHML}data")}


def test_graphml_has_a_node_for_each_thing_and_an_edge_for_each_flow():
    graph = flow_graph(doggerford().place)
    root = graphml()
    assert [n.attrib["id"] for n in root.iter(f"{GRAPHML}node")] == [node.id for node in graph.nodes]
    assert [(e.attrib["id"], e.attrib["source"], e.attrib["target"]) for e in root.iter(f"{GRAPHML}edge")] == [
        (edge.flow, edge.source, edge.target) for edge in graph.edges
    ]


def test_graphml_declares_every_key_it_uses():
    root = graphml()
    keys = {one.attrib["id"]: one.attrib["for"] for one in root.iter(f"{GRAPHML}key")}
    for tag in ("node", "edge"):
        used = {one.attrib["key"] for element in root.iter(f"{GRAPHML}{tag}") for one in element}
        assert used == {key for key, scope in keys.items() if scope == tag}


def test_graphml_tells_what_is_known_and_that_something_is_not():
    edges = {e.attrib["id"]: data(e) for e in graphml().iter(f"{GRAPHML}edge")}
    nodes = {n.attrib["id"]: data(n) for n in graphml().iter(f"{GRAPHML}node")}
    assert edges["tickets-to-desk"]["route"] == "GB XC"
    assert edges["tickets-to-desk"]["personal"] == "true"
    assert edges["beacons-report"]["route"] == edges["beacons-report"]["protection"] == "unknown"
    assert nodes["halden-cloud"]["place_jurisdiction"] == "unknown"
    assert nodes["halden-cloud"]["party_jurisdiction"] == "XA"
    assert nodes["harbour-cameras"]["place_jurisdiction"] == "NO"


@pytest.mark.parametrize("format_id", ["graphml", "svg"])
def test_hostile_names_stay_texts_in_xml(format_id: str):
    root = ElementTree.fromstring(exported(format_id, hostile()))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "script" not in tags
    assert any("<script>alert(1)</script>" in (element.text or "") for element in root.iter())


def test_hostile_names_stay_in_their_quotes_in_dot():
    text = exported("dot", hostile())
    rest = TEXT.sub('""', text)
    assert '"' not in rest.replace('""', "")
    assert re.fullmatch(r'[a-z0-9A-Z\s{}\[\]=,;>"-]*', rest)
    assert "evil" not in rest


def test_dot_has_a_line_for_each_thing_and_each_flow():
    graph = flow_graph(doggerford().place)
    lines = exported("dot").splitlines()
    assert lines[0] == 'digraph "doggerford" {'
    assert lines[-1] == "}"
    assert sum(" -> " in line for line in lines) == len(graph.edges)
    assert len(lines) == len(graph.nodes) + len(graph.edges) + 5


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('say "hi"', r'"say \"hi\""'),
        ("ends in \\", r'"ends in \\"'),
        (r"\N and \G", r'"\\N and \\G"'),
        ("R&amp;D", '"R&amp;amp;D"'),
        ("one\ntwo", r'"one\ntwo"'),
    ],
)
def test_dot_texts_are_written_out(text: str, written: str):
    assert quoted(text) == written


def test_only_the_chains_through_a_thing_are_drawn():
    root = graphml(chains_through="video-archive")
    flows = {e.attrib["id"] for e in root.iter(f"{GRAPHML}edge")}
    cameras = {"harbour-video", "town-hall-video", "ring-video", "station-video"}
    assert {"video-kept", "video-to-police", *cameras} <= flows
    assert "tickets-to-desk" not in flows
    ends = {end for e in root.iter(f"{GRAPHML}edge") for end in (e.attrib["source"], e.attrib["target"])}
    assert {n.attrib["id"] for n in root.iter(f"{GRAPHML}node")} == ends


def test_a_thing_that_nothing_flows_through_is_refused():
    with pytest.raises(CitywardError, match=r"`video-archiv` \(did you mean `video-archive`\?\)"):
        exported("svg", chains_through="video-archiv")


def test_svg_names_every_flow():
    text = exported("svg")
    assert all(f'data-flow="{name}"' in text for name in doggerford().place.flows)

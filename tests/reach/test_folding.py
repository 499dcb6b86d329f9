"""Folding a flow graph by party."""

from __future__ import annotations

from cityward.compose.places import demo_place, load_place
from cityward.reach.chains import flow_graph
from cityward.reach.folding import folded, parties_of
from cityward.reach.picture import layout
from declarations import loaded

PLACE = loaded().place
GRAPH = flow_graph(PLACE)


def test_what_one_party_runs_becomes_one_box_and_inner_flows_are_counted() -> None:
    # the council runs counter-1, lamps and cityward: counts-in, levels-in and dim are inside; to-acme leaves
    graph = folded(PLACE, GRAPH, {"council"})
    assert {node.id: (node.title, node.subtitle) for node in graph.nodes}["party:council"] == (
        "council", "3 things, 3 flows inside",
    )  # fmt: skip
    assert [(edge.flow, edge.source, edge.target) for edge in graph.edges] == [("to-acme", "party:council", "acme")]


def test_a_party_with_one_thing_and_one_that_is_not_there_change_nothing() -> None:
    assert folded(PLACE, GRAPH, {"acme", "nobody"}) == GRAPH
    assert folded(PLACE, GRAPH, ()) == GRAPH


def test_no_flow_between_boxes_is_lost_however_much_is_folded() -> None:
    place = load_place(demo_place()).place
    whole = flow_graph(place)
    of = parties_of(place, whole)
    graph = folded(place, whole, set(of.values()))
    crossing = {edge.flow for edge in whole.edges if of[edge.source] != of[edge.target]}
    assert crossing <= {edge.flow for edge in graph.edges}
    assert len(graph.nodes) < len(whole.nodes) / 2
    picture = layout(graph)
    assert {edge.flow for edge in picture.edges} == {edge.flow for edge in graph.edges}

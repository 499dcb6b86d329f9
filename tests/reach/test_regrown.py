"""A picture that is drawn again: what was drawn stays where it was, for random graphs and for the demonstration's."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cityward.compose.places import load_place
from cityward.place.data import Observability, Protection
from cityward.reach.chains import Edge, FlowGraph, Node, NodeKind, flow_graph
from cityward.reach.folding import PREFIX, folded, parties_of
from cityward.reach.picture import MARGIN, Picture, layout
from cityward.reach.regrown import layout_after, seated

PLACE = load_place(Path(__file__).parents[2] / "examples" / "doggerford").place
DOGGERFORD = flow_graph(PLACE)
KINDS = list(NodeKind)


def a_flow(name: str, source: str, target: str) -> Edge:
    return Edge(name, name, source, target, ("air",), "planning", Protection.TLS, Observability.INFERRED)


@st.composite
def grown(draw: st.DrawFn) -> tuple[FlowGraph, FlowGraph]:
    """A graph of up to 20 nodes with circles and loops; and with up to 6 flows and as many nodes more, and some flows less."""
    count, more = draw(st.integers(2, 20)), draw(st.integers(0, 6))
    old = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    every = st.tuples(st.integers(0, count + more - 1), st.integers(0, count + more - 1))
    nodes = tuple(Node(f"n{i}", KINDS[i * 3 // (count + more)], f"Node {i}", "") for i in range(count + more))
    first = [a_flow(f"f{i}", f"n{a}", f"n{b}") for i, (a, b) in enumerate(draw(st.lists(old, max_size=40)))]
    second = [a_flow(f"g{i}", f"n{a}", f"n{b}") for i, (a, b) in enumerate(draw(st.lists(every, max_size=6)))]
    kept = first[draw(st.integers(0, 3)) :]
    return FlowGraph(nodes[:count], tuple(first)), FlowGraph(nodes, (*kept, *second))


def places(picture: Picture) -> dict[str, tuple[float, float, float, float]]:
    return {node.id: (node.x, node.y, node.w, node.h) for node in picture.nodes}


def hold_together(graph: FlowGraph, picture: Picture) -> None:
    """What holds for every picture."""
    box = {n.id: n for n in picture.nodes}
    assert [e.flow for e in picture.edges] == [e.flow for e in graph.edges]
    assert [n.id for n in picture.nodes] == [n.id for n in graph.nodes]
    for edge in picture.edges:
        for name, (x, y) in ((edge.source, edge.points[0]), (edge.target, edge.points[-1])):
            assert x in (box[name].x, round(box[name].x + box[name].w, 1))
            assert box[name].y - 0.1 <= y <= box[name].y + box[name].h + 0.1
    for a, b in combinations(picture.nodes, 2):
        apart = a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y + 0.2 or b.y + b.h <= a.y + 0.2
        assert apart, (a, b)
    for node in picture.nodes:
        assert node.y >= MARGIN - 0.1 and node.x >= MARGIN - 0.1
        assert node.y + node.h <= picture.height and node.x + node.w <= picture.width


@given(grown())
@settings(max_examples=150, deadline=None)
def test_no_box_that_was_drawn_moves_whatever_is_added_and_the_picture_holds_together(
    graphs: tuple[FlowGraph, FlowGraph],
) -> None:
    first, second = graphs
    before = layout(first)
    after = layout_after(second, before)
    assume(2 * len(first.nodes) >= len(second.nodes))
    hold_together(second, after)
    now = places(after)
    assert {name: now[name] for name in places(before)} == places(before)
    again = layout_after(second, after)
    assert places(again) == now  # and stays when nothing changes
    hold_together(first, layout_after(first, again))


@given(grown())
@settings(max_examples=50, deadline=None)
def test_flows_that_were_drawn_keep_their_bends_and_the_same_gives_the_same(
    graphs: tuple[FlowGraph, FlowGraph],
) -> None:
    first, second = graphs
    assume(2 * len(first.nodes) >= len(second.nodes))
    before = layout(first)
    after = layout_after(second, before)
    assert after == layout_after(second, before)
    was = {edge.flow: edge.points[1:-1] for edge in before.edges if edge.source != edge.target}
    assert all(was[edge.flow] == edge.points[1:-1] for edge in after.edges if edge.flow in was)


NEW = Node("new-portal", NodeKind.SYSTEM, "New portal", "")


ENDS = (
    ("open-data-portal", "cedar-university"),
    ("cityward", "new-portal"),
    ("new-portal", "cityward"),
    ("binwise-cloud", "halden-cloud"),
)


@pytest.mark.parametrize("ends", ENDS, ids="-to-".join)
def test_one_more_flow_in_doggerford_moves_no_box(ends: tuple[str, str]) -> None:
    before = layout(DOGGERFORD)
    added = (NEW,) if NEW.id in ends else ()
    more = FlowGraph((*DOGGERFORD.nodes, *added), (*DOGGERFORD.edges, a_flow("one-more", *ends)))
    known = places(before).keys()
    assert {name: place for name, place in places(layout(more)).items() if name in known} != places(
        before
    )  # anew, some move
    after = layout_after(more, before)
    hold_together(more, after)
    assert {name: place for name, place in places(after).items() if name in known} == places(before)


def test_folding_one_party_leaves_the_others_where_they_are() -> None:
    before, of = layout(DOGGERFORD), parties_of(PLACE, DOGGERFORD)
    graph = folded(PLACE, DOGGERFORD, {"ring-transit"})
    after = layout_after(graph, seated(before, of))
    hold_together(graph, after)
    was, now = places(before), places(after)
    others = {name for name, party in of.items() if party != "ring-transit"}
    assert {name: now[name] for name in others} == {name: was[name] for name in others}
    assert now[f"{PREFIX}ring-transit"] in {was[name] for name in was.keys() - others}


def test_what_is_mostly_new_or_mostly_gone_is_laid_out_anew() -> None:
    few = FlowGraph(DOGGERFORD.nodes[:10], ())
    assert layout_after(DOGGERFORD, layout(few)) == layout(DOGGERFORD)
    assert layout_after(few, layout(DOGGERFORD)) == layout(few)
    assert layout_after(replace(few, nodes=()), layout(few)) == layout(FlowGraph((), ()))

"""The layout: what holds for every graph, found by random ones."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.place.data import Observability, Protection
from cityward.reach.chains import Edge, FlowGraph, Node, NodeKind
from cityward.reach.picture import MARGIN, layout


def _graph(count: int, ends: list[tuple[int, int]]) -> FlowGraph:
    kinds = list(NodeKind)
    nodes = tuple(Node(f"n{i}", kinds[i * 3 // max(count, 1)], f"Node {i}", "") for i in range(count))
    edges = tuple(
        Edge(f"f{i}", f"f{i}", f"n{a}", f"n{b}", ("air",), "planning", Protection.TLS, Observability.INFERRED)
        for i, (a, b) in enumerate(ends)
    )
    return FlowGraph(nodes, edges)


@st.composite
def graphs(draw: st.DrawFn) -> FlowGraph:
    """Up to 24 nodes and 60 flows, with circles, parallels and loops."""
    count = draw(st.integers(1, 24))
    node = st.integers(0, count - 1)
    return _graph(count, draw(st.lists(st.tuples(node, node), max_size=60)))


@given(graphs())
@settings(max_examples=80, deadline=None)
def test_every_flow_runs_from_its_sender_to_its_recipient_and_no_boxes_overlap(graph: FlowGraph) -> None:
    picture = layout(graph)
    box = {n.id: n for n in picture.nodes}
    assert [e.flow for e in picture.edges] == [e.flow for e in graph.edges]
    for edge in picture.edges:
        for name, (x, y) in ((edge.source, edge.points[0]), (edge.target, edge.points[-1])):
            assert x in (box[name].x, round(box[name].x + box[name].w, 1))
            assert box[name].y - 0.1 <= y <= box[name].y + box[name].h + 0.1
    for a, b in combinations(picture.nodes, 2):
        apart = a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y + 0.2 or b.y + b.h <= a.y + 0.2
        assert apart, (a, b)
    for node in picture.nodes:
        assert node.y >= MARGIN - 0.1
        assert node.y + node.h <= picture.height
        assert node.x + node.w <= picture.width


@given(graphs())
@settings(max_examples=20, deadline=None)
def test_the_same_graph_gives_the_same_picture(graph: FlowGraph) -> None:
    assert layout(graph) == layout(graph)


def test_devices_that_only_send_stand_in_the_first_column() -> None:
    picture = layout(_graph(6, [(0, 3), (3, 4), (1, 4), (4, 5)]))
    first = {n.id for n in picture.nodes if n.x == MARGIN}
    assert {"n0", "n1"} <= first
    assert "n4" not in first


def test_a_command_back_to_its_device_does_not_move_the_device() -> None:
    picture = layout(_graph(6, [(0, 2), (1, 2), (2, 1), (2, 4)]))
    x = {n.id: n.x for n in picture.nodes}
    assert x["n0"] == x["n1"] < x["n2"] < x["n4"]


def test_parts_that_no_flow_joins_are_stacked_the_largest_on_top() -> None:
    picture = layout(_graph(5, [(0, 2), (1, 3), (3, 4)]))
    y = {n.id: n.y for n in picture.nodes}
    assert max(y["n1"], y["n3"], y["n4"]) < min(y["n0"], y["n2"])


def test_a_ladder_that_can_be_drawn_without_crossings_is() -> None:
    picture = layout(_graph(9, [(0, 5), (1, 4), (2, 3), (3, 8), (4, 7), (5, 6)]))
    y = {n.id: n.y for n in picture.nodes}
    above = sorted(("n0", "n1", "n2"), key=y.__getitem__)
    onward = {"n0": "n5", "n1": "n4", "n2": "n3"}
    assert [onward[n] for n in above] == sorted(("n3", "n4", "n5"), key=y.__getitem__)


def test_a_box_with_many_flows_is_tall_enough_for_each_to_have_its_own_end() -> None:
    picture = layout(_graph(21, [(i, 20) for i in range(20)]))
    assert len({e.points[-1] for e in picture.edges}) == 20


def test_an_empty_declaration_gives_an_empty_picture() -> None:
    picture = layout(FlowGraph((), ()))
    assert picture.nodes == ()
    assert picture.width > 0

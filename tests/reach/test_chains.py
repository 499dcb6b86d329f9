"""Data chains follow datasets, not mere adjacency."""

from __future__ import annotations

from cityward.place.data import Observability, Protection
from cityward.reach.chains import Edge, FlowGraph, Node, NodeKind, chains, downstream, through, upstream


def graph(*flows: tuple[str, str, str, str]) -> FlowGraph:
    """(flow, from, to, datasets by blanks) -> a graph; the first letter of a node says its kind."""
    kinds = {"d": NodeKind.DEVICE, "s": NodeKind.SYSTEM, "p": NodeKind.PARTY}
    names = dict.fromkeys(end for _, a, b, _ in flows for end in (a, b))
    edges = tuple(
        Edge(name, name, a, b, tuple(data.split()), "planning", Protection.TLS, Observability.ENFORCED)
        for name, a, b, data in flows
    )
    return FlowGraph(tuple(Node(n, kinds[n[0]], n, "") for n in names), edges)


AIR_AND_VIDEO = graph(
    ("air-in", "d-air", "s-city", "air"),
    ("video-in", "d-cam", "s-city", "video"),
    ("air-out", "s-city", "p-health", "air"),
    ("video-out", "s-city", "p-police", "video"),
)


def test_two_datasets_that_meet_in_one_system_do_not_run_together() -> None:
    assert downstream(AIR_AND_VIDEO, "d-air") == ("air-in", "air-out")
    assert upstream(AIR_AND_VIDEO, "p-police") == ("video-in", "video-out")


def test_a_dataset_that_nobody_brings_is_made_of_everything_that_arrives() -> None:
    made = graph(("video-in", "d-cam", "s-count", "video"), ("counts", "s-count", "p-planner", "counts"))
    assert downstream(made, "d-cam") == ("video-in", "counts")
    assert [c.nodes for c in chains(made, "d-cam")] == [("d-cam", "s-count", "p-planner")]
    assert chains(made, "d-cam")[0].datasets == ("counts",)


def test_a_chain_ends_where_it_would_return_to_a_thing_it_passed() -> None:
    circle = graph(("up", "d-lamp", "s-city", "levels"), ("down", "s-city", "d-lamp", "commands"))
    assert [c.flows for c in chains(circle, "d-lamp")] == [("up",)]
    assert downstream(circle, "d-lamp") == ("up", "down")


def test_a_command_ends_at_its_lamp_and_does_not_become_another_lamps_report() -> None:
    two = graph(
        ("up-1", "d-lamp-1", "s-city", "levels"),
        ("up-2", "d-lamp-2", "s-city", "levels"),
        ("down-2", "s-city", "d-lamp-2", "commands"),
    )
    assert downstream(two, "d-lamp-1") == ("up-1", "down-2")


def test_a_relay_on_the_street_passes_on_what_it_hears() -> None:
    relay = graph(("radio", "d-bin", "d-relay", "levels"), ("uplink", "d-relay", "s-city", "levels health"))
    assert downstream(relay, "d-bin") == ("radio", "uplink")
    assert chains(relay, "d-bin")[0].datasets == ("levels",)


def test_chains_are_bounded_where_they_would_be_exponentially_many() -> None:
    rungs = [
        row
        for i in range(20)
        for row in ((f"a{i}", f"s{i}", f"s{i + 1}", "air"), (f"b{i}", f"s{i}", f"s{i + 1}", "air"))
    ]
    assert len(chains(graph(*rungs), "s0", most=50)) == 50


def test_what_passes_through_a_node_is_all_up_and_down_of_it() -> None:
    assert through(AIR_AND_VIDEO)["s-city"] == ("air-in", "video-in", "air-out", "video-out")
    assert through(AIR_AND_VIDEO)["p-health"] == ("air-in", "air-out")
    for node, flows in through(AIR_AND_VIDEO).items():
        both = {*upstream(AIR_AND_VIDEO, node), *downstream(AIR_AND_VIDEO, node)}
        assert set(flows) == both


def test_a_flow_that_ends_where_it_began_harms_nothing() -> None:
    own = graph(("in", "d-air", "s-city", "air"), ("copy", "s-city", "s-city", "air"))
    assert [c.flows for c in chains(own, "d-air")] == [("in",)]
    assert chains(own, "s-city") == ()

"""Roads: read, snapped to, driven on."""

from __future__ import annotations

import networkx
import numpy as np
import pytest

from cityward.services.waste.roads import FAR, Roads, as_the_crow_flies, by_road, graph_of, metres_between

# at the equator 0.001 degrees are 111.195 m both ways: a square with a one-way diagonal, and an island
SQUARE = "street both 0,0 100,0 0,100 -100,0 0,-100; lane forth 0,0 100,100;\nstreet both 5000,5000 100,0"
SIDE = 111.195


def roads(ways: str = SQUARE, **speeds: float) -> Roads:
    return Roads(origin=(0.0, 0.0), ways=ways, speeds_km_h=speeds, speed_km_h=36.0)


def test_the_shortest_way_follows_the_roads_and_a_one_way_lane_only_forth():
    corners = [(0.0, 0.0), (0.001, 0.001)]
    ways = by_road(corners, roads(lane=36.0))
    assert ways.metres[0, 1] == round(SIDE * 2**0.5) and ways.metres[1, 0] == round(2 * SIDE)
    assert ways.seconds[0, 1] == round(SIDE * 2**0.5 / 10)
    forth, back = ([(round(x, 6), round(y, 6)) for x, y in ways.way(*legs)] for legs in ((0, 1), (1, 0)))
    assert forth == corners and back[0] == corners[1] and back[-1] == corners[0] and len(back) == 3


def test_the_quickest_way_is_taken_though_it_is_longer():
    ways = by_road([(0.0, 0.0), (0.001, 0.001)], roads(lane=5.0))
    assert ways.metres[0, 1] == round(2 * SIDE)


def test_places_on_one_edge_are_as_far_apart_as_they_stand():
    ways = by_road([(0.0002, -0.0001), (0.0007, -0.0002)], roads())
    assert ways.metres.tolist() == [[0, round(SIDE / 2)], [round(SIDE / 2), 0]]


def test_what_no_road_leads_to_is_far():
    ways = by_road([(0.0, 0.0), (0.0505, 0.05)], roads())
    assert ways.metres[0, 1] == FAR and ways.way(0, 1)[-1] == pytest.approx((0.0505, 0.05))


def test_straight_lines_are_made_longer():
    ways = as_the_crow_flies([(0.0, 0.0), (0.01, 0.0)], detour=1.5, speed_km_h=36.0)
    assert ways.metres[0, 1] == round(1111.95 * 1.5) and ways.seconds[0, 1] == round(1111.95 * 1.5 / 10)
    assert ways.way(0, 1) == [(0.0, 0.0), (0.01, 0.0)]
    assert metres_between((2.0, 60.0), (2.02, 60.0)) == pytest.approx(1111.95, rel=1e-4)


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        ("street both 0,0", "road 1"),
        ("street up 0,0 1,1", "road 1"),
        (";street both 0,0 1", "road 2"),
        ("street both 0,0 1.5,2", "whole numbers"),
        ("street both 0,0 99999999999,2", "not on the Earth"),
        ("  ", "no road"),
        ("street both 0,0 0,0", "no road"),
    ],
)
def test_roads_that_cannot_be_read_are_told_with_their_number(ways: str, said: str):
    with pytest.raises(ValueError, match=said):
        graph_of(roads(ways))


def test_ways_are_as_long_as_another_librarys():
    rng = np.random.default_rng(3)
    at = rng.integers(-300, 300, (40, 2))
    lines = [f"street {rng.choice(['both', 'forth'])} {a},{b} {c - a},{d - b}" for a, b, c, d in _pairs(rng, at)]
    graph = graph_of(roads(";".join(lines)))
    twin = networkx.DiGraph()
    for (a, b), metres, both in zip(graph.edges.tolist(), graph.metres.tolist(), graph.both.tolist(), strict=True):
        for start, end in ((a, b), (b, a)) if both else ((a, b),):
            before = twin.get_edge_data(start, end, {"weight": np.inf})["weight"]
            twin.add_edge(start, end, weight=min(metres, before))
    ways = by_road([(x, y) for x, y in graph.points.tolist()], roads(";".join(lines)))
    for source, reached in networkx.all_pairs_dijkstra_path_length(twin):
        for target in range(len(graph.points)):
            assert abs(ways.metres[source, target] - reached.get(target, FAR)) <= 1


def _pairs(rng: np.random.Generator, at: np.ndarray) -> list[tuple[int, int, int, int]]:
    picked = rng.permuted(np.tile(np.arange(40), (120, 1)), axis=1)[:, :2]
    return [(*at[a].tolist(), *at[b].tolist()) for a, b in picked]

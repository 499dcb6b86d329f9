"""What a stop line's detector sees of the road before it."""

from __future__ import annotations

from cityward.adapters.sumo.lanes import pieces_of, seen_m
from cityward.adapters.sumo.net import Connection, Lane, Net
from cityward.adapters.sumo.scenario import read_scenario
from scenes import CORRIDOR


def lane(name: str, length: float) -> Lane:
    return Lane(id=f"{name}_0", edge=name, length=length, speed=13.9, users="vehicle")


def join(source: str, target: str, way: str = "s", tl: str = "", via: str = "") -> Connection:
    return Connection(source=f"{source}_0", target=f"{target}_0", via=via, way=way, tl=tl, link=0, node="n", index=0)


def net(lanes: list[Lane], joins: list[Connection]) -> Net:
    return Net(
        lanes={one.id: one for one in lanes},
        connections=tuple(joins),
        nodes={},
        programmes={},
        leaving={one.source: tuple(j for j in joins if j.source == one.source) for one in joins},
        arriving={one.target: tuple(j for j in joins if j.target == one.target) for one in joins},
    )


def test_a_detector_sees_over_the_edges_of_lanes_and_the_ground_between() -> None:
    inner = Lane(id=":n_0_0", edge=":n_0", length=5.0, speed=13.9, users="vehicle")
    road = net([lane("far", 500.0), lane("stop", 40.0), inner], [join("far", "stop", via=":n_0_0")])
    pieces = pieces_of(road, "stop_0", 200.0)
    assert [(piece.lane, piece.before) for piece in pieces] == [("stop_0", 0.0), (":n_0_0", 40.0), ("far_0", 45.0)]
    assert seen_m(road, pieces, 200.0) == 200.0


def test_a_lane_that_forks_gives_each_way_its_share_and_nobody_twice() -> None:
    road = net(
        [lane("fork", 100.0), lane("straight", 30.0), lane("turn", 30.0)],
        [join("fork", "straight"), join("fork", "turn", way="l")],
    )
    straight, turn = (pieces_of(road, stop, 200.0)[-1] for stop in ("straight_0", "turn_0"))
    assert (straight.low, straight.high, turn.low, turn.high) == (
        0.0,
        0.75,
        0.75,
        1.0,
    )  # three go straight for one who turns


def test_no_detector_sees_past_a_stop_line() -> None:
    road = net([lane("before", 500.0), lane("stop", 40.0)], [join("before", "stop", tl="signal")])
    assert [piece.lane for piece in pieces_of(road, "stop_0", 200.0)] == ["stop_0"]
    watched = read_scenario(CORRIDOR).watched
    assert all(len(one.pieces) == 1 for one in watched.values())


def test_a_ring_of_lanes_ends() -> None:
    road = net([lane("a", 1.0), lane("b", 1.0)], [join("a", "b"), join("b", "a")])
    assert len(pieces_of(road, "a_0", 200.0)) == 2

"""The known ways, by hand."""

from __future__ import annotations

from cityward.services.signals.control.known import Actuated, Fixed, MaxPressure
from cityward.services.signals.seen import Controller, JunctionSeen
from crossings import EAST, NORTH, coming, crossing, seen, standing


def wished(controller: Controller, shown: JunctionSeen, now_s: float = 0.0) -> int:
    return controller.step({"x": crossing()}, {"x": shown}, controller.memory(), now_s)[1]["x"].stage


def test_fixed_follows_the_plan_whatever_it_sees() -> None:
    shown = seen(NORTH, {"n1": standing(20)})
    assert [wished(Fixed(), shown, now_s) for now_s in (0.0, 31.0, 61.0)] == [0, 1, 2]


def test_actuated_goes_on_while_somebody_comes_and_ends_at_a_gap_or_after_the_longest() -> None:
    near, far = {"n1": coming([30.0])}, {"n1": coming([60.0])}  # 3 s at 13.9 m/s are 41.7 m
    assert wished(Actuated(), seen(NORTH, near)) == NORTH
    assert wished(Actuated(), seen(NORTH, far)) == EAST
    assert wished(Actuated(), seen(NORTH, far, green_s=4.0)) == NORTH  # its shortest green is not over
    assert wished(Actuated(), seen(NORTH, near, green_s=50.0)) == EAST


def test_max_pressure_takes_the_longest_queue_that_has_room_and_decides_every_ten_seconds() -> None:
    queues = {"n1": standing(4), "e1": standing(9)}
    assert wished(MaxPressure(), seen(NORTH, queues)) == EAST
    assert wished(MaxPressure(), seen(NORTH, queues, green_s=9.0)) == NORTH
    assert wished(MaxPressure(), seen(NORTH, queues, room={"e-out": 0.0})) == NORTH


def test_a_junction_that_is_not_seen_gets_no_wish() -> None:
    for controller in (Fixed(), Actuated(), MaxPressure()):
        assert controller.step({"x": crossing()}, {}, controller.memory(), 0.0)[1] == {}

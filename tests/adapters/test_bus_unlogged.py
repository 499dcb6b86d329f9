"""What was sent and never came in, from two counts of different moments. `tests/city/test_told.py` has the real broker."""

from __future__ import annotations

from cityward.adapters.bus.unlogged import Unlogged


def sent(**messages: int) -> dict[str, tuple[int, int]]:
    return {device: (count, 10 * count) for device, count in messages.items()}


def test_a_window_is_judged_one_window_later() -> None:
    unlogged = Unlogged()
    unlogged.add(sent(lamp=3))
    unlogged.add(sent(lamp=4, pump=0))
    assert unlogged.turn({}) == {}
    assert unlogged.turn({}) == {"lamp": 7}
    assert unlogged.turn({}) == {}


def test_what_the_log_holds_was_not_lost_also_when_it_comes_late() -> None:
    unlogged = Unlogged()
    unlogged.add(sent(lamp=7, pump=5))
    assert unlogged.turn({"lamp": 2}) == {}  # the rest is on its way
    assert unlogged.turn({"lamp": 7, "pump": 60}) == {}


def test_of_a_device_that_does_both_the_difference_is_told() -> None:
    unlogged = Unlogged()
    unlogged.add(sent(lamp=10))
    unlogged.turn({})
    assert unlogged.turn({"lamp": 4}) == {"lamp": 6}


def test_a_window_that_could_not_be_judged_is_left_out() -> None:
    unlogged = Unlogged()
    unlogged.add(sent(lamp=10))
    unlogged.skip()
    unlogged.add(sent(lamp=2))
    unlogged.skip()
    assert unlogged.turn({}) == {"lamp": 2}

"""A declaration in numbers, worked out by hand."""

from __future__ import annotations

import msgspec
import pytest

from cityward.services.signals.control.layout import Layout, Layouts, planned
from crossings import EAST, FOOT, NORTH, crossing, seen


def test_a_lane_goes_at_full_rate_and_one_that_gives_way_at_less() -> None:
    layout = Layout.of(crossing())
    assert layout.lanes == ("n1", "s1", "e1")
    # 1,800 an hour are 0.5 a second; who gives way gets 0.4 of it
    assert layout.flow[NORTH, NORTH].tolist() == pytest.approx([0.5, 0.2, 0.0])
    assert layout.flow[EAST, EAST].tolist() == pytest.approx([0.0, 0.0, 0.5])
    assert layout.flow[NORTH, EAST].tolist() == [0.0, 0.0, 0.0]  # nobody goes on while it changes


def test_a_lane_whose_other_half_is_red_goes_at_a_quarter() -> None:
    junction = crossing()
    groups = {**junction.groups, "e": msgspec.structs.replace(junction.groups["e"], lanes=("e1", "n1"))}
    layout = Layout.of(msgspec.structs.replace(junction, groups=groups))
    # `n1` is of `n` and of `e`: in the stage `north` one of the two may go, (0.5 + 0) / 2 x 2 x 0.25
    assert layout.flow[NORTH, NORTH, 0] == pytest.approx(0.125)


def test_a_change_lasts_as_long_as_its_longest_intergreen() -> None:
    change = Layout.of(crossing()).change
    assert change[NORTH, EAST] == 4.0
    assert change[EAST, FOOT] == 4.0
    assert change[FOOT, EAST] == 8.0
    assert change[NORTH, NORTH] == 0.0


def test_the_plan_goes_round_from_its_offset() -> None:
    layout = Layout.of(crossing(offset_s=10.0))
    assert [planned(layout, now_s) for now_s in (10.0, 39.9, 40.0, 70.0, 85.0, 9.0)] == [0, 0, 1, 2, 0, 2]


def test_room_behind_counts_and_what_is_not_known_is_free() -> None:
    layout = Layout.of(crossing())
    # full from 0.05 down, easy from 0.15 up: 0.10 is half way
    assert layout.room_before(seen(NORTH, {}, room={"n-out": 0.10, "e-out": 0.0})).tolist() == pytest.approx(
        [0.5, 1, 0]
    )


def test_a_junction_declared_anew_is_read_anew_and_others_are_forgotten() -> None:
    layouts, first = Layouts(), crossing()
    made = layouts.of("a", first)
    assert layouts.of("a", first) is made
    assert layouts.of("a", crossing(offset_s=5.0)).junction.offset_s == 5.0
    layouts.keep(frozenset())
    assert layouts.of("a", first) is not made

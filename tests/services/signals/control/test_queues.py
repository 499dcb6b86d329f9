"""What is believed of lanes, and what is kept of them."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.guard.signals.usual import Usual
from cityward.services.signals.control.layout import Layout
from cityward.services.signals.control.memory import LaneKept
from cityward.services.signals.control.queues import Queues, look
from cityward.services.signals.control.queues import coming as arriving
from cityward.services.signals.seen import JunctionSeen, LaneSeen
from crossings import EAST, NORTH, coming, crossing, seen, standing

LAYOUT = Layout.of(crossing())


def watch(
    shown: JunctionSeen, seconds: int, kept: dict[str, LaneKept] | None = None
) -> tuple[Queues, dict[str, LaneKept]]:
    """The same picture for so many seconds."""
    kept = kept or {}
    for _ in range(seconds):
        queues, kept = look(LAYOUT, shown, kept, frozenset({"n1"}), np.ones(3), 1.0)
    return queues, kept


def test_who_stands_is_queued_and_who_moves_arrives_when_distance_and_speed_say() -> None:
    shown = seen(NORTH, {"n1": coming([55.6, 139.0]), "e1": standing(4)})
    queues, kept = watch(shown, 1)
    assert queues.queue.tolist() == [0, 0, 4]
    # 55.6 m at 13.9 m/s are 4 s, less 1 s: in the second step of 2 s; 139 m: 10 s, less 1 s: in the fifth
    assert np.flatnonzero(arriving(LAYOUT, shown, queues, kept)[:7, 0] >= 1).tolist() == [1, 4]


def test_a_lane_never_holds_more_than_fits_into_it() -> None:
    claims = {"n1": LaneSeen(1e9, 1e9, 75.0), "e1": LaneSeen(-5.0, 0.0, 75.0), "s1": LaneSeen(float("inf"), 0.0, 75.0)}
    queues, _ = watch(seen(NORTH, claims), 1)
    assert queues.queue.tolist() == pytest.approx([15.0, 0.0, 0.0])  # 75 m / 7.5 m, and half as much again


def test_a_queue_that_does_not_move_at_green_is_believed_less_and_less() -> None:
    ghost = seen(NORTH, {"n1": standing(15)}, green_s=20.0)
    queues, kept = watch(ghost, 10)
    assert kept["n1"].doubt == pytest.approx(0.95)
    assert queues.weight[0] < 0.2
    assert queues.doubted == ("n1",)
    _, moved = watch(seen(NORTH, {"n1": coming([50.0])}, green_s=20.0), 5, kept)
    assert moved["n1"].doubt == 0.0


def test_where_part_of_a_lane_gives_way_its_queue_is_doubted_later_and_a_yielding_turn_never() -> None:
    def doubt(share: float, green_s: float) -> float:
        ghost = seen(NORTH, {"n1": standing(15)}, green_s=green_s)
        return look(LAYOUT, ghost, {}, frozenset(), np.full(3, share), 1.0)[1]["n1"].doubt

    assert doubt(1.0, 11.0) > 0
    assert doubt(0.7, 29.0) == 0
    assert doubt(0.7, 31.0) > 0
    assert doubt(0.4, 60.0) == 0


def test_a_queue_at_red_is_not_doubted() -> None:
    assert watch(seen(EAST, {"n1": standing(15)}), 60)[1]["n1"].doubt == 0.0


def test_vehicles_that_move_and_stay_where_they_are_are_no_vehicles() -> None:
    queues, _ = watch(seen(EAST, {"n1": coming([30.0, 60.0])}), 6)
    assert queues.blind == ("n1",)


def test_an_approach_that_falls_silent_is_taken_to_have_lost_its_detector() -> None:
    busy = {"n1": LaneKept(usual=Usual(rate=0.2, learnt_s=1740.0))}
    # 8 vehicles that should have come, at 0.2 a second and a little less as it is unlearnt: after 40 to 43 s
    assert watch(seen(EAST, {}), 39, busy)[0].blind == ()
    queues, kept = watch(seen(EAST, {}), 90, busy)
    assert queues.blind == ("n1",)
    assert kept["n1"].usual.waiting > 1


def test_what_is_usual_is_known_within_minutes_and_forgotten_within_hours() -> None:
    kept: dict[str, LaneKept] = {}
    for second in range(300):  # one in ten seconds, 200 m in 14 s: 1.4 of them are there at a time
        shown = seen(EAST, {"n1": coming([200.0 - 13.9 * at for at in (second % 10, second % 10 + 10) if at < 14.4])})
        kept = look(LAYOUT, shown, kept, frozenset(), np.ones(3), 1.0)[1]
    assert kept["n1"].usual.rate == pytest.approx(0.1, rel=0.25)
    known = kept["n1"].usual.rate
    _, silent = watch(seen(EAST, {}), 1800, kept)  # found silent after three minutes
    assert 0.45 * known < silent["n1"].usual.rate < 0.75 * known


def test_a_picture_that_stays_the_same_teaches_nothing() -> None:
    _, kept = watch(seen(EAST, {"n1": coming([30.0, 60.0])}), 6)
    _, later = watch(seen(EAST, {"n1": coming([30.0, 60.0])}), 600, kept)
    assert later["n1"].usual.rate == kept["n1"].usual.rate


def test_a_blind_lane_waits_by_what_used_to_come_and_is_served_when_it_is_green() -> None:
    blind = frozenset({"e1"})
    queues, kept = watch(seen(NORTH, {}, blind=blind), 30, {"e1": LaneKept(usual=Usual(rate=0.1))})
    assert kept["e1"].usual.waiting == pytest.approx(3.0)  # 30 s x 0.1
    assert queues.blind == ("e1",)
    # 0.5 a second go while 0.1 come: 3 are gone after 7.5 s
    assert watch(seen(EAST, {}, blind=blind), 8, kept)[1]["e1"].usual.waiting == 0.0


def test_a_lane_that_has_not_been_seen_for_long_is_lost_and_one_in_a_gap_is_not() -> None:
    busy = {"n1": LaneKept(usual=Usual(rate=0.2, learnt_s=1740.0))}
    gap, kept = watch(seen(EAST, {}), 60, busy)
    assert (gap.blind, gap.lost) == (("n1",), frozenset())
    assert watch(seen(EAST, {}), 120, kept)[0].lost == {"n1"}
    same = seen(EAST, {"n1": coming([30.0, 60.0])})
    assert watch(same, 60)[0].lost == frozenset()
    assert watch(same, 62)[0].lost == {"n1"}
    assert watch(seen(NORTH, {}, blind=frozenset({"e1"})), 1)[0].lost == {"e1"}


def test_a_crowded_lane_that_others_send_to_counts_more() -> None:
    queues, _ = watch(seen(EAST, {"n1": standing(26), "s1": standing(26)}), 1)
    # 26 x 6.5 m of 200 m are 0.845: wholly crowded; `n1` is fed by another junction, `s1` is not
    assert queues.weight.tolist() == pytest.approx([3.0, 1.0, 1.0])

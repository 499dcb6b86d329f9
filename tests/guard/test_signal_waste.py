"""Green that serves nobody: who wastes it loses a junction to its own plan, and an honest controller never does."""

from __future__ import annotations

import math

import msgspec
import pytest

from cityward.guard.permit import PermitReason, Proposal
from cityward.guard.signals.before import Before
from cityward.guard.signals.gate import COMMAND, TO_PLAN, GateRules, Shown, SignalMemory, objection
from cityward.guard.signals.rules import PLAN, JunctionRules
from cityward.guard.signals.waste import WasteWatch
from junctions import CROSSING

LANES = {
    name: msgspec.structs.replace(group, lanes=(name,) if name != "walk" else ())
    for name, group in CROSSING.groups.items()
}
RULES = JunctionRules.of(msgspec.structs.replace(CROSSING, groups=LANES))
"""The crossing, each road with a lane of its own name."""

MAIN, NORTH_ONLY, SIDE, WALKING = range(4)
GREEN = [("north", "south"), ("north",), ("east",), ("walk",)]
STANDING = Before(present={"north": 6, "south": 2}, waiting={"north": 6, "south": 2})


def looked(
    stage: int, before: Before, seconds: int, *, obeys: bool = True, watch: WasteWatch | None = None, since: int = 0
):
    watch = watch or WasteWatch({"one": RULES})
    for second in range(since, since + seconds):
        watch.see("one", stage, GREEN[stage], before, obeys, float(second))
    return watch


def test_a_side_road_kept_green_for_nobody_loses_the_junction_within_a_minute():
    # a use of nothing: (59/60)^55 = 0.397 is the first below 0.4; the first look has no second before it
    assert not looked(SIDE, STANDING, 55).on_plan("one", 55.0)
    watch = looked(SIDE, STANDING, 56)
    assert watch.on_plan("one", 56.0) and watch.on_plan("one", 1854.0) and not watch.on_plan("one", 1855.0)


def test_each_time_again_lasts_twice_as_long():
    watch = looked(SIDE, STANDING, 56)
    looked(SIDE, STANDING, 55, watch=watch, since=2000)
    # a gap between two looks counts as one second: the fifty-fifth is 2054
    assert watch.on_plan("one", 2054 + 3599.0) and not watch.on_plan("one", 2054 + 3600.0)


def test_what_the_junctions_own_plan_would_show_is_no_waste_and_only_after_a_minute_of_it():
    watch = WasteWatch({"one": RULES})
    for second in range(1000):
        stage = RULES.planned(second - 5.0)  # a green that had to be served first
        watch.see(
            "one", stage, GREEN[stage], Before(present={"walk": 0}, waiting={"north": 60, "west": 60}), True, second
        )
    assert not watch.on_plan("one", 1000.0)
    looked(SIDE, STANDING, 180, watch=watch, since=1400)  # by then the queue that stood still is believed again
    assert watch.on_plan("one", 1580.0)


def usual(east: float, seconds: int) -> tuple[WasteWatch, int]:
    """The main road green; on the side road one vehicle for five seconds of each ten, then `east` there for so long."""
    watch = WasteWatch({"one": RULES})
    for second in range(300 + seconds):
        there = float(second % 10 < 5) if second < 300 else east
        watch.see("one", MAIN, GREEN[MAIN], Before({"east": there, "north": 0.0}, {}, {"east": 10.0}), True, second)
    return watch, 300 + seconds


def test_who_serves_a_silent_lane_by_memory_is_blamed_later():
    stands = Before(present={"north": 6.0, "east": 0.0}, waiting={"north": 6.0, "east": 0.0}, room={"east": 10.0})
    silent, now = usual(0.0, 100)
    looked(SIDE, stands, 60, watch=silent, since=now)
    assert not silent.on_plan("one", now + 60.0)
    looked(SIDE, stands, 200, watch=silent, since=now + 60)  # they have gone long since
    assert silent.on_plan("one", now + 260.0)
    known, now = usual(0.0, 1)  # not silent yet
    looked(SIDE, stands, 57, watch=known, since=now)
    assert known.on_plan("one", now + 57.0)


def test_who_does_not_serve_those_who_are_only_reckoned_is_not_blamed():
    watch, now = usual(0.0, 1000)
    assert not watch.on_plan("one", float(now))


@pytest.mark.parametrize(
    "before",
    [
        Before(present={"east": 3, "north": 6}, waiting={"north": 6}),  # three for six that stand: half
        Before(present={"north": 3}, waiting={"north": 3}),  # three are no queue
        Before(present={"north": math.nan}, waiting={"north": math.inf}),  # no numbers
        Before(),
    ],
    ids=["somebody comes", "few stand", "no numbers", "nobody sees"],
)
def test_it_is_no_waste_where(before: Before):
    assert not looked(SIDE, before, 600).on_plan("one", 600.0)


def test_changes_between_greens_that_are_used_are_forgiven():
    """A change of seven seconds, then ten of a green that is used: as at a busy crossing for an hour."""
    watch, used = WasteWatch({"one": RULES}), Before(present={"east": 9, "north": 6}, waiting={"north": 6})
    for second in range(3600):
        watch.see("one", SIDE, () if second % 17 < 7 else GREEN[SIDE], used, True, float(second))
        assert not watch.on_plan("one", second + 1.0)


def test_changes_and_little_else_are_waste():
    """Seven seconds of change, five of a green: whatever it serves, over a minute it is too little."""
    watch, used = WasteWatch({"one": RULES}), Before(present={"east": 2, "north": 6}, waiting={"north": 6})
    for second in range(600):
        watch.see("one", SIDE, () if second % 12 < 7 else GREEN[SIDE], used, True, float(second))
    assert watch.on_plan("one", 600.0)


def test_a_queue_that_stands_before_its_own_green_is_none():
    watch = looked(MAIN, STANDING, 20)  # six stand before their green for 20 s: a detector that lies
    looked(SIDE, STANDING, 200, watch=watch, since=20)
    assert not watch.on_plan("one", 220.0)


def test_a_lane_whose_other_half_stands_at_red_is_hardly_served():
    shared = {**LANES, "east": msgspec.structs.replace(LANES["east"], lanes=("east", "north"))}
    watch = WasteWatch({"one": JunctionRules.of(msgspec.structs.replace(CROSSING, groups=shared))})
    # thirty stand on a lane to the north and the east: no stage lets all of them go, the side's a fifth
    for second in range(60):
        watch.see(
            "one", WALKING, GREEN[WALKING], Before(present={"north": 30}, waiting={"north": 30}), True, float(second)
        )
    assert watch.on_plan("one", 60.0)  # 6 of 30 could go, 0 do
    watch = WasteWatch({"one": JunctionRules.of(msgspec.structs.replace(CROSSING, groups=shared))})
    for second in range(60):
        watch.see("one", SIDE, GREEN[SIDE], Before(present={"north": 30}, waiting={"north": 30}), True, float(second))
    assert not watch.on_plan("one", 60.0)


def test_who_follows_its_plan_is_not_judged():
    assert not looked(SIDE, STANDING, 600, obeys=False).on_plan("one", 600.0)


def test_the_gate_then_lets_nothing_but_the_plan_pass_and_tells_nothing():
    gate = GateRules({"one": RULES})
    memory = SignalMemory(gate)
    shown = {
        "one": Shown(
            at_s=0.0, stage=SIDE, green_s={"east": 60.0}, red_s={"north": 9, "south": 9, "walk": 9}, before=STANDING
        )
    }
    for second in range(56):
        memory.told("one", SIDE, float(second))
        memory.see(shown, float(second))
    street = memory.street(1.0, shown)  # the junction's own times do not matter here
    asked = {stage: objection(Proposal("one", COMMAND, stage, {"why": "x"}, 0), gate, street) for stage in (PLAN, SIDE)}
    assert asked[PLAN] is None
    assert "one" in street.wasteful and "another" not in street.wasteful
    assert asked[SIDE] is PermitReason.WASTES_GREEN and PermitReason.WASTES_GREEN not in TO_PLAN


def test_what_a_junction_that_hears_nothing_wastes_is_not_the_centres_doing():
    memory = SignalMemory(GateRules({"one": RULES}))
    memory.told("one", SIDE, 0.0)
    shown = {"one": Shown(at_s=0.0, stage=SIDE, green_s={"east": 60.0}, red_s={}, before=STANDING)}
    for second in range(600):
        memory.see(shown, float(second))
    assert "one" not in memory.street(600.0, shown).wasteful

"""The local programme: worked out by hand, and as the sequencer follows it; nobody outside the cabinet has a part in it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.guard.signals.before import Before
from cityward.guard.signals.local import FRESH_S, LocalProgramme
from cityward.guard.signals.monitor import Monitor
from cityward.guard.signals.rules import PLAN, JunctionRules
from cityward.guard.signals.sequencer import Sequencer
from cityward.place.junctions import Junction, Link
from junctions import CROSSING, junctions

LANES = {
    name: msgspec.structs.replace(group, lanes=(name,) if name != "walk" else ())
    for name, group in CROSSING.groups.items()
}
RULES = JunctionRules.of(msgspec.structs.replace(CROSSING, groups=LANES))
ONWARD = (Link(group="north", to="next", lanes=("next-in",), seconds=20),)
LINKED = JunctionRules.of(msgspec.structs.replace(CROSSING, groups=LANES, links=ONWARD))
MAIN, NORTH_ONLY, SIDE, WALKING = range(4)
LONG_S = 60.0
NOBODY = Before(dict.fromkeys(("north", "south", "east"), 0.0), dict.fromkeys(("north", "south", "east"), 0.0))


def standing(**queues: float) -> Before:
    return Before({**NOBODY.present, **queues}, {**NOBODY.waiting, **queues})


def wanted(before: Before, stage: int = MAIN, red_s: Mapping[str, float] | None = None, since_s: float = LONG_S):
    local = LocalProgramme(RULES)
    local.look(before, stage, since_s, red_s or {}, False, 100.0)
    return local.wanted(stage, since_s, red_s or {}, 100.0)


def test_a_green_ends_when_nobody_comes_and_somebody_waits():
    assert wanted(NOBODY) == MAIN
    assert wanted(standing(east=1)) == SIDE
    assert wanted(Before({**NOBODY.present, "east": 1.0}, NOBODY.waiting)) == SIDE  # who moves will stand


def test_a_queue_goes_before_one_for_which_the_change_must_be_paid():
    # one before the present green: half a vehicle a second and a tenth, 0.2 beside it: 0.75. Twenty to the side: 10 s of
    # change, 5 s more and 40 s of green, 20 / 55 = 0.364 a second, once more for each 40 s of their red
    assert RULES.changes[MAIN][SIDE] == 10.0
    assert wanted(standing(east=20, north=1), red_s={"east": 42.0}) == MAIN  # 0.745
    assert wanted(standing(east=20, north=1), red_s={"east": 43.0}) == SIDE  # 0.755
    # and where they are three, 3 / (15 + 8) = 0.130 a second
    assert wanted(standing(east=3, north=1), red_s={"east": 190.0}) == MAIN  # 0.750
    assert wanted(standing(east=3, north=1), red_s={"east": 192.0}) == SIDE  # 0.757


def test_who_is_far_away_counts_as_he_comes_near():
    # 130 m at 13.9 m/s are 9.4 s: of one who moves there a fifth comes within 2 s, a whole one within 12 s
    far = Before({"north": 1.0, "south": 0.0, "east": 20.0}, {"north": 0.0, "south": 0.0, "east": 20.0})
    assert wanted(far) == SIDE  # 0.107 * 1.1 + 0.2 = 0.317 a second
    assert wanted(standing(north=1, east=20)) == MAIN


def stood(lane: str, stands: list[float], east: float) -> LocalProgramme:
    local = LocalProgramme(RULES)
    for second, count in enumerate(stands):
        local.look(standing(**{lane: count, "east": east}), MAIN, LONG_S, {"east": 9.0}, False, float(second))
    return local


def test_who_stands_before_a_green_of_his_own_is_not_let_go_by_it():
    assert stood("south", [9.0] * 8, 1.0).wanted(MAIN, LONG_S, {}, 7.0) == MAIN
    assert stood("south", [9.0] * 9, 1.0).wanted(MAIN, LONG_S, {}, 8.0) == SIDE
    assert stood("south", [9.0, *range(1, 20)], 1.0).wanted(MAIN, LONG_S, {}, 19.0) == SIDE  # it grows behind
    assert stood("south", [9.0] * 9 + [8.0], 1.0).wanted(MAIN, LONG_S, {}, 9.0) == MAIN  # it went on
    assert stood("south", [9.0, 9.0, 9.0, 8.0] * 5, 1.0).wanted(MAIN, LONG_S, {}, 19.0) == MAIN  # slowly, and it goes


def test_who_is_not_let_go_by_one_stage_still_waits_for_another():
    # the lane to the north goes in two stages; what stood in one of them brings the other
    local = stood("north", [9.0] * 9, 0.0)
    assert local.wanted(MAIN, LONG_S, {}, 8.0) == NORTH_ONLY


def test_keeps_a_stage_until_it_has_been_shown_for_a_while():
    # 5 s, and what the change to itself may take: a step
    assert wanted(standing(east=20), since_s=5.9) == MAIN
    assert wanted(standing(east=20), since_s=6.0) == SIDE


def test_serves_whom_no_detector_sees_by_the_length_of_their_red():
    # pedestrians: 6 s of change, 5 s more, and 5 s of green at least; one before the present green: 0.75 a second
    assert wanted(standing(north=1), red_s={"walk": 119.0}) == MAIN  # 11.9 / 16 = 0.744
    assert wanted(standing(north=1), red_s={"walk": 121.0}) == WALKING  # 12.1 / 16 = 0.756


def after_a_minute(rules: JunctionRules, before: Before) -> int | None:
    local = LocalProgramme(rules)
    for second in range(60):
        local.look(before, MAIN, LONG_S, {}, False, float(second))
        if second == 5:  # a moment is no crowd
            assert local.wanted(MAIN, LONG_S, {}, 5.0) is not None
    return local.wanted(MAIN, LONG_S, {}, 59.0)


def test_gives_way_to_the_plan_in_a_crowd_where_the_plan_knows_of_others():
    crowd = standing(north=20, east=20)  # two of three lanes are full, and cannot go together
    assert after_a_minute(LINKED, crowd) is None
    assert after_a_minute(LINKED, standing(north=20, south=20)) is not None  # one stage serves them together
    assert after_a_minute(LINKED, Before(crowd.present, crowd.waiting, {"east": 5.0})) is not None  # a short lane
    assert after_a_minute(RULES, crowd) is not None  # nobody behind it: the plan is coordinated with nobody


def test_gives_way_to_the_plan_without_a_fresh_look():
    assert LocalProgramme(RULES).wanted(MAIN, LONG_S, {}, 0.0) is None
    quiet = LocalProgramme(RULES)
    quiet.look(NOBODY, MAIN, LONG_S, {}, False, 0.0)
    assert quiet.wanted(MAIN, LONG_S, {}, FRESH_S) == MAIN
    assert quiet.wanted(MAIN, LONG_S, {}, FRESH_S + 0.1) is None


def drive(sequencer: Sequencer, seconds: range, before: Before | None, wish: int | None = None) -> list[int]:
    stages: list[int] = []
    for second in seconds:
        if before is not None:
            sequencer.look(before, second)
        if wish is not None:
            sequencer.wish(wish, second)
        sequencer.tick(second)
        stages.append(sequencer.stage)
    return stages


def test_a_junction_that_hears_nothing_goes_by_its_own_look():
    sequencer = Sequencer(RULES, 0)
    drive(sequencer, range(30), NOBODY, MAIN)
    assert not sequencer.on_plan
    # heard last at 29, on its own from 45 on; its plan shows the main road until 105 = 75 + 30
    assert drive(sequencer, range(30, 58), standing(east=20))[-1] == SIDE
    assert sequencer.on_plan and sequencer.local


def test_one_that_is_told_its_plan_follows_the_plan_and_not_its_look():
    sequencer = Sequencer(RULES, 0)
    stages = drive(sequencer, range(29), standing(east=12), PLAN)
    assert set(stages) == {MAIN} and sequencer.on_plan and not sequencer.local


def test_without_detectors_of_its_own_it_follows_the_plan():
    with_none, never = Sequencer(RULES, 0), Sequencer(RULES, 0)
    assert drive(with_none, range(150), Before()) != drive(never, range(150), None)
    assert not never.local


def test_wishes_that_waste_its_green_are_not_heard_for_a_while():
    sequencer = Sequencer(RULES, 0)
    stages: list[int] = []
    for second in range(150):  # a queue that moves a little is a true one
        stages += drive(sequencer, range(second, second + 1), standing(north=9 + second % 2, south=3), SIDE)
    # the pedestrians, whom nobody sees, are served in turn
    assert stages.count(SIDE) > 30 and SIDE not in stages[-30:]
    assert sequencer.on_plan and sequencer.local


@pytest.mark.parametrize("lie", [math.nan, math.inf, -1.0, 1e300])
def test_what_is_no_number_of_vehicles_calls_nobody_and_raises_nothing(lie: float):
    assert wanted(standing(east=lie), since_s=LONG_S) == (SIDE if lie == 1e300 else MAIN)


@settings(max_examples=8, deadline=None)
@given(junctions(), st.data())
def test_whatever_its_detectors_say_the_monitor_is_silent(junction: Junction, data: st.DataObject):
    groups = {name: msgspec.structs.replace(one, lanes=(name,)) for name, one in junction.groups.items()}
    rules = JunctionRules.of(msgspec.structs.replace(junction, groups=groups))
    sequencer, monitor = Sequencer(rules, 0), Monitor(rules)
    counts = st.dictionaries(st.sampled_from(sorted(groups)), st.sampled_from([0.0, 3.0, 14.0, 40.0, math.nan]))
    for second in range(0, 600, 20):
        said = data.draw(counts)
        wish = data.draw(st.sampled_from([None, PLAN, *range(len(rules.stages))]))
        for now in range(second, second + 20):
            sequencer.look(Before(said, said), now)
            if wish is not None:
                sequencer.wish(wish, now)
            monitor.see(sequencer.tick(now), now)
    assert not any(monitor.totals.values())

"""Our controller: properties for any view, a crossing run for long with its sequencer, and SUMO beside the plan."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.guard.signals.colours import Colour
from cityward.guard.signals.rules import JunctionRules
from cityward.guard.signals.sequencer import Sequencer
from cityward.place.junctions import Junction
from cityward.services.signals.control import CONTROLLERS
from cityward.services.signals.control.foresight import Foresight
from cityward.services.signals.control.memory import Kept
from cityward.services.signals.seen import JunctionSeen, LaneSeen, PriorityAsked
from crossings import EAST, NORTH, coming, crossing, link_to, seen, standing
from scenes import CORRIDOR

Street = Callable[[int, Sequencer], dict[str, LaneSeen]]

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
lanes = st.builds(
    lambda count, halted, length, columns: LaneSeen(
        count, halted, length, np.array([a for a, _ in columns]), np.array([b for _, b in columns])
    ),
    numbers,
    numbers,
    numbers,
    st.lists(st.tuples(numbers, numbers), max_size=6),
)
names = st.sampled_from(["n1", "s1", "e1", "elsewhere"])
groups = st.sampled_from(["n", "s", "e", "walk", "none"])
kinds = st.sampled_from(["emergency", "bus", "cycle", "pedestrian", "parade"])
requests = st.builds(PriorityAsked, group=groups, kind=kinds, by=st.just("x"), seconds=numbers)
views = st.builds(
    JunctionSeen,
    stage=st.integers(-3, 5),
    since_s=numbers,
    settled=st.booleans(),
    green_s=st.dictionaries(groups, numbers),
    red_s=st.dictionaries(groups, numbers),
    lanes=st.dictionaries(names, lanes),
    blind=st.frozensets(names),
    room=st.dictionaries(st.sampled_from(["n-out", "e-out"]), numbers),
    calls=st.frozensets(groups),
    priority=st.lists(requests, max_size=3).map(tuple),
    on_plan=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(shown=st.lists(views, min_size=1, max_size=4), now_s=st.floats(-1e9, 1e9))
def test_any_view_gets_a_stage_of_the_junction_and_a_memory_that_can_be_written_down(
    shown: list[JunctionSeen], now_s: float
) -> None:
    for controller in CONTROLLERS.values():
        memory = controller.memory()
        for nth, one in enumerate(shown):
            memory, wishes = controller.step({"x": crossing()}, {"x": one}, memory, now_s + nth)
            assert wishes["x"].stage in (0, 1, 2)
            memory = msgspec.json.decode(msgspec.json.encode(memory), type=type(memory))


def test_the_same_is_wished_of_the_same() -> None:
    shown = {"x": seen(NORTH, {"n1": coming([20.0, 90.0]), "e1": standing(3)}), "y": seen(EAST, {"n1": standing(7)})}
    junctions = {"x": crossing(links=(link_to("y", "n1"),)), "y": crossing()}
    assert Foresight().step(junctions, shown, Kept(), 5.0) == Foresight().step(junctions, shown, Kept(), 5.0)


def test_what_is_not_seen_is_said() -> None:
    shown = seen(NORTH, {"n1": standing(3)}, blind=frozenset({"e1"}))
    wish = Foresight().step({"x": crossing()}, {"x": shown}, Kept(), 0.0)[1]["x"]
    assert wish.facts["blind"] == ["e1"]
    assert "1 lanes by memory" in wish.why


def test_a_junction_that_is_crowded_both_ways_follows_its_plan_until_the_crowd_has_gone() -> None:
    controller, memory, junctions = Foresight(), Kept(), {"x": crossing()}
    full = {"n1": standing(26), "e1": standing(26)}
    for second in range(60):
        memory, wishes = controller.step(junctions, {"x": seen(NORTH, full, green_s=5.0)}, memory, float(second))
    assert memory.junctions["x"].crowded
    assert wishes["x"].stage == EAST  # second 59 of a plan of 30 + 30 + 15
    for second in range(60, 160):
        memory, _ = controller.step(junctions, {"x": seen(NORTH, {})}, memory, float(second))
    assert not memory.junctions["x"].crowded


@pytest.mark.parametrize("linked", [True, False])
def test_where_junctions_depend_on_each_other_a_crowd_across_a_lane_that_nobody_sees_is_enough(linked: bool) -> None:
    junctions = {"x": crossing(links=(link_to("y", "n1"),)) if linked else crossing(), "y": crossing()}
    controller, memory = Foresight(), Kept()
    shown = seen(NORTH, {"n1": standing(26)}, green_s=5.0, blind=frozenset({"e1"}))
    for second in range(60):
        memory, wishes = controller.step(junctions, {"x": shown}, memory, float(second))
    assert memory.junctions["x"].crowded == linked
    assert ("crowded" in wishes["x"].why) == linked


def drive(
    street: Street, seconds: int, blind: frozenset[str] = frozenset(), calls: frozenset[str] = frozenset()
) -> dict[str, float]:
    """A crossing with its sequencer for so long: the longest red of each group that was seen, s."""
    junction: Junction = crossing()
    sequencer, controller = Sequencer(JunctionRules.of(junction, "x"), 0.0), Foresight()
    memory, longest = Kept(), dict.fromkeys(junction.groups, 0.0)
    for second in range(seconds):
        shown = JunctionSeen(
            stage=sequencer.stage,
            since_s=sequencer.since_s(float(second)),
            settled=sequencer.settled,
            green_s=sequencer.green_s,
            red_s=sequencer.red_s,
            lanes={lane: one for lane, one in street(second, sequencer).items() if lane not in blind},
            blind=blind,
            calls=calls,
        )
        memory, wishes = controller.step({"x": junction}, {"x": shown}, memory, float(second))
        sequencer.wish(wishes["x"].stage, float(second))
        sequencer.tick(float(second))
        if second > 200:  # it begins dark, which counts as a long red
            longest = {group: max(longest[group], sequencer.red_s.get(group, 0.0)) for group in longest}
    return longest


def ghosts(second: int, sequencer: Sequencer) -> dict[str, LaneSeen]:
    """A lane that claims a full queue for ever, and one vehicle that waits at the other street."""
    east = sequencer.lights.get("e") is Colour.GREEN
    return {"n1": standing(26), "s1": coming(()), "e1": coming(()) if east else standing(1)}


def test_a_lane_that_claims_a_queue_for_ever_does_not_keep_the_others_waiting() -> None:
    longest = drive(ghosts, 900)
    # once it is doubted, the one vehicle of the other street is served in its turn: not at the longest wait's mercy
    assert longest["e"] < 60.0


def test_however_many_come_nobody_who_is_seen_waits_beyond_the_bound() -> None:
    def busy(second: int, sequencer: Sequencer) -> dict[str, LaneSeen]:
        moving = coming([10.0 * n + (7 * second) % 10 for n in range(18)])
        return {"n1": moving, "s1": moving, "e1": standing(1)}

    # due at 150 s; the change to it takes 4 s, after a shortest green of 5 s at most
    assert drive(busy, 900)["e"] <= 160.0


def test_blind_lanes_and_who_called_are_served_in_time() -> None:
    def busy(second: int, sequencer: Sequencer) -> dict[str, LaneSeen]:
        return {"n1": coming([10.0 * n + (7 * second) % 10 for n in range(18)]), "s1": coming(())}

    longest = drive(busy, 900, blind=frozenset({"e1"}), calls=frozenset({"walk"}))
    # due at 93.75 s (a plan's cycle and a quarter) and 60 s; both may come due together: then one waits for the other's turn
    assert longest["e"] <= 93.75 + 25.0
    assert longest["walk"] <= 60.0 + 25.0


def test_a_real_corridor_loses_less_time_than_under_its_plan() -> None:
    pytest.importorskip("libsumo", reason="NOT TESTED WITH SUMO: the extra `street` is not installed")
    from cityward.adapters.sumo.child import Order, one

    plan, ours = (one(Order(scenario=str(CORRIDOR), controller=name, seed=1)) for name in ("fixed", "ours"))
    assert ours.demand == plan.demand
    assert ours.delay_s < plan.delay_s
    assert (ours.conflicts, ours.short, ours.over_red) == (0, 0, 0)

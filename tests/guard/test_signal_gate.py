"""The gate of wished stages: each objection by a case; it is total and monotone; the plan never waits."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.guard.permit import ActuatorRule, Allowed, Confidence, PermitReason, PermitRules, Proposal, Refusal
from cityward.guard.signals.gate import (
    COMMAND,
    GateRules,
    Shown,
    SignalLimits,
    SignalMemory,
    SignalStreet,
    objection,
    permit_stage,
)
from cityward.guard.signals.rules import PLAN, JunctionRules
from cityward.guard.signals.sequencer import Sequencer
from cityward.place.things import CommandLimits
from junctions import CROSSING

RULES = JunctionRules.of(CROSSING)
MAIN, NORTH_ONLY, SIDE, WALKING = range(4)
DEVICES = [f"signals-{n:02}" for n in range(1, 9)]
GATE = GateRules(dict.fromkeys(DEVICES, RULES))
LIMITS = CommandLimits(sets="signal-stage", low=-1, high=7, fail_safe=-1, per_hour=3600)
PERMIT = PermitRules("signals", {device: ActuatorRule(True, {COMMAND: LIMITS}) for device in DEVICES})

ON_MAIN = Shown(at_s=1000, stage=MAIN, green_s={"north": 20, "south": 20}, red_s={"east": 40, "walk": 30})


def proposal(value: Any, device: Any = "signals-01", command: Any = COMMAND) -> Proposal:
    return Proposal(device, command, value, {"why": "queues"}, 5_000_000)


def street(shown: Shown | None = ON_MAIN, **more: Any) -> SignalStreet:
    told = {"signals-01": (MAIN, 998.0)}
    return SignalStreet(now_s=1001, shown={} if shown is None else {"signals-01": shown}, **{"told": told, **more})


def test_a_stage_of_a_junction_that_was_seen_and_served_passes():
    assert objection(proposal(SIDE), GATE, street()) is None
    assert isinstance(permit_stage(proposal(SIDE), PERMIT, GATE, street(), (), 5_000_000), Allowed)


def test_what_permit_refuses_stays_refused():
    verdict = permit_stage(
        proposal(SIDE), PERMIT, GATE, street(), (), 5_000_000, Confidence(barred=frozenset({"signals-01"}))
    )
    assert isinstance(verdict, Refusal)
    assert verdict.reason is PermitReason.INACTIVE_DEVICE


def test_other_commands_are_none_of_its_business():
    assert objection(proposal(0.5, command="dim"), GATE, street(None)) is None


LONG_AGO = dataclasses.replace(ON_MAIN, at_s=990)
JUST_BEGUN = dataclasses.replace(ON_MAIN, green_s={"north": 2, "south": 2})
NEARLY = dataclasses.replace(ON_MAIN, green_s={"north": 3, "south": 3})
WAITED = dataclasses.replace(ON_MAIN, red_s={"east": 40, "walk": 100})
SILENT_OF_ONE = dataclasses.replace(ON_MAIN, red_s={"east": 40})
OTHERS = dict.fromkeys(DEVICES[1:3], 990.0)
CHANGES = {"signals-01": [950.0 + n for n in range(12)]}

OBJECTIONS: dict[str, tuple[Any, SignalStreet, PermitReason | None]] = {
    "a stage that is not there": (4, street(), PermitReason.NOT_A_STAGE),
    "half a stage": (1.5, street(), PermitReason.NOT_A_STAGE),
    "below the plan": (-2, street(), PermitReason.NOT_A_STAGE),
    "no number": (math.nan, street(), PermitReason.NOT_A_STAGE),
    "a text": ("2", street(), PermitReason.NOT_A_STAGE),
    "a junction that was never seen": (SIDE, street(None), PermitReason.JUNCTION_UNSEEN),
    "a junction that was not seen lately": (SIDE, street(LONG_AGO), PermitReason.JUNCTION_UNSEEN),
    "a minimum green that is not served": (SIDE, street(JUST_BEGUN), PermitReason.TOO_SOON),
    "a minimum green that will be when it arrives": (SIDE, street(NEARLY), None),
    "a stage that goes on with those greens": (MAIN, street(JUST_BEGUN), None),
    "too many changes within a minute": (SIDE, street(changes=CHANGES), PermitReason.RATE_EXCEEDED),
    "the same stage again is no change": (MAIN, street(changes=CHANGES), None),
    # pedestrians would wait for the way there, 6 s, its minimum green and step, 6 s, and their own change, 6 s
    "a stage that would let somebody wait too long": (SIDE, street(WAITED), PermitReason.WOULD_STARVE),
    "a junction that does not say how long somebody has waited": (SIDE, street(SILENT_OF_ONE), PermitReason.WOULD_STARVE),
    "one more that leaves its plan": (SIDE, street(told={}, left=OTHERS), PermitReason.MASS_CHANGE),
    "one more on its way already": (SIDE, street(left=OTHERS), None),
    "one more that stops all traffic": (WALKING, street(stopped=OTHERS), PermitReason.MASS_CHANGE),
    "one more that does not": (SIDE, street(stopped=OTHERS), None),
    "those before it long ago": (WALKING, street(stopped=dict.fromkeys(OTHERS, 960.0)), None),
}  # fmt: skip


@pytest.mark.parametrize(("value", "seen", "expected"), OBJECTIONS.values(), ids=OBJECTIONS)
def test_objects_to(value: Any, seen: SignalStreet, expected: PermitReason | None):
    assert objection(proposal(value), GATE, seen) is expected


@pytest.mark.parametrize("seen", [seen for _, seen, _ in OBJECTIONS.values()], ids=OBJECTIONS)
def test_the_plan_never_waits(seen: SignalStreet):
    assert objection(proposal(PLAN), GATE, seen) is None
    assert isinstance(permit_stage(proposal(PLAN), PERMIT, GATE, seen, (), 5_000_000), Allowed)


def test_a_device_that_is_no_junction_may_only_be_told_its_plan():
    assert objection(proposal(0, device="signals-99"), GATE, street()) is PermitReason.NOT_A_STAGE
    assert (
        objection(proposal(PLAN, device="signals-99"), GATE, street()) is None
    )  # `permit` knows whether it is an actuator


def test_a_hostile_centre_can_not_stop_the_town_at_once():
    memory, allowed, now = SignalMemory(GATE), list[str](), 1000.0
    shown = dict.fromkeys(DEVICES, ON_MAIN)
    for device in DEVICES:
        if objection(proposal(WALKING, device=device), GATE, memory.street(now, shown)) is None:
            memory.told(device, WALKING, now)
            allowed.append(device)
    assert allowed == DEVICES[:2]  # a quarter of eight


def test_all_leave_their_plans_one_after_the_other():
    memory, left, now = SignalMemory(GATE), list[tuple[float, str]](), 1000.0
    while len(left) < len(DEVICES):
        shown = {device: dataclasses.replace(ON_MAIN, at_s=now) for device in DEVICES}
        for device in DEVICES:
            if objection(proposal(MAIN, device=device), GATE, memory.street(now, shown)) is None:
                left += [(now, device)] if device not in dict.fromkeys(d for _, d in left) else []
                memory.told(device, MAIN, now)
        now += 1
    assert [at for at, _ in left] == [1000, 1000, 1030, 1030, 1060, 1060, 1090, 1090]


def test_remembers_no_more_than_its_junctions():
    memory = SignalMemory(GATE)
    for n in range(1000):
        memory.told(f"somebody-{n}", 0, n)
        memory.told("signals-01", n % 4, n)
    view = memory.street(1000, {})
    assert set(view.told) == {"signals-01"}
    assert len(view.changes["signals-01"]) <= 128


def test_what_the_gate_lets_pass_the_junction_does():
    """The first gate asks what the second does: a wish that passes when the junction is seen as it is begins at once."""
    sequencer, passed = Sequencer(RULES, 0), 0
    for second in range(1, 3000):
        want = (second * 7 // 11) % 4
        seen = Shown(second - 1, sequencer.stage, sequencer.green_s, sequencer.red_s)
        at = SignalStreet(second - 1, {"signals-01": seen}, told={"signals-01": (sequencer.stage, second - 1)})
        gate = GateRules(GATE.junctions, SignalLimits(early_s=0))
        may = objection(proposal(want), gate, at) is None
        before = sequencer.stage
        sequencer.wish(want, second)
        sequencer.tick(second)
        if may and want != before:
            passed += 1
            assert sequencer.stage == want
    assert passed > 100


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.tuples(st.integers()),
    st.just(10**400),
)


@settings(max_examples=200, deadline=None)
@given(anything, anything, anything, st.floats(), st.integers(-3, 9))
def test_is_total(value: Any, device: Any, command: Any, number: float, stage: int):
    seen = Shown(number, stage, {"north": number}, {"east": number, "walk": 1.0})
    odd = SignalStreet(number, {"signals-01": seen}, told={"signals-01": (stage, number)}, left={"signals-02": number})
    for one in (proposal(value, device, command), proposal(value), proposal(SIDE, device), value, proposal(SIDE)):
        found = objection(one, GATE, odd)
        assert found is None or isinstance(found, PermitReason)


seconds = st.floats(0, 130)
times = st.floats(900, 1001)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_is_monotone(data: st.DataObject):
    """More that was told, older looks, longer waits, shorter greens and narrower limits never turn a no into a yes."""
    stage = data.draw(st.integers(0, 3))
    shown = Shown(
        data.draw(st.floats(996, 1001)),
        MAIN,
        dict.fromkeys(("north", "south"), data.draw(seconds)),
        {"east": data.draw(seconds), "walk": data.draw(seconds)},
    )
    others = data.draw(st.dictionaries(st.sampled_from(DEVICES), times, max_size=6))
    changes = data.draw(st.lists(times, max_size=14))
    told = data.draw(
        st.sampled_from(
            [{}, {"signals-01": (MAIN, 1000.0)}, {"signals-01": (SIDE, 990.0)}, {"signals-01": (PLAN, 1000.0)}]
        )
    )
    before = SignalStreet(1001, {"signals-01": shown}, told, {"signals-01": changes}, others, others)
    if objection(proposal(stage), GATE, before) is None:
        return
    longer = data.draw(st.floats(0, 20))
    worse = Shown(
        shown.at_s - longer,
        MAIN,
        {group: max(0.0, green - longer) for group, green in shown.green_s.items()},
        {group: red + longer for group, red in shown.red_s.items()},
    )
    more = others | data.draw(st.dictionaries(st.sampled_from(DEVICES), st.just(1001.0), max_size=3))
    after = SignalStreet(
        1001,
        {"signals-01": worse},
        told,
        {"signals-01": [*changes, *data.draw(st.lists(times, max_size=3))]},
        more,
        more,
    )
    narrower = SignalLimits(
        oldest_s=data.draw(st.floats(0, 5)),
        early_s=data.draw(st.floats(0, 2)),
        changes_per_minute=data.draw(st.integers(0, 12)),
        leaving=data.draw(st.floats(0, 0.25)),
        stopping=data.draw(st.floats(0, 0.25)),
        at_least=data.draw(st.integers(0, 2)),
    )
    assert objection(proposal(stage), GateRules(GATE.junctions, narrower), after) is not None

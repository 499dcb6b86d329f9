"""What the street has against a command: interlocks, fan-out, second persons; and what holds for anything at all."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.guard.confidence import FULL, Confidence
from cityward.guard.permit import (
    UNSEEN,
    ActuatorRule,
    Agreement,
    Allowed,
    FanRule,
    InterlockRule,
    Issued,
    PermitReason,
    PermitRules,
    Proposal,
    Refusal,
    Street,
    is_move,
    permit,
    rules_for,
)
from cityward.place.registry import number
from cityward.place.things import CommandLimits
from cityward.time import HOUR, MINUTE, SECOND
from declarations import loaded, town

NOW = 1_700_000_000 * SECOND
DIM = CommandLimits(sets="lamp-level", low=10, high=100, per_hour=6, fail_safe=100)
LAMPS = [f"lamp-{n}" for n in range(6)]
FLOOD = InterlockRule(("gauge",), "water-level", 4.0, None, 15 * MINUTE, frozenset(), "the quay is flooded")
DIMMING = Proposal("lamp-0", "dim", 40.0, {"traffic": "quiet"}, NOW)


def rules(limits: CommandLimits = DIM, **fields: Any) -> PermitRules:
    return PermitRules("lights", {lamp: ActuatorRule(True, {"dim": limits}) for lamp in LAMPS}, **fields)


def gauge(value: float, minutes_ago: float = 1) -> Street:
    return Street(readings={("gauge", "water-level"): (value, NOW - round(minutes_ago * MINUTE))})


def reason_of(
    by: PermitRules, street: Street = UNSEEN, value: float = 40.0, confidence: Confidence = FULL, device: str = "lamp-0"
) -> PermitReason | None:
    verdict = permit(replace(DIMMING, value=value, device=device), by, [], NOW, confidence, street)
    return verdict.reason if isinstance(verdict, Refusal) else None


# -- interlocks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("street", "holds"),
    [
        (gauge(3.9), False),
        (gauge(4.0), False),
        (gauge(4.1), True),
        (gauge(float("nan")), True),
        (gauge(1.0, minutes_ago=15), False),
        (gauge(1.0, minutes_ago=15.1), True),
        (gauge(1.0, minutes_ago=-16), True),  # a clock that jumped back
        (UNSEEN, True),
    ],
    ids=["low", "at the line", "high", "no number", "just fresh", "stale", "from the future", "silent"],
)
def test_an_interlock_holds_while_its_condition_does_or_its_reading_is_missing(street: Street, holds: bool):
    by = rules(interlocks=(FLOOD,))
    assert reason_of(by, street) is (PermitReason.INTERLOCKED if holds else None)
    assert reason_of(by, street, value=100.0) is None, "the fail-safe value is never held up"


def test_a_device_that_is_not_believed_holds_as_one_that_is_silent():
    doubted = Confidence(quarantined=frozenset({"gauge"}))
    assert reason_of(rules(interlocks=(FLOOD,)), gauge(1.0), confidence=doubted) is PermitReason.INTERLOCKED


def test_an_interlock_below_a_line_and_for_other_commands():
    dark = replace(FLOOD, above=None, below=2.0)
    assert reason_of(rules(interlocks=(dark,)), gauge(1.9)) is PermitReason.INTERLOCKED
    assert reason_of(rules(interlocks=(dark,)), gauge(2.0)) is None
    assert reason_of(rules(interlocks=(replace(dark, commands=frozenset({"open"})),)), gauge(1.0)) is None


def test_one_member_of_a_group_is_enough_to_hold():
    both = replace(FLOOD, units=("gauge", "gauge-2"))
    readings = {("gauge", "water-level"): (1.0, NOW), ("gauge-2", "water-level"): (9.0, NOW)}
    assert reason_of(rules(interlocks=(both,)), Street(readings=readings)) is PermitReason.INTERLOCKED
    assert reason_of(rules(interlocks=(both,)), gauge(1.0)) is PermitReason.INTERLOCKED, "the other one is silent"


# -- fan-out -----------------------------------------------------------------------------------------------------------

HALF = FanRule(3, 10 * MINUTE)


def mass(value: float, by: PermitRules, street: Street, at: int = NOW) -> list[str]:
    """What is told to every lamp at once; the lamps that were."""
    told: list[str] = []
    values, moved = dict(street.values), dict(street.moved)
    for lamp in LAMPS:
        now = Street(values=values, moved=moved)
        if isinstance(permit(Proposal(lamp, "dim", value, {"by": "hand"}, at), by, [], at, FULL, now), Allowed):
            if is_move(lamp, "dim", value, DIM, now):
                moved[lamp] = at
            values[lamp, "dim"] = value
            told.append(lamp)
    return told


def test_a_mass_off_reaches_no_more_than_the_declared_share():
    assert mass(10.0, rules(fan_out=HALF), UNSEEN) == LAMPS[:3]


def test_the_way_back_to_full_light_is_free_for_all():
    dimmed = Street(values={(lamp, "dim"): 10.0 for lamp in LAMPS}, moved=dict.fromkeys(LAMPS, NOW))
    assert mass(100.0, rules(fan_out=HALF), dimmed) == LAMPS
    assert mass(60.0, rules(fan_out=HALF), dimmed) == LAMPS, "nearer to the fail-safe value moves nobody away"
    assert mass(10.0, rules(fan_out=HALF), dimmed) == LAMPS, "a reminder moves nobody"


def test_others_follow_when_the_minutes_are_over():
    early = Street(moved=dict.fromkeys(LAMPS[:3], NOW - 10 * MINUTE), values={(x, "dim"): 10.0 for x in LAMPS[:3]})
    assert mass(10.0, rules(fan_out=HALF), early) == LAMPS
    late = replace(early, moved=dict.fromkeys(LAMPS[:3], NOW - 10 * MINUTE + 1))
    assert mass(10.0, rules(fan_out=HALF), late) == LAMPS[:3]


def test_what_other_services_move_does_not_count():
    assert mass(10.0, rules(fan_out=HALF), Street(moved={f"gate-{n}": NOW for n in range(9)})) == LAMPS[:3]


# -- two persons -------------------------------------------------------------------------------------------------------

BARRIER = CommandLimits(sets="lamp-level", low=0, high=100, fail_safe=100, two_person=True)


def agreed(value: float = 40.0, minutes: float = 5) -> Street:
    return Street(agreed={("lights", "lamp-0", "dim", value): Agreement("bo", NOW + round(minutes * MINUTE))})


def test_a_command_for_two_persons_waits_until_the_second_agreed():
    by = rules(BARRIER)
    assert reason_of(by) is PermitReason.SECOND_PERSON
    assert reason_of(by, agreed()) is None
    assert reason_of(by, agreed(value=41.0)) is PermitReason.SECOND_PERSON, "to this value, no other"
    assert reason_of(by, agreed(), device="lamp-1") is PermitReason.SECOND_PERSON
    assert reason_of(by, agreed(minutes=0)) is PermitReason.SECOND_PERSON, "an agreement ends"
    other = replace(by, service="signals")
    assert reason_of(other, agreed()) is PermitReason.SECOND_PERSON, "what was agreed to for one service is no other's"
    assert reason_of(by, value=100.0) is None


def test_who_agreed_is_in_the_cause():
    verdict = permit(DIMMING, rules(BARRIER), [], NOW, FULL, agreed())
    assert isinstance(verdict, Allowed) and verdict.cause == {"traffic": "quiet", "approved_by": "bo"}


def test_nobody_is_asked_about_what_would_be_refused_anyway():
    assert reason_of(rules(BARRIER, interlocks=(FLOOD,))) is PermitReason.INTERLOCKED


# -- compiled ----------------------------------------------------------------------------------------------------------


def test_interlocks_and_fan_out_are_compiled_from_the_declaration():
    fields = (
        "interlocks: [{unless: {device: lamps, property: lamp-level, below: 5, max_age_s: 60}, commands: [dim], why: dark}], "
        "fan_out: {share: 0.5, minutes: 5}, "
    )
    place = loaded(town(("actuators: [lamps], settings", f"actuators: [lamps], {fields} settings"))).place
    made = rules_for("lights", place.services["lights"], number(place))
    assert made.fan_out == FanRule(1, 5 * MINUTE)
    [interlock] = made.interlocks
    assert interlock == InterlockRule(
        ("lamps-01", "lamps-02"), "lamp-level", None, 5, MINUTE, frozenset({"dim"}), "dark"
    )
    assert made.looked_at == {"lamps-01", "lamps-02"}


# -- what holds for anything at all ------------------------------------------------------------------------------------

values = st.one_of(st.floats(0, 110), st.sampled_from([10.0, 40.0, 100.0]))
readings = st.dictionaries(
    st.just(("gauge", "water-level")), st.tuples(st.floats(-10, 10), st.integers(NOW - HOUR, NOW + HOUR))
)
moves = st.dictionaries(st.sampled_from(LAMPS), st.integers(NOW - HOUR, NOW))
told = st.dictionaries(st.sampled_from([(lamp, "dim") for lamp in LAMPS]), st.floats(allow_nan=True, width=32))
agreements = st.dictionaries(
    st.just(("lights", "lamp-0", "dim", 40.0)), st.builds(Agreement, st.just("bo"), st.integers(NOW - HOUR, NOW + HOUR))
)
streets = st.builds(Street, readings=readings, values=told, moved=moves, agreed=agreements)
locks = st.builds(
    lambda line, age: replace(FLOOD, above=line, max_age_us=age), st.floats(-10, 10), st.integers(1, HOUR)
)
fans = st.one_of(st.none(), st.builds(FanRule, st.integers(1, 6), st.integers(1, HOUR)))
limits = st.builds(lambda two: CommandLimits(**{**_fields(DIM), "two_person": two}), st.booleans())


def _fields(made: CommandLimits) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__struct_fields__}


@given(values, streets, st.lists(locks, max_size=2), fans, limits, locks, st.integers(1, 6), moves)
def test_more_in_the_way_never_turns_a_refusal_into_a_permission(
    value: float, street: Street, some: list[InterlockRule], fan: FanRule | None, lim: CommandLimits,
    another: InterlockRule, most: int, more: dict[str, int],
):  # fmt: skip
    by = rules(lim, interlocks=tuple(some), fan_out=fan)
    if reason_of(by, street, value) is None:
        return
    fewer = FanRule(min(most, fan.most) if fan else most, fan.within_us if fan else HOUR)
    longer = {name: max(at, more.get(name, at)) for name, at in street.moved.items()} | {
        name: at for name, at in more.items() if name not in street.moved
    }
    assert reason_of(replace(by, interlocks=(*by.interlocks, another)), street, value) is not None
    assert reason_of(replace(by, fan_out=fewer), street, value) is not None
    assert reason_of(by, replace(street, readings={}), value) is not None
    assert reason_of(by, replace(street, moved=longer), value) is not None
    assert reason_of(by, replace(street, agreed={}), value) is not None


@given(streets, st.lists(locks, max_size=2), fans, limits)
def test_nothing_of_the_street_holds_up_the_fail_safe_value(
    street: Street, some: list[InterlockRule], fan: FanRule | None, lim: CommandLimits
):
    assert reason_of(rules(lim, interlocks=tuple(some), fan_out=fan), street, lim.fail_safe) is None


def _chance(dice: random.Random) -> tuple[Proposal, PermitRules, list[Issued], Confidence, Street]:
    """A proposal, rules and a street by lot: often near the limits, often beyond."""
    lamp = dice.choice([*LAMPS, "lamp-9"])
    made_at = NOW - dice.choice([0, 0, 0, MINUTE, HOUR, -1])
    sources = tuple(dice.sample(["loop-1", "loop-2", "loop-3"], dice.randint(0, 2)))
    value = dice.choice([dice.uniform(-20, 130), 10.0, 100.0, 9.999, 100.001, float("nan"), float("inf")])
    recent = [Issued(lamp, "dim", NOW - dice.randrange(2 * HOUR)) for _ in range(dice.randint(0, 8))]
    street = Street(
        readings={("gauge", "water-level"): (dice.uniform(0, 8), NOW - dice.randrange(HOUR))}
        if dice.random() < 0.8
        else {},
        values={(name, "dim"): dice.uniform(0, 110) for name in LAMPS if dice.random() < 0.5},
        moved={name: NOW - dice.randrange(HOUR) for name in LAMPS if dice.random() < 0.5},
        agreed={("lights", lamp, "dim", value): Agreement("bo", NOW + dice.randint(-5, 5))}
        if dice.random() < 0.5
        else {},
    )
    by = rules(
        BARRIER if dice.random() < 0.3 else DIM,
        interlocks=(FLOOD,) if dice.random() < 0.5 else (),
        fan_out=HALF if dice.random() < 0.5 else None,
        sources={},
    )
    doubt = Confidence(barred=frozenset({"lamp-5"}))
    proposal = Proposal(lamp, dice.choice(["dim", "dim", "dim", "open"]), value, {"a": "b"}, made_at, sources=sources)
    return proposal, by, recent, doubt, street


@pytest.mark.parametrize("streets", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_nothing_outside_its_limits_passes_in_random_streets(streets: int):
    dice, passed = random.Random(6), 0
    for _ in range(streets):
        proposal, by, recent, doubt, street = _chance(dice)
        verdict = permit(proposal, by, recent, NOW, doubt, street)
        if isinstance(verdict, Refusal):
            continue
        passed += 1
        lim = by.actuators[verdict.device].commands[verdict.command]
        assert lim.low <= verdict.value <= lim.high and verdict.device != "lamp-5"
        hour = sum(1 for past in recent if NOW - past.at < HOUR)
        assert hour < lim.per_hour + (verdict.value == lim.fail_safe)
        if verdict.value == lim.fail_safe:
            continue
        assert not verdict.sources, "none of them is declared"
        if by.interlocks:
            level, at = street.readings["gauge", "water-level"]
            assert level <= 4.0 and NOW - at <= 15 * MINUTE
        if by.fan_out is not None and abs(verdict.value - 100) > abs(
            street.values.get((verdict.device, "dim"), 100.0) - 100
        ):
            others = [d for d, at in street.moved.items() if d != verdict.device and NOW - at < 10 * MINUTE]
            assert len(others) < 3
        if lim.two_person:
            assert street.agreed["lights", verdict.device, "dim", verdict.value].until > NOW
    assert passed > streets // 20, "else this would show nothing"

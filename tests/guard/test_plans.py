"""The permit gate for plans: what passes, what does not, and what holds for anything at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.guard.confidence import FULL, Confidence
from cityward.guard.plans import (
    PLAN_MENDS,
    AllowedPlan,
    PermittedPlan,
    PlanBefore,
    PlanProposal,
    PlanReason,
    PlanRefusal,
    PlanRule,
    PlanRules,
    Stop,
    Subject,
    permit_plan,
    plan_digest,
    plan_rules_for,
)
from cityward.place.independence import Traits, traits_of
from cityward.place.registry import number
from cityward.place.services import PlanLimits
from cityward.time import DAY, HOUR, MINUTE, SECOND
from declarations import loaded, town

NOW = 1_700_000_000 * SECOND
HERE = (2.3, 54.9)
AREAS = {**{f"quay-{n}": "quay" for n in range(8)}, **{f"hill-{n}": "hill" for n in range(8)}}
SUBJECTS = {name: Subject(HERE, area) for name, area in AREAS.items()} | {"tip": Subject((2.4, 54.9), None)}
OWNERS = {
    name: Traits("council" if n % 2 else "harbour", f"maker-{n % 2}", f"zone-{n % 2}") for n, name in enumerate(AREAS)
}


def rules(fixed: frozenset[str] = frozenset({"quay-0", "quay-1", "hill-0"}), **limits: Any) -> PlanRules:
    fields = {"stops_most": 6, "per_day": 3, "share_of_area_most": 0.5, "area_free": 1, "valid_hours": 12.0, **limits}
    return PlanRules("bins", {"round": PlanRule(PlanLimits(**fields), SUBJECTS, fixed)}, OWNERS)


def stops(*subjects: str) -> tuple[Stop, ...]:
    return tuple(Stop(name, SUBJECTS[name].position or HERE, NOW + HOUR, "full") for name in subjects)


EVEN = stops("quay-2", "quay-3", "hill-2", "hill-3", "tip")
ROUND = PlanProposal("round", "north", EVEN, {"because": "full by tomorrow"}, NOW, ("quay-2", "hill-3"))


def before(*hours_ago: float, fixed: bool = False, **areas: int) -> list[PlanBefore]:
    return [PlanBefore("round", NOW - round(h * HOUR), fixed, areas) for h in hours_ago]


def reason_of(
    plan: Any, by: PlanRules | None = None, recent: list[PlanBefore] | None = None, confidence: Confidence = FULL
) -> PlanReason | None:
    verdict = permit_plan(plan, by or rules(), recent or [], NOW, confidence)
    return verdict.reason if isinstance(verdict, PlanRefusal) else None


def test_allows_an_even_round_and_says_until_when():
    verdict = permit_plan(ROUND, rules(), [], NOW)
    assert isinstance(verdict, AllowedPlan)
    assert (verdict.areas, verdict.fixed) == ({"quay": 2, "hill": 2}, False)
    assert verdict.expires_at == NOW + 12 * HOUR
    assert verdict.plan_id.startswith("bins.round.") and verdict.digest == plan_digest(ROUND)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "tour"}, PlanReason.UNDECLARED_PLAN),
        ({"kind": None}, PlanReason.MALFORMED),
        ({"crew": ""}, PlanReason.MALFORMED),
        ({"stops": ()}, PlanReason.MALFORMED),
        ({"stops": list(EVEN)}, PlanReason.MALFORMED),
        ({"stops": (*EVEN, EVEN[0])}, PlanReason.MALFORMED),
        ({"stops": ("quay-2",)}, PlanReason.MALFORMED),
        ({"stops": (Stop("quay-2", (float("nan"), 1.0), NOW),)}, PlanReason.MALFORMED),
        ({"stops": stops(*list(AREAS)[:7])}, PlanReason.TOO_MANY_STOPS),
        ({"stops": (Stop("lamp-1", HERE, NOW),)}, PlanReason.UNKNOWN_STOP),
        ({"stops": (Stop("quay-2", (2.3, 54.91), NOW),)}, PlanReason.OFF_PLACE),  # 1.1 km away
        ({"stops": (Stop("quay-2", HERE, NOW + 13 * HOUR),)}, PlanReason.DUE_OUTSIDE),
        ({"stops": (Stop("quay-2", HERE, NOW - DAY - 1),)}, PlanReason.DUE_OUTSIDE),
        ({"made_at": NOW + 1}, PlanReason.IN_THE_FUTURE),
        ({"made_at": NOW - 30 * MINUTE - 1}, PlanReason.TOO_OLD),
        ({"sources": ("elsewhere",)}, PlanReason.UNTRUSTED_SOURCE),
        ({"sources": ("quay-2", "quay-2")}, PlanReason.MALFORMED),
        ({"cause": {}}, PlanReason.MALFORMED),
        ({"way": ((1.0,),)}, PlanReason.MALFORMED),
        ({"figures": {"km": float("inf")}}, PlanReason.MALFORMED),
        ({"stops": stops("quay-2", "quay-3", "hill-2")}, PlanReason.ONE_AREA),  # two thirds at the quay
    ],
    ids=lambda value: str(value)[:50],
)
def test_refuses_with_its_reason(changes: dict[str, Any], reason: PlanReason):
    assert reason_of(replace(ROUND, **changes)) is reason


def test_levels_that_fill_one_street_send_nobody_there():
    """The attack: every container of the quay is said to be full, one crew after the other is planned for it."""
    quay = [f"quay-{n}" for n in range(2, 8)]
    recent: list[PlanBefore] = []
    sent = 0
    for first in range(0, 6, 2):
        plan = replace(
            ROUND, crew=f"crew-{first}", stops=stops(*quay[first : first + 2]), sources=tuple(quay[first : first + 2])
        )
        verdict = permit_plan(plan, rules(per_day=100), recent, NOW)
        if isinstance(verdict, AllowedPlan):
            recent.append(verdict.before)
            sent += sum(verdict.areas.values())
    assert sent <= 1, "no more than what is free a day"


def test_what_is_free_in_an_area_is_free_once_a_day():
    short = replace(ROUND, stops=stops("quay-2"), sources=("quay-2",))
    assert reason_of(short) is None
    assert reason_of(short, recent=before(3, quay=1)) is PlanReason.ONE_AREA
    assert reason_of(short, recent=before(24, quay=1)) is None
    assert reason_of(short, recent=before(3, hill=1)) is None
    assert reason_of(short, recent=before(3, fixed=True, quay=9)) is None, "the fixed round is no choice of anybody's"


def test_quorum_and_trust_hold_for_plans():
    assert reason_of(ROUND, rules(quorum=2)) is None  # quay-2 is the harbour's, hill-3 the council's
    alike = replace(ROUND, sources=("quay-2", "hill-2"))
    assert reason_of(alike, rules(quorum=2)) is PlanReason.TOO_FEW_SOURCES
    assert reason_of(ROUND, confidence=Confidence(quarantined=frozenset({"quay-2"}))) is PlanReason.UNTRUSTED_SOURCE
    doubted = Confidence(trust={"quay-2": 0.7})
    assert reason_of(ROUND, confidence=doubted) is None
    assert reason_of(ROUND, rules(least_trust=0.8), confidence=doubted) is PlanReason.UNTRUSTED_SOURCE


def test_the_fixed_plan_stays_permitted_whatever_else_was_planned():
    fixed = replace(ROUND, stops=stops("quay-0", "quay-1"), sources=())
    nobody = Confidence(trust=dict.fromkeys(AREAS, 0.0), quarantined=frozenset(AREAS))
    assert reason_of(fixed, rules(quorum=3, least_trust=1.0), before(1, 2, 3, 4, quay=9), nobody) is None
    assert reason_of(fixed, recent=before(1, 2, 3, fixed=True)) is PlanReason.RATE_EXCEEDED
    verdict = permit_plan(fixed, rules(), [], NOW)
    assert isinstance(verdict, AllowedPlan) and verdict.fixed


def test_a_plan_that_names_no_source_and_is_not_the_fixed_one_may_not_be_lopsided():
    assert reason_of(replace(ROUND, stops=stops("quay-0", "quay-2"), sources=())) is PlanReason.ONE_AREA


def test_so_many_plans_a_day():
    assert reason_of(ROUND, recent=before(1, 2)) is None
    assert reason_of(ROUND, recent=before(1, 2, 23.9)) is PlanReason.RATE_EXCEEDED
    assert reason_of(ROUND, recent=before(1, 2, 24)) is None
    assert reason_of(ROUND, recent=before(1, 2, fixed=True) + before(3)) is PlanReason.RATE_EXCEEDED


def test_only_the_gate_makes_what_people_are_given():
    allowed = permit_plan(ROUND, rules(), [], NOW)
    assert isinstance(allowed, AllowedPlan)
    permitted = allowed.seal("service:7")
    assert (permitted.record, permitted.plan) == ("service:7", ROUND)
    fields = {name: getattr(permitted, name) for name in PermittedPlan.__dataclass_fields__ if name != "_seal"}
    with pytest.raises(TypeError, match="only the permit gate"):
        PermittedPlan(**fields, _seal=object())
    with pytest.raises(TypeError, match="evidence record"):
        allowed.seal("")


def test_every_reason_says_how_to_mend_it():
    assert set(PLAN_MENDS) == set(PlanReason)


def test_rules_are_compiled_from_the_declaration():
    plans = "{round: {at: [counter-1, yard], fixed: [counter-1], quorum: 2}, tour: {}}"
    place = loaded(town(("actuators: [lamps], settings", f"actuators: [lamps], plans: {plans}, settings"))).place
    registry = number(place)
    made = plan_rules_for("lights", place.services["lights"], place, registry, traits_of(place, registry))
    assert made.kinds["round"].subjects == {"counter-1": Subject(HERE, "quay"), "yard": Subject(None, None)}
    assert made.kinds["round"].fixed == {"counter-1"}
    assert set(made.kinds["tour"].subjects) == {"counter-1", "lamps-01", "lamps-02", "yard", "cloud"}
    assert made.kinds["tour"].subjects["lamps-01"].area == "", "those without an area are one area together"


# -- what holds for anything at all -----------------------------------------------------------------------------------

junk = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers(), max_size=2))
some_stops = st.builds(
    Stop,
    subject=st.one_of(st.sampled_from([*SUBJECTS, "lamp-1"]), junk),
    position=st.one_of(st.just(HERE), st.tuples(junk, junk), junk),
    due=st.one_of(st.integers(NOW - 2 * DAY, NOW + 2 * DAY), junk),
    why=st.one_of(st.just(""), junk),
)
plans = st.builds(
    PlanProposal,
    kind=st.one_of(st.just("round"), junk),
    crew=st.one_of(st.just("north"), junk),
    stops=st.one_of(st.lists(st.one_of(some_stops, junk), max_size=8).map(tuple), junk),
    cause=st.one_of(st.just({"a": "b"}), junk),
    made_at=st.one_of(st.integers(NOW - HOUR, NOW + MINUTE), junk),
    sources=st.one_of(st.just(()), st.lists(st.sampled_from(list(AREAS)), unique=True, max_size=4).map(tuple), junk),
    way=st.one_of(st.just(()), junk, st.tuples(junk)),
    figures=st.one_of(st.just({}), junk, st.dictionaries(st.text(), st.floats(), max_size=2)),
)


@given(st.one_of(plans, junk))
def test_is_total_and_lets_nothing_outside_its_limits_pass(plan: Any):
    verdict = permit_plan(plan, rules(), [], NOW)
    assert isinstance(verdict, AllowedPlan | PlanRefusal)
    if isinstance(verdict, AllowedPlan):
        assert len(plan.stops) <= 6 and {stop.subject for stop in plan.stops} <= set(SUBJECTS)


chosen = st.lists(st.sampled_from(list(SUBJECTS)), unique=True, min_size=1, max_size=6)
sources = st.lists(st.sampled_from(list(AREAS)), unique=True, max_size=5).map(tuple)
pasts = st.lists(
    st.builds(
        PlanBefore,
        st.just("round"),
        st.integers(NOW - 2 * DAY, NOW),
        st.booleans(),
        st.dictionaries(st.sampled_from(["quay", "hill"]), st.integers(0, 4)),
    ),
    max_size=6,
)
limits = st.fixed_dictionaries(
    {
        "stops_most": st.integers(1, 6),
        "per_day": st.integers(1, 4),
        "share_of_area_most": st.floats(0.1, 1),
        "area_free": st.integers(0, 3),
        "quorum": st.integers(1, 3),
        "least_trust": st.floats(0, 1),
    }
)
fixed_sets = st.frozensets(st.sampled_from(list(SUBJECTS)))
trusts = st.dictionaries(st.sampled_from(list(AREAS)), st.floats(0, 1))
factors = st.dictionaries(st.sampled_from(list(AREAS)), st.floats(0, 1))


@given(chosen, sources, limits, limits, fixed_sets, fixed_sets, pasts, pasts, trusts, factors)
def test_is_monotone(
    subjects: list[str], of: tuple[str, ...], wide: dict[str, Any], other: dict[str, Any], some: frozenset[str],
    fewer: frozenset[str], recent: list[PlanBefore], more: list[PlanBefore], trust: dict[str, float],
    less: dict[str, float],
):  # fmt: skip
    plan = replace(ROUND, stops=stops(*subjects), sources=of)
    upwards = ("quorum", "least_trust")
    narrow = {name: (max if name in upwards else min)(wide[name], other[name]) for name in wide}
    lowered = Confidence({name: trust.get(name, 1.0) * less.get(name, 1.0) for name in AREAS})
    refused = reason_of(plan, rules(some, **wide), recent, Confidence(trust))
    if refused is not None:
        assert reason_of(plan, rules(some, **narrow), recent, Confidence(trust)) is not None
        assert reason_of(plan, rules(some & fewer, **wide), recent, Confidence(trust)) is not None
        assert reason_of(plan, rules(some, **wide), [*recent, *more], Confidence(trust)) is not None
        assert reason_of(plan, rules(some, **wide), recent, lowered) is not None


@given(chosen, sources, limits, pasts)
def test_no_area_gets_more_than_its_share(
    subjects: list[str], of: tuple[str, ...], declared: dict[str, Any], recent: list[PlanBefore]
):
    verdict = permit_plan(
        replace(ROUND, stops=stops(*subjects), sources=of), rules(frozenset(), **declared), recent, NOW
    )
    if isinstance(verdict, AllowedPlan):
        whole = sum(verdict.areas.values())
        for area, count in verdict.areas.items():
            day = count + sum(p.areas.get(area, 0) for p in recent if not p.fixed and NOW - p.at < DAY)
            assert count <= declared["share_of_area_most"] * whole or day <= declared["area_free"]

"""When what falls: the cascade against a slow one, and the cases that a hand can check."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from cityward.place.model import Place
from cityward.reach.blast.cascade import Bound, Cascade, Falls, Kind, Point, Start, fall
from cityward.reach.blast.wiring import compile_cascade
from declarations import loaded, town
from reach.blast.slow import slow_fall
from reach.blast.towns_at_risk import town_at_risk

BOUNDS = (Bound.CERTAIN, Bound.POSSIBLE)


def fallen(cascade: Cascade, bound: Bound = Bound.CERTAIN, **hours: float) -> Falls:
    """A fall from points written as `party__acme=0`."""
    points = {
        Point(Kind(kind), name.replace("_", "-")): h for key, h in hours.items() for kind, name in [key.split("__")]
    }
    return fall(cascade, {cascade.number[point]: Start(h, "asked") for point, h in points.items()}, bound)


def systems(**needs: str) -> Place:
    """A place of systems that need one another: `a="{of: [b, c], k: 2}"`, needs parted by `;`. Function `lit` needs the last."""
    rows = "".join(
        f"  {name}: {{kind: control, site: yard, operator: council, needs: [{wanted.replace(';', ',')}]}}\n"
        for name, wanted in needs.items()
    )
    last = list(needs)[-1]
    return loaded(
        town(
            ("  cityward: {kind: platform", f"{rows}  cityward: {{kind: platform"),
            ("needs: [{of: [lamps-01, lamps-02], k: 1}]", f"needs: [{{of: [{last}]}}]"),
        )
    ).place


def hours(falls: Falls, name: str, kind: Kind = Kind.SYSTEM) -> float:
    return falls.hours(Point(kind, name))


# --- against the slow one


@pytest.mark.parametrize("block", range(10))
def test_agrees_with_the_slow_cascade_on_random_towns(block: int) -> None:
    for seed in range(block * 150, block * 150 + 150):
        place, chance = town_at_risk(seed), Random(-1 - seed)
        cascade = compile_cascade(place)
        real = [i for i, point in enumerate(cascade.points) if point.kind not in (Kind.ANY, Kind.FUNCTION)]
        starts = {i: Start(chance.choice((0.0, 0.0, 5.0)), "asked") for i in chance.sample(real, chance.randint(1, 3))}
        for bound in BOUNDS:
            falls = fall(cascade, starts, bound)
            fast = {cascade.points[i]: h for i, h in falls.at.items() if cascade.points[i].kind is not Kind.ANY}
            given = {tuple(cascade.points[i]): start.hours for i, start in starts.items()}
            slow = slow_fall(place, given, bound is Bound.POSSIBLE)
            named = {name: h for name, h in slow.items() if Point(Kind(name[0]), name[1]) in cascade.number}
            assert {(p.kind.value, p.id): h for p, h in fast.items()} == pytest.approx(named), f"seed {seed}, {bound}"


@pytest.mark.parametrize("seed", range(300))
def test_more_that_is_dark_or_dark_sooner_delays_nothing(seed: int) -> None:
    cascade, chance = compile_cascade(town_at_risk(seed)), Random(seed)
    few = {chance.randrange(len(cascade.points)): Start(10.0, "asked")}
    more = {i: Start(5.0, "asked") for i in few} | {chance.randrange(len(cascade.points)): Start(3.0, "asked")}
    for bound in BOUNDS:
        before, after = fall(cascade, few, bound), fall(cascade, more, bound)
        assert all(after.at.get(i, inf) <= h for i, h in before.at.items())


@pytest.mark.parametrize("seed", range(300))
def test_what_is_certain_is_possible_no_later(seed: int) -> None:
    cascade = compile_cascade(town_at_risk(seed))
    starts = {0: Start(0.0, "asked")}
    lower, upper = fall(cascade, starts, Bound.CERTAIN), fall(cascade, starts, Bound.POSSIBLE)
    assert all(upper.at[i] <= h for i, h in lower.at.items())
    for i in lower.at:
        assert lower.missing(cascade.points[i]) == ()
    for i in upper.at.keys() - lower.at.keys():
        known = cascade.points[i].kind is Kind.ANY
        assert known or upper.missing(cascade.points[i]), "what is possible only rests on a fact that is not known"


@pytest.mark.parametrize("seed", range(300))
def test_every_cause_begins_dark_and_runs_forward_to_its_point(seed: int) -> None:
    cascade = compile_cascade(town_at_risk(seed))
    falls = fall(cascade, {0: Start(0.0, "asked"), 1: Start(1.0, "asked")}, Bound.POSSIBLE)
    for i in falls.at:
        point = cascade.points[i]
        if point.kind is Kind.ANY:
            continue
        steps = falls.cause(point)
        assert steps[0].path == "asked"
        assert steps[-1].point == point
        assert [step.hours for step in steps] == sorted(step.hours for step in steps)
        assert all(falls.hours(other) <= step.hours for step in steps for other in step.also)


def test_the_same_question_has_the_same_answer_in_the_same_order() -> None:
    first, again = (fallen(compile_cascade(town_at_risk(7)), Bound.POSSIBLE, party__p0=0) for _ in range(2))
    assert list(first.at.items()) == list(again.at.items())
    assert dict(first.by) == dict(again.by)


# --- k of n


@pytest.mark.parametrize(
    ("k", "falls_at"),
    [(1, 30), (2, 20), (3, 10)],
    ids=["one-of-three-lasts-to-the-last", "two-of-three-to-the-second", "all-of-three-to-the-first"],
)
def test_k_of_n_falls_with_the_one_too_many(k: int, falls_at: float) -> None:
    free = "{of: [yard]}"
    cascade = compile_cascade(systems(a=free, b=free, c=free, x=f"{{of: [a, b, c], k: {k}, buffer_hours: 4}}"))
    assert hours(fallen(cascade, system__a=30, system__b=10, system__c=20), "x") == falls_at + 4


def test_k_of_n_stands_as_long_as_k_stand() -> None:
    free = "{of: [yard]}"
    cascade = compile_cascade(systems(a=free, b=free, c=free, x="{of: [a, b, c], k: 2}"))
    assert hours(fallen(cascade, system__b=0), "x") == inf
    assert hours(fallen(cascade, system__b=0, system__c=0), "x") == 0


def test_the_earliest_of_several_needs_counts() -> None:
    free = "{of: [yard]}"
    needs = "{of: [a], buffer_hours: 9}; {of: [b], buffer_hours: 1}"
    cascade = compile_cascade(systems(a=free, b=free, x=needs))
    assert hours(fallen(cascade, system__a=0, system__b=3), "x") == 4  # b at 3 and 1 more, before a at 0 and 9 more
    assert hours(fallen(cascade, system__a=0, system__b=30), "x") == 9


def test_buffers_add_up_along_a_chain() -> None:
    cascade = compile_cascade(
        systems(a="{of: [yard]}", b="{of: [a], buffer_hours: 2}", c="{of: [b], buffer_hours: 24}", d="{of: [c]}")
    )
    falls = fallen(cascade, system__a=1)
    assert [hours(falls, name) for name in "abcd"] == [1, 3, 27, 27]
    assert hours(falls, "lit", Kind.FUNCTION) == 27


def test_needs_in_a_circle_fall_for_no_reason_never() -> None:
    cascade = compile_cascade(systems(a="{of: [b]}", b="{of: [a]}", c="{of: [workbench]}"))
    assert hours(fallen(cascade, system__c=0), "a") == inf


def test_needs_in_a_circle_fall_once_one_of_them_does() -> None:
    cascade = compile_cascade(systems(a="{of: [b], buffer_hours: 5}", b="{of: [c]}", c="{of: [a], buffer_hours: 7}"))
    falls = fallen(cascade, system__b=0)
    assert [hours(falls, name) for name in "bac"] == [0, 5, 12]


def test_a_need_of_a_group_and_of_one_of_its_members_counts_both_when_the_group_falls() -> None:
    cascade = compile_cascade(systems(x="{of: [lamps, lamps-02, cityward], k: 2}"))
    assert hours(fallen(cascade, device__lamps=6), "x") == 6
    assert hours(fallen(cascade, member__lamps_02=6), "x") == inf


def test_a_cause_names_the_last_to_fall_and_those_that_fell_before() -> None:
    free = "{of: [yard]}"
    cascade = compile_cascade(systems(a=free, b=free, c=free, x="{of: [a, b, c], k: 1, buffer_hours: 2}"))
    falls = fallen(cascade, system__a=3, system__b=1, system__c=2)
    begin, step = falls.cause(Point(Kind.SYSTEM, "x"))
    assert (begin.point.id, begin.hours) == ("a", 3)
    assert (step.point.id, step.hours, step.path) == ("x", 5, "systems.x.needs[0]")
    assert {point.id for point in step.also} == {"b", "c"}


# --- parties and places

OWNERS = "owners: [{party: acme-group, share: 60}]"


def test_a_party_takes_with_it_what_it_controls_operates_and_owns() -> None:
    falls = fallen(compile_cascade(loaded().place), party__council=0)
    down = {(p.kind.value, p.id) for p in map(falls.cascade.points.__getitem__, falls.at)}
    # council operates `cityward`, owns `counter-1` and `lamps` (no operator given), whose members `lit` needs one of
    assert down == {
        ("party", "council"), ("system", "cityward"), ("device", "counter-1"), ("device", "lamps"),
        ("member", "lamps-01"), ("member", "lamps-02"), ("function", "lit"),
    }  # fmt: skip


def test_a_parent_takes_its_subsidiary_and_what_that_operates() -> None:
    falls = fallen(compile_cascade(loaded().place), party__acme_group=2)
    assert hours(falls, "workbench") == 2
    assert [step.path for step in falls.cause(Point(Kind.SYSTEM, "workbench"))] == [
        "asked", "parties.acme.owners[0]", "systems.workbench.operator",
    ]  # fmt: skip


def test_a_subsidiary_does_not_take_its_parent() -> None:
    falls = fallen(compile_cascade(loaded().place), party__acme=0)
    assert falls.hours(Point(Kind.PARTY, "acme-group")) == inf


@pytest.mark.parametrize(
    ("owners", "certain", "possible"),
    [
        ("[{party: acme-group, share: 49.9}]", inf, inf),
        ("[{party: acme-group, share: 50}]", 0, 0),
        ("[{party: acme-group, share: 30}, {party: acme-group, share: 20}]", 0, 0),
        ("[{party: acme-group, share: 30}, {party: acme-group, share: 30, mechanism: voting}]", inf, inf),
        ("[{party: acme-group, share: 1, mechanism: appointment}]", 0, 0),
        ("[{party: acme-group}]", inf, 0),
        ("[{party: acme-group, share: 5, mechanism: trust}]", inf, 0),
        ("unknown", inf, 0),
    ],
    ids=[
        "minority",
        "half",
        "two-stakes-add-up",
        "mechanisms-never-add-up",
        "appoints",
        "share-left-out",
        "trust",
        "unknown",
    ],
)
def test_control_is_half_by_one_mechanism_or_appointment(owners: str, certain: float, possible: float) -> None:
    cascade = compile_cascade(loaded(town((OWNERS, f"owners: {owners}"))).place)
    for bound, expected in ((Bound.CERTAIN, certain), (Bound.POSSIBLE, possible)):
        assert fallen(cascade, bound, party__acme_group=0).hours(Point(Kind.PARTY, "acme")) == expected


def test_owners_that_are_all_dark_count_together() -> None:
    both = "owners: [{party: acme-group, share: 30}, {party: council, share: 30}]"
    cascade = compile_cascade(loaded(town((OWNERS, both))).place)
    assert fallen(cascade, party__acme_group=0).hours(Point(Kind.PARTY, "acme")) == inf
    assert fallen(cascade, party__acme_group=0, party__council=8).hours(Point(Kind.PARTY, "acme")) == 8


def test_a_site_falls_with_its_operator_and_takes_what_stands_there() -> None:
    place = loaded(town(("yard: {jurisdiction: xa}", "yard: {jurisdiction: xa, operator: acme-group}"))).place
    falls = fallen(compile_cascade(place), party__acme_group=0)
    assert hours(falls, "cityward") == 0
    assert hours(falls, "lit", Kind.FUNCTION) == 0


@pytest.mark.parametrize(
    ("old", "new", "begin", "fact"),
    [
        ("cityward: {kind: platform, site: yard, zone: core, operator: council}",
         "cityward: {kind: platform, site: yard, zone: core, operator: unknown}", "party__acme", "systems.cityward.operator"),
        ("cityward: {kind: platform, site: yard, zone: core, operator: council}",
         "cityward: {kind: platform, site: unknown, zone: core, operator: council}", "site__cloud", "systems.cityward.site"),
    ],
    ids=["operator", "site"],
)  # fmt: skip
def test_what_is_not_known_falls_possibly_and_names_the_fact(old: str, new: str, begin: str, fact: str) -> None:
    cascade, point = compile_cascade(loaded(town((old, new))).place), Point(Kind.SYSTEM, "cityward")
    assert fallen(cascade, **{begin: 0}).hours(point) == inf
    worst = fallen(cascade, Bound.POSSIBLE, **{begin: 0})
    assert worst.hours(point) == 0
    assert worst.missing(point) == (fact,)
    assert [step.point.kind for step in worst.cause(point)] == [Kind(begin.split("__", maxsplit=1)[0]), Kind.SYSTEM]


def test_a_held_point_falls_at_its_own_hour_only() -> None:
    cascade = compile_cascade(loaded().place)
    group, acme = (cascade.number[Point(Kind.PARTY, name)] for name in ("acme-group", "acme"))
    starts = {group: Start(0.0, "asked"), acme: Start(48.0, "asked")}
    assert fall(cascade, starts).at[acme] == 0
    assert fall(cascade, starts, held={acme}).at[acme] == 48

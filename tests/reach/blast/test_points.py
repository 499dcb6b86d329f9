"""Single points of failure and pairs: against trying everything, and by hand."""

from __future__ import annotations

from itertools import combinations

import pytest

from cityward.place.model import Place
from cityward.reach.blast.cascade import Cascade, Kind, Point
from cityward.reach.blast.points import FailurePoints, failure_points
from cityward.reach.blast.redundancy import lost_redundancy
from cityward.reach.blast.scenarios import dark
from cityward.reach.blast.subjects import Subject, SubjectKind
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.exposure.answers import Axis
from declarations import loaded, town
from reach.blast.doggerford import doggerford
from reach.blast.towns_at_risk import town_at_risk


def points_of(text: str) -> FailurePoints:
    place = loaded(text).place
    return failure_points(place, compile_cascade(place))


def singles(points: FailurePoints) -> dict[str, tuple[str, ...]]:
    """Subject -> functions, jurisdictions apart."""
    return {point.subjects[0].id: point.functions for point in points.singles if point.axis is None}


def pairs(points: FailurePoints) -> dict[frozenset[str], tuple[str, ...]]:
    return {frozenset(subject.id for subject in point.subjects): point.functions for point in points.pairs}


def candidates(cascade: Cascade) -> list[Subject]:
    kinds = (Kind.PARTY, Kind.SITE, Kind.SYSTEM, Kind.DEVICE, Kind.MEMBER)
    return [Subject(kind=SubjectKind(point.kind), id=point.id) for point in cascade.points if point.kind in kinds]


def failing(place: Place, cascade: Cascade, *subjects: Subject) -> set[str]:
    (blast,) = dark(place, cascade, subjects)
    return {effect.function for effect in blast.outcome.effects}


@pytest.mark.parametrize("seed", range(250))
def test_finds_the_singles_and_pairs_that_trying_everything_finds(seed: int) -> None:
    place = town_at_risk(seed)
    cascade = compile_cascade(place)
    found = failure_points(place, cascade)
    alone = {one: failing(place, cascade, one) for one in candidates(cascade)}
    assert {point.subjects[0]: set(point.functions) for point in found.singles if point.axis is None} == {
        one: functions for one, functions in alone.items() if functions
    }
    expected = {}
    for first, second in combinations(alone, 2):
        new = failing(place, cascade, first, second) - alone[first] - alone[second]
        if new:
            expected[frozenset((first, second))] = new
    assert {frozenset(point.subjects): set(point.functions) for point in found.pairs} == expected
    assert len(found.pairs) == len(expected), "no pair is told twice"
    assert found.all_pairs


@pytest.mark.parametrize("seed", range(60))
def test_tries_each_jurisdiction_on_each_axis(seed: int) -> None:
    place = town_at_risk(seed)
    cascade = compile_cascade(place)
    found = {(p.subjects[0].id, p.axis): set(p.functions) for p in failure_points(place, cascade).singles if p.axis}
    for name in place.jurisdictions:
        subject = Subject(kind=SubjectKind.JURISDICTION, id=name)
        for axis, blast in zip(Axis, dark(place, cascade, [subject]), strict=True):
            assert found.get((name, axis), set()) == {effect.function for effect in blast.outcome.effects}


NEEDS = "needs: [{of: [lamps-01, lamps-02], k: 1}]"
TWO_WAYS = (
    "  cityward: {kind: platform, site: yard, zone: core, operator: council}",
    "  cityward: {kind: platform, site: yard, zone: core, operator: council}\n"
    "  one: {kind: network, site: yard, operator: acme}\n"
    "  two: {kind: network, site: cloud, operator: council}",
)


def test_a_spare_makes_a_pair_of_what_was_a_single() -> None:
    points = points_of(town((NEEDS, "needs: [{of: [one, two]}]"), TWO_WAYS))
    assert singles(points) == {}
    # Each way with the other, by the system, its site, its operator or the operator's owner.
    assert pairs(points) == {
        frozenset(pair): ("lit",)
        for pair in (
            ("one", "two"), ("one", "council"), ("one", "cloud"),
            ("yard", "two"), ("yard", "council"), ("yard", "cloud"),
            ("acme", "two"), ("acme", "council"), ("acme", "cloud"),
            ("acme-group", "two"), ("acme-group", "council"), ("acme-group", "cloud"),
        )
    }  # fmt: skip


def test_all_of_n_has_singles_and_no_pairs() -> None:
    points = points_of(town((NEEDS, "needs: [{of: [one, two], k: 2}]"), TWO_WAYS))
    assert singles(points).keys() == {"one", "two", "yard", "cloud", "acme", "acme-group", "council"}
    assert points.pairs == ()


def test_three_spares_need_more_than_two_ends() -> None:
    three = (TWO_WAYS[0], f"{TWO_WAYS[1]}\n  three: {{kind: network, site: cloud, operator: acme}}")
    points = points_of(town((NEEDS, "needs: [{of: [one, two, three]}]"), three))
    # `one` and `three` are Acme's, `two` and `three` in the cloud: an end takes two of the three, and leaves a margin of one.
    assert frozenset(("one", "two")) not in pairs(points)
    assert frozenset(("one", "cloud")) in pairs(points)
    assert frozenset(("acme", "two")) in pairs(points)


def test_essential_functions_come_first() -> None:
    place, cascade = doggerford()
    points = failure_points(place, cascade)
    counts = [(len(point.essential), len(point.functions)) for point in points.singles]
    assert counts == sorted(counts, reverse=True)
    assert {"dogger-grid", "works-depot", "civic-network", "grid-substations-02"} <= singles(points).keys()
    # Two of three loops are enough: no one of them is a single point, and any two are a pair.
    loops = [f"ring-road-loops-0{n}" for n in (1, 2, 3)]
    assert not singles(points).keys() & set(loops)
    assert {pair for pair in pairs(points) if pair <= set(loops)} == {frozenset(two) for two in combinations(loops, 2)}


def test_a_change_that_puts_both_ways_in_one_hand_loses_redundancy() -> None:
    before = points_of(town((NEEDS, "needs: [{of: [one, two]}]"), TWO_WAYS))
    one_hand = (TWO_WAYS[0], TWO_WAYS[1].replace("cloud, operator: council", "cloud, operator: acme"))
    after = points_of(town((NEEDS, "needs: [{of: [one, two]}]"), one_hand))
    change = lost_redundancy(before, after)
    assert {weaker.subjects[0].id: weaker.functions for weaker in change.lost if len(weaker.subjects) == 1} == {
        "acme": ("lit",),
        "acme-group": ("lit",),
        "xb": ("lit",),
    }
    # Both were and are in `xa`'s hands or sites for half only; the council no longer runs a way, so its pairs are won.
    assert all("council" in {subject.id for subject in weaker.subjects} for weaker in change.won)


def test_no_change_loses_nothing() -> None:
    points = points_of(town())
    assert lost_redundancy(points, points).lost == lost_redundancy(points, points).won == ()


def test_points_that_fall_for_nobody_are_left_out() -> None:
    assert Point(Kind.SYSTEM, "workbench").id not in singles(points_of(town()))

"""What every scenario keeps to, found by scanning: bounded, the same again, honest about what it was learned from."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from cityward.assurance.controls import find_controls
from cityward.assurance.examples import TOWN
from cityward.assurance.trying import trying
from cityward.compose.places import demo_place, load_place
from cityward.exercises.planning import outline, planned
from cityward.exercises.scenario import NotStaged, Plan, Scenario
from cityward.exercises.scenarios import find_scenarios
from cityward.exercises.scene import Scene
from cityward.place.loader import load

SCENARIOS = find_scenarios()
every_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
MANUAL = Path(__file__).parents[2] / "docs" / "exercises-scenarios.md"
BEGAN = 1_790_000_000_000_000


@cache
def doggerford() -> Scene:
    return Scene(load_place(demo_place()), BEGAN, 60.0)


def bare() -> Scene:
    """One counter that is read and one lamp: almost nothing to attack."""
    return Scene(load("place.yaml", {"place.yaml": TOWN.encode()}.__getitem__), BEGAN, 60.0)


def staged(scenario: Scenario, seed: int = 7) -> Plan:
    plan = planned(scenario, doggerford(), seed)  # refuses what cannot be carried out
    assert isinstance(plan, Plan), plan.why
    return plan


@every_scenario
def test_the_demo_city_has_something_to_try_it_on(scenario: Scenario) -> None:
    assert staged(scenario).musts


@every_scenario
@pytest.mark.parametrize("seed", [7, 8])
def test_the_same_seed_gives_the_same_plan(scenario: Scenario, seed: int) -> None:
    assert outline(staged(scenario, seed)) == outline(staged(scenario, seed))


@every_scenario
def test_it_says_where_it_comes_from_and_what_it_cannot_show(scenario: Scenario) -> None:
    assert scenario.id
    assert scenario.title
    assert scenario.source
    assert scenario.limits


@every_scenario
def test_the_manual_names_the_controls_that_rest_on_it(scenario: Scenario) -> None:
    page = MANUAL.read_text().partition(f"### {scenario.id} ")[2].partition("\n### ")[0]
    (said,) = [line for line in page.splitlines() if line.startswith("Evidence for: ")]
    assert tuple(re.findall(r"[A-Z]-\d\d", said.partition("no control")[0])) == trying(find_controls(), scenario.id)


@every_scenario
def test_what_it_touches_is_declared(scenario: Scenario) -> None:
    place = doggerford().place
    plan = staged(scenario)
    assert set(plan.services) <= set(place.services)
    for subject in plan.subjects:
        kind, _, one = subject.partition(".")
        assert one in getattr(place, kind), subject


@every_scenario
def test_a_place_without_the_thing_is_told_so(scenario: Scenario) -> None:
    plan = planned(scenario, bare(), 7)
    assert isinstance(plan, Plan) or (isinstance(plan, NotStaged) and plan.why)


@every_scenario
def test_nothing_is_asked_before_there_was_anything_to_see(scenario: Scenario) -> None:
    """A must that is met by an empty city is no must (what is kept may be: nothing has broken)."""
    from cityward.exercises.scenario import Kind
    from cityward.exercises.seen import Seen

    plan = staged(scenario)
    nothing = Seen(BEGAN, BEGAN, [], {step.key: BEGAN for step in plan.steps}, {}, {})
    assert [must.id for must in plan.musts if must.kind is not Kind.KEPT and must.when(nothing) is not None] == []

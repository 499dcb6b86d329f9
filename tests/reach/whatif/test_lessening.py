"""What the city could do about an answer: each step is exact, the cheapest come first, and each comes on top of those before."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import pytest

from cityward.place.loader import load
from cityward.place.model import Place
from cityward.reach.exposure.compile import place_on
from cityward.reach.whatif import lessening
from cityward.reach.whatif.asking import How, Ready, ask, subject_for
from cityward.reach.whatif.lessening import Lessened, lessened, standing_of
from cityward.reach.whatif.steps import steps
from declarations import reader, town

DEMO = Path(__file__).parents[3] / "examples" / "doggerford"
UPDATED = ("  lamp:\n    maker: acme\n", "  lamp:\n    maker: acme\n    updates_from: workbench\n")


def small(*edits: tuple[str, str]) -> Place:
    return load("place.yaml", reader({"place.yaml": town(*edits)})).place


@cache
def demo() -> Place:
    return place_on(load("place.yaml", lambda name: (DEMO / name).read_bytes()).place, date(2026, 8, 1))


@cache
def of_northlight() -> Lessened:
    return found(demo(), How.HOSTILE, "northlight")


def found(place: Place, how: How, words: str) -> Lessened:
    return lessened(Ready(place), how, subject_for(place, how, words), str)


def test_handing_out_the_lamps_software_ourselves_takes_the_failure_away():
    """acme reaches the lamps by their software alone: with that gone they stay lit, and 1200 people with them."""
    told = found(small(UPDATED), How.HOSTILE, "acme")
    assert (told.before.failing, told.before.people) == (1, 1200)
    spared = [step for step in told.steps if step.spared == ("lit",)]
    assert len(spared) == 1 and spared[0].after.failing == 0 and spared[0].after.people == 0
    assert told.steps[-1].after.failing == 0


def test_a_site_that_everything_stands_at_is_met_by_something_in_its_place():
    told = found(small(), How.DARK, "yard")
    (step,) = told.steps
    assert step.told == "have something to take the place of lamps-01 or lamps-02"
    assert (step.effort, step.effort_said, step.after.failing) == (4, "a large change", 0)


def test_where_nothing_follows_nothing_is_offered():
    told = found(small(), How.SANCTIONED, "acme-group")
    assert told.before.failing == 0 and told.steps == ()


def test_a_flow_that_is_dropped_says_what_no_longer_arrives():
    offered = {step.told: step for step in steps(small(), ["flows.counts-in.to"])}
    assert offered["drop the flow `counts-in`"].loses.startswith("no longer arrives: counts at cityward")


@pytest.mark.parametrize("party", ["halden-optics", "northlight"])
def test_leaving_clauses_out_says_of_every_step_what_compiling_the_place_says(party: str):
    place = demo()
    question = How.HOSTILE, subject_for(place, How.HOSTILE, party)
    lines = [*lessening._lines(Ready(place), *question, ask(Ready(place), question[0], question[1:]))]
    offered = tuple(steps(place, lines))
    bench = lessening._Bench(place, *question, offered)
    assert len(offered) > 30
    for step in offered:
        compiled = ask(Ready(step.apply(place), most_derived=0), question[0], question[1:])
        assert standing_of(bench.after(step)) == standing_of(compiled), step.told


def test_each_of_the_three_comes_on_top_of_those_before_and_leaves_less():
    told = of_northlight()
    left = [told.before.answers, *(step.after.answers for step in told.steps)]
    assert len(told.steps) == 3 and left == sorted(left, reverse=True) and len(set(left)) == 4


def test_containing_at_once_says_how_many_units_it_cuts_off_and_what_that_costs():
    """Northlight makes the lamps of Quay Street and harbour, 60 units in all; without Quay Street's the street is dark."""
    told = of_northlight()
    assert told.contained is not None and told.contained.target == "party:northlight"
    assert told.contained.units == 60 and "Lighting of Quay Street: 24 of 24 actuators" in told.contained.services[0]
    assert "18,400 of 132,900 people" in told.contained.costs

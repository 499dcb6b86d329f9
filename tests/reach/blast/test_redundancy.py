"""Redundancy lost and won: by trying only who can differ, against trying everybody; and by hand."""

from __future__ import annotations

import pytest

from cityward.place.model import Place
from cityward.reach.blast.points import failure_points
from cityward.reach.blast.redundancy import Redundancy, lost_redundancy, redundancy_between
from cityward.reach.blast.wiring import compile_cascade
from reach.blast.changed_towns import changed_town


def by_trying_everybody(before: Place, after: Place) -> Redundancy:
    return lost_redundancy(*(failure_points(place, compile_cascade(place)) for place in (before, after)))


def by_who_can_differ(before: Place, after: Place) -> Redundancy:
    return redundancy_between(before, compile_cascade(before), after, compile_cascade(after))


@pytest.mark.parametrize("block", range(30))
def test_says_what_trying_everybody_says(block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        before, after = changed_town(seed)
        assert by_who_can_differ(before, after) == by_trying_everybody(before, after), f"seed {seed}"
        assert by_who_can_differ(after, before) == by_trying_everybody(after, before), f"seed {seed}, backwards"


def test_most_changes_of_the_random_towns_do_something() -> None:
    told = [by_who_can_differ(*changed_town(seed)) for seed in range(200)]
    assert sum(bool(one.lost or one.won) for one in told) > 60
    assert any(len(weaker.subjects) == 2 for one in told for weaker in one.lost)

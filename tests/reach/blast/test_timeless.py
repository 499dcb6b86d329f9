"""The cascade without its hours: the same falls as with them, for everybody at once."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.reach.blast import timeless as module
from cityward.reach.blast.cascade import Kind, Start, fall
from cityward.reach.blast.subjects import Subject, SubjectKind, starts_of
from cityward.reach.blast.timeless import Timeless, bits, timeless
from cityward.reach.blast.wiring import compile_cascade
from reach.blast.towns_at_risk import town_at_risk


def falls_of(wired: Timeless, seeds: list[int]) -> list[set[int]]:
    found: list[set[int]] = [set() for _ in seeds]
    for first, rows in wired.falls(seeds):
        for node, seed in zip(*(column.tolist() for column in bits(rows)), strict=True):
            found[first + seed].add(node)
    return found


@pytest.mark.parametrize("block", range(5))
def test_what_falls_with_each_point_is_what_the_cascade_fells(block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        place = town_at_risk(seed)
        cascade = compile_cascade(place)
        points = range(len(cascade.points))
        expected = [set(fall(cascade, {point: Start(0.0, "asked")}).at) for point in points]
        assert falls_of(timeless(place, cascade), list(points)) == expected, f"seed {seed}"


@pytest.mark.parametrize("block", range(3))
def test_a_jurisdiction_takes_down_what_certainly_lies_within_it(block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        place = town_at_risk(seed)
        cascade = compile_cascade(place)
        wired = timeless(place, cascade)
        found = falls_of(wired, list(wired.lands.values()))
        for (axis, name), fallen in zip(wired.lands, found, strict=True):
            starts = starts_of(place, cascade, (Subject(kind=SubjectKind.JURISDICTION, id=name),), axis)
            expected = set(fall(cascade, starts).at)
            assert {node for node in fallen if node < len(cascade.points)} == expected, f"seed {seed}, {axis} {name}"


def test_blocks_of_seeds_say_the_same_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    place = town_at_risk(3)
    cascade = compile_cascade(place)
    wired, seeds = timeless(place, cascade), list(range(len(cascade.points))) * 12
    at_once = falls_of(wired, seeds)
    monkeypatch.setattr(module, "MOST_WIDTH", 1)
    assert len(seeds) > 128
    assert len(list(wired.falls(seeds))) == -(-len(seeds) // 64)
    assert falls_of(wired, seeds) == at_once


@pytest.mark.parametrize("seed", range(40))
def test_without_what_leads_to_no_function_the_same_functions_fall(seed: int) -> None:
    place = town_at_risk(seed)
    cascade = compile_cascade(place)
    wired = timeless(place, cascade)
    functions = [i for i, point in enumerate(cascade.points) if point.kind is Kind.FUNCTION]
    part = wired.part(wired.leading(np.array(functions))[wired.clauses.head])
    seeds = list(range(wired.nodes))
    of_part, of_all = falls_of(part, seeds), falls_of(wired, seeds)
    assert [fallen & set(functions) for fallen in of_part] == [fallen & set(functions) for fallen in of_all]

"""Packs: clauses of frameworks, the controls behind them, and what that says."""

from __future__ import annotations

import pytest

from cityward.assurance.controls import find_controls
from cityward.assurance.packs import find_packs
from cityward.assurance.packs.telling import Clause, Pack, tell_pack
from cityward.assurance.results import Result

CONTROLS = find_controls()
PACKS = find_packs()
SIXTY = {f"K-{n:02d}" for n in range(1, 10)} | {f"J-{n:02d}" for n in range(1, 13)} | {f"X-{n:02d}" for n in range(1, 10)} | {
    f"P-{n:02d}" for n in range(1, 9)} | {f"I-{n:02d}" for n in range(1, 8)} | {f"M-{n:02d}" for n in range(1, 7)} | {
    f"R-{n:02d}" for n in range(1, 10)}  # fmt: skip
every_pack = pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS.keys())


def test_the_frameworks_of_the_field_are_there() -> None:
    assert list(PACKS) == ["caf", "dsl", "en-303-645", "five-eyes", "iec-62443-3-3", "mim6", "nis2"]


@every_pack
def test_each_clause_is_there_once_and_names_known_controls(pack: Pack) -> None:
    assert len({clause.id for clause in pack.clauses}) == len(pack.clauses)
    assert {control for clause in pack.clauses for control in clause.controls} <= SIXTY
    assert all(clause.words for clause in pack.clauses)
    assert all((pack.title, pack.publisher, pack.version, pack.source, pack.left_out))


@every_pack
def test_what_a_control_says_it_supports_is_in_the_pack_with_it(pack: Pack) -> None:
    mapped = {clause.id: clause.controls for clause in pack.clauses}
    for control in CONTROLS.values():
        for clause in control.supports.get(pack.framework, ()):
            assert control.id in mapped[clause]


TWO = Pack("p", "P", "t", "b", "v", "", "s", "", (Clause("1", "one", ("A", "B")), Clause("2", "nobody looks at it")))


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        (Result.PROVEN, Result.PROVEN, Result.PROVEN),
        (Result.PROVEN, Result.STATED, Result.STATED),
        (Result.PROVEN, Result.UNKNOWN, Result.UNKNOWN),
        (Result.FAILED, Result.UNKNOWN, Result.FAILED),
    ],
)
def test_a_clause_is_as_good_as_the_worst_of_its_controls(a: Result, b: Result, result: Result) -> None:
    assert tell_pack(TWO, {"A": a, "B": b})[0].result is result


def test_a_clause_that_no_control_supports_is_not_known() -> None:
    told = tell_pack(TWO, {"A": Result.PROVEN, "B": Result.PROVEN})[1]
    assert told.result is Result.UNKNOWN
    assert told.said == "nothing is known"


def test_a_control_that_was_not_asked_is_no_pass() -> None:
    assert tell_pack(TWO, {"A": Result.PROVEN})[0].result is Result.UNKNOWN


@every_pack
def test_nothing_claims_that_a_framework_is_met(pack: Pack) -> None:
    text = " ".join((pack.title, pack.left_out, *(clause.words for clause in pack.clauses))).lower()
    assert not any(word in text for word in ("compliant", "compliance", "certified"))

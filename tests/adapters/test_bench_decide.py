"""The bench of decisions: the engines beside the table are asked the same, and say the same."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from cityward.adapters.bench import decide as bench


def test_three_engines_answer_alike_and_are_told_as_one_table():
    said: list[str] = []
    table = bench.decide_table((3,), requests=300, rounds=1, tell=said.append)
    by_name = {row[2]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    assert set(by_name) == {"cityward", "cedarpy", "casbin"}
    assert all(row["agreed"] == row["asked"] == 300 for row in by_name.values())
    assert all(row["rows"] == 12 for row in by_name.values())  # three recipients, two flows, two datasets each
    assert by_name["cityward"]["times cityward's"] == 1.0
    assert said == ["3 recipients: 12 rows, 300 requests"]


def test_what_is_asked_is_yes_and_no_in_turn():
    place, requests = bench._place(10), bench._requests(10, 2_000, seed=1)  # pyright: ignore[reportPrivateUsage]
    lands = {name: (frozenset({"xa"}), frozenset[str]()) for name in place.parties}
    table = bench.compile_table(place, bench.Standing(frozenset(), frozenset(), frozenset(), lands), bench.TODAY)
    yes = sum(bench.compiled.decide(request, table).allowed for request in requests)
    assert 0.35 * len(requests) < yes < 0.55 * len(requests)  # half of them in order, a tenth of these in xb


def test_an_engine_that_is_not_there_is_skipped_aloud(monkeypatch: pytest.MonkeyPatch):
    real = importlib.import_module

    def without(name: str) -> Any:
        if name in ("cedarpy", "casbin"):
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(bench.importlib, "import_module", without)
    said: list[str] = []
    table = bench.decide_table((2,), requests=50, rounds=1, tell=said.append)
    assert [line for line in said if line.startswith("SKIPPED")] == [
        "SKIPPED: cedarpy is not installed (pip install cedarpy)",
        "SKIPPED: casbin is not installed (pip install casbin)",
    ]
    assert table.verdict.endswith("no engine beside it")

"""An answer in sentences: every reason, with its lines and a mend."""

from __future__ import annotations

from dataclasses import replace as with_fields
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest

from cityward.place.data import Observability
from cityward.place.model import Place
from cityward.policy.compile import compile_table
from cityward.policy.contract import ReleaseReason, Request
from cityward.policy.explain import Explanation, explain
from cityward.policy.table import decide
from policy.random_releases import TODAY as RANDOM_DAY
from policy.random_releases import random_release, requests_of
from policy.towns import ASKED, TODAY, releasing, standing, with_record

R = ReleaseReason


def told(place: Place, asked: Request = ASKED, **changed: Any) -> Explanation:
    stands = standing(place, **changed)
    return explain(asked, decide(asked, compile_table(place, stands, TODAY)), place, stands, TODAY)


def test_a_yes_names_what_it_rests_on_and_the_form():
    found = told(with_record(releasing(), "flows", "to-acme", form="late"))
    assert found.answer == "`counts` to `acme-desk` for `planning` may leave."
    assert found.grounds == ("flows.to-acme", "agreements.acme-2026", "datasets.counts", "parties.acme")
    assert (found.against, found.form) == ((), {"delay": "nothing younger than 900 s"})


@pytest.mark.parametrize(
    ("kind", "name", "fields", "what", "path"),
    [
        (
            "flows", "to-acme", {"observability": Observability.INFERRED},
            "flow `to-acme` is declared as `inferred`: it does not pass here", "flows.to-acme.observability",
        ),
        (
            "agreements", "acme-2026", {"purposes": ("lighting",)},
            "agreement `acme-2026` does not name `planning`; its purposes are `lighting`", "agreements.acme-2026.purposes",
        ),
        (
            "datasets", "counts", {"allowed_jurisdictions": ("xa",)},
            "`xb` has power over `acme`; `counts` allows `xa`", "datasets.counts.allowed_jurisdictions",
        ),
        (
            "agreements", "acme-2026", {"ends": date(2026, 5, 31)},
            "the term runs always until 2026-06-01T00:00:00Z", "agreements.acme-2026",
        ),
    ],
)  # fmt: skip
def test_a_no_names_the_line_and_what_it_says(kind: str, name: str, fields: dict[str, Any], what: str, path: str):
    found = told(with_record(releasing(), kind, name, **fields))
    assert found.answer == "`counts` to `acme-desk` for `planning` may not leave."
    assert what in [against.what for against in found.against]
    assert path in [line for against in found.against for line in against.paths]


def test_what_is_wrong_with_the_request_is_told_with_what_was_meant():
    stranger = told(releasing(), with_fields(ASKED, recipient="acme-dask"))
    assert [against.what for against in stranger.against] == [
        "there is no recipient `acme-dask` (did you mean `acme-desk`?)",
        "no declared flow carries it",
    ]
    other = told(releasing(), with_fields(ASKED, dataset="levels", origin=7))
    assert [against.what for against in other.against] == [
        "no flow of `acme-desk` carries `levels` for `planning`",
        "it was asked from, or leads to, none of the addresses `192.0.2.0/24`, `198.51.100.7`",
    ]


def test_a_rule_that_errs_is_named():
    found = told(releasing(), postures=frozenset({"gone"}))
    assert [(against.reason, against.what) for against in found.against] == [
        (R.FAULT, "rule `no_posture_stops_it` erred: KeyError")
    ]


def test_every_reason_of_random_places_has_words_lines_or_a_mend():
    seen = set[ReleaseReason]()
    for seed in range(60):
        release = random_release(seed)
        table = compile_table(release.place, release.standing, RANDOM_DAY)
        for request in requests_of(seed, release.place, 20):
            decision = decide(request, table)
            found = explain(request, decision, release.place, release.standing, RANDOM_DAY, UTC)
            assert {against.reason for against in found.against} == set(decision.reasons)
            assert all(against.what and against.mend for against in found.against)
            assert decision.allowed == found.answer.endswith("may leave.")
            seen.update(decision.reasons)
    assert seen == set(R) - {R.OVER_BUDGET}


def test_every_reason_stands_in_the_docs_with_its_mend():
    rows = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8").splitlines()
    told = {row.split("`")[1]: row.count("|") for row in rows if row.startswith("| `")}
    assert {reason.value: 4 for reason in R} == told


def test_a_reason_of_the_gate_itself_is_told_too():
    place, stands = releasing(), standing(releasing())
    yes = decide(ASKED, compile_table(place, stands, TODAY))
    spent = with_fields(yes, allowed=False, reasons=(R.OVER_BUDGET,))
    found = explain(ASKED, spent, place, stands, TODAY)
    assert [against.mend for against in found.against] == ["ask tomorrow, or raise `rows_per_day`"]

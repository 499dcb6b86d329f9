"""`cityward report --pack`: the clauses of a framework, with the controls that are evidence for each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from assured import AT, assured_town
from cityward.cli.report import command


def test_clauses_are_told_with_their_controls_and_what_was_left_out(tmp_path: Path) -> None:
    told = CliRunner().invoke(command, ["--state", str(assured_town(tmp_path)), "--at", AT, "--pack", "en-303-645"])
    words = " ".join(told.output.split())
    assert "5.2 unknown: A way to report weaknesses - nothing is known" in words
    assert "5.1 unknown: No password that all devices of a make share - X-04 unknown" in words
    assert "Left out: " in words


def test_a_program_is_given_the_results_by_clause(tmp_path: Path) -> None:
    told = CliRunner().invoke(command, ["--state", str(assured_town(tmp_path)), "--at", AT, "--pack", "caf", "--json"])
    found = json.loads(told.output)
    assert found["pack"]["version"] == "4.0"
    by_id = {clause["id"]: clause for clause in found["clauses"]}
    assert by_id["C1.a"]["by_control"] == {"M-04": "unknown"}
    assert by_id["C1.b"]["result"] == "failed"  # nobody outside vouches for the town's logs
    assert told.exit_code == 1


@pytest.mark.parametrize("words", [("--pack", "iso-0"), ("--pack", "caf", "--control", "K-04")])
def test_what_is_no_pack_or_told_otherwise_is_a_usage_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    told = CliRunner().invoke(command, ["--state", str(assured_town(tmp_path)), "--at", AT, *words])
    assert told.exit_code == 2

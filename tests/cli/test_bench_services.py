"""`cityward bench services`: its parts are found, and one that is not there says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli.bench import command as bench


def test_the_group_is_found_under_bench_and_names_its_parts() -> None:
    told = CliRunner().invoke(bench, ["services", "--help"])
    assert told.exit_code == 0
    assert all(part in told.stdout for part in ("forecasts", "lighting", "waste", "transport"))


@pytest.mark.parametrize("words", [["lighting"], ["waste", "emptying"], ["transport", "feeds"]], ids=" ".join)
def test_data_that_are_not_there_are_said_and_no_table_is_made_up(tmp_path: Path, words: list[str]) -> None:
    told = CliRunner().invoke(bench, ["services", *words, "--data", str(tmp_path)])
    said = f"{told.output}{told.exception or ''}"
    assert str(tmp_path) in said or "not there" in said or "left out" in said, said

"""`cityward bench signals`: tables of real runs of a small scene of ours, and plain words where there is nothing to run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli.bench import command as bench
from scenes import CORRIDOR

pytest.importorskip("libsumo", reason="NOT TESTED WITH SUMO: the extra `street` is not installed")

SHORT = ["--data", str(CORRIDOR), "--until", "40"]


def test_the_table_holds_each_controller_beside_the_best_baseline() -> None:
    names = ("programme", "max-wave", "max-wave-guarded")
    asked = [word for name in names for word in ("--controller", name)]
    told = CliRunner().invoke(bench, ["signals", "table", *SHORT, *asked, "--seeds", "1", "--json"])
    assert told.exit_code == 0, told.output
    document = json.loads(told.stdout)
    (table,) = document["tables"]
    rows = {row[0]: dict(zip(table["head"], row, strict=True)) for row in table["rows"]}
    assert tuple(rows) == names
    assert min(rows["programme"]["to best"], rows["max-wave"]["to best"]) == 1.0
    assert all(row["conflicts"] == 0 and row["seeds"] == 1 for row in rows.values())
    assert "SUMO " in table["title"] and len(document["runs"]) == 3


def test_attacks_are_told_beside_the_clean_run_and_the_own_programme() -> None:
    told = CliRunner().invoke(
        bench, ["signals", "attacks", *SHORT, "--controller", "max-wave-guarded", "--attack", "cut"]
    )
    assert told.exit_code == 0, told.output
    for word in ("cut", "nobody attacks", "the city's own programme"):
        assert word in told.stdout


def test_a_step_is_timed_for_each_size() -> None:
    told = CliRunner().invoke(
        bench, ["signals", "step", "--controller", "max-wave-guarded", "--sizes", "2", "--sizes", "4", "--json"]
    )
    assert told.exit_code == 0, told.output
    rows = json.loads(told.stdout)["tables"][0]["rows"]
    assert [row[0] for row in rows] == [2, 4]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["table", "--controller", "programme"], "no scenario of SUMO"),
        (["attacks", "--controller", "nobody"], "no controller `nobody`"),
        (["attacks", "--controller", "ours", "--attack", "cut", "--attack", "froze"], "no attack `froze`"),
        (["step", "--controller", "sumo-actuated"], "decides within SUMO"),
    ],
    ids=["no data", "no controller", "no attack", "no step"],
)
def test_what_cannot_be_measured_is_said(tmp_path: Path, words: list[str], said: str) -> None:
    data = [] if words[0] == "step" else ["--data", str(tmp_path)]
    told = CliRunner().invoke(bench, ["signals", *words, *data])
    assert told.exit_code != 0
    assert said in f"{told.output}{told.exception or ''}"

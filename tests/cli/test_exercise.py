"""What `cityward exercise` says without running anything."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from cityward.cli.exercise import command
from cityward.compose.exercising import asking
from cityward.exercises.scenarios import find_scenarios


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(command, list(words))
    assert done.exit_code == code, done.output
    return done.output


def test_every_scenario_is_listed_with_where_it_was_learned_from() -> None:
    rows = json.loads(said("list", "--json"))
    assert [row["id"] for row in rows] == list(find_scenarios())
    assert all(row["source"] for row in rows)


def test_a_scenario_is_shown_step_by_step() -> None:
    one = next(iter(find_scenarios()))
    told = json.loads(said("show", one.lower(), "--json"))
    assert told["steps"] == sorted(told["steps"], key=lambda step: step[0])
    assert told["musts"]
    assert told["limits"] in said("show", one)


def test_nothing_is_run_unless_it_is_said_what() -> None:
    assert "name scenarios" in said("run", code=2)
    assert "no scenario `S-99`" in said("run", "S-99", code=2)
    assert "name scenarios" in said("run", "S-18", "--all", code=2)


def test_a_city_that_never_ran_has_no_history(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["history", "--state", str(tmp_path)])
    assert "no city has run" in str(done.exception)


def test_the_seed_of_the_listing_is_that_of_a_run() -> None:
    [option] = [one for one in command.commands["run"].params if one.name == "seed"]
    assert option.default == asking.SEED

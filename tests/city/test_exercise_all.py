"""Every scenario on twins of the demonstration city, as an operator runs them: each is carried out, and each answer is honest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cityward.compose.exercising.recording import history
from cityward.compose.home import Home, write_city_file
from cityward.compose.places import demo_place
from cityward.exercises.scenarios import find_scenarios
from towns import stopped_city

LONGEST_S = 1800.0  # of one run


@pytest.mark.slow
def test_every_scenario_is_carried_out_on_the_demonstration_and_put_on_record_twice_alike(tmp_path: Path) -> None:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(demo_place()))
    first, again = (_all_of(home, LONGEST_S) for _ in range(2))
    told = {one["scenario"]: one for one in json.loads(first.stdout)}
    assert set(told) == set(find_scenarios())
    assert [
        one["scenario"] for one in told.values() if one["staged"] and one["why"]
    ] == []  # each was carried out to its end
    missed = {one["scenario"] for one in told.values() if one["missed"]}
    assert first.returncode == (1 if missed else 0)
    assert {one.scenario for one in history(home.root)} == {one["scenario"] for one in told.values() if one["staged"]}
    assert not list((home.root / "exercises").glob("*/exercise.json")), "no twin is left behind"
    assert _missed(again.stdout) == _missed(first.stdout), "one seed, one answer"


def _all_of(home: Home, longest_s: float) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "cityward", "exercise", "run", "--all", "--state", str(home.root), "--json"]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=longest_s)


def _missed(told: str) -> set[tuple[str, str]]:
    """(scenario, must) of all that was missed."""
    return {(one["scenario"], must) for one in json.loads(told) for must, *_ in one["missed"]}

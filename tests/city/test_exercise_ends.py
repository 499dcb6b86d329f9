"""However an exercise's runner ends, its twin ends too, and nothing half done goes onto the city's record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from city.test_taint import PLACE
from cityward.compose.exercising.asking import staged_here
from cityward.compose.exercising.recording import history
from cityward.compose.home import Home, write_city_file
from towns import stopped_city

WITHIN_S = 120.0
ROLES = """roles:
  desk: {party: council, rights: [look, watch, operate], services: [lights]}
  auditor: {party: council, rights: [look, audit]}
"""


def city(folder: Path) -> Home:
    (folder / "town").mkdir(parents=True)
    (folder / "town" / "place.yaml").write_text(PLACE + ROLES)
    home = Home(folder / "state")
    home.prepare()
    write_city_file(home, stopped_city(folder / "town"))
    return home


def exercising(home: Home, scenario: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "cityward", "exercise", "run", scenario, "--state", str(home.root)]
    with (home.root / "said").open("wb") as said:
        return subprocess.Popen(argv, stdout=said, stderr=said)


def processes_of(home: Home) -> list[str]:
    """What runs in a twin's folder of this city."""
    found: list[str] = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = one.read_bytes()
        except OSError:  # it has ended
            continue
        if os.fsencode(home.root / "exercises") in command:
            found.append(one.parent.name)
    return found


def until(so: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not so():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)


@pytest.mark.slow
def test_an_interrupted_and_a_killed_exercise_leave_no_twin_and_no_record(tmp_path: Path) -> None:
    cities = [city(tmp_path / name) for name in ("interrupted", "killed")]
    scenario = next(one.id for one in staged_here(tmp_path / "killed" / "town") if not one.why)
    runners = [exercising(home, scenario) for home in cities]
    try:
        for home in cities:  # the twin is there, and the attack is under way
            until(lambda h=home: b"a twin is ready" in (h.root / "said").read_bytes(), (home.root / "said").read_text)
            assert processes_of(home)
        runners[0].send_signal(signal.SIGINT)
        runners[1].kill()
        for home in cities:
            until(lambda h=home: not processes_of(h), lambda h=home: f"still running: {processes_of(h)}")
        assert runners[0].wait(WITHIN_S) == 1
    finally:
        for one in runners:
            one.kill()
            one.wait(WITHIN_S)
    assert b"interrupted" in (cities[0].root / "said").read_bytes()
    assert not list((cities[0].root / "exercises").iterdir())
    assert [history(home.root) for home in cities] == [[], []]

"""`cityward replay` into a city that runs: the counts balance, and say so when they do not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cityward.adapters.bus.server import free_port
from cityward.adapters.street.replay import ReplayReport
from cityward.adapters.street.wire import PACK
from cityward.cli.replay import command

RECORDINGS = Path("examples/doggerford/recordings")
LOOPS = Path("../shared/data/sensors_los_loop")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """The state directory of Doggerford, running without its simulated street."""
    folder = tmp_path_factory.mktemp("city") / "state"
    ports = [f"--{name}={free_port()}" for name in ("port", "mqtt-port", "nats-port", "admin-port")]
    # fast, so that the flows' limits per city minute do not slow the test
    argv = [sys.executable, "-m", "cityward", "run", "examples/doggerford", "--no-simulate", "--json", "--speed=3600"]
    log = folder.parent / "log"
    with log.open("wb") as out, subprocess.Popen([*argv, f"--state={folder}", *ports], stdout=out) as city:
        try:
            while '"worker-0"' not in log.read_text():
                assert city.poll() is None, "the city ended while it started"
                time.sleep(0.1)
            yield folder
        finally:
            city.send_signal(signal.SIGINT)
            city.wait(30)


def replay(*arguments: object) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(command, [*map(str, arguments), "--json"])
    assert result.exit_code in (0, 1), result.output
    return result.exit_code, json.loads(result.stdout)


def test_a_recorded_week_goes_through_the_front_doors_and_balances(state: Path) -> None:
    code, told = replay(RECORDINGS, "--state", state, "--issue")
    assert code == 0
    assert told["balanced"]
    assert told["devices"] == 24 + 4 + 12 + 1 + 12
    assert told["left_out"] == 168, "cloud cover is no property of the light sensor"
    rows = 38_688 + 672 + 1511 + 1813 + 1008
    assert told["sent_observations"] == told["received"] == told["admitted"] == rows
    assert (told["refused"], told["shed"], told["from_others"]) == (0, 0, 0)
    assert told["sent_messages"] == told["acknowledged"]


def test_what_was_recorded_years_ago_is_refused_as_too_old_and_still_balances(state: Path) -> None:
    code, told = replay(RECORDINGS / "air.csv.gz", "--state", state, "--as-recorded", "--issue", "--limit", 300)
    assert code == 0
    assert told["sent_observations"] <= 300
    assert told["refused"] == told["received"] == told["sent_observations"]
    assert told["reasons"] == {"too-old": told["received"]}


@pytest.mark.skipif(not LOOPS.exists(), reason="the full recorded data is not on this machine")
def test_a_full_public_file_is_fed_as_the_devices_the_place_declares(state: Path) -> None:
    code, told = replay(LOOPS, "--state", state, "--issue", "--limit", 2400)
    assert code == 0
    assert told["devices"] == 24
    assert len(told["not_declared"]) == 207 - 24
    assert told["received"] == told["sent_observations"] == 2400


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "there is nothing at `nowhere`"),
        ([str(RECORDINGS), "--speed", "fast"], "neither `max` nor a number"),
        ([str(RECORDINGS), "--speed", "-1"], "neither `max` nor a number"),
        ([str(RECORDINGS), "--ending", "2026-01-01T00:00:00"], "no time zone"),
        ([str(RECORDINGS), "--limit", "0"], "x>=1"),
    ],
)
def test_tells_what_is_wrong_with_its_arguments(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


def report(**changes: object) -> ReplayReport:
    given = {
        "recordings": ("a",),
        "devices": 1,
        "left_out": 0,
        "not_declared": (),
        "sent_messages": 10,
        "sent_observations": 500,
        "acknowledged": 10,
        "refused_at_door": 0,
        "received": 500,
        "admitted": 500,
        "refused": 0,
        "shed": 0,
        "reasons": {},
        "seconds": 1.0,
    }
    return ReplayReport(**{**given, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "balanced"),
    [
        ({}, True),
        ({"acknowledged": 9}, False),
        ({"acknowledged": 9, "refused_at_door": 1}, True),
        ({"received": 499, "admitted": 499}, False),
        ({"received": 501, "admitted": 501}, True),
        ({"admitted": 499}, False),
        ({"admitted": 400, "refused": 99, "shed": 1, "reasons": {"replay": 99, "rate-exceeded": 1}}, True),
        # one pack of fifty shed whole is one row
        ({"received": 451, "admitted": 450, "shed": 1, "reasons": {"rate-exceeded": 1}}, True),
        ({"received": 501 - PACK - 1, "admitted": 449, "shed": 1, "reasons": {"rate-exceeded": 1}}, False),
        # an observation refused for its value is a row of its own
        ({"received": 451, "admitted": 450, "refused": 1, "reasons": {"out-of-range": 1}}, False),
    ],
    ids=["all", "not-acked", "at-door", "lost", "others", "sum", "refused", "pack-shed", "pack-lost", "row-lost"],
)
def test_balances_only_when_every_observation_is_accounted_for(changes: dict[str, object], balanced: bool) -> None:
    assert report(**changes).balanced is balanced

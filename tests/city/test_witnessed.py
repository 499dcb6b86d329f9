"""A real town and a real witness, each in processes of its own: gates beat, the witness vouches, a killed worker shows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from cityward.adapters.ledgers.witness_folder import make_witness
from cityward.cli.verify import command
from cityward.compose.proving.witnessing import read_progress
from towns import running_town, write_town

GATES = {"worker-0": "admit", "service": "permit", "watch": "watch"}


@contextmanager
def witness(folder: Path) -> Iterator[str]:
    """`cityward witness serve`; its address."""
    argv = [sys.executable, "-m", "cityward", "witness", "serve", "--folder", str(folder), "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip().removesuffix("/add-checkpoint")
        finally:
            process.terminate()


def declare(town: Path, address: str, key: str) -> Path:
    text = (town / "place.yaml").read_text()
    clerks = "  clerks: {kind: portal, site: hall, operator: council, addresses: [127.0.0.1]}\n"
    flow = "from: cityward, to: clerks, datasets: [checkpoints], purpose: environment, protocol: http, observability: enforced"
    text = text.replace("systems:\n", f"systems:\n{clerks}")
    text = text.replace(
        "datasets:\n", "datasets:\n  checkpoints: {personal: false, sensitivity: public, retention_days: 9}\n"
    )
    text = text.replace("flows:\n", f"flows:\n  to-clerks: {{{flow}}}\n")
    text += f"\nwitnesses:\n  clerk: {{flow: to-clerks, endpoint: '{address}', key: '{key}', every_s: 1}}\n"
    (town / "place.yaml").write_text(text)
    return town


def until(condition: Callable[[], object], what: str, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def verified(state: Path, *options: str) -> dict[str, dict[str, Any]]:
    done = CliRunner().invoke(command, ["--state", str(state), "--json", *options])
    return {Path(one["folder"]).name: one for one in json.loads(done.output)["ledgers"]}


def test_a_town_beats_and_is_vouched_for_also_when_a_worker_is_killed(tmp_path: Path) -> None:
    key = make_witness(tmp_path / "clerk", "witness.example/clerk").text()
    state = tmp_path / "state"
    with witness(tmp_path / "clerk") as address:
        town = declare(write_town(tmp_path / "town", 1), address, key)
        with running_town(town, state, "--plain-mqtt") as running:
            until(lambda: "clerk" in read_progress(state), "the witness is asked")
            assert read_progress(state)["clerk"].state == "away", "it follows none of the town's logs yet"
            keys = [path.read_text().strip() for path in sorted(state.glob("ledger/*/log.vkey"))]
            follow = [sys.executable, "-m", "cityward", "witness", "follow", "--folder", str(tmp_path / "clerk"), *keys]
            subprocess.run(follow, capture_output=True, check=True)  # beside the one that serves
            until(lambda: GATES.keys() <= read_progress(state)["clerk"].sizes.keys(), "it vouches for every gate")
            os.kill(running.counts()["pids"]["worker-0"], signal.SIGKILL)
            until(lambda: verified(state)["worker-0"]["size"] >= 2, "the worker beats again")
            assert running.stop() == 0
    told = verified(state, "--witness", key)
    for role, gate in GATES.items():
        [beats] = told[role]["gates"]
        assert (told[role]["ok"], beats["gate"], beats["state"]) == (True, gate, "stopped"), told[role]
        assert [w["name"] for w in told[role]["witnesses"]] == ["witness.example/clerk"]
    assert told["worker-0"]["gates"][0]["beats"] == 3, "begun, killed, begun again, stopped"

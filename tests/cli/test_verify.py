"""`cityward verify` on real ledgers: what it says, and with which exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.adapters.keys.authority import signing_key
from cityward.adapters.ledgers.files import FileLedger
from cityward.cli.verify import command
from cityward.evidence.records import Lifecycle


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real ledgers of 300 entries, made once: each append is synced."""
    folder = tmp_path_factory.mktemp("honest")
    for role in ("web", "worker-0"):
        signer = signing_key(folder / "keys", role)
        with FileLedger(folder / "ledger" / role, f"doggerford/{role}", signer) as ledger:
            for first in range(0, 300, 100):
                at = [1_780_000_000_000_000 + i * 1_000_000 for i in range(first, first + 100)]
                ledger.append([Lifecycle(at=one, by=role, event="started", detail={}) for one in at])
    return folder


@pytest.fixture
def state(honest: Path, tmp_path: Path) -> Path:
    """A copy of them, to be tampered with."""
    return Path(shutil.copytree(honest, tmp_path, dirs_exist_ok=True))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments])


def forge(log: Path, index: int) -> None:
    path = log / "tile/entries/001"
    data = path.read_bytes()
    at = 0
    for _ in range(index - 256):
        at += 2 + int.from_bytes(data[at : at + 2], "big")
    path.write_bytes(data[: at + 2] + data[at + 2 :].replace(b"started", b"stopped", 1))


def test_finds_every_ledger_of_a_state_directory_as_signed(state: Path):
    done = run("--state", state)
    assert done.exit_code == 0, done.output
    assert done.output.count("300 signed, 300 checked") == 2
    assert "OK  doggerford/worker-0" in done.output
    assert "2026-05-28T20:31:39Z" in done.output
    assert "compare the key fingerprints" in done.output


def test_names_the_first_bad_entry_and_still_checks_the_others(state: Path):
    forge(state / "ledger/web", 280)
    done = run("--state", state)
    assert done.exit_code == 1
    assert "BAD  doggerford/web" in done.output
    assert "first bad  entry 280" in done.output
    assert "tile/entries/001" in done.output
    assert "OK  doggerford/worker-0" in done.output


def test_says_the_same_in_json(state: Path):
    forge(state / "ledger/web", 280)
    done = run("--json", state)
    document = json.loads(done.output)
    assert (done.exit_code, document["ok"]) == (1, False)
    web, worker = document["ledgers"]
    assert (web["first_bad"], web["file"], worker["ok"]) == (280, "tile/entries/001", True)


def test_judges_by_the_key_it_is_given(state: Path):
    log = state / "ledger/worker-0"
    key = (log / "log.vkey").read_text().strip()
    assert run(log, "--key", key).exit_code == 0
    assert "compare" not in run(log, "--key", key).output
    done = run(log, "--key", (state / "ledger/web/log.vkey").read_text())
    assert (done.exit_code, "no valid signature" in done.output) == (1, True)


def test_notices_a_ledger_cut_below_an_earlier_checkpoint(state: Path, tmp_path: Path):
    kept = tmp_path / "kept"
    kept.write_bytes((state / "ledger/web/checkpoint").read_bytes())
    assert run(state / "ledger/web", "--earlier", kept).exit_code == 0
    with FileLedger(tmp_path / "new", "doggerford/web", signing_key(state / "keys", "web")):
        pass
    done = run(tmp_path / "new", "--earlier", kept)
    assert (done.exit_code, "the log was cut" in done.output) == (1, True)


@pytest.mark.parametrize("missing", ["log.vkey", "checkpoint", "tile/entries/000"])
def test_reports_a_ledger_from_which_a_file_was_taken(state: Path, missing: str):
    (state / "ledger/web" / missing).unlink()
    done = run("--state", state)
    assert done.exit_code == 1
    assert "not as signed: 1" in done.output


def test_refuses_to_be_called_wrongly(state: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    assert run("--state", tmp_path / "empty").exit_code == 2
    assert run(state, "--state", state).exit_code == 2
    assert run(state, "--key", "k").exit_code == 2
    assert run(tmp_path / "nowhere").exit_code == 2


def test_takes_the_ledgers_under_var_by_default(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "work" / "var").mkdir(parents=True)
    (tmp_path / "work" / "var" / "doggerford").symlink_to(state)
    monkeypatch.chdir(tmp_path / "work")
    assert run().exit_code == 0

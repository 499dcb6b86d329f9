"""`cityward evidence`: what is handed to others, and what they say of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.cli.evidence import command
from cityward.errors import EvidenceError, LinkError
from logs import log_of, put


def entries(count: int) -> list[bytes]:
    return [b'{"at":%d,"device":"lamp-%d"}' % (i, i % 10) for i in range(count)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    put(log_of(entries(300), origin="doggerford/service"), tmp_path / "ledger" / "service")
    put(log_of(entries(40), origin="doggerford/web"), tmp_path / "ledger" / "web")
    return tmp_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)


def test_hands_out_what_is_about_a_device_and_checks_it(state: Path):
    out = state / "lamp.tar"
    done = run("export", "--state", state, "--about", "lamp-3", "--out", out)
    assert (done.exit_code, "doggerford/service" in done.output, "30 entries" in done.output) == (0, True, True)
    keys = [part for role in ("service", "web") for part in ("--key", state / "ledger" / role / "log.vkey")]
    done = run("check", out, *keys)
    assert done.exit_code == 0
    assert "doggerford/web: 4 of 40 entries, 3 to 33, a selection" in done.output
    assert "compare the fingerprints" in run("check", out).output


def test_hands_out_a_range_of_one_ledger(state: Path):
    out = state / "range.tar"
    done = run("export", "--state", state, "--ledger", "web", "--from", 5, "--to", 9, "--out", out, "--json")
    assert json.loads(done.stdout)["entries"] == {"doggerford/web": 5}
    [log] = json.loads(run("check", out, "--json").output)["logs"]
    assert (log["first"], log["last"], log["whole"], log["own_key"]) == (5, 9, True, True)


def test_a_changed_bundle_is_named(state: Path):
    out = state / "b.tar"
    run("export", "--state", state, "--about", "lamp-3", "--out", out)
    out.write_bytes(out.read_bytes().replace(b'"device":"lamp-3"', b'"device":"lamp-4"', 1))
    done = run("check", out)
    assert (done.exit_code, "BAD  edited: entry 3" in done.output) == (1, True)


def test_says_what_is_wrong_with_a_question(state: Path):
    assert run("export", "--state", state, "--from", 5, "--out", state / "x").exit_code == 2
    with pytest.raises(EvidenceError, match="no entry answers"):
        run("export", "--state", state, "--about", "nobody", "--out", state / "x")
    with pytest.raises(LinkError, match="there is no ledger `mail`"):
        run("export", "--state", state, "--ledger", "mail", "--out", state / "x")
    assert not (state / "x").exists()

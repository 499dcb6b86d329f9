"""`cityward report`: of a real town, whose log that was changed is not believed; and given out, compared and checked again."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from assured import AT, assured_town
from cityward.assurance.examples import admission
from cityward.cli.report import command
from cityward.cli.verify import command as verify
from cityward.errors import EvidenceError
from cityward.guard.admit import UNDECLARED
from mqtt import Mqtt
from towns import running_town, totals, write_town


def test_what_a_town_did_is_told_with_the_entries_it_rests_on(tmp_path: Path) -> None:
    place, state = write_town(tmp_path / "town", 1), tmp_path / "state"
    with running_town(place, state, "--plain-mqtt") as town:
        secret = town.secret("meter-01")
        deadline = time.monotonic() + 30
        while True:
            with Mqtt(town.mqtt_port, "meter-01", secret) as link:
                body = json.dumps([{"n": "lux", "t": time.time_ns() / 1e9, "v": 7}]).encode()
                if link.code == 0 and link.publish("in/meter-01", body, 1):
                    break
            assert time.monotonic() < deadline, "the meter was not let in"
        while totals(town.counts())[1] < 1:
            assert time.monotonic() < deadline, "nothing was admitted"
    told = CliRunner().invoke(command, ["--state", str(state), "--json"])
    found = json.loads(told.output)
    by_id = {control["id"]: control for control in found["controls"]}
    (flow,) = [one for one in by_id["K-04"]["subjects"] if one["result"] == "proven"]
    (ground,) = flow["grounds"]
    log, _, number = ground["entry"].rpartition(":")
    assert (ground["cls"], log) == ("enforced", "worker-0")
    assert int(number) >= 0
    assert {one["id"] for one in found["principles"]} == {f"N{n}" for n in range(1, 15)}
    assert "1 rows admitted" in CliRunner().invoke(command, ["--state", str(state), "--control", "k-04"]).output

    (entries,) = [path for path in (state / "ledger" / "worker-0" / "tile" / "entries").rglob("*") if path.is_file()]
    entries.write_bytes(entries.read_bytes().replace(b'"admitted":1', b'"admitted":9'))
    assert CliRunner().invoke(verify, [str(state / "ledger")]).exit_code == 1
    with pytest.raises(EvidenceError, match="the log `worker-0` is not what was signed"):
        CliRunner().invoke(command, ["--state", str(state), "--json"], catch_exceptions=False)


def told(*words: str) -> tuple[int, str]:
    """Exit code and what was said."""
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_a_report_is_given_out_and_checked_by_whoever_holds_the_key(tmp_path: Path) -> None:
    state, out = assured_town(tmp_path), tmp_path / "march"
    _, said = told("--state", str(state), "--at", AT, "--out", str(out))
    files = {path.name for path in out.iterdir()}
    assert {"report.html", "report.pdf", "report.json", "oscal.json", "findings.sarif", "evidence.tar"} <= files
    (key,) = re.findall(r"--key (\S+)", said)
    assert told("verify", str(out), "--key", key)[0] == 0
    assert "Judged by the key beside them" in told("verify", str(out))[1]
    (out / "report.html").write_text("all is well")
    with pytest.raises(EvidenceError, match="not what was signed"):
        told("verify", str(out), "--key", key)


def test_a_program_is_told_what_was_written(tmp_path: Path) -> None:
    state, out = assured_town(tmp_path), tmp_path / "march"
    written = json.loads(told("--state", str(state), "--at", AT, "--out", str(out), "--format", "json", "--json")[1])
    assert written["entry"] == "report:0"
    assert set(written["files"]) == {"report.json", "evidence.tar"}
    assert written["files"]["report.json"] == written["digest"]
    assert written["key"] == (out / "report.vkey").read_text().strip()


def test_nothing_is_written_for_a_control_that_there_is_not(tmp_path: Path) -> None:
    state, out = assured_town(tmp_path), tmp_path / "march"
    assert told("--state", str(state), "--at", AT, "--out", str(out), "--control", "Z-99")[0] == 2
    assert not out.exists()


def test_a_control_that_fails_makes_the_exit_code(tmp_path: Path) -> None:
    held, broken = assured_town(tmp_path / "a"), assured_town(tmp_path / "b", {"worker-0": (admission(UNDECLARED, 3),)})
    assert told("--state", str(held), "--at", AT, "--control", "K-04")[0] == 0
    assert told("--state", str(broken), "--at", AT, "--control", "K-04")[0] == 1


def test_the_four_numbers_and_what_must_be_read_first_are_said(tmp_path: Path) -> None:
    _, said = told("--state", str(assured_town(tmp_path)), "--at", AT)
    words = " ".join(said.split())
    assert "READ FIRST: More is unknown than known" in words
    assert "Messages that no declared flow carries, refused: 7" in words
    assert "Share of declared assets that were also seen: 66 % (2 of 3)" in words


def test_what_changed_is_told_as_text_and_as_json(tmp_path: Path) -> None:
    before, after = assured_town(tmp_path / "a", {}), assured_town(tmp_path / "b")
    old = tmp_path / "old"
    told("--state", str(before), "--at", AT, "--out", str(old), "--format", "json")
    _, said = told("--state", str(after), "--at", AT, "--since", str(old))
    assert "K-04 flows.counts-in: unknown, now proven." in " ".join(said.split())
    _, data = told("--state", str(after), "--at", AT, "--since", str(old / "report.json"), "--json")
    assert "flows.counts-in" in [one["subject"] for one in json.loads(data)["changes"]["better"]]


def test_without_typst_everything_but_the_pdf_is_written_and_that_is_said_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cityward.compose.reporting.pdf.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "typst", None)
    state, out = assured_town(tmp_path), tmp_path / "out"
    _, said = told("--state", str(state), "--at", AT, "--out", str(out))
    assert ((out / "report.pdf").exists(), (out / "report.html").exists()) == (False, True)
    assert "NO PDF IS WRITTEN" in said and "pip install 'cityward[report]'" in said


@pytest.mark.parametrize(
    "words",
    [(), ("--state", "{state}", "--format", "pdf"), ("--state", "{state}", "--out", "x", "--format", "docx"),
     ("--state", "{state}", "--control", "Z-99"), ("--state", "{state}", "--at", "yesterday")],
    ids=["no city", "format without out", "unknown form", "unknown control", "no moment"],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_a_usage_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    state = str(assured_town(tmp_path))
    assert told(*(word.format(state=state) for word in words))[0] == 2

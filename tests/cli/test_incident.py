"""`cityward incident` on a small stopped city: files that follow from its log, clocks that run, exports that others can check."""

from __future__ import annotations

import getpass
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from assured import assured_town
from cityward.assurance.examples import NOW_US, SHARING, commanded, released
from cityward.cli.incident import command
from cityward.compose.home import Home, read_city_file, write_city_file
from cityward.errors import EvidenceError, PlaceError
from cityward.evidence.records import Found, Retracted, Standing
from cityward.evidence.verify_bundle import verify_bundle
from cityward.time import HOUR

BEGAN = NOW_US + 2 * HOUR  # what is given out and done before it is no part of it
DUTIES = """\
  xa:
    code: XA
    home: true
    reporting:
      warning: {title: early warning, to: Fens Safety Board, hours: 24, applies: any}
      breach: {title: notice of a breach, to: Fens Data Office, hours: 72, applies: personal-data}
      people: {title: word to an operator, to: Fens Safety Board, hours: 720, applies: essential-service}
"""
LIT = "actuators: [lamp-1], settings: {streets: {quay: {lamps: [lamp-1]}}}}"
PERSONAL = "counts: {personal: true, basis: public-task, subjects: [drivers], categories: [position],"
PLACE = (
    SHARING.replace("  xa: {code: XA, home: true}\n", DUTIES)
    .replace("counts: {personal: false,", PERSONAL)
    .replace("actuators: [lamp-1]}", LIT)
)


def found(at: int, severity: str = "critical") -> Found:
    return Found(
        at=at, by="watch", finding="f1", detector="limits", what="beyond its limits", subject="counter-1",
        property="vehicle-count", severity=severity, phase="began", began_at=BEGAN, score=9.0, incident="0123456789ab",
        facts={},
    )  # fmt: skip


ENTRIES = {
    "watch": (
        found(BEGAN + HOUR),
        Standing(at=BEGAN + HOUR, by="watch", device="counter-1", trust=0.2, state="quarantined", because=("f1",)),
    ),
    "service": (commanded("c0", ("counter-1",)), commanded("c1", ("counter-1",), BEGAN + HOUR)),
    "releasing": (released("planner", NOW_US), released("planner", BEGAN + 2 * HOUR)),
    "taint": (
        Retracted(
            at=BEGAN + 3 * HOUR, by="taint", device="counter-1", since=BEGAN, until=BEGAN + HOUR, marks=("m1",), person="ada",
            hours=2, ranges=1, commands=("c1",), commands_more=0, tell=("office",),
        ),
    ),
}  # fmt: skip


def stopped(folder: Path, declaration: str = PLACE) -> Path:
    """The town four hours after it began; its clock stands."""
    home = Home(assured_town(folder, ENTRIES, declaration))
    write_city_file(home, structs.replace(read_city_file(home), clock=(0, BEGAN + 4 * HOUR, 0.0)))
    return home.root


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return stopped(tmp_path)


def ask(state: Path, *words: str) -> Result:
    return CliRunner().invoke(command, [*words, "--state", str(state)], catch_exceptions=False)


def test_a_file_of_a_watch_incident_says_what_was_touched_and_who_got_it(state: Path) -> None:
    opened = json.loads(ask(state, "open", "--from", "0123", "--json").output)
    assert (opened["file"]["id"], opened["file"]["severity"]) == ("0123456789ab", "critical")
    affected = opened["affected"]
    assert (affected["devices"], affected["services"]) == (["counter-1"], ["street-light"])
    assert (affected["personal"], affected["essential"]) == ("yes", "no")
    assert affected["people"] == {
        "categories": ["drivers"], "data": ["position"], "datasets": ["counts"], "count": "unknown"
    }  # fmt: skip
    (given,) = affected["recipients"]
    assert (given["recipient"], given["rows"], given["receipts"]) == ("planner", 3, ["releasing:1"])
    (spoiled,) = affected["lineage"]
    assert (spoiled["state"], spoiled["hours"], spoiled["tell"]) == ("quarantined", 2, ["office"])
    assert spoiled["commands"] == ["service:1"]
    told = [moment["entry"] for moment in opened["timeline"]["moments"]]
    assert told == ["service:1", "watch:0", "watch:1", "releasing:1", "taint:0", "operator:0"]


def test_the_clocks_run_from_when_the_city_could_know(state: Path) -> None:
    ask(state, "open", "--from", "0123456789ab")
    shown = json.loads(ask(state, "show", "0123", "--json").output)
    clocks = {clock["id"]: clock for clock in shown["clocks"]}
    assert clocks["xa.warning"]["due_us"] == BEGAN + 25 * HOUR
    assert clocks["xa.breach"]["due_us"] == BEGAN + 73 * HOUR
    assert clocks["xa.people"]["state"] == "not-applicable"


def test_a_message_stops_the_clock_it_names_and_no_other(state: Path) -> None:
    ask(state, "open", "--from", "0123456789ab")
    told = ask(state, "told", "0123", "--to", "the board", "--duty", "xa.warning", "--text", "by telephone", "--json")
    clocks = {clock["id"]: clock for clock in json.loads(told.output)["clocks"]}
    assert clocks["xa.warning"]["entry"] == "operator:1"
    assert (clocks["xa.warning"]["state"], clocks["xa.breach"]["state"]) == ("told", "running")
    assert clocks["xa.breach"]["entry"] == ""


def test_a_clock_that_ran_out_is_told_and_a_late_message_stays_late(state: Path) -> None:
    ask(state, "open", "--from", "0123456789ab")
    assert ask(state, "show", "0123").exit_code == 0
    home = Home(state)
    write_city_file(home, structs.replace(read_city_file(home), clock=(0, BEGAN + 26 * HOUR, 0.0)))
    shown = ask(state, "show", "0123")
    assert shown.exit_code == 1
    assert "OVERDUE, 1.0 h over" in shown.output
    told = ask(state, "told", "0123", "--to", "the board", "--duty", "xa.warning", "--text", "by telephone", "--json")
    assert {clock["id"]: clock["state"] for clock in json.loads(told.output)["clocks"]}["xa.warning"] == "told-late"


def test_a_duty_that_is_not_declared_is_refused_with_those_there_are(state: Path) -> None:
    ask(state, "open", "--from", "0123456789ab")
    with pytest.raises(PlaceError, match=r"`xa.warnin` is no declared duty \(did you mean `xa.warning`"):
        ask(state, "told", "0123", "--to", "the board", "--duty", "xa.warnin", "--text", "by telephone")


def test_people_put_their_count_decisions_and_the_end_on_record(state: Path) -> None:
    ask(state, "open", "--from", "0123456789ab")
    ask(state, "note", "0123", "--text", "counted by hand", "--people", "40 drivers")
    ask(state, "decide", "0123", "--text", "cut off until Monday", "--ref", "taint:0")
    closed = json.loads(ask(state, "close", "0123", "--text", "replaced", "--json").output)
    assert closed["affected"]["people"]["count"] == "40 drivers"
    assert closed["state"] == "closed"
    assert [step["record"]["step"] for step in closed["file"]["steps"]] == ["opened", "noted", "decided", "closed"]
    assert {step["record"]["person"] for step in closed["file"]["steps"]} == {getpass.getuser()}
    with pytest.raises(PlaceError, match="is closed already"):
        ask(state, "close", "0123", "--text", "again")


def test_a_file_by_hand_names_known_things_only(state: Path) -> None:
    with pytest.raises(PlaceError, match=r"`countr-1` is not a declared device \(did you mean `counter-1`"):
        ask(state, "open", "--title", "a box stood open", "--subject", "countr-1")
    opened = ask(state, "open", "--title", "a box stood open", "--subject", "site:yard", "--began", "2h", "--json")
    told = json.loads(opened.output)
    assert told["affected"]["devices"] == ["counter-1", "lamp-1"]
    assert told["file"]["began_at"] < told["file"]["opened_at"]
    assert ask(state, "open").exit_code == 2


def test_of_one_incident_there_is_one_file(state: Path) -> None:
    ask(state, "open", "--from", "0123456789ab")
    with pytest.raises(PlaceError, match="`0123456789ab` has a file"):
        ask(state, "open", "--from", "0123456789ab")
    with pytest.raises(PlaceError, match="no incident is called `ffff`"):
        ask(state, "open", "--from", "ffff")


def test_the_declaration_opens_a_file_by_itself(tmp_path: Path) -> None:
    declared = PLACE.replace("responsible: council\n", "responsible: council\nincidents: {open_at: critical}\n")
    state = stopped(tmp_path, declared)
    (one,) = json.loads(ask(state, "list", "--json").output)
    assert (one["id"], one["opened_by"]) == ("0123456789ab", "the declaration")
    ask(state, "decide", "0123", "--text", "cut off")
    (one,) = json.loads(ask(state, "list", "--json").output)
    assert one["opened_by"] == "the declaration"


def test_an_export_is_checked_offline_and_is_the_same_each_time(state: Path, tmp_path: Path) -> None:
    ask(state, "open", "--from", "0123456789ab")
    out = tmp_path / "file.zip"
    assert ask(state, "export", "0123", "--out", str(out)).exit_code == 0
    with zipfile.ZipFile(out) as archive:
        account = json.loads(archive.read("incident.json"))
        with archive.open("evidence.tar") as bundle:
            verdict = verify_bundle(bundle, (), (), 0)
        text, page = archive.read("incident.md").decode(), archive.read("incident.html").decode()
    assert verdict.ok
    assert sum(log.entries for log in verdict.logs) == 6  # the six of the timeline; what was before it is not in it
    assert account["file"]["id"] == "0123456789ab"
    assert "Fens Data Office" in text
    assert "<script" not in page
    assert ask(state, "export", "0123", "--out", str(tmp_path / "file.doc")).exit_code == 2


def test_what_people_wrote_cannot_become_a_part_of_the_page(state: Path, tmp_path: Path) -> None:
    opened = json.loads(ask(state, "open", "--title", "<script>x</script> | **a**\u202e", "--json").output)
    for name in ("a.html", "a.md"):
        assert ask(state, "export", opened["file"]["id"], "--out", str(tmp_path / name)).exit_code == 0
    assert "<script>" not in (tmp_path / "a.html").read_text()
    assert r"\<script\>x\</script\> \| \*\*a\*\*" in (tmp_path / "a.md").read_text()
    assert "\u202e" not in (tmp_path / "a.md").read_text()


def test_nothing_is_said_of_a_city_whose_log_was_changed(state: Path) -> None:
    (entries,) = [path for path in (state / "ledger" / "watch" / "tile" / "entries").rglob("*") if path.is_file()]
    entries.write_bytes(entries.read_bytes().replace(b'"critical"', b'"cri7ical"'))
    with pytest.raises(EvidenceError, match="is not what was signed"):
        ask(state, "list")

"""`cityward attest`, `risk` and `supplier`: what people say of a stopped city goes into its signed log, and ends."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assured import assured_town
from cityward.assurance.examples import NOW_US, TOWN, attested
from cityward.cli.attest import command as attest
from cityward.cli.report import command as report
from cityward.cli.risk import command as risk
from cityward.cli.supplier import command as supplier
from cityward.cli.verify import command as verify
from cityward.compose.home import Home
from cityward.compose.people.giving import PeopleDesk
from cityward.compose.setting import open_setting
from cityward.errors import CitywardError
from cityward.evidence.records import AnyRecord
from cityward.runtime.people import BUILT_IN_OPERATOR, Wish
from cityward.time import from_us

DECLARED = (
    TOWN.replace("services:", "functions:\n  lit: {service: street-light}\nservices:")
    .replace("purposes:", "  firm: {kind: company, incorporated_in: xa}\npurposes:")
    .replace("actuators: [lamp-1]", "actuators: [lamp-1], settings: {streets: {yard-lane: {lamps: [lamp-1]}}}")
)
SUBJECT = "services.street-light"
HERE = Path(__file__).parents[2]


def town(folder: Path, *said: AnyRecord) -> Path:
    """A stopped town with `ada`, who may state things, `bo`, who holds nothing, and `eve` of the firm."""
    state = assured_town(folder, {"statements": said} if said else {}, DECLARED)
    desk = PeopleDesk(open_setting(Home(state)))
    for name, party in (("ada", "council"), ("bo", "council"), ("eve", "firm")):
        desk.add(name, name.title(), party, "test")
    desk.give(Wish("ada", BUILT_IN_OPERATOR, "for the tests"), "test")
    return state


def day(state: Path, days: int) -> str:
    now: date = from_us(open_setting(Home(state)).now_us()).date()
    return (now + timedelta(days=days)).isoformat()


def state_it(state: Path, control: str, subject: str, *more: str, person: str = "ada", days: int = 90) -> Result:
    options = ["--said", "gone through", "--scope", "all of it", "--person", person, "--state", str(state)]
    return run(attest, control, subject, *options, "--until", day(state, days), *more)


def run(command: object, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))  # type: ignore[arg-type]


def results(state: Path, control: str) -> dict[str, str]:
    told = json.loads(run(report, "--state", str(state), "--control", control, "--json").output)
    return {one["subject"]: one["result"] for one in told[0]["subjects"]}


def test_a_statement_makes_stated_and_taken_back_it_is_unknown_again(tmp_path: Path) -> None:
    state = town(tmp_path)
    assert results(state, "K-08") == {SUBJECT: "unknown"}
    made = json.loads(state_it(state, "k-08", SUBJECT, "--json").output)
    assert made == {"entry": "statements:0", "control": "K-08", "subject": SUBJECT}
    assert results(state, "K-08") == {SUBJECT: "stated"}
    [one] = json.loads(run(attest, "list", "--state", str(state), "--json").output)["statements"]
    assert (one["person"], one["stand"], one["said"], one["scope"]) == ("ada", "in force", "gone through", "all of it")
    back = ("withdraw", "K-08", SUBJECT, "--why", "it was another street", "--person", "ada", "--state", str(state))
    assert run(attest, *back).exit_code == 0
    assert results(state, "K-08") == {SUBJECT: "unknown"}
    with pytest.raises(CitywardError, match="no statement on K-08"):
        CliRunner().invoke(attest, list(back), catch_exceptions=False)
    assert run(verify, str(state / "ledger")).exit_code == 0


def test_whoever_states_that_it_does_not_hold_makes_it_fail(tmp_path: Path) -> None:
    state = town(tmp_path)
    place = "parties.council.watch-manned"
    assert state_it(state, "H-03", place, "--does-not-hold").exit_code == 0
    assert results(state, "H-03")[place] == "failed"


def test_a_statement_for_all_is_one_for_each(tmp_path: Path) -> None:
    state = town(tmp_path)
    assert state_it(state, "H-01", "*").exit_code == 0
    assert set(results(state, "H-01").values()) == {"stated"}


@pytest.mark.parametrize(
    ("control", "subject", "person", "days", "words"),
    [
        ("K-04", "flows.counts-in", "ada", 90, "looks for itself"),
        ("K-8", SUBJECT, "ada", 90, "there is no control"),
        ("K-08", "services.street-lihgt", "ada", 90, "did you mean `services.street-light`"),
        ("K-08", SUBJECT, "nobody", 90, "there is nobody `nobody`"),
        ("K-08", SUBJECT, "bo", 90, "does not hold the right `approve` or `audit`"),
        ("K-08", SUBJECT, "eve", 90, "is of `firm`"),
        ("K-08", SUBJECT, "ada", -1, "is past"),
        ("K-08", SUBJECT, "ada", 402, "more than 400 days away"),
    ],
)
def test_what_may_not_be_stated_is_refused_and_not_on_record(
    tmp_path: Path, control: str, subject: str, person: str, days: int, words: str
) -> None:
    state = town(tmp_path)
    told = state_it(state, control, subject, person=person, days=days)
    assert isinstance(told.exception, CitywardError)
    assert words in str(told.exception)
    assert json.loads(run(attest, "list", "--state", str(state), "--json").output)["statements"] == []


def test_a_text_is_bounded(tmp_path: Path) -> None:
    state = town(tmp_path)
    for said in ("", "  ", "x" * 501):
        told = state_it(state, "K-08", SUBJECT, "--said", said)
        assert "characters; it takes 1 to 500" in str(told.exception)


def test_what_is_due_or_ended_is_told_and_what_nobody_stated_is_listed(tmp_path: Path) -> None:
    ended = attested("K-08", SUBJECT, "gone through", until=NOW_US)
    state = town(tmp_path, ended)
    told = run(attest, "list", "--state", str(state))
    assert told.exit_code == 1
    assert "ended" in told.output
    assert f"K-08: 1\n  - {SUBJECT}" in run(attest, "list", "--asked", "--state", str(state)).output
    assert state_it(state, "K-08", SUBJECT, days=59).exit_code == 0
    told = run(attest, "list", "--state", str(state), "--json")
    assert (told.exit_code, json.loads(told.output)["statements"][0]["stand"]) == (1, "due soon")


def test_a_threat_is_borne_until_somebody_ends_it(tmp_path: Path) -> None:
    state, threat = town(tmp_path), "flows.counts-in.denial"
    found = json.loads(run(risk, "list", "--state", str(state), "--json").output)
    assert found["threats"] == 6 == sum(found["by_standing"].values())
    taken = ("accept", threat, "--owner", "council", "--why", "a trial", "--until", day(state, 30), "--person")
    assert run(risk, *taken, "ada", "--state", str(state)).exit_code == 0
    shown = json.loads(run(risk, "show", threat, "--state", str(state), "--json").output)
    assert (shown["standing"], shown["owner"], shown["stale"]) == ("accepted", "council", False)
    assert threat in run(risk, "list", "--state", str(state)).output
    over = ("end", threat, "--why", "it was mended", "--person", "ada", "--state", str(state))
    assert run(risk, *over).exit_code == 0
    shown = json.loads(run(risk, "show", threat, "--state", str(state), "--json").output)
    assert (shown["standing"] != "accepted", shown["lapsed"]) == (True, True)
    assert "nobody bears" in str(run(risk, *over).exception)
    assert "does not hold the right `approve`" in str(run(risk, *taken, "bo", "--state", str(state)).exception)


def test_what_a_control_says_failed_is_borne_too(tmp_path: Path) -> None:
    state = town(tmp_path)
    place = "parties.council.watch-manned"
    assert state_it(state, "H-03", place, "--does-not-hold").exit_code == 0
    taken = ("accept", place, "--control", "H-03", "--owner", "council", "--why", "from May on", "--person", "ada")
    assert run(risk, *taken, "--until", day(state, 30), "--state", str(state)).exit_code == 0
    assert results(state, "H-03")[place] == "accepted"
    [one] = json.loads(run(risk, "list", "--state", str(state), "--json").output)["borne"]
    assert (one["control"], one["subject"], one["owner"]) == ("H-03", place, "council")


def test_nobody_bears_what_is_not_there_nor_without_being_there(tmp_path: Path) -> None:
    state = town(tmp_path)
    rest = ("--why", "x", "--until", day(state, 30), "--person", "ada", "--state", str(state))
    assert "there is no threat" in str(run(risk, "accept", "flows.x.denial", "--owner", "council", *rest).exception)
    owner = run(risk, "accept", "flows.counts-in.denial", "--owner", "cuoncil", *rest)
    assert "did you mean `council`" in str(owner.exception)
    assert run(risk, "show", "flows.x.denial", "--state", str(state)).exit_code == 2


def test_a_supplier_of_the_demonstration_stands_on_one_page() -> None:
    told = run(supplier, str(HERE / "examples" / "doggerford"), "tessel-systems", "--on", "2026-11-01", "--json")
    page = json.loads(told.output)["supplier"]
    assert (told.exit_code, page["tier"]) == (1, "high")
    wanting = {one["said"]: one["held"] for one in page["asked"] if one["held"] != "in force"}
    assert wanting == {
        "a certificate or a test report": "expired",
        "a clause on telling the city of a new owner": "missing",
    }
    fine = run(supplier, str(HERE / "examples" / "doggerford"), "northlight", "--on", "2026-11-01", "--json")
    assert (fine.exit_code, {one["held"] for one in json.loads(fine.output)["supplier"]["asked"]}) == (0, {"in force"})
    assert json.loads(fine.output)["reaches"]
    assert run(supplier, str(HERE / "examples" / "doggerford"), "norhtlight").exit_code == 2

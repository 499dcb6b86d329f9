"""`cityward whatif`, as a person and as a script meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.cli import cityward
from cityward.compose.places import ledger_key, ledger_reader
from cityward.evidence.verifier import verify
from declarations import TOWN

DOGGERFORD = Path(__file__).parents[2] / "examples" / "doggerford"
PROPOSALS = DOGGERFORD / "proposals"


def run(*arguments: str | Path, place: Path = DOGGERFORD) -> Result:
    options = ["whatif", str(place), *map(str, arguments), "--on", "2026-08-01"]
    return CliRunner().invoke(cityward, options, prog_name="cityward")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "place.yaml"
    path.write_text(TOWN)
    return path


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("noise-research", 0, "this may be signed: noise-research.yaml"),
        ("night-desk", 1, "this may be signed under conditions"),
        ("charging-app", 1, "To be found out before"),
        ("crowd-cameras", 1, "this may not be signed"),
    ],
)
def test_a_proposal_is_answered_in_a_sentence_and_an_exit_code(name: str, code: int, said: str):
    result = run("--sign", PROPOSALS / f"{name}.yaml")
    assert (result.exit_code, result.exception) == (code, None if code == 0 else result.exception)
    assert said in result.output


def test_the_proposals_folder_says_what_the_program_says():
    table = (PROPOSALS / "README.md").read_text()
    for path in sorted(PROPOSALS.glob("*.yaml")):
        verdict = json.loads(run("--sign", path, "--json").output)["verdict"]
        row = next(line for line in table.splitlines() if line.startswith(f"| `{path.name}`"))
        assert f"| {verdict} |" in row


def test_every_line_of_a_broken_rule_is_named_with_its_file():
    output = run("--sign", PROPOSALS / "crowd-cameras.yaml").output
    assert (
        "devices.ring-road-cameras" in output and "proposal crowd-cameras.yaml:" in output and "devices.yaml:" in output
    )


def test_json_is_one_object_with_all_that_the_verdict_follows_from():
    told = json.loads(run("--sign", PROPOSALS / "night-desk.yaml", "--json").output)
    assert told["verdict"] == "allow with conditions"
    assert set(told["inputs"]) == {"base", "overlay", "proposed", "rules", "instruments", "day"}
    lines = [change["where"].partition("  ")[0] for change in told["conditions"]]
    assert lines == ["proposal night-desk.yaml:12", "proposal night-desk.yaml:21"]
    assert told["entry"] is None


def test_the_answer_is_put_on_record_and_the_record_verifies(tmp_path: Path):
    state = tmp_path / "state"
    result = run("--sign", PROPOSALS / "night-desk.yaml", "--record", state, "--by", "A. Clerk", "--json")
    told = json.loads(result.output)
    ledger = state / "ledger" / "decisions"
    verdict = verify(ledger_reader(ledger), ledger_key(ledger), [])
    assert verdict.ok and verdict.size == 1
    kept = (ledger / "tile" / "entries").rglob("*")
    text = b"".join(path.read_bytes() for path in kept if path.is_file())
    assert told["entry"] == "decisions:0"
    for part in (told["inputs"]["overlay"], told["inputs"]["rules"], "A. Clerk", "allow with conditions"):
        assert part.encode() in text


def test_a_second_answer_is_kept_beside_the_first(tmp_path: Path):
    entries = [
        json.loads(run("--sign", PROPOSALS / "noise-research.yaml", "--record", tmp_path, "--by", who, "--json").output)
        for who in ("A. Clerk", "B. Clerk")
    ]
    assert [entry["entry"] for entry in entries] == ["decisions:0", "decisions:1"]


def test_a_proposal_with_mistakes_names_them_by_its_own_lines(tmp_path: Path):
    path = tmp_path / "offer.yaml"
    path.write_text("flows:\n  new: {from: cityward, to: nobody-known, datasets: [weather], purpose: research}\n")
    result = run("--sign", path)
    assert result.exit_code == 1
    assert "proposal offer.yaml:2" in str(result.exception) and "nobody-known" in str(result.exception)


def test_facts_that_a_proposal_changes_come_first_with_their_lines_and_their_source(tmp_path: Path):
    path = tmp_path / "parties.yaml"
    path.write_text(
        "parties:\n  halden-optics: {kind: company, incorporated_in: gb, owners: [], source: a letter}\n"
        "removes: {instruments: [xb-continuity-order]}\n"
    )
    result = run("--sign", path)
    text = " ".join(result.output.split())
    assert result.exit_code == 1
    assert text.index("This proposal changes facts by which it is judged") < text.index("- replaces")
    assert "parties.halden-optics.incorporated_in: xa parties.yaml:" in text
    assert "-> gb proposal parties.yaml:2; its source: a letter" in text
    assert "instruments.xb-continuity-order: declared parties.yaml:" in text and "-> removed" in text
    assert "take over these facts into the declaration first" in text
    assert "The proposal mends" not in text and "No longer broken, if the facts it changes are so" in text


def test_the_place_as_it_is_has_as_many_cases_as_the_rules_are_told_with():
    rules = ["reach", str(DOGGERFORD), "--rules", "--json", "--on", "2026-08-01"]
    counts = json.loads(CliRunner().invoke(cityward, rules).output)["counts"]
    said = f"breaks rules in {counts['cases']} cases ({counts['waived_cases']} case waived besides)"
    assert said in run("--sign", PROPOSALS / "night-desk.yaml").output


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (("--dark", "fathom-cloud"), "Bins are emptied (essential)"),
        (("--dark", "no"), "(over its parties)"),
        (("--hostile", "northlight"), "turns against the city"),
        (("--sanctioned", "tessel-group"), "Accesses that remain until they are taken away"),
        (("--cut", "civic-dc"), "Data that no longer arrives"),
    ],
)
def test_each_question_is_answered_in_words_with_lines_and_exits_1(question: tuple[str, str], said: str):
    result = run(*question)
    assert result.exit_code == 1
    assert said in result.output
    assert ".yaml:" in result.output


@pytest.mark.parametrize(
    "question",
    [("--dark", "fathom-cloud"), ("--hostile", "northlight"), ("--sanctioned", "tessel-group"), ("--cut", "civic-dc")],
)
def test_each_question_has_one_json_object(question: tuple[str, str]):
    assert isinstance(json.loads(run(*question, "--json").output), dict)


def test_a_party_nothing_rests_on_stops_and_nothing_fails(tiny: Path):
    result = run("--dark", "acme", place=tiny)
    assert result.exit_code == 0
    assert "no function of the city certainly fails" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "ask one of --dark"),
        (("--dark", "xa", "--cut", "civic-dc"), "one question at a time"),
        (("--dark", "fathom-clod"), "did you mean `fathom-cloud`?"),
        (("--hostile", "civic-dc"), "a site cannot be hostile"),
        (("--dark", "xa", "--record", "state", "--by", "A"), "--record keeps the answer to --sign"),
        (("--sign", PROPOSALS / "night-desk.yaml", "--by", "A"), "go together"),
        (("--sign", "nowhere.yaml"), "does not exist"),
    ],
)
def test_usage_errors_exit_2_and_say_what_to_do(arguments: tuple[str, ...], said: str):
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_no_answer_calls_a_minority_stake_control_or_says_that_somebody_does_it():
    for question in (("--hostile", "corvane-holding"), ("--sanctioned", "corvane-holding"), ("--dark", "xa")):
        output = run(*question).output.lower()
        assert "controlled by" not in output and "spies" not in output and "spy" not in output


def test_each_way_into_a_function_is_named_once():
    output = run("--hostile", "tessel-group").output
    ways = [line.partition(", through ")[2] for line in output.splitlines() if ", through " in line]
    names = [way.partition("  ")[0].split(", ") for way in ways]
    assert names and all(len(those) == len(set(those)) for those in names)

"""`cityward reach`, as a data owner and a script meet it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from cityward.cli import cityward
from declarations import TOWN

DOGGERFORD = Path(__file__).parents[2] / "examples" / "doggerford"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cityward, ["reach", *map(str, arguments)], prog_name="cityward")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "town.yaml"
    path.write_text(TOWN)
    return path


def test_the_overview_tells_which_jurisdiction_reads_what_is_about_people():
    result = run(DOGGERFORD)
    assert result.exit_code == 1  # XA reaches video that only GB may
    assert "Who can read what is about people" in result.output
    assert "Xanthia, over its parties" in result.output
    assert "(not allowed)" in result.output


def test_a_dataset_s_answer_has_a_path_with_lines():
    result = run(DOGGERFORD, "--dataset", "street-video", "--why", "100")
    assert "Why Xanthia, over its parties: read Street video, reachable" in result.output
    assert "Information Cooperation Act of Xanthia, an instrument of Xanthia (XA Statutes 2019" in result.output
    lines = (DOGGERFORD / "parties.yaml").read_text().splitlines()
    assert f"parties.yaml:{lines.index('  xa-cooperation-act:') + 1}  instruments.xa-cooperation-act" in result.output


def test_a_town_without_limits_or_unknowns_exits_0(file: Path):
    result = run(file, "--dataset", "counts")
    assert result.exit_code == 0
    assert "acme-group" in result.output


def test_the_overview_explains_as_many_as_it_is_asked_to():
    output = run(DOGGERFORD, "--why", "1000").output
    assert "Why Xanthia, over its parties: read Number plates, reachable" in output
    assert "without their reasons" not in output


def test_json_is_one_object_with_every_row():
    report = json.loads(run(DOGGERFORD, "--party", "northlight", "--json", "--why", "1").output)
    assert report["subject"] == "northlight"
    assert report["rows"][0]["reasons"][0]["sentences"]
    assert report["unexplained"] == len(report["rows"]) - 1


def test_the_picture_is_a_whole_svg_with_the_reason_lit(tmp_path: Path):
    path = tmp_path / "reason.svg"
    run(DOGGERFORD, "--dataset", "street-video", "--svg", path)
    drawing = ElementTree.parse(path).getroot()
    lit = [e for e in drawing.iter() if "is-lit" in (e.get("class") or "").split()]
    assert {e.get("data-node") for e in lit} & {"video-management", "video-archive"}


def test_chains_are_told_with_their_unknown_hops():
    output = run(DOGGERFORD, "--chains").output
    assert "market-bins > binwise-cloud > cityward > waste-planner > refuse-lorries" in output
    assert "not known: systems.halden-cloud.site" in output


def test_two_questions_at_once_and_a_wrong_name_are_usage_errors():
    assert run(DOGGERFORD, "--party", "northlight", "--dataset", "street-video").exit_code == 2
    result = run(DOGGERFORD, "--dataset", "street-vidoe")
    assert result.exit_code == 2
    assert "did you mean `street-video`?" in result.output


def test_there_is_no_colour_in_a_pipe():
    assert "\x1b[" not in run(DOGGERFORD, "--dataset", "street-video").output


def test_a_record_that_is_not_yet_valid_is_left_out_until_its_day(tmp_path: Path):
    path = tmp_path / "town.yaml"
    path.write_text(
        TOWN + "accesses:\n  later: {party: acme-group, target: levels, modes: [read], valid_from: 2040-01-01}\n"
    )
    assert "levels" not in run(path, "--party", "acme-group", "--on", "2039-12-31").output
    assert "levels" in run(path, "--party", "acme-group", "--on", "2040-01-01").output


def ruled(tmp_path: Path, rules: str) -> Path:
    path = tmp_path / "town.yaml"
    path.write_text(f"{TOWN}rules:\n{rules}")
    return path


NOBODY = "forbid: [{party: {as: [itself], named: [acme]}}]"


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        (f"{{about: parties, {NOBODY}, weight: deny}}", 1, "0 of 1 house rule is kept, 1 broken (1 case)"),
        (f"{{about: parties, {NOBODY}, weight: condition}}", 1, "broken (condition): no-acme"),
        (f"{{about: parties, {NOBODY}, weight: note}}", 0, "broken (note): no-acme"),
        (
            f"{{about: parties, {NOBODY}, weight: deny, waivers: [{{subject: acme, by: council, why: ok, until: 2040-01-01}}]}}",
            0,
            "waived by council until 2040-01-01: ok",
        ),
        (
            f"{{about: parties, {NOBODY}, weight: deny, waivers: [{{subject: acme, by: council, why: ok, until: 2020-01-01}}]}}",
            1,
            "excuses nothing: it ran out",
        ),
        (
            "{about: parties, forbid: [{party: {as: [itself], kinds: [state]}}], weight: deny}",
            0,
            "1 of 1 house rule is kept",
        ),
    ],
    ids=["deny", "condition", "note", "waived", "waiver ran out", "kept"],
)
def test_rules_are_told_with_an_exit_code_by_their_weight(tmp_path: Path, rule: str, code: int, said: str):
    result = run(ruled(tmp_path, f"  no-acme: {rule}\n"), "--rules", "--on", "2026-08-01")
    assert result.exit_code == code
    assert said in result.output


def test_a_place_without_rules_says_so(file: Path):
    result = run(file, "--rules")
    assert (result.exit_code, "has no house rules" in result.output) == (0, True)


def test_rules_are_one_json_object_with_each_case_s_facts_lines_and_missing_facts():
    book = json.loads(run(DOGGERFORD, "--rules", "--json", "--why", "0", "--on", "2026-08-01").output)
    rules = {rule["rule"]: rule for rule in book["rules"]}
    hands = rules["no-hands-from-abroad-on-control"]
    assert hands["kept"] == "broken" and hands["where"].startswith("rules.yaml:")
    unsure = [case for case in hands["cases"] if not case["certain"]]
    assert [case["missing"][0].split("  ")[1] for case in unsure] == ["accesses.cameras-remote.from_places"]
    assert sum(len(rule["cases"]) for rule in book["rules"]) == book["unexplained"]


def test_rules_are_explained_by_derivations_as_far_as_asked():
    book = json.loads(run(DOGGERFORD, "--rules", "--json", "--why", "1", "--on", "2026-08-01").output)
    first, *others = [case for rule in book["rules"] for case in rule["cases"]]
    assert any("addresses it" in step["text"] for step in first["why"])
    assert not any(case["why"] for case in others)


def test_hardening_tells_the_best_first_and_counts_the_rest():
    report = json.loads(run(DOGGERFORD, "--harden", "--most", "3", "--json").output)
    removed = [gain["certain"] for gain in report["gains"]]
    assert len(removed) == 3 and removed == sorted(removed, reverse=True)
    assert report["more_gains"] > 0 and report["untried"] == 0
    output = run(DOGGERFORD, "--harden", "--most", "3").output
    assert report["gains"][0]["told"] in output and f"and {report['more_gains']} controls that remove less" in output
    assert "Needs that hang on one thing" in output


def test_two_questions_about_the_whole_place_or_a_picture_of_one_are_usage_errors():
    assert run(DOGGERFORD, "--rules", "--party", "northlight").exit_code == 2
    assert run(DOGGERFORD, "--rules", "--svg", "x.svg").exit_code == 2


def test_one_chain_is_told_in_the_singular(tmp_path: Path) -> None:
    place = tmp_path / "place.yaml"
    flows = TOWN[TOWN.index("flows:\n") : TOWN.index("services:\n")]
    one = flows[: flows.index("  levels-in:")]
    place.write_text(TOWN.replace(flows, one))
    output = CliRunner().invoke(cityward, ["reach", str(place), "--chains", "--on", "2026-08-01"]).output
    assert output.startswith("1 data chain\n")


@pytest.mark.parametrize("question", [("--chains",), ("--party", "northlight"), ("--rules",)])
def test_no_line_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, question: tuple[str, ...]) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = (
        CliRunner().invoke(cityward, ["reach", str(DOGGERFORD), *question, "--on", "2026-08-01"]).output.splitlines()
    )
    assert max(map(len, lines)) <= 100

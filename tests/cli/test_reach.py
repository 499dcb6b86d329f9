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
    assert "parties.yaml:17  instruments.xa-cooperation-act" in result.output


def test_a_town_without_limits_or_unknowns_exits_0(file: Path):
    result = run(file, "--dataset", "counts")
    assert result.exit_code == 0
    assert "acme-group" in result.output


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

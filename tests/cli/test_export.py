"""`cityward export`, as a person and as a script meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.cli import COMMANDS, cityward
from cityward.cli.export import EXAMPLES
from cityward.compose.asking.exchange import export_formats
from cityward.errors import PlaceErrors
from declarations import TOWN, town
from exported import DOGGERFORD, exported


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cityward, ["export", *map(str, arguments)], prog_name="cityward")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "town.yaml"
    path.write_text(TOWN)
    return path


@pytest.mark.parametrize("format_id", [one.id for one in export_formats()])
def test_every_format_is_written_to_stdout_and_told_in_the_help(file: Path, format_id: str):
    result = run(format_id, file)
    assert result.exit_code == 0
    assert "inytown" in result.stdout or format_id in ("sarif", "svg")
    assert f"{format_id}," in EXAMPLES or f"{format_id}." in EXAMPLES


def test_a_file_is_written_and_its_size_told_on_stderr(tmp_path: Path):
    target = tmp_path / "doggerford.cdx.json"
    result = run("cyclonedx", DOGGERFORD, "-o", target)
    assert (result.exit_code, result.stdout) == (0, "")
    assert target.read_text() == exported("cyclonedx")
    assert f"{target.stat().st_size:,} bytes" in result.stderr


def test_the_time_is_an_option(file: Path):
    assert '"timestamp": "2026-05-01T06:00:00Z"' in run("cyclonedx", file, "--at", "2026-05-01T06:00:00Z").stdout
    assert '"timestamp": "2026-05-01T00:00:00Z"' in run("cyclonedx", file, "--at", "2026-05-01").stdout


def test_only_the_chains_through_a_thing_are_drawn():
    text = run("dot", DOGGERFORD, "--through", "video-archive").stdout
    assert "video-kept" in text
    assert "tickets-to-desk" not in text


def test_a_broken_declaration_gives_its_errors_as_sarif_and_exits_1(file: Path):
    file.write_text(town(("kind: group", "kind: grup"), ("fail_safe: 100", "fail_safe: 0")))
    result = run("sarif", file)
    assert result.exit_code == 1
    found = json.loads(result.stdout)["runs"][0]["results"]
    assert [one["level"] for one in found] == ["error", "error"]


def test_a_broken_declaration_gives_nothing_else(file: Path):
    file.write_text(town(("kind: group", "kind: grup")))
    result = run("otm", file)
    assert result.stdout == ""
    assert isinstance(result.exception, PlaceErrors)


def test_files_are_named_as_the_declaration_was_but_never_by_the_machine(file: Path, monkeypatch: pytest.MonkeyPatch):
    def uris(*arguments: str | Path) -> set[str]:
        document = json.loads(run("sarif", *arguments).stdout)
        places = [one["locations"][0]["physicalLocation"] for one in document["runs"][0]["results"]]
        return {place["artifactLocation"]["uri"].rpartition("/")[0] for place in places}

    assert uris(DOGGERFORD) == {""}
    monkeypatch.chdir(DOGGERFORD.parents[1])
    assert uris("examples/doggerford") == {"examples/doggerford"}
    monkeypatch.chdir(DOGGERFORD)
    assert uris("place.yaml") == {""}
    monkeypatch.chdir(DOGGERFORD.parent)
    assert uris("../examples/doggerford") == {""}


def test_with_a_day_house_rules_and_reach_are_told_too():
    result = run("sarif", DOGGERFORD, "--on", "2026-05-01")
    rules = {one["ruleId"] for one in json.loads(result.stdout)["runs"][0]["results"]}
    assert {"check.unknown", "rule.retention-is-known", "reach.read"} <= rules


def test_an_unknown_format_is_a_usage_error_with_a_guess(file: Path):
    result = run("cyclondx", file)
    assert result.exit_code == 2
    assert "did you mean `cyclonedx`?" in result.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["otm", "--at", "2026-05-01"], "`--at` has no effect on otm; it is for cedar, cyclonedx, dpv, threagile"),
        (["dpv", "--on", "2026-05-01"], "`--on` has no effect on dpv; it is for sarif"),
        (["sarif", "--through", "council"], "`--through` has no effect on sarif; it is for dot, graphml, svg"),
    ],
)
def test_an_option_without_effect_is_a_usage_error(file: Path, options: list[str], told: str):
    result = run(options[0], file, *options[1:])
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_a_file_that_cannot_be_written_is_told_without_a_traceback(file: Path, tmp_path: Path):
    result = run("otm", file, "-o", tmp_path / "absent" / "x.json")
    assert result.exit_code == 1
    assert "cannot write" in str(result.exception) and "No such file or directory" in str(result.exception)


def test_the_command_is_listed():
    assert "export" in COMMANDS

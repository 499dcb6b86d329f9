"""`cityward import`, as a person and as a script meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.cli import cityward, main
from cityward.errors import CitywardError
from registers import TOWN

SAMPLES = Path(__file__).parents[1] / "adapters" / "exchange" / "imports" / "samples"
MODEL = SAMPLES / "threagile" / "parking.yaml"
DOGGERFORD = Path(__file__).parents[2] / "examples" / "doggerford"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cityward, ["import", *map(str, arguments)], prog_name="cityward", catch_exceptions=False)


def test_stdout_is_the_fragment_and_stderr_the_account():
    result = run("threagile", MODEL)
    assert result.exit_code == 0
    assert "\nsystems:\n  hub:\n" in result.stdout
    assert "not carried over:" in result.stderr
    assert "systems.hub.operator: tinytown-council" in result.stderr


def test_json_has_the_fragment_and_the_whole_account():
    told = json.loads(run("threagile", MODEL, "--json").stdout)
    assert told["counts"]["systems"] == len(told["fragment"]["systems"]) == 4
    assert {"where", "what", "why"} == told["unmapped"][0].keys()
    assert {"path", "value", "why"} == told["assumed"][0].keys()


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path):
    out = tmp_path / "fragment.yaml"
    assert run("threagile", MODEL, "-o", out).exit_code == 0
    written = out.read_text()
    with pytest.raises(CitywardError, match="there is already"):
        run("threagile", MODEL, "-o", out)
    assert out.read_text() == written


def test_beside_a_place_its_jurisdictions_are_shared_and_its_ids_kept_clear_of(tmp_path: Path):
    sheet = tmp_path / "lei.csv"
    sheet.write_text("LEI,Entity.LegalName,Entity.LegalJurisdiction\nGB000000000000000001,Greycask,GB\n")
    told = json.loads(run("gleif", sheet, "--beside", DOGGERFORD, "--json").stdout)
    assert told["fragment"]["parties"]["greycask-2"]["incorporated_in"] == "gb"
    assert "jurisdictions" not in told["fragment"]


@pytest.mark.parametrize("format", ["threagile", "otm", "bods"])
def test_a_file_of_another_kind_is_an_error_and_nothing_is_written(
    format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other, out = tmp_path / "other.json", tmp_path / "out.yaml"
    other.write_text("{}")
    with pytest.raises(SystemExit) as ended:
        main(["import", format, str(other), "-o", str(out)])
    assert ended.value.code == 1
    assert "it does not look like" in capsys.readouterr().err
    assert not out.exists()


def test_an_unknown_format_is_usage_with_a_hint():
    result = run("threagil", MODEL)
    assert result.exit_code == 2
    assert "did you mean `threagile`?" in result.stderr


def test_the_help_names_every_format():
    text = run("--help").output
    for word in ("bods", "cyclonedx", "gleif", "otm", "sheets", "threagile"):
        assert word in text


RR = SAMPLES / "gleif" / "rr.csv"
A1, B2, D4 = (f"XB{end:0>18}" for end in ("A1", "B2", "D4"))


@pytest.mark.parametrize("given", [["--only", f"{B2}, {D4}"], ["--only", B2, "--only", D4]])
def test_only_takes_parties_out_of_a_register_with_those_above(given: list[str]):
    told = json.loads(run("gleif", RR, *given, "--json").stdout)
    assert {party["ids"]["lei"] for party in told["fragment"]["parties"].values()} == {B2, D4, f"XB{'C3':0>18}"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["threagile", MODEL, "--only", "a"], "out of a register: bods, gleif"),
        (["gleif", RR, "--only", " ,"], "at least one party"),
    ],
)
def test_only_where_it_says_nothing_is_usage(arguments: list[str | Path], told: str):
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_owners_of_a_declared_party_are_a_proposal_and_the_next_step_is_told(tmp_path: Path):
    town, out = tmp_path / "town.yaml", tmp_path / "owners.yaml"
    town.write_text(f"{TOWN}  acme: {{kind: company, incorporated_in: xa, ids: {{lei: {A1}}}}}\n")
    result = run("gleif", RR, "--beside", town, "-o", out)
    assert "1 records of the place replaced:\n  parties.acme\n" in result.stderr
    assert f"cityward whatif PLACE --sign {out}" in result.stderr
    assert "replace those of the place: parties.acme.\n" in out.read_text()
    signed = CliRunner().invoke(cityward, ["whatif", str(town), "--sign", str(out)], catch_exceptions=False)
    assert signed.exit_code in (0, 1)
    assert "parties.acme" in signed.stdout

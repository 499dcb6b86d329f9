"""Errors of ours, as a person meets them at the command line: each with its name, and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli import cityward as program
from cityward.cli import main
from cityward.compose.home import Home, write_city_file
from towns import stopped_city, write_town

DOGGERFORD = Path(__file__).parents[2] / "examples" / "doggerford"
NIGHT_DESK = DOGGERFORD / "proposals" / "night-desk.yaml"


def told(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[object, str]:
    """The exit code, and what was said on stderr."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return ended.value.code, capfd.readouterr().err


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file, where a folder would be needed: nobody can write below it, whoever they are."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file"


@pytest.mark.parametrize("below", ["x.svg", "nowhere/x.svg"])
@pytest.mark.parametrize(
    "arguments",
    [("reach", DOGGERFORD, "--dataset", "street-video", "--svg"), ("export", "dot", DOGGERFORD, "-o")],
    ids=["reach --svg", "export -o"],
)
def test_a_file_that_cannot_be_written_is_an_error_of_ours(
    arguments: tuple[str | Path, ...], below: str, file: Path, capfd: pytest.CaptureFixture[str]
):
    code, said = told(capfd, *arguments, file / below)
    assert code == 1
    assert f"LinkError: cannot write {file / below}: Not a directory" in said
    assert "mend:  name a place in a folder that is there" in said
    assert "Traceback" not in said


def test_an_import_that_cannot_be_written_is_an_error_of_ours(file: Path, capfd: pytest.CaptureFixture[str]):
    sheet = file.parent / "parties.csv"
    sheet.write_text("id,kind,incorporated_in\nacme,company,xa\n")
    code, said = told(capfd, "import", "sheets", sheet, "-o", file / "x.yaml")
    assert (code, "cannot write" in said, "mend:" in said) == (1, True, True), said


def test_a_record_that_cannot_be_kept_is_an_error_of_ours(file: Path, capfd: pytest.CaptureFixture[str]):
    code, said = told(capfd, "whatif", DOGGERFORD, "--sign", NIGHT_DESK, "--record", file / "x", "--by", "me")
    assert code == 1
    assert f"LinkError: cannot write {file / 'x'}: Not a directory" in said


def test_a_state_folder_that_cannot_be_made_is_an_error_of_ours(file: Path, capfd: pytest.CaptureFixture[str]):
    code, said = told(capfd, "run", DOGGERFORD, "--state", file / "x", "--no-simulate")
    assert (code, "LinkError: cannot write" in said) == (1, True), said


def test_many_errors_each_bear_their_name(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    sheet = tmp_path / "parties.csv"
    sheet.write_text("id,kind,incorporated_in\nacme,compny,xa\nbcme,compny,xa\n")
    code, said = told(capfd, "import", "sheets", sheet)
    assert code == 1
    assert said.count("DecodeError: ") == 2, said
    assert "DecodeErrors" not in said


def test_a_command_that_is_misspelt_is_guessed_and_a_summary_is_never_cut_short():
    for words, meant in ((["rum"], "`rum` (did you mean `run`?)"), (["device", "ad"], "`ad` (did you mean `add`?)")):
        told = CliRunner().invoke(program, words)
        assert told.exit_code == 2 and f"there is no command {meant}" in told.output
    told = " ".join(CliRunner().invoke(program, ["device", "--help"]).output.split())
    assert "Issue what a declared DEVICE proves itself with: a secret, or a certificate and its key." in told
    assert told.count("...") == 1, "but in the usage"


def test_the_watch_asks_for_its_city_as_every_command_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "var" / "doggerford").mkdir(
        parents=True
    )  # a city that happens to be here is not meant by saying nothing
    monkeypatch.chdir(tmp_path)
    for words in (["watch"], ["watch", "ack", "3f9a"], ["watch", "snooze", "3f9a", "--hours", "8"]):
        told = CliRunner().invoke(program, words)
        assert (told.exit_code, "Missing option '--state'" in told.output) == (2, True), told.output


def test_a_port_that_is_none_is_a_wrong_word_and_no_traceback():
    told = CliRunner().invoke(program, ["run", "--port", "99999"])
    assert told.exit_code == 2 and "99999 is not in the range" in told.output


def test_a_device_that_is_misspelt_is_guessed(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_town(tmp_path / "town", 2)))
    code, said = told(capfd, "device", "add", "meter-1", "--state", home.root)
    assert (code, "`meter-1` is not declared (did you mean `meter-01`?)" in said) == (1, True), said

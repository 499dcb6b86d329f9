"""What commands print does no harm to a terminal, whatever others wrote into what is printed."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import cityward.cli
from cityward.cli import cityward as program
from cityward.cli.words import aside, head, progress, put, put_json, put_json_line, put_text, rows, say, style
from declarations import town

EVIL = "Acme\x1b[2J\x1b]0;owned\x07\x9b31m\u202eecruos\u2066\u200b\r\nerror: 0 errors\u2028\x85!\U000e0041"
"""Clears the screen, sets its title, colours by a C1 code, turns letters round, hides some, and fakes a line."""

EVIL_YAML = json.dumps(EVIL).replace("\\udb40\\udc41", "\\U000e0041")
"""The same as YAML escapes it: a file need not hold a single control character."""

HARMFUL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
OUR_COLOUR = re.compile(r"\x1b\[(?:0|1|2|3[0-7])m")


@click.command()
def shown() -> None:
    """Every way to print."""
    put(EVIL)
    put("\n", style(EVIL, fg="red", bold=True), f": {EVIL}")
    put(f"{style('plain', bold=True)} where it stands in a text")
    aside(EVIL)
    put_text(f"{EVIL}\n")
    progress(EVIL)
    head(EVIL)
    say(EVIL)
    rows([EVIL] * 20)


@pytest.mark.parametrize("colour", [True, False])
def test_nothing_that_is_printed_drives_a_terminal(colour: bool):
    output = CliRunner().invoke(shown, color=colour).output
    assert "Acme" in output
    left = OUR_COLOUR.sub("", output) if colour else output
    assert set(HARMFUL.findall(left)) <= {"\r"} and left.count("\r") == 1, "one return, of the progress"


def test_a_colour_is_ours_only_outside_of_texts():
    @click.command()
    def one() -> None:
        put("a\x1b[31mb", style("c\x1b[0md", bold=True))

    output = CliRunner().invoke(one, color=True).output
    assert output == "a\ufffd[31mb\x1b[1mc\ufffd[0md\x1b[0m\n"


@pytest.mark.parametrize("print_json", [put_json, put_json_line])
def test_json_is_the_same_document_and_shows_no_harmful_character(print_json: object):
    assert callable(print_json)
    document = {"name": EVIL, EVIL: [EVIL, "Ærø \U0001f3d9 \U000e0041 \u007f"]}

    @click.command()
    def one() -> None:
        print_json(document)

    output = CliRunner().invoke(one).output
    assert json.loads(output) == document
    assert not HARMFUL.search(output)
    assert "Ærø \U0001f3d9" in output


def test_no_module_but_this_one_prints():
    folder = Path(cityward.cli.__file__).parent
    for path in sorted(folder.glob("*.py")):
        if path.name == "words.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            told = f"{path.name}:{getattr(node, 'lineno', 0)} prints by {called}: use cityward.cli.words"
            assert called not in ("click.echo", "click.secho", "click.style", "print", "sys.stdout.write"), told


def evil_town() -> str:
    """The small town, its names, notes and texts hostile."""
    evil = EVIL_YAML
    return town(
        ("name: Tinytown", f"name: {evil}"),
        ("acme: {kind: company,", f"acme: {{name: {evil}, note: {evil}, kind: company,"),
        ("cityward: {kind: platform,", f"cityward: {{name: {evil}, kind: platform,"),
        ("planning: {}", f"planning: {{name: {evil}}}"),
        ("  lit: {", f"  lit: {{name: {evil}, fail_safe: {evil}, essential: true, "),
        ("xb: {code: XB}", f"xb: {{code: XB, name: {evil}}}"),
        ("  counts:\n", f"  counts:\n    name: {evil}\n"),
    )


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, list(map(str, arguments)), prog_name="cityward", color=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("check", "--json"),
        ("reach",),
        ("reach", "--dataset", "counts", "--why", "9"),
        ("reach", "--party", "acme", "--json"),
        ("reach", "--chains"),
        ("reach", "--harden"),
        ("whatif", "--dark", "council"),
        ("whatif", "--hostile", "acme"),
        ("whatif", "--sanctioned", "acme", "--json"),
    ],
    ids=" ".join,
)
def test_a_hostile_declaration_is_told_as_text(arguments: tuple[str, ...], tmp_path: Path):
    (tmp_path / "place.yaml").write_text(evil_town())
    command, *options = arguments
    result = run(command, tmp_path, *options)
    assert result.exit_code in (0, 1) and not isinstance(result.exception, Exception), result.exception
    assert not HARMFUL.search(OUR_COLOUR.sub("", result.output))
    assert "\nerror: 0 errors" not in result.output, "no name makes a line of its own"


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_errors_quote_what_they_found_as_text(options: tuple[str, ...], tmp_path: Path):
    evil = EVIL_YAML
    more = (
        ("retention_days: 365", f"retention_days: {evil}"),
        ("kind: group", f"{evil}: group"),
        ("platform: cityward", f"platform: {evil}"),
        ("  yard: {", f"  {evil}: {{"),
    )
    (tmp_path / "place.yaml").write_text(town(*more))
    result = run("check", tmp_path, *options)
    assert result.exit_code == 1 and "expected" in result.output
    assert not HARMFUL.search(OUR_COLOUR.sub("", result.output))
    assert "\nerror: 0 errors" not in result.output


def test_a_drawing_is_text_too(tmp_path: Path):
    (tmp_path / "place.yaml").write_text(evil_town())
    run("reach", tmp_path, "--dataset", "counts", "--svg", tmp_path / "way.svg")
    drawn = (tmp_path / "way.svg").read_text()
    assert "Acme" in drawn and not HARMFUL.search(drawn)

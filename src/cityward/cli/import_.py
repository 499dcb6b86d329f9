"""`cityward import`: the files of another tool as a fragment of a declaration, and an account of what it could not say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from cityward.cli.words import aside, put_json, put_text
from cityward.compose.asking.imports import Imported, fragment_text, import_formats, import_model, read_files, registers
from cityward.compose.files import writing
from cityward.compose.places import load_place
from cityward.errors import LinkError
from cityward.place.hints import did_you_mean

EXAMPLES = """
\b
Examples:
  cityward import threagile threagile.yaml -o from-threagile.yaml
  cityward import gleif rr.csv repex.csv lei2.csv -o owners.yaml --beside PLACE      the owners of the place's parties
  cityward import bods register.jsonl --only 12345678,87654321 -o owners.yaml        two companies, and all above them
  cityward import sheets parties.csv systems.csv flows.csv -o sheets.yaml
  cityward import cyclonedx vendor.cdx.json --json | jq .unmapped
\b
Formats: bods, cyclonedx, gleif, otm, sheets, threagile. What each one gives: docs/exchange.md.
Then add the file to `include` of the place and run `cityward check`: what is left to fill in is told there.
Where it replaces records of the place, see first what that changes: `cityward whatif PLACE --sign owners.yaml`.
\b
Exit code: 0 imported (what could not be carried over is told), 1 the files cannot be read, or are not of the format, 2 usage.
"""

SHOWN = 20  # entries of each list a person reads; `--json` has them all


@click.command("import", epilog=EXAMPLES)
@click.argument("format_id", metavar="FORMAT")
@click.argument("files", type=click.Path(path_type=Path, exists=True, dir_okay=False), nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this new file.")
@click.option(
    "--beside",
    type=click.Path(path_type=Path, exists=True),
    help="The place it will be included in: its ids are kept clear of, its jurisdictions and known parties shared.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="ID[,ID...]",
    help="Of a register (gleif, bods): these parties, by LEI, company number or their id in the place, and all above them; "
    "`*` for all. Left out with --beside: the parties of the place that have an identifier.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(
    format_id: str,
    files: tuple[Path, ...],
    output: Path | None,
    beside: Path | None,
    only: tuple[str, ...],
    as_json: bool,
) -> None:
    """Read FILES of FORMAT into a fragment of a declaration, written as YAML."""
    known = import_formats()
    if format_id not in known:
        told = f"there is no format `{format_id}`{did_you_mean(format_id, known)}"
        raise click.UsageError(f"{told}; known are {', '.join(known)}")
    chosen = [word for words in only for word in map(str.strip, words.split(",")) if word]
    if only and (not chosen or format_id not in registers()):
        why = (
            "name at least one party" if not chosen else f"it takes parties out of a register: {', '.join(registers())}"
        )
        raise click.BadParameter(why, param_hint="--only")
    place = load_place(beside).place if beside is not None else None
    imported = import_model(format_id, read_files(files), place, chosen)
    text = fragment_text(imported.fragment, _heading(imported, known[format_id]))
    if output is not None:
        _write(output, text)
    if as_json:
        put_json(_summary(imported))
    elif output is None:
        put_text(text)
    _print(imported, output)


def _heading(imported: Imported, title: str) -> list[str]:
    replaced = [
        "These records replace those of the place: " + ", ".join(imported.replaces) + ".",
        "`cityward whatif PLACE --sign` with this file tells what that changes.",
        "To take it over, remove them from the place and add this file to its `include`.",
    ]
    return [
        f"Imported by `cityward import`, from {title}.",
        *imported.notes,
        f"{len(imported.unmapped)} entries were not carried over; {len(imported.assumed)} fields were assumed, each in a record",
        "with `evidence: unknown`. Fill in what is `unknown` or assumed, and name the source.",
        *(replaced if imported.replaces else []),
    ]


def _write(path: Path, text: str) -> None:
    with writing(path):
        if path.exists():
            raise LinkError(f"there is already a {path}", mend="name another file, or remove it first")
        with path.open("x", encoding="utf-8") as file:  # what a person has filled in is not overwritten
            file.write(text)


def _summary(imported: Imported) -> dict[str, Any]:
    return {
        "format": imported.format,
        "counts": {kind: len(records) for kind, records in imported.fragment.items()},
        "fragment": imported.fragment,
        "replaces": imported.replaces,
        "unmapped": [msgspec.to_builtins(one) for one in imported.unmapped],
        "assumed": [msgspec.to_builtins(one) for one in imported.assumed],
        "notes": imported.notes,
    }


def _print(imported: Imported, output: Path | None) -> None:
    """The account, on stderr: stdout may be the fragment."""
    counts = ", ".join(f"{len(records)} {kind.replace('_', ' ')}" for kind, records in imported.fragment.items())
    aside(f"imported {counts or 'nothing'}")
    for note in imported.notes:
        aside(f"note: {note}")
    _list("not carried over", [f"{one.where}: {one.what} ({one.why})" for one in imported.unmapped])
    _list("records of the place replaced", imported.replaces)
    _list("assumed", [f"{one.path}: {one.value} ({one.why})" for one in imported.assumed])
    if output is not None:
        aside(f"\nwritten to {output}; {_next(imported, output)}")


def _next(imported: Imported, output: Path) -> str:
    if imported.replaces:
        return (
            f"`cityward whatif PLACE --sign {output}` tells what it changes; to take it over, remove the replaced records "
            "from the place and add the file to its `include`"
        )
    return "add it to `include` of the place and run `cityward check`"


def _list(title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    aside(f"\n{len(lines)} {title}:")
    for line in lines[:SHOWN]:
        aside(f"  {line}")
    if len(lines) > SHOWN:
        aside(f"  ... and {len(lines) - SHOWN} more (--json shows all)")

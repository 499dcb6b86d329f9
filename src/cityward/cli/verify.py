"""`cityward verify`: whether the evidence is what was signed, offline."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from cityward.cli.words import put, put_json, style
from cityward.compose.places import ledger_key, ledger_reader, ledgers_under
from cityward.errors import CitywardError
from cityward.evidence.verifier import Verdict, verify
from cityward.time import iso

EXAMPLES = """
\b
Examples:
  cityward verify                                  every ledger under ./var
  cityward verify var/doggerford/ledger/worker-0   one ledger
  cityward verify copy/ --key doggerford/worker-0+1a2b3c4d+AbC...    with the key you were given by another way
  cityward verify copy/ --earlier june.checkpoint  nothing of what june's checkpoint covers was changed or cut
  cityward verify --json | jq '.ledgers[] | select(.ok | not)'
\b
Exit code: 0 everything is as it was signed, 1 something is not, 2 usage.
An outsider needs none of this: copy src/cityward/evidence/verifier.py, one file for plain Python.
"""

VAR = Path("var")
NOTE_MOST = 65_537  # a checkpoint is some 200 bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """A ledger's folder and what was found in it. `own_key`: judged by the key beside it, for want of a given one."""

    folder: Path
    verdict: Verdict
    own_key: bool


@click.command("verify", epilog=EXAMPLES)
@click.argument("ledger", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A city's state directory: all its ledgers.",
)
@click.option("--key", help="The ledger's public key, as you were given it. Default: the one kept beside the ledger.")
@click.option(
    "--earlier",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A checkpoint kept from before: the ledger must have grown out of it. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(
    ctx: click.Context,
    ledger: Path | None,
    state: Path | None,
    key: str | None,
    earlier: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Check evidence ledgers: every entry, every hash, every signature. LEDGER is a ledger's folder or one with several."""
    folders = _folders(ledger, state)
    if len(folders) > 1 and (key is not None or earlier):
        raise click.UsageError(f"--key and --earlier are of one ledger; here are {len(folders)}: name one")
    notes = [_beginning(path) for path in earlier]
    checked = [_check(folder, key, notes) for folder in folders]
    if as_json:
        put_json(_document(checked))
    else:
        _print(checked)
    ctx.exit(0 if all(one.verdict.ok for one in checked) else 1)


def _folders(ledger: Path | None, state: Path | None) -> list[Path]:
    if ledger is not None and state is not None:
        raise click.UsageError("name a ledger or a state directory, not both")
    where = ledger or state or VAR
    folders = ledgers_under(where)
    if not folders:
        raise click.UsageError(
            f"there is no ledger in `{where}`; name a ledger's folder, or a state directory by --state"
        )
    return folders


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(NOTE_MOST)


def _check(folder: Path, key: str | None, earlier: list[bytes]) -> Checked:
    try:
        verdict = verify(ledger_reader(folder), key if key is not None else ledger_key(folder), earlier)
    except CitywardError as error:  # this ledger cannot be judged: told in its place, the others are still checked
        verdict = Verdict(ok=False, what=error.what, file=error.where or None)
    return Checked(folder, verdict, own_key=key is None)


def _document(checked: list[Checked]) -> dict[str, Any]:
    return {
        "ok": all(one.verdict.ok for one in checked),
        "ledgers": [
            {
                "folder": str(one.folder),
                "own_key": one.own_key,
                **asdict(one.verdict),
                "newest_at": _newest(one.verdict),
            }
            for one in checked
        ],
    }


def _newest(verdict: Verdict) -> str | None:
    at = verdict.newest_at
    return iso(at) if at is not None and 0 <= at < 253_402_300_800_000_000 else None  # to the year 9999


def _print(checked: list[Checked]) -> None:
    for one in checked:
        verdict = one.verdict
        word = style("OK", fg="green") if verdict.ok else style("BAD", fg="red", bold=True)
        put(word, f"  {verdict.origin or one.folder}")
        for name, value in _facts(one):
            put(f"    {name:<11}{value}")
    bad = sum(not one.verdict.ok for one in checked)
    put(f"\nchecked: {len(checked)}, not as signed: {bad}")
    if any(one.own_key for one in checked):
        put("Judged by the keys kept beside the ledgers: compare the key fingerprints with those you were given.")


def _facts(one: Checked) -> list[tuple[str, str]]:
    verdict = one.verdict
    facts = [("folder", str(one.folder)), ("entries", f"{verdict.size} signed, {verdict.checked} checked")]
    if (newest := _newest(verdict)) is not None:
        facts.append(("newest", newest))
    if verdict.root:
        facts += [("root", verdict.root), ("key", verdict.key)]
    if not verdict.ok:
        facts.append(("found", verdict.what))
        facts += [("first bad", f"entry {verdict.first_bad}")] if verdict.first_bad is not None else []
        facts += [("file", verdict.file)] if verdict.file else []
    return facts + [("note", note) for note in verdict.notes]

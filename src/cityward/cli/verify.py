"""`cityward verify`: whether the evidence is what was signed, offline."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from cityward.cli.words import put, put_json, style
from cityward.compose.places import ledger_key, ledger_reader, ledger_witnessed, ledgers_under
from cityward.errors import CitywardError
from cityward.evidence.verifier import Gate, Verdict, verify
from cityward.time import SECOND, iso

EXAMPLES = """
\b
Examples:
  cityward verify                                  every ledger under ./var
  cityward verify var/doggerford/ledger/worker-0   one ledger
  cityward verify copy/ --key doggerford/worker-0+1a2b3c4d+AbC...    with the key you were given by another way
  cityward verify copy/ --earlier june.checkpoint  nothing of what june's checkpoint covers was changed or cut
  cityward verify copy/ --witness clerk.vkey --witness press.vkey --witnesses 2     both must vouch for every ledger
  cityward verify --json | jq '.ledgers[] | select(.ok | not)'
\b
Exit code: 0 everything is as it was signed, 1 something is not, 2 usage.
An outsider needs none of this: copy src/cityward/evidence/verifier.py, one file for plain Python.
"""

VAR = Path("var")
NOTE_MOST = 65_537  # a checkpoint is some 200 bytes
WITNESSES_MOST = 64
YEAR_10000_US = 253_402_300_800_000_000


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
@click.option(
    "--witness", multiple=True, help="A witness's public key, or a file with such keys, one a line. May be repeated."
)
@click.option(
    "--witnesses",
    type=click.IntRange(0, WITNESSES_MOST),
    default=0,
    help="How many of them must vouch for each ledger.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(
    ctx: click.Context,
    ledger: Path | None,
    state: Path | None,
    key: str | None,
    earlier: tuple[Path, ...],
    witness: tuple[str, ...],
    witnesses: int,
    as_json: bool,
) -> None:
    """Check evidence ledgers: every entry, every hash, every signature. LEDGER is a ledger's folder or one with several."""
    folders = _folders(ledger, state)
    if len(folders) > 1 and (key is not None or earlier):
        raise click.UsageError(f"--key and --earlier are of one ledger; here are {len(folders)}: name one")
    keys = keys_in(witness)
    if witnesses > len(keys):
        raise click.UsageError(
            f"{witnesses} witnesses are asked for, {len(keys)} are named: give their keys by --witness"
        )
    asked = _Asked(key, [_beginning(path) for path in earlier], keys, witnesses)
    checked = [_check(folder, asked) for folder in folders]
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


def keys_in(given: tuple[str, ...]) -> list[str]:
    """Public keys, out of texts that are keys or name files with keys."""
    keys: list[str] = []
    for text in given:
        path = Path(text)
        if "+" in text or not path.is_file():
            keys.append(text)
        else:
            keys += [line for line in _beginning(path).decode(errors="replace").splitlines() if line.strip()]
    return keys[:WITNESSES_MOST]


@dataclass(frozen=True, slots=True)
class _Asked:
    """By what a ledger is judged."""

    key: str | None
    earlier: list[bytes]
    witnesses: list[str]
    quorum: int


def _check(folder: Path, asked: _Asked) -> Checked:
    try:
        key = asked.key if asked.key is not None else ledger_key(folder)
        notes = [*asked.earlier, *ledger_witnessed(folder)]
        verdict = verify(ledger_reader(folder), key, notes, asked.witnesses, asked.quorum)
    except CitywardError as error:  # this ledger cannot be judged: told in its place, the others are still checked
        verdict = Verdict(ok=False, what=error.what, file=error.where or None, kind="unreadable")
    return Checked(folder, verdict, own_key=asked.key is None)


def _document(checked: list[Checked]) -> dict[str, Any]:
    return {
        "ok": all(one.verdict.ok for one in checked),
        "ledgers": [
            {
                "folder": str(one.folder),
                "own_key": one.own_key,
                **asdict(one.verdict),
                "newest_at": _moment(one.verdict.newest_at),
            }
            for one in checked
        ],
    }


def _moment(at_us: int | None) -> str | None:
    return iso(at_us) if at_us is not None and 0 <= at_us < YEAR_10000_US else None


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
    if (newest := _moment(verdict.newest_at)) is not None:
        facts.append(("newest", newest))
    facts += [("heartbeat", text) for gate in verdict.gates for text in _alive(gate)]
    facts += [("witness", f"{w.name} for {w.size} entries, {_moment(w.at * SECOND)}") for w in verdict.witnesses]
    if verdict.root:
        facts += [("root", verdict.root), ("key", verdict.key)]
    if not verdict.ok:
        facts.append(("found", f"{verdict.kind}: {verdict.what}" if verdict.kind else verdict.what))
        facts += [("first bad", f"entry {verdict.first_bad}")] if verdict.first_bad is not None else []
        facts += [("file", verdict.file)] if verdict.file else []
    return facts + [("note", note) for note in verdict.notes]


def _alive(gate: Gate) -> list[str]:
    """What a gate's heartbeats say: the last one, and when it was silent for longer than it had said."""
    how = {"stopped": "then it stopped in order", "begun": "it had just begun"}.get(gate.state, "it was alive")
    told = [f"{gate.gate}: {gate.beats}, the last {_moment(gate.last_at)}: {how}"]
    for since, until, beat in gate.silences:
        told.append(f"{gate.gate}: silent from {_moment(since)} to {_moment(until)}, before beat {beat}")
    if gate.silent > len(gate.silences):
        told.append(f"{gate.gate}: silent {gate.silent - len(gate.silences)} more times")
    return told

"""`cityward evidence`: hand evidence to others."""

from __future__ import annotations

from pathlib import Path

import click

from cityward.cli.groups import Group
from cityward.cli.options import JSON
from cityward.cli.words import aside, put, put_json

EXAMPLES = """\b
Examples:
  cityward evidence export --state var/doggerford --about lamp-07 --out lamp-07.tar        all that names it
  cityward evidence export --state var/doggerford --about releasing:118 --out receipt.tar  a receipt
  cityward evidence export --state var/doggerford --ledger worker-0 --from 1000 --to 2000 --out admissions.tar
  cityward evidence timestamp --state var/doggerford --tsa https://tsa.example --root tsa.pem   a third party says when
  cityward evidence check lamp-07.tar --key doggerford/service+1a2b3c4d+AbC... --witness clerk.vkey --witnesses 1
\b
Who receives a bundle needs none of this: python verify_bundle.py BUNDLE.tar KEY (both files lie in the bundle).
Exit code: 0 fine, 1 not as it was signed, 2 usage.
"""

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group("evidence", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Hand evidence to others: entries with their proofs, checked offline."""


@command.command("export")
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city, or a folder of ledgers.",
)
@click.option("--ledger", "ledgers", multiple=True, help="Only this ledger. May be repeated.")
@click.option("--from", "first", type=click.IntRange(0), default=0, help="From this entry on.")
@click.option("--to", "last", type=click.IntRange(0), help="To this entry, included.")
@click.option("--about", default="", help="Only what names this device, incident, recipient, receipt or person, by id.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The bundle, a tar file.")
@JSON
def export(
    state: Path, ledgers: tuple[str, ...], first: int, last: int | None, about: str, out: Path, as_json: bool
) -> None:
    """Write a bundle of entries with their proofs."""
    from cityward.compose.files import write
    from cityward.compose.proving.bundles import Question, export_bundle

    if (first or last is not None) and len(ledgers) != 1:
        raise click.UsageError("--from and --to are of one ledger: name it by --ledger")
    bundle = export_bundle(state, Question(ledgers, first, None if last is None else last + 1, about))
    write(out, bundle.data)
    if as_json:
        put_json({"bundle": str(out), "bytes": len(bundle.data), "entries": bundle.entries})
        return
    for origin, count in bundle.entries.items():
        put(f"{origin:40} {count} entries")
    put(f"{out}: {len(bundle.data)} bytes")
    aside("It holds the entries as they are: see that whoever receives it may read them.")


@command.command("check")
@click.argument("bundle", type=FILE)
@click.option("--key", "keys", multiple=True, help="A log's public key, or a file with such keys. May be repeated.")
@click.option("--witness", "witnesses", multiple=True, help="A witness's public key, or a file with such keys.")
@click.option("--witnesses", "quorum", type=click.IntRange(0), default=0, help="How many must vouch for each log.")
@JSON
@click.pass_context
def check(
    ctx: click.Context, bundle: Path, keys: tuple[str, ...], witnesses: tuple[str, ...], quorum: int, as_json: bool
) -> None:
    """Check a bundle that somebody gave you."""
    from cityward.cli.verify import keys_in
    from cityward.evidence.verify_bundle import verify_bundle

    with bundle.open("rb") as file:
        verdict = verify_bundle(file, keys_in(keys), keys_in(witnesses), quorum)
    if as_json:
        put_json(verdict)
        ctx.exit(0 if verdict.ok else 1)
    put("OK" if verdict.ok else f"BAD  {verdict.kind}: {verdict.what}")
    for log in verdict.logs:
        whole = "whole" if log.whole else "a selection"
        put(f"  {log.origin}: {log.entries} of {log.size} entries, {log.first} to {log.last}, {whole}; key {log.key}")
        for witness in log.witnesses:
            put(f"    {witness.name} vouches for {witness.size} entries")
    if any(log.own_key for log in verdict.logs):
        put("Judged by the keys in the bundle: compare the fingerprints with those you were given.")
    ctx.exit(0 if verdict.ok else 1)


@command.command("timestamp")
@click.option(
    "--state", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True, help="As of export."
)
@click.option("--ledger", "ledgers", multiple=True, help="Only this ledger. May be repeated.")
@click.option(
    "--tsa", help="The address of a time-stamping authority (RFC 3161). Left out: check the stamps that are there."
)
@click.option("--root", type=FILE, required=True, help="The authority's root certificate, PEM.")
@click.pass_context
def timestamp(ctx: click.Context, state: Path, ledgers: tuple[str, ...], tsa: str | None, root: Path) -> None:
    """Have each ledger's newest checkpoint stamped with the time by a third party, or check what was stamped."""
    from cityward.compose.proving.bundles import read_stamps, stamp_ledgers
    from cityward.errors import CitywardError

    bad = 0
    if tsa is not None:
        for name, stamp in stamp_ledgers(state, ledgers, tsa, root.read_bytes()).items():
            wrong = isinstance(stamp, CitywardError)
            bad += wrong
            put(f"{name:24} {stamp.what if wrong else f'{stamp.size} entries at {stamp.at.isoformat()}'}")
    else:
        for name, (stamps, verdict) in read_stamps(state, ledgers, root.read_bytes()).items():
            bad += not verdict.ok
            put(f"{name:24} {'OK' if verdict.ok else f'BAD  {verdict.kind}: {verdict.what}'}")
            for one in stamps:
                put(f"{'':24} {one.size} entries at {one.at.isoformat()}, or before")
    ctx.exit(1 if bad else 0)

"""`cityward erase`: what is held of a device or a subject leaves every copy here, and who must be told is listed."""

from __future__ import annotations

from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.moments import HELP, METAVAR, moment_us
from cityward.cli.phrases import counted, listed
from cityward.cli.words import lead, put_json, remark, say
from cityward.text import harmless

if TYPE_CHECKING:
    from cityward.runtime.undoing.erasure_ports import ErasureRow

EXAMPLES = """
\b
Examples:
  cityward erase --device ring-road-loops-02 --reason "request 17/2026" --state var/doggerford
  cityward erase --subject ring-road-works --since 2026-03-01 --until 2026-04-01 --reason "contract ended" --state var/doggerford
\b
It cannot be undone. Again is harmless, and goes on with what a crash left. Times are the city's.
"""


@click.command("erase", epilog=EXAMPLES)
@click.option("--device", default="", metavar="UNIT", help="A device, or a group for all its members.")
@click.option("--subject", default="", metavar="PARTY", help="All devices of this owner.")
@click.option("--since", metavar=METAVAR, help=f"Readings observed from then on: {HELP} (default: all).")
@click.option("--until", metavar=METAVAR, help="Readings observed before then (default: now).")
@click.option(
    "--forget-names", is_flag=True, help="Destroy the keys of the names that its recipients know its devices by."
)
@click.option("--reason", required=True, help="Why, for the book.")
@click.option("--by", default="", help="Who decides, for the record (default: who is signed in on this machine).")
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(
    device: str, subject: str, since: str | None, until: str | None, forget_names: bool, reason: str, by: str, state: Path,
    as_json: bool,
) -> None:  # fmt: skip
    """Erase what is held here of a device or a subject, and tell who was given some of it."""
    from cityward.compose.keeping.erasure import erase
    from cityward.compose.keeping.erasure import forget_names as forget
    from cityward.compose.proving.taint import city_now

    if bool(device) == bool(subject):
        raise click.UsageError("name one: --device UNIT or --subject PARTY")
    now = city_now(state)
    first = moment_us(since, now, "--since") if since is not None else 0
    last = moment_us(until, now, "--until") if until is not None else None
    done = erase(state, device, subject, first, last, reason=harmless(reason), person=harmless(by or getuser()))
    forgotten = forget(state, [row.device for row in done]) if forget_names else ()
    if as_json:
        put_json({"erased": done, "names_forgotten": forgotten})
        return
    if not done:
        lead(f"Nothing is held here of {device or subject} in that time.")
    for row in done:
        _tell(row)
    if forget_names:
        say(f"Names forgotten at: {listed(list(forgotten)) or 'nobody'}.")


def _tell(row: ErasureRow) -> None:
    copies = listed([f"{count:,} in {store}" for store, count in sorted(row.copies.items())])
    lead(f"{row.device}: {counted(row.rows, 'reading')} erased; on record as {row.record}.")
    if row.digest:
        say(f"Digest of the erased rows: {row.digest}.")
    if copies:
        say(f"Other copies here: {copies}.")
    say(f"Tell: {listed(list(row.tell)) or 'nobody is known to have received any'}.")
    remark(
        "The bus's log forgets within some 80 s of its being held, backups when you let them: docs/personal-data.md."
    )

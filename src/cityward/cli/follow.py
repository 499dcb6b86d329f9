"""`cityward follow`: one datum, hop by hop, to its last recipients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.words import head, lead, put_json, say

if TYPE_CHECKING:
    from cityward.reach.following.shapes import Hop, Last, Stop

EXAMPLES = """
\b
Examples:
  cityward follow ring-road-loops-02 vehicle-speed --state var/doggerford
  cityward follow ring-road-loops-02 vehicle-speed --at 1794851000000 --state var/doggerford --json
\b
--at is the city's time in milliseconds since 1970, as addresses of the console have it. Left out: the newest value.
"""


@click.command("follow", epilog=EXAMPLES)
@click.argument("device")
@click.argument("property")
@click.option("--at", type=click.IntRange(0, 4_102_444_800_000), help="When it was observed, city ms.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(device: str, property: str, at: int | None, state: Path, as_json: bool) -> None:
    """Where a value of DEVICE's PROPERTY went: what is on record, what is declared only, what nobody can observe."""
    from cityward.compose.proving.following import followed

    found = followed(state, device, property, at)
    if as_json:
        put_json(found)
        return
    lead(found.sentence)
    head("Hops")
    for hop in found.hops:
        _hop(hop)
    head("Last recipients")
    for last in found.last:
        _last(last)
    head("The city's sight")
    say(found.sight)


def _hop(hop: Hop) -> None:
    say(f"{hop.title}: {_stop(hop.from_)} to {_stop(hop.to)}", "  ", f"{hop.step}. ")
    kept = ", ".join(
        f"{k.name} ({'kept for nobody knows how long' if k.days is None else f'{k.days} days'})" for k in hop.datasets
    )
    say(f"{hop.carries}: {kept}; for {hop.purpose}, {hop.protocol}, protection {hop.protection}", "     ")
    say(f"{hop.known}: {hop.why}", "     ")
    for entry in hop.entries:
        say(f"{entry.id} {entry.words}", "       ", "- ")


def _last(last: Last) -> None:
    say(f"{_stop(last.stop)}, {last.known}: {last.behind}", "  ", "- ")


def _stop(stop: Stop) -> str:
    return f"{stop.name} ({stop.party_name}, {stop.land})" if stop.kind != "party" else f"{stop.name} ({stop.land})"

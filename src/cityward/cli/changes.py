"""`cityward changes`: what changed between two declarations that the city ran by."""

from __future__ import annotations

from pathlib import Path

import click

from cityward.cli.moments import HELP, METAVAR, moment_us
from cityward.cli.words import head, lead, put_json, remark, say

EXAMPLES = """
\b
Examples:
  cityward changes --since 2026-03-01 --state var/doggerford
  cityward changes --since 30d --state var/doggerford --json
\b
A city keeps every declaration it ran by. Exit 1: something changed.
"""


@click.command("changes", epilog=EXAMPLES)
@click.option("--since", metavar=METAVAR, required=True, help=f"From when on: {HELP}.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(since: str, state: Path, as_json: bool) -> None:
    """Who can newly reach what since then, who no longer can, and which flows came and went."""
    from cityward.compose.home import Home
    from cityward.compose.keeping.declarations import changed_since
    from cityward.compose.proving.taint import city_now
    from cityward.time import iso

    now = city_now(state)
    found = changed_since(Home(state), moment_us(since, now, "--since"), now)
    if as_json:
        put_json(found)
    else:
        lead(found.sentence)
        if found.short_of:
            remark(
                f"The oldest declaration that is kept is of {iso(found.before_from_ms * 1000)}: it is told from there."
            )
        for title, rows, count in (
            ("Newly reached", found.gained, found.gained_in_all),
            ("No longer", found.lost, found.lost_in_all),
            ("Flows", found.flows, found.flows_in_all),
        ):
            if rows:
                head(f"{title} ({count:,})")
            for row in rows:
                say(row.sentence, "  ", "- ")
            if count > len(rows):
                remark(f"and {count - len(rows):,} more")
    if found.gained or found.lost or found.flows:
        raise SystemExit(1)

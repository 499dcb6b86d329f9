"""`cityward grant`: give a role to a person, take it away, see who holds what."""

from __future__ import annotations

from pathlib import Path

import click

from cityward.cli.groups import Group
from cityward.cli.person import JSON, STATE, desk_of, whose
from cityward.cli.words import put, put_json, style
from cityward.text import harmless

EXAMPLES = """\b
Examples:
  cityward grant give ada city-operator --reason "on the desk from May" --state var/doggerford
  cityward grant give eve lamp-engineer --for 2 --reason "lamp 7 flickers" --state var/doggerford
  cityward grant open 5f0c2a... --state var/doggerford          what somebody asked for
  cityward grant take 5f0c2a... --state var/doggerford
  cityward grant list --state var/doggerford                    exit 1 while something waits
"""


@click.group("grant", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Which roles people hold, and until when."""


@command.command("give")
@click.argument("person")
@click.argument("role")
@click.option("--reason", required=True, help="Why; it is on record.")
@click.option("--for", "hours", type=click.FloatRange(0, 24 * 366), default=0.0, help="Hours; 0: as the role allows.")
@STATE
@JSON
def give(person: str, role: str, reason: str, hours: float, state: Path, as_json: bool) -> None:
    """Give PERSON the ROLE."""
    from cityward.runtime.people import Wish

    _put([desk_of(state).give(Wish(person, role, harmless(reason), round(hours * 3600)), whose())], as_json)


@command.command("open")
@click.argument("grant")
@STATE
@JSON
def open_(grant: str, state: Path, as_json: bool) -> None:
    """Open GRANT, which somebody asked for; its time begins now."""
    _put([desk_of(state).open(grant, whose())], as_json)


@command.command("take")
@click.argument("grant")
@STATE
@JSON
def take(grant: str, state: Path, as_json: bool) -> None:
    """Take GRANT away; it ends at once."""
    _put([desk_of(state).take(grant, whose())], as_json)


@command.command("review")
@click.argument("grant")
@STATE
@JSON
def review(grant: str, state: Path, as_json: bool) -> None:
    """Somebody has looked at why glass was broken for GRANT."""
    _put([desk_of(state).review(grant, whose())], as_json)


@command.command("list")
@STATE
@JSON
@click.pass_context
def list_all(ctx: click.Context, state: Path, as_json: bool) -> None:
    """Every grant, the newest first. Exit 1 while one is asked for, or broken glass waits for a review."""
    rows = desk_of(state).grants()
    _put(rows, as_json)
    ctx.exit(int(any(row.state.value == "asked" or (row.glass and not row.reviewed_by) for row in rows)))


def _put(rows: object, as_json: bool) -> None:
    from cityward.runtime.people import Grant
    from cityward.time import iso

    if as_json:
        put_json(rows)
        return
    for row in rows if isinstance(rows, list) else ():
        assert isinstance(row, Grant)
        until = f"until {iso(row.until)}" if row.until else "until it is taken away"
        glass = "" if not row.glass else "; glass, not reviewed" if not row.reviewed_by else "; glass"
        put(
            style(f"{row.id}  {row.state.value:8}", bold=row.state.value == "asked"),
            f" {row.person} {row.role} {until}{glass}: {row.reason}",
        )

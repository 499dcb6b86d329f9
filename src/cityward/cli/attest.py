"""`cityward attest`: what a person states of the city, until when; what is due; taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.options import JSON, STATE
from cityward.cli.words import aside, head, lead, put, put_json, put_json_line, say

if TYPE_CHECKING:
    from cityward.compose.stating.statements import Asked, Statement

EXAMPLES = """
\b
Examples:
  cityward attest R-02 functions.lit-quay-street --said "rehearsed with the night shift on 3 May" --scope "Quay Street" \\
      --until 2027-05-01 --person ada --state var/doggerford
  cityward attest H-01 sites.town-hall.rooms-guarded --does-not-hold --said "the back door stays open" --scope "ground floor" \\
      --until 2027-01-31 --person ada --state var/doggerford
  cityward attest list --state var/doggerford                what is in force, due within 60 days, ended
  cityward attest list --asked --state var/doggerford        what nobody stated yet
  cityward attest withdraw R-02 functions.lit-quay-street --why "the shift was dissolved" --person ada --state var/doggerford
\b
A statement makes *stated*, never *proven*; past its end it is unknown again. `docs/statements.md` has the whole way.
"""
PERSON = click.option(
    "--person", required=True, help="The account that says so; it holds the right `audit` or `approve`."
)
MOST_SHOWN = 40


class Statements(Group):
    """A group whose command without a name is `state`: `attest CONTROL SUBJECT ...`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["state", *args]
        return super().parse_args(ctx, args)


@click.group("attest", cls=Statements, epilog=EXAMPLES)
def command() -> None:
    """State what no machine can see, with an end: `cityward attest CONTROL SUBJECT --said ... --until ...`."""


@command.command("state")
@click.argument("control")
@click.argument("subject")
@click.option("--said", required=True, help="What you state, in a sentence or two.")
@click.option("--scope", required=True, help="Of what it is said, and of what not.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Its last day; at most 400 days from now."
)
@click.option(
    "--holds/--does-not-hold", "good", default=True, help="Whether the control's good state holds. [default: holds]"
)
@PERSON
@STATE
@JSON
def state_it(
    control: str,
    subject: str,
    said: str,
    scope: str,
    until: datetime,
    good: bool,
    person: str,
    state: Path,
    as_json: bool,
) -> None:
    """State that the good state of CONTROL holds of SUBJECT (`*`: of all it judges), or that it does not."""
    from cityward.assurance.concluding import FAILS, HOLDS
    from cityward.compose.stating.city import city_of
    from cityward.compose.stating.statements import Wish, attest

    wish = Wish(control, subject, said, scope, until.date(), person, HOLDS if good else FAILS)
    entry = attest(city_of(state), wish)
    if as_json:
        put_json_line({"entry": entry, "control": control.upper(), "subject": subject})
        return
    lead(f"On record as {entry}, until {until.date()}")
    aside(f"See what it changes: cityward report --state {state} --control {control.upper()}")


@command.command("withdraw")
@click.argument("control")
@click.argument("subject")
@click.option("--why", required=True, help="Why it counts no longer; it is on record.")
@PERSON
@STATE
@JSON
def withdraw_it(control: str, subject: str, why: str, person: str, state: Path, as_json: bool) -> None:
    """Take back the statement on SUBJECT of CONTROL."""
    from cityward.compose.stating.city import city_of
    from cityward.compose.stating.statements import withdraw

    entry = withdraw(city_of(state), control, subject, why, person)
    if as_json:
        put_json_line({"entry": entry, "control": control.upper(), "subject": subject})
        return
    lead(f"Taken back, on record as {entry}")


@command.command("list")
@click.option("--asked", "only_asked", is_flag=True, help="What a person could state, and nobody did.")
@STATE
@JSON
@click.pass_context
def list_all(ctx: click.Context, only_asked: bool, state: Path, as_json: bool) -> None:
    """The newest statement on each subject, those that end first first. Exit 1 while one is due within 60 days or ended."""
    from cityward.compose.stating.city import city_of
    from cityward.compose.stating.statements import Stand, asked, statements

    city = city_of(state)
    if only_asked:
        _put_asked(asked(city), as_json)
        return
    found = statements(city)
    late = [one for one in found if one.stand in (Stand.DUE, Stand.ENDED)]
    if as_json:
        put_json({"statements": found, "due": len(late)})
    else:
        _put(found)
    ctx.exit(int(bool(late)))


def _put(found: Sequence[Statement]) -> None:
    lead(f"{len(found)} statements on record")
    for one in found:
        word = "" if one.word == "holds" else f" ({one.word})"
        word += " (declared otherwise since: look again)" if one.changed else ""
        put(f"{one.stand.value:10} until {one.until[:10]}  {one.control:5} {one.subject}{word}")
        say(f"{one.person}: {one.said} Scope: {one.scope} Entry {one.entry}.", "             ")


def _put_asked(found: Sequence[Asked], as_json: bool) -> None:
    if as_json:
        put_json(found)
        return
    lead(f"{len(found)} things that a person could state, and nobody did")
    by_control: dict[str, list[Asked]] = {}
    for one in found:
        by_control.setdefault(one.control, []).append(one)
    for control, mine in by_control.items():
        head(f"{control}: {len(mine)}")
        for one in mine[:MOST_SHOWN]:
            say(f"{one.subject}: {one.said}", "  ", "- ")
        if len(mine) > MOST_SHOWN:
            put(f"  ... and {len(mine) - MOST_SHOWN} more (--json has them all)")

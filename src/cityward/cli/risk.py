"""`cityward risk`: what may go wrong where data crosses a boundary, what stops it, and who bears the rest."""

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
    from cityward.compose.stating.risks import Borne, RiskTold

EXAMPLES = """
\b
Examples:
  cityward risk list --state var/doggerford                              the counts, and what is open
  cityward risk list --standing unknown --state var/doggerford
  cityward risk show flows.quay-bins-report.tampering --state var/doggerford
  cityward risk accept flows.quay-bins-report.tampering --owner doggerford-council --until 2027-03-31 \\
      --why "the new sensors sign; until then a round looks" --person ada --state var/doggerford
  cityward risk accept devices.quay-bins --control R-04 --owner doggerford-council --until 2027-03-31 --why "..." --person ada ...
  cityward risk end flows.quay-bins-report.tampering --why "the new sensors are in" --person ada --state var/doggerford
\b
Accepting needs the right `approve`. It changes no evidence: the report says who bears it, and until when.
"""
PERSON = click.option("--person", required=True, help="The account that does it; it holds the right `approve`.")
CONTROL = click.option(
    "--control", default="K-09", show_default=True, help="Whose subject it is; K-09 are the threats."
)
STANDINGS = ("open", "no control", "unknown", "accepted", "stated", "met by evidence")
MOST_SHOWN = 30


@click.group("risk", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """The risk register: generated threats, what controls say of each, acceptances with owner and end."""


@command.command("list")
@click.option("--standing", type=click.Choice(STANDINGS), default=None, help="Only those; else what is open.")
@STATE
@JSON
@click.pass_context
def list_all(ctx: click.Context, standing: str | None, state: Path, as_json: bool) -> None:
    """How many threats there are and how they stand. Exit 1 while one is open, or an acceptance is stale."""
    from cityward.compose.stating.city import city_of
    from cityward.compose.stating.risks import borne, register, told

    city = city_of(state)
    found = register(city)
    rows, other = [told(risk) for risk in found.risks], borne(city)
    counts = {kind.value: count for kind, count in found.by_standing.items()}
    if as_json:
        kept = [one for one in rows if standing is None or one.standing.value == standing]
        put_json({"threats": len(rows), "by_standing": counts, "drilled": found.drilled, "stale": found.stale,
                  "risks": kept, "borne": other})  # fmt: skip
    else:
        numbers = ", ".join(f"{count} {word}" for word, count in counts.items())
        lead(f"{len(rows)} threats where data crosses a boundary: {numbers}; {found.drilled} tried within a year")
        _put_rows([one for one in rows if one.standing.value == (standing or "open")], standing or "open")
        _put_borne(rows, other)
    ctx.exit(int(bool(counts["open"] or found.stale)))


@command.command("show")
@click.argument("threat")
@STATE
@JSON
def show(threat: str, state: Path, as_json: bool) -> None:
    """One THREAT: what it crosses, what each control says of it, who bears it."""
    from cityward.compose.stating.city import city_of
    from cityward.compose.stating.risks import register, told

    found = [told(risk) for risk in register(city_of(state)).risks if risk.threat.id == threat]
    if not found:
        raise click.UsageError(f"there is no threat `{threat}`: see `cityward risk list`")
    if as_json:
        put_json(found[0])
        return
    one = found[0]
    lead(f"{one.id}: {one.standing.value}")
    say(f"{one.said}. It crosses: {'; '.join(one.crosses)}.")
    for line in one.spoken or ("no control speaks of it",):
        say(line, "  ", "- ")
    say(f"Tried within a year by: {', '.join(one.drilled) or 'no exercise'}.")
    if one.owner:
        say(_bearing(one))


@command.command("accept")
@click.argument("subject")
@click.option("--owner", required=True, help="Who bears it: a declared party or role, or an account.")
@click.option("--why", required=True, help="Why it may be borne; it is on record.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The last day; at most 400 days from now."
)
@CONTROL
@PERSON
@STATE
@JSON
def accept(
    subject: str, owner: str, why: str, until: datetime, control: str, person: str, state: Path, as_json: bool
) -> None:
    """Have somebody bear SUBJECT: a threat, or with --control what that control says failed."""
    from cityward.compose.stating import risks
    from cityward.compose.stating.city import city_of

    bearing = risks.Bearing(control, subject, owner, why, until.date(), person)
    _put_entry(risks.accept(city_of(state), bearing), f"{owner} bears it until {until.date()}", as_json)


@command.command("end")
@click.argument("subject")
@click.option("--why", required=True, help="Why nobody bears it any more; it is on record.")
@CONTROL
@PERSON
@STATE
@JSON
def end(subject: str, why: str, control: str, person: str, state: Path, as_json: bool) -> None:
    """End an acceptance before its time."""
    from cityward.compose.stating import risks
    from cityward.compose.stating.city import city_of

    _put_entry(risks.end(city_of(state), control, subject, why, person), "It is borne no longer", as_json)


def _put_entry(entry: str, said: str, as_json: bool) -> None:
    if as_json:
        put_json_line({"entry": entry})
        return
    lead(said)
    aside(f"on record as {entry}")


def _put_rows(rows: Sequence[RiskTold], standing: str) -> None:
    head(f"{standing.capitalize()}: {len(rows)}")
    for one in rows[:MOST_SHOWN]:
        say(f"{one.id}: {one.said}. {'; '.join(one.spoken[:3])}", "  ", "- ")
    if len(rows) > MOST_SHOWN:
        put(f"  ... and {len(rows) - MOST_SHOWN} more (--json has them all)")


def _put_borne(rows: Sequence[RiskTold], other: Sequence[Borne]) -> None:
    mine = [one for one in rows if one.owner]
    head(f"Borne: {sum(not one.lapsed for one in mine) + len(other)}")
    for one in mine:
        say(f"{one.id}: {_bearing(one)}", "  ", "- ")
    for one in other:
        say(f"{one.control} {one.subject}: {one.owner}, until {one.until[:10]}: {one.why}", "  ", "- ")


def _bearing(one: RiskTold) -> str:
    told = f"{one.owner}, until {one.until[:10]}: {one.why}"
    if one.lapsed:
        return f"{told} (no longer: it ended, or the flow is declared otherwise)"
    return f"{told} (the declaration changed since: look again)" if one.stale else told

"""`cityward watch`: what the watch found, as incidents; taking them in hand."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.words import head, lead, put, put_json, remark, rows, say, style
from cityward.time import iso

if TYPE_CHECKING:
    from cityward.compose.watching.told import ToldIncident, ToldWatch
    from cityward.watch.findings import DeviceStanding, Incident, IncidentState

EXAMPLES = """
\b
Examples:
  cityward watch --state var/doggerford                    what is open
  cityward watch --state var/doggerford --closed 10        and the last ten that are not any more
  cityward watch ack 3f9a --note "technician is on the way" --state var/doggerford
  cityward watch close 3f9a --note "replaced" --state var/doggerford    forgives the devices what has ended
  cityward watch assign 3f9a --to ada --note "your district" --state var/doggerford
  cityward watch snooze 3f9a --hours 8 --why "parts come tomorrow" --state var/doggerford
                                                           back by itself, or as soon as it grows worse
  cityward watch --state var/doggerford --json | jq '.incidents[].incident.title'
\b
Exit code: 0 nothing is open, 1 incidents are open, 2 usage.
"""

FINDINGS_SHOWN = 5
COLOURS = {"critical": "red", "high": "red", "medium": "yellow", "low": None}

STATE = click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The state directory of the city.  [required]",
)
NOTE = click.option("--note", default="", help="What is known of it, for whoever reads next.")
BY = click.option("--by", default=None, help="Who, for the record (default: who is signed in here).")


@click.group("watch", cls=Group, invoke_without_command=True, epilog=EXAMPLES)
@STATE
@click.option("--closed", type=click.IntRange(0, 1000), default=0, help="Show so many closed incidents too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(ctx: click.Context, state: Path | None, closed: int, as_json: bool) -> None:
    """What the watch found in a city: open incidents with their findings, and devices that are not fully trusted."""
    ctx.obj = state
    if ctx.invoked_subcommand is not None:
        return
    from cityward.compose.watching.told import watch_of

    told = watch_of(_folder(state), closed=closed)
    if as_json:
        put_json({"incidents": told.incidents, "standings": told.standings, "up_to": told.up_to})
    else:
        _show(told)
    ctx.exit(1 if any(one.incident.state == "open" for one in told.incidents) else 0)


@command.command("ack")
@click.argument("incident")
@STATE
@NOTE
@BY
@click.pass_obj
def acknowledge(before: Path | None, incident: str, state: Path | None, note: str, by: str | None) -> None:
    """Take INCIDENT in hand: it opens again only if it grows worse."""
    from cityward.watch.findings import IncidentState

    _take(_folder(state or before), incident, note, by, IncidentState.ACKNOWLEDGED)


@command.command("close")
@click.argument("incident")
@STATE
@NOTE
@BY
@click.pass_obj
def close(before: Path | None, incident: str, state: Path | None, note: str, by: str | None) -> None:
    """Close INCIDENT: what comes after is a new one, and what has ended counts no more against its devices."""
    from cityward.watch.findings import IncidentState

    _take(_folder(state or before), incident, note, by, IncidentState.CLOSED)


@command.command("assign")
@click.argument("incident")
@click.option(
    "--to", required=True, metavar="PERSON", help='Whose it is from now on: an account of the city; "": nobody\'s.'
)
@STATE
@NOTE
@BY
@click.pass_obj
def assign(before: Path | None, incident: str, to: str, state: Path | None, note: str, by: str | None) -> None:
    """Give INCIDENT to a person of the city. It stays as open as it was."""
    from cityward.compose.acting.handing import HandDesk
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting

    desk = HandDesk(open_setting(Home(_folder(state or before))))
    hand = desk.assign(incident, to, by or getpass.getuser(), note)
    put(f"{hand.incident} is {f'given to {hand.assigned_to}' if hand.assigned_to else 'given to nobody any more'}")


@command.command("snooze")
@click.argument("incident")
@click.option(
    "--hours",
    type=click.FloatRange(0, 168),
    required=True,
    help="For how long, of the city's time; 0: take it up again.",
)
@click.option("--why", default="", help="What is waited for, for whoever reads next.")
@STATE
@BY
@click.pass_obj
def snooze(before: Path | None, incident: str, hours: float, why: str, state: Path | None, by: str | None) -> None:
    """Put INCIDENT off for a time. It comes back by itself, and at once where it grows worse."""
    from cityward.compose.acting.handing import HandDesk
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting
    from cityward.time import HOUR

    desk = HandDesk(open_setting(Home(_folder(state or before))))
    hand = desk.snooze(incident, round(hours * HOUR), by or getpass.getuser(), why)
    until = f"put off until {iso(hand.snoozed_until)}" if hand.snoozed_until else "taken up again"
    put(f"{hand.incident} is {until}")


def _folder(state: Path | None) -> Path:
    if state is None:  # before the subcommand or after it: no option of click is required of either
        raise click.MissingParameter(param_hint="'--state'", param_type="option")
    return state


def _take(state: Path, incident: str, note: str, by: str | None, to: IncidentState) -> None:
    from cityward.compose.watching.told import take_in_hand

    now = take_in_hand(state, incident, by or getpass.getuser(), note, to)
    put(f"{now.id} is {now.state}: {now.title}")


def _show(told: ToldWatch) -> None:
    lead(_sentence(told))
    for one in told.incidents:
        _show_incident(one)
    if told.standings:
        head("Not fully trusted")
        rows([_standing(standing) for standing in told.standings])


def _sentence(told: ToldWatch) -> str:
    count = sum(one.incident.state == "open" for one in told.incidents)
    seen = f"Watched up to {iso(told.up_to)} city time." if told.up_to else "The watch has not run here."
    return f"{count or 'No'} incident{'' if count == 1 else 's'} open. {seen}"


def _show_incident(one: ToldIncident) -> None:
    incident = one.incident
    put()
    put(
        style(incident.severity.upper(), fg=COLOURS[incident.severity.value], bold=True),
        f" {incident.id}  {incident.title}  ({incident.state})",
    )
    say(_extent(incident))
    if incident.person:
        said = f", who says: {incident.note}" if incident.note else ""
        say(f"In the hands of {incident.person}{said}.")
    if one.hand is not None and one.hand.assigned_to:
        say(f"Given to {one.hand.assigned_to} by {one.hand.assigned_by}.")
    if one.hand is not None and one.waits:
        say(
            f"Put off until {iso(one.hand.snoozed_until)} by {one.hand.snoozed_by}: {one.hand.why or 'no reason given'}."
        )
    for finding in one.findings[:FINDINGS_SHOWN]:
        say(finding.words, mark="- ")
    left = incident.findings - min(len(one.findings), FINDINGS_SHOWN)
    if left > 0:
        remark(f"... and {left:,} more findings (--json has the newest)")
    for todo in _todos(one):
        say(todo, mark="do now: ")


def _extent(incident: Incident) -> str:
    many = incident.subjects > 1
    share = f"; they share {incident.shared}" if many and incident.shared not in ("", "place:") else ""
    ended = "" if incident.quiet_since is None else f", quiet since {iso(incident.quiet_since)}"
    named = ", ".join(incident.first_subjects)
    more = f" and {incident.subjects - len(incident.first_subjects)} more" if many and incident.subjects > 8 else ""
    return f"Since {iso(incident.began_at)}{ended}: {named}{more}{share}."


def _todos(one: ToldIncident) -> Sequence[str]:
    todos = (finding.todo.rstrip(".") for finding in one.findings if finding.todo)
    return list(dict.fromkeys(f"{todo[:1].upper()}{todo[1:]}." for todo in todos))[:3]


def _standing(standing: DeviceStanding) -> str:
    return f"{standing.device}: {standing.state}, trust {standing.trust:.2f}, since {iso(standing.since)}"

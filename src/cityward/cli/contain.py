"""`cityward contain`: cut off a device, a supplier, a site or a jurisdiction, see before what it costs, and take it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.options import JSON, STATE
from cityward.cli.words import aside, put, put_json, style
from cityward.place.roles import Right
from cityward.text import harmless

if TYPE_CHECKING:
    from cityward.compose.setting import Setting
    from cityward.reach.containment import Containment
    from cityward.runtime.containing import ContainmentRow

EXAMPLES = """\b
Examples:
  cityward contain preview party:northlight --state var/doggerford     what it takes and costs; changes nothing
  cityward contain begin quay-street-lamps-03 --reason "lies about its level" --state var/doggerford
  cityward contain begin party:northlight --reason "advisory 12/26" --for 24 --state var/doggerford
  cityward contain approve 5f0c2a... --by second.person --state var/doggerford
  cityward contain lift 5f0c2a... --state var/doggerford
\b
It takes force within a second at every door, ends by itself, and each step is on record. For what needs two persons, the
declaration says (`containing.two_person`). --by names an account that holds the right for it (`contain`; `approve`, to be the
second person); without it, what is done is on record as of `machine:<user>`. Who may use this state directory is who is trusted.
"""

BY = click.option(
    "--by", default=None, help="The account that does it; by default the user of this machine, and no account."
)


@click.group("contain", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Cut off what turned against the city, for a time."""


@command.command("preview")
@click.argument("target")
@STATE
@JSON
def preview(target: str, state: Path, as_json: bool) -> None:
    """What containing TARGET would take, and what it would cost. Changes nothing."""
    from cityward.compose.acting.containment import preview as previewed

    setting = _city(state)
    found = previewed(setting, target)
    put_json(found) if as_json else _put_preview(found)


@command.command("begin")
@click.argument("target")
@STATE
@click.option("--reason", required=True, help="Why; it is on record.")
@click.option("--for", "hours", type=click.FloatRange(1 / 60, 24 * 366), default=2.0, show_default=True, help="Hours.")
@BY
@JSON
def begin(target: str, state: Path, reason: str, hours: float, by: str | None, as_json: bool) -> None:
    """Contain TARGET now, or ask for it where two persons are needed."""
    from cityward.compose.acting.containment import Wanted, contain

    setting = _city(state)
    person = _who(setting, by, Right.CONTAIN)
    _put(contain(setting, Wanted(harmless(target), harmless(reason), person, round(hours * 3600))), as_json)


@command.command("approve")
@click.argument("containment")
@STATE
@BY
@JSON
def approve(containment: str, state: Path, by: str | None, as_json: bool) -> None:
    """Agree as a second person: CONTAINMENT begins."""
    from cityward.compose.acting.containment import approve as approved

    setting = _city(state)
    _put(approved(setting, containment, _who(setting, by, Right.APPROVE)), as_json)


@command.command("refuse")
@click.argument("containment")
@STATE
@BY
@JSON
def refuse(containment: str, state: Path, by: str | None, as_json: bool) -> None:
    """CONTAINMENT that waits for a second person is not to begin."""
    from cityward.compose.acting.containment import refuse as refused

    setting = _city(state)
    _put(refused(setting, containment, _who(setting, by, Right.APPROVE, Right.CONTAIN)), as_json)


@command.command("lift")
@click.argument("containment")
@STATE
@BY
@JSON
def lift(containment: str, state: Path, by: str | None, as_json: bool) -> None:
    """Let back in what CONTAINMENT holds, but for what another one holds too."""
    from cityward.compose.acting.containment import lift as lifted

    setting = _city(state)
    _put(lifted(setting, containment, _who(setting, by, Right.CONTAIN)), as_json)


@command.command("list")
@STATE
@JSON
@click.pass_context
def list_all(ctx: click.Context, state: Path, as_json: bool) -> None:
    """What is contained, what waits, and what was. Exit 1 while anything is contained or waits."""
    rows = _city(state).state.containments(1000)
    if as_json:
        put_json(rows)
    else:
        for row in rows:
            _put_row(row)
        if not rows:
            put("nothing was ever contained here")
    ctx.exit(int(any(row.state.value in {"asked", "begun"} for row in rows)))


def _city(state: Path) -> Setting:
    from cityward.compose.acting.containment import open_city

    return open_city(state)


def _who(setting: Setting, by: str | None, *rights: Right) -> str:
    """An account that holds one of these rights now; without a name, whoever may use the machine."""
    from cityward.cli.person import whose
    from cityward.compose.acting.containment import acting

    return whose() if by is None else acting(setting, by, frozenset(rights))


def _put(row: ContainmentRow, as_json: bool) -> None:
    if as_json:
        put_json(row)
        return
    _put_row(row)
    if row.state.value == "asked":
        aside(f"It waits for a second person: cityward contain approve {row.id} --by NAME")


def _put_row(row: ContainmentRow) -> None:
    from cityward.time import iso

    until = f" until {iso(row.until)}" if row.until is not None and row.state.value == "begun" else ""
    put(
        style(f"{row.id}  {row.state.value:8}", bold=row.state.value in {"asked", "begun"}),
        f" {row.target}: {len(row.units)} devices{until}; asked by {row.asked_by}: {row.reason}",
    )


def _put_preview(found: Containment) -> None:
    put(style(f"{found.subject.kind.value} {found.subject.id}", bold=True), f": {len(found.units)} devices are cut off")
    if found.parties:
        put(f"  parties: {', '.join(found.parties)}")
    if found.sites:
        put(f"  sites: {', '.join(found.sites)}")
    put(f"  devices: {', '.join(found.devices[:12])}{' ...' if len(found.devices) > 12 else ''}")
    for hit in found.services:
        put(
            f"  service {hit.service}: loses {hit.actuators} of {hit.of_actuators} actuators, {hit.sources} devices it reads"
        )
        for text in hit.fail_safe:
            put(f"    fail-safe: {text}")
    for blast in found.cost:
        axis = f" (by {blast.axis.value})" if blast.axis is not None else ""
        for effect in blast.outcome.effects:
            word = "essential " if effect.essential else ""
            put(f"  {word}function {effect.function} fails after {effect.fails_h:g} h{axis}")
        people = blast.outcome.citizens
        put(f"  people affected{axis}: {people.affected:,} of {people.of:,}")
    if found.unknown:
        more = f" and {len(found.unknown) - 5} more" if len(found.unknown) > 5 else ""
        put(f"  not known, so not cut off: {', '.join(found.unknown[:5])}{more}")

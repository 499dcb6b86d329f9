"""`cityward service`: see what the services do and why, hold their actuators at a value, and agree to what needs two persons."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.options import ACCOUNT, JSON, STATE
from cityward.cli.words import aside, lead, put, put_json, say, style
from cityward.text import harmless
from cityward.time import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cityward.compose.acting.overrides import OverrideDesk
    from cityward.runtime.overriding import ConsentRow, Operator, OverrideRow
    from cityward.runtime.ports import CommandRow
    from cityward.runtime.serving.acting.preview import OverridePreview
    from cityward.runtime.serving.kept import ServiceStatus
    from cityward.services.board import Board

EXAMPLES = """\b
Examples:
  cityward service list --state var/doggerford
  cityward service show quay-street-lighting --state var/doggerford
  cityward service preview quay-street-lighting quay-street-lamps 100 --by ada --state var/doggerford
  cityward service override quay-street-lighting quay-street-lamps-03 100 --reason "night works" --for 4 --by ada --state DIR
  cityward service undo 0f3a91c2d4e5 --by ada --state var/doggerford
  cityward service approve 0f3a91c2d4e5 --by bo --state var/doggerford
\b
A person's word is judged by the permit gate as a service's proposal is: `preview` says what it would answer, unit by unit. It
ends by itself, and each step is on record. Hours are the city's. A name given with --by is on record as it was given: who may use
this state directory is who is trusted.
"""

COMMAND = click.option("--command", "name", default="", help="Which command; needed where the device takes several.")
SHOWN = 20


@click.group("service", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """See what services do; hold their actuators at a value, for a time."""


@command.command("list")
@STATE
@JSON
@click.pass_context
def list_all(ctx: click.Context, state: Path, as_json: bool) -> None:
    """Every declared service, what is held, and what waits. Exit 1 while anything waits for a second person."""
    desk = _desk(state)
    held, waiting = _under_way(desk, None)
    services = desk.setting.loaded.place.services
    told = [
        {
            "service": name,
            "name": service.name,
            "kind": service.kind,
            "actuators": list(service.actuators),
            "held": sum(row.service == name for row in held),
            "waiting": sum(row.service == name for row in waiting),
            "summary": _board(desk, name).summary,
        }
        for name, service in services.items()
    ]
    if as_json:
        put_json(told)
    for one in () if as_json else told:
        busy = "".join(f", {one[word]} {word}" for word in ("held", "waiting") if one[word])
        put(style(str(one["service"]), bold=True), f" ({one['kind']}) {one['name']}{busy}")
        say(str(one["summary"]) or "it has said nothing yet", "    ")
    ctx.exit(int(bool(waiting)))


@command.command("show")
@click.argument("service")
@STATE
@JSON
@click.pass_context
def show(ctx: click.Context, service: str, state: Path, as_json: bool) -> None:
    """What SERVICE says, what is held, what waits, and its last commands with their causes. Exit 1 while anything waits."""
    from cityward.runtime.causes import cause_line

    desk = _desk(state)
    _known(desk, service)
    overrides, consents = desk.overrides(SHOWN, service), desk.consents(SHOWN, service)
    commands = [row for row in desk.setting.state.commands(1000) if row.service == service][:SHOWN]
    _, waiting = _under_way(desk, service)
    if as_json:
        told = [{"command": row, "because": cause_line(row)} for row in commands]
        put_json({"overrides": overrides, "consents": consents, "commands": told, "board": _board(desk, service)})
    else:
        _put_board(_board(desk, service), desk.setting.state.services.statuses().get(service))
        _put_shown(overrides, consents, commands)
    ctx.exit(int(bool(waiting)))


@command.command("preview")
@click.argument("service")
@click.argument("target")
@click.argument("value", type=float)
@COMMAND
@STATE
@ACCOUNT
@JSON
def preview(service: str, target: str, value: float, name: str, state: Path, by: str | None, as_json: bool) -> None:
    """What holding TARGET (a device or group) at VALUE would do, unit by unit. Changes nothing."""
    from cityward.runtime.serving.acting.preview import Wanted

    desk = _desk(state)
    found = desk.preview(Wanted(service, target, value, name), _who(desk, by))
    put_json(found) if as_json else _put_preview(found)


@command.command("override")
@click.argument("service")
@click.argument("target")
@click.argument("value", type=float)
@COMMAND
@STATE
@click.option("--reason", required=True, help="Why; it is on record.")
@click.option("--for", "hours", type=click.FloatRange(1 / 60, 24), default=1.0, show_default=True, help="City hours.")
@ACCOUNT
@JSON
def override(
    service: str, target: str, value: float, name: str, state: Path, reason: str, hours: float, by: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Hold TARGET (a device or group) at VALUE from now on, or ask for it where two persons are needed."""
    from cityward.runtime.serving.acting.preview import Wanted

    desk = _desk(state)
    who, wanted = _who(desk, by), Wanted(service, target, value, name)
    if not as_json:
        _put_preview(desk.preview(wanted, who))
    _put(desk.begin(wanted, harmless(reason), round(hours * 3600), who), as_json)


@command.command("undo")
@click.argument("override")
@STATE
@ACCOUNT
@JSON
def undo(override: str, state: Path, by: str | None, as_json: bool) -> None:
    """End OVERRIDE: the service takes over."""
    desk = _desk(state)
    _put(desk.undo(override, _who(desk, by)), as_json)


@command.command("approve")
@click.argument("waiting")
@STATE
@ACCOUNT
@JSON
def approve(waiting: str, state: Path, by: str | None, as_json: bool) -> None:
    """Agree, as a second person, to what waits: an override, or a command of a service."""
    desk = _desk(state)
    _put(desk.approve(waiting, _who(desk, by)), as_json)


@command.command("refuse")
@click.argument("waiting")
@STATE
@ACCOUNT
@JSON
def refuse(waiting: str, state: Path, by: str | None, as_json: bool) -> None:
    """What waits is not to be."""
    desk = _desk(state)
    _put(desk.refuse(waiting, _who(desk, by)), as_json)


def _desk(state: Path) -> OverrideDesk:
    from cityward.compose.acting.overrides import OverrideDesk
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting
    from cityward.compose.watching.telling import FromOutside

    setting = open_setting(Home(state))
    return OverrideDesk(setting, FromOutside(setting))


def _who(desk: OverrideDesk, by: str | None) -> Operator:
    from cityward.compose.acting.overrides import operator

    return operator(desk.setting, by or getpass.getuser())


def _known(desk: OverrideDesk, service: str) -> None:
    from cityward.errors import PlaceError
    from cityward.place.hints import did_you_mean, listed

    known = desk.setting.loaded.place.services
    if service not in known:
        what = f"there is no service `{service[:64]}`{did_you_mean(service, known)}"
        raise PlaceError(what, mend=f"name one of {listed(known) or 'none'}")


def _under_way(desk: OverrideDesk, service: str | None) -> tuple[list[OverrideRow], list[OverrideRow | ConsentRow]]:
    """What holds, and what waits for a second person, now."""
    from cityward.runtime.overriding import OverrideState, holding

    now = desk.setting.now_us()
    rows = [row for row in desk.overrides(1000, service) if now < row.until]
    asked = [row for row in rows if row.state is OverrideState.ASKED]
    consents = [row for row in desk.consents(1000, service) if row.state == "asked" and now < row.until]
    return holding(rows, now), [*asked, *consents]


def _put(row: OverrideRow | ConsentRow, as_json: bool) -> None:
    if as_json:
        put_json(row)
        return
    put(style(row.id, bold=True), f" {_told(row)}")
    if row.state == "asked":
        aside(f"It waits for a second person: cityward service approve {row.id} --by NAME")


def _told(row: OverrideRow | ConsentRow) -> str:
    from cityward.runtime.overriding import OverrideRow
    from cityward.time import iso

    if not isinstance(row, OverrideRow):
        by = f" by {row.by}" if row.by else ""
        return f"{row.device}: {row.command} {row.value:g}, asked by {row.service}, {row.state}{by}; until {iso(row.until)}"
    what = f"{row.target} ({len(row.devices)}): {row.command} {row.value:g}"
    said = {
        "asked": f"is asked for by {row.asked_by}; it waits until {iso(row.until)}",
        "holding": f"is held by {row.asked_by} until {iso(row.until)}",
        "undone": f"is undone, by {row.ended_by}",
        "expired": "has ended by itself",
        "refused": f"is refused, by {row.ended_by}",
    }
    return f"{what} {said[row.state.value]}: {row.reason}"


def _board(desk: OverrideDesk, service: str) -> Board:
    """What it says of itself; an empty one before its first turn."""
    from cityward.services.board import Board

    return desk.setting.state.services.board(service) or Board(summary="")


def _put_board(board: Board, status: ServiceStatus | None) -> None:
    lead(board.summary or "it has said nothing yet")
    if status is not None:
        put(f"  {'last turn':28} {iso(status.at)} city time")
    for figure in board.figures:
        note = f" ({figure.note})" if figure.note else ""
        put(f"  {figure.label:28} {figure.value} {figure.unit}".rstrip() + note)


def _put_shown(
    overrides: Sequence[OverrideRow], consents: Sequence[ConsentRow], commands: Sequence[CommandRow]
) -> None:
    from cityward.runtime.causes import cause_line

    rows: tuple[tuple[str, Sequence[OverrideRow | ConsentRow]], ...] = (
        ("overrides", overrides),
        ("asked of persons", consents),
    )
    for title, some in rows:
        if some:
            put(f"{title}:")
        for row in some:
            put("  ", style(row.id, bold=True), f" {_told(row)}")
    put("last commands:" if commands else "no command yet")
    for row in commands:
        put(f"  {row.state:12} {cause_line(row)}")


def _put_preview(found: OverridePreview) -> None:
    put(style(found.sentence, bold=True))
    two = "; it waits for a second person" if found.two_person else ""
    put(f"  {found.low:g} to {found.high:g}, fail-safe {found.fail_safe:g}, {found.longest_hours:g} h at most{two}")
    for unit in found.units[:SHOWN]:
        last = f"now {unit.last_value:g} ({unit.last_state})" if unit.last_value is not None else "never told anything"
        put(f"  {unit.device:32} {unit.verdict:16} {last}")
    if len(found.units) > SHOWN:
        put(f"  and {len(found.units) - SHOWN} more")
    for mend in dict.fromkeys(unit.mend for unit in found.units if unit.mend):
        put(f"  mend: {mend}")

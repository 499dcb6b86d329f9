"""`cityward posture`: switch a tighter set of rules that was agreed on before, and see before what it takes."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.options import ACCOUNT, JSON, STATE
from cityward.cli.words import aside, put, put_json, style
from cityward.text import harmless

if TYPE_CHECKING:
    from cityward.compose.acting.postures import PostureDesk
    from cityward.policy.preview import Preview, Way
    from cityward.runtime.posturing import Declared, PostureRow, Switcher

EXAMPLES = """\b
Examples:
  cityward posture list --state var/doggerford                              what is declared, and what is on
  cityward posture preview crisis --state var/doggerford                    what would stop, and what would stay
  cityward posture on crisis --reason "flood warning" --for 24 --by ada --state var/doggerford
  cityward posture approve crisis --by bo --state var/doggerford
  cityward posture off crisis --by ada --state var/doggerford
\b
It takes force within a second, ends by itself, and each step is on record. Only people who hold a role that the posture names
(`by`) switch it. A name given with --by is on record as it was given: who may use this state directory is who is trusted.
"""


@click.group("posture", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Switch a posture: a tighter set of rules, for a time."""


@command.command("list")
@STATE
@JSON
@click.pass_context
def list_all(ctx: click.Context, state: Path, as_json: bool) -> None:
    """Which postures are declared, and what is on. Exit 1 while any is on or waits."""
    declared = _desk(state).all()
    if as_json:
        put_json(declared)
    for one in () if as_json else declared:
        _put_declared(one)
    if not declared and not as_json:
        put("no posture is declared")
    ctx.exit(int(any(one.turn is not None for one in declared)))


@command.command("preview")
@click.argument("posture")
@STATE
@JSON
def preview(posture: str, state: Path, as_json: bool) -> None:
    """What switching POSTURE would stop, tighten and leave. Changes nothing."""
    found = _desk(state).preview(posture)
    put_json(found) if as_json else _put_preview(found)


@command.command("on")
@click.argument("posture")
@STATE
@click.option("--reason", required=True, help="Why; it is on record.")
@click.option("--for", "hours", type=click.FloatRange(1 / 60, 24 * 92), default=2.0, show_default=True, help="Hours.")
@ACCOUNT
@JSON
def on(posture: str, state: Path, reason: str, hours: float, by: str | None, as_json: bool) -> None:
    """Switch POSTURE on now, or ask for it where two persons are needed."""
    desk = _desk(state)
    _put(desk.on(posture, harmless(reason), _who(desk, by), round(hours * 3600)), as_json)


@command.command("off")
@click.argument("posture")
@STATE
@ACCOUNT
@JSON
def off(posture: str, state: Path, by: str | None, as_json: bool) -> None:
    """Switch POSTURE off; where two persons are needed it holds until a second one agrees."""
    desk = _desk(state)
    _put(desk.off(posture, _who(desk, by)), as_json)


@command.command("approve")
@click.argument("posture")
@STATE
@ACCOUNT
@JSON
def approve(posture: str, state: Path, by: str | None, as_json: bool) -> None:
    """Agree as a second person to what waits of POSTURE: its beginning, or its end."""
    desk = _desk(state)
    _put(desk.approve(posture, _who(desk, by)), as_json)


@command.command("refuse")
@click.argument("posture")
@STATE
@ACCOUNT
@JSON
def refuse(posture: str, state: Path, by: str | None, as_json: bool) -> None:
    """What waits of POSTURE is not to be."""
    desk = _desk(state)
    _put(desk.refuse(posture, _who(desk, by)), as_json)


def _desk(state: Path) -> PostureDesk:
    from cityward.compose.acting.postures import PostureDesk
    from cityward.compose.home import Home
    from cityward.compose.setting import open_setting

    return PostureDesk(open_setting(Home(state)))


def _who(desk: PostureDesk, by: str | None) -> Switcher:
    from cityward.compose.acting.postures import switcher

    return switcher(desk.setting, by or getpass.getuser())


def _put(row: PostureRow, as_json: bool) -> None:
    if as_json:
        put_json(row)
        return
    put(style(row.posture, bold=True), f" {_told(row)}")
    if row.state.value in {"asked", "ending"}:
        aside(f"It waits for a second person: cityward posture approve {row.posture} --by NAME")


def _told(row: PostureRow) -> str:
    from cityward.time import iso

    said = {
        "asked": f"is asked for by {row.asked_by}; it waits until {iso(row.until)}",
        "on": f"is on until {iso(row.until)}; asked for by {row.asked_by}",
        "ending": f"is on until {iso(row.until)}; its end, asked for by {row.end_asked_by}, waits for a second person",
        "off": f"is off, by {row.ended_by}",
        "expired": "has ended by itself",
        "refused": f"is refused, by {row.ended_by}",
    }
    return f"{said[row.state.value]}: {row.reason}"


def _put_declared(one: Declared) -> None:
    told = "is off" if one.turn is None else _told(one.turn)
    put(style(one.id, bold=one.turn is not None), f" ({one.posture.name or one.id}) {told}")
    two = ", with a second person" if one.posture.two_person else ""
    put(f"  switched by {', '.join(one.posture.by)}{two}, for {one.posture.longest_hours:g} h at most")


def _put_preview(found: Preview) -> None:
    put(style(found.sentence, bold=True))
    for title, ways in (
        ("stops", found.stopped),
        ("in another form", found.other_form),
        ("opens again", found.opened),
        ("stays", found.stays),
    ):
        _put_ways(title, ways)


def _put_ways(title: str, ways: tuple[Way, ...]) -> None:
    if ways:
        put(f"{title}:")
    for way in ways:
        put(f"  {way.sentence}")

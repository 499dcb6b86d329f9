"""`cityward taint`: what a device's data touched, and taking it back."""

from __future__ import annotations

from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.moments import HELP, METAVAR, moment_us
from cityward.cli.phrases import counted, listed
from cityward.cli.words import aside, head, lead, put_json, remark, rows, say
from cityward.text import harmless
from cityward.time import iso

if TYPE_CHECKING:
    from cityward.runtime.undoing.mark_ports import MarkRow
    from cityward.runtime.undoing.taint import Taint, TouchedCommand, TouchedProperty

EXAMPLES = """
\b
Examples:
  cityward taint ring-road-loops-02 --since 6h --state var/doggerford
  cityward taint ring-road-loops-02 --since 2026-03-01 --retract --why "drifted" --state var/doggerford
  cityward taint --clear 3f0c9a41b2d87e65 --why "it was right" --state var/doggerford
\b
Retracting marks the rows, makes again what was derived from them and puts both on record; the rows stay in history, and what
arrives late into the span is marked too. Clearing undoes it. Nothing is asked. Times are the city's.
Exit 0: nothing was touched, or it is done. Exit 1: something was touched.
"""


@click.command("taint", epilog=EXAMPLES)
@click.argument("device", required=False)
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city.",
)
@click.option("--since", metavar=METAVAR, help=f"Readings observed from then on: {HELP}.")
@click.option("--until", metavar=METAVAR, help="Readings observed before then (default: now).")
@click.option("--property", "properties", multiple=True, help="Retract only this observed property; may be repeated.")
@click.option("--retract", is_flag=True, help="Take the data back.")
@click.option("--clear", metavar="MARK", help="Take a mark off again.")
@click.option("--why", default="", help="Why, for the record.")
@click.option("--by", default="", help="Who decides, for the record (default: who is signed in on this machine).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(
    ctx: click.Context, device: str | None, state: Path, since: str | None, until: str | None, properties: tuple[str, ...],
    retract: bool, clear: str | None, why: str, by: str, as_json: bool,
) -> None:  # fmt: skip
    """Every indicator, range, command, service and recipient that DEVICE's data touched; take it back, or clear a mark."""
    from cityward.compose.proving.taint import city_now, taint
    from cityward.compose.proving.taint import clear as take_off
    from cityward.compose.proving.taint import retract as take_back

    who, because = harmless(by or getuser()), harmless(why) or "not said"
    if clear is not None:
        if device is not None or retract:
            raise click.UsageError("--clear takes no device and no --retract: a mark knows its own")
        _tell_mark(ctx, take_off(state, clear, why=because, person=who), as_json, "cleared")
        return
    if device is None or since is None:
        raise click.UsageError("name a DEVICE and --since, or --clear MARK")
    now = city_now(state)
    first = moment_us(since, now, "--since")
    last = moment_us(until, now, "--until") if until is not None else None
    if retract:
        mark, touched = take_back(state, device, properties, first, last, why=because, person=who)
        _print(touched, as_json, mark)
    else:
        if properties:
            raise click.UsageError("--property goes with --retract")
        touched = taint(state, device, first, last)
        _print(touched, as_json, None)
    ctx.exit(1 if touched.rows and not retract else 0)


def _tell_mark(ctx: click.Context, mark: MarkRow | None, as_json: bool, word: str) -> None:
    if mark is None:
        aside("there is no such mark")
        ctx.exit(1)
    elif as_json:
        put_json({"mark": mark})
    else:
        lead(f"The mark {mark.mark.id} on {mark.mark.device} is {word}; {counted(mark.rows, 'row')} were under it.")


def _print(touched: Taint, as_json: bool, mark: MarkRow | None) -> None:
    if as_json:
        put_json({"taint": touched, "mark": mark})
        return
    ranges = counted(sum(p.ranges for p in touched.properties), "expected range")
    commands = counted(len(touched.commands) + touched.commands_more, "command")
    lead(
        f"{touched.device}: {counted(touched.rows, 'reading')} observed from {iso(touched.since)} to {iso(touched.until)} "
        f"went into {counted(touched.indicators, 'hourly indicator')}, {ranges} and {commands}."
    )
    head("Readings and what was made of them")
    rows([_of_property(p) for p in touched.properties])
    head("Commands that rest on them")
    rows([_of_command(c) for c in touched.commands])
    if touched.shown:
        say(f"Shown to: {listed(touched.shown)}.")
    head("Who receives it, as declared")
    rows([f"{r.party}, at {listed(r.at)}, by {listed(r.by)}" for r in touched.recipients])
    head("Who was given it, with receipts")
    rows(
        [
            f"{t.recipient} ({t.party}): {t.dataset}, {counted(t.count, 'receipt')}: {listed(t.receipts[:3])}"
            for t in touched.told
        ]
    )
    for note in touched.notes:
        remark(f"{note[0].upper()}{note[1:]}.")
    if mark is not None:
        _print_mark(touched, mark)


def _print_mark(touched: Taint, mark: MarkRow) -> None:
    head(f"Retracted: mark {mark.mark.id}")
    marked = f"{counted(mark.rows, 'row')} marked, digest {mark.digest[:16]}; on record as {mark.mark.record}."
    say(f"{marked} What was derived is made again.")
    say(f"Tell: {listed([r.party for r in touched.recipients]) or 'nobody is declared to receive it'}.")
    if touched.told:
        given = listed(list(dict.fromkeys(t.recipient for t in touched.told)))
        say(f"Given to, with receipts, and so surely to be told: {given}.")


def _of_command(c: TouchedCommand) -> str:
    return f"{c.device}: {c.command} {c.value:g}, {iso(c.sent_at)}, by {c.service}, {c.state}; {c.command_id}"


def _of_property(p: TouchedProperty) -> str:
    where = f" in {p.area}" if p.area else ""
    alone = sum(1 for hour in p.hours if hour.of == hour.rows)
    share = f", {alone} of them its alone" if alone else ""
    hours = counted(len(p.hours) + p.hours_more, "indicator")
    ranges = f"; {counted(p.ranges, 'expected range')}" if p.ranges else ""
    return f"{p.property}{where}: {counted(p.rows, 'reading')}, {iso(p.first_at)} to {iso(p.last_at)}; {hours}{share}{ranges}"

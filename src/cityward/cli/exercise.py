"""`cityward exercise`: attacks that happened somewhere, tried on a twin of the city; what held, what did not, and how fast."""

from __future__ import annotations

import asyncio
import getpass
import signal
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.groups import Group
from cityward.cli.options import JSON
from cityward.cli.words import aside, put, put_json, put_json_line, style

if TYPE_CHECKING:
    from cityward.compose.exercising.outcome import Exercising, Outcome
    from cityward.compose.exercising.recording import Covered, Tried
    from cityward.exercises.scenario import Scenario

EXAMPLES = """\b
Examples:
  cityward exercise list                                what can be tried, and where each attack was learned from
  cityward exercise run S-17                            on a twin of the demo city
  cityward exercise run S-17 S-18 --seed 7 --state var/doggerford    and put what came of it on the city's record
  cityward exercise run --all --place my-town/ --state /srv/my-town
  cityward exercise show S-17                           what is sent and asked, and what must happen
  cityward exercise history --state var/doggerford      what was tried when, and which services were not
\b
A twin is a second city of the same declaration, closed: it reaches no device, recipient or witness of yours. Exit 1: something
that had to happen did not. See docs/exercises.md.
"""

PLACE = click.option(
    "--place",
    type=click.Path(path_type=Path, exists=True),
    help="A declaration (default: that of --state, or the demo's).",
)
STATE = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="The city's state directory: on its record it goes.",
)
MISSED = 1
HOUR_OF_DAY = 12  # UTC: by day, unless a time is given


@click.group("exercise", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Try attacks on a twin of the city."""


@command.command("list")
@PLACE
@STATE
@JSON
def list_(place: Path | None, state: Path | None, as_json: bool) -> None:
    """Every scenario, and whether this place has anything to try it on."""
    from cityward.compose.exercising.asking import staged_here

    rows = staged_here(_place_of(place, state))
    if as_json:
        put_json(rows)
        return
    for row in rows:
        here = style("staged", fg="green") if not row.why else style(f"not staged: {row.why}", dim=True)
        put(style(f"{row.id}  {row.title}  ", bold=row.critical), here)
        put(f"      {row.source}")


@command.command("show")
@click.argument("scenario")
@PLACE
@STATE
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0, 2**31))
@JSON
def show(scenario: str, place: Path | None, state: Path | None, seed: int, as_json: bool) -> None:
    """What SCENARIO does here, step by step, and what must come of it."""
    from cityward.compose.exercising.asking import shown

    told = shown(_scenarios((scenario,))[0], _place_of(place, state), seed)
    if as_json:
        put_json(told)
        return
    put(style(f"{told.id}  {told.title}", bold=True), f"\n{told.source}\nWhat a twin cannot show: {told.limits}\n")
    if told.why:
        put(f"Not staged here: {told.why}")
    for at, line in told.steps:
        put(f"  {at:7.0f} s  {line}")
    for kind, line in told.musts:
        put(f"  must be {kind:10} {line}")


@command.command("run")
@click.argument("scenarios", nargs=-1)
@click.option("--all", "all_", is_flag=True, help="Every scenario.")
@PLACE
@STATE
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0, 2**31), help="Of what is left to chance.")
@click.option(
    "--speed", default=60.0, show_default=True, type=click.FloatRange(1, 600), help="City seconds per second."
)
@click.option(
    "--city-time",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]),
    help="The twin's time at its beginning (default: noon today).",
)
@click.option("--at-once", default=3, show_default=True, type=click.IntRange(1, 16), help="Twins that run at a time.")
@click.option("--keep", is_flag=True, help="Keep the twins' folders: their logs prove the entries.")
@click.option("--by", default=None, help="Who exercises; by default the user of this machine.")
@click.option(
    "--followed", is_flag=True, hidden=True, help="For the web door: tell progress line by line; end with the pipe."
)
@JSON
def run(
    scenarios: tuple[str, ...],
    all_: bool,
    place: Path | None,
    state: Path | None,
    seed: int,
    speed: float,
    city_time: datetime | None,
    at_once: int,
    keep: bool,
    by: str | None,
    followed: bool,
    as_json: bool,
) -> None:
    """Try SCENARIOS on a twin, and tell what held."""
    from cityward.compose.exercising.asking import told_of
    from cityward.compose.exercising.following import told_to_the_door
    from cityward.compose.exercising.outcome import Exercising
    from cityward.compose.logs import log_errors_to_stderr
    from cityward.compose.places import load_place
    from cityward.time import to_us

    if all_ == bool(scenarios):
        raise click.UsageError("name scenarios (see `cityward exercise list`), or say --all")
    log_errors_to_stderr("exercise")  # that an attacker or one who was cut off is refused is no news here
    chosen, folder = _scenarios(scenarios), _place_of(place, state)
    noon = datetime.now(UTC).replace(hour=HOUR_OF_DAY, minute=0, second=0, microsecond=0)
    wanted = Exercising(
        place=folder,
        loaded=load_place(folder),
        root=(state / "exercises" if state else Path("var") / "exercises").resolve(),
        seed=seed,
        speed=speed,
        city_time_us=to_us((city_time or noon).replace(tzinfo=UTC)),
        at_once=at_once,
        keep=keep,
        watched=told_to_the_door() if followed else None,
    )
    try:
        outcomes = asyncio.run(_run(chosen, wanted, state, by or f"machine:{getpass.getuser()}", followed=followed))
    except asyncio.CancelledError:
        aside("interrupted; the twins have ended and their folders are gone")
        raise SystemExit(MISSED) from None
    if followed:
        put_json_line({"over": [told_of(one) for one in outcomes]})
    else:
        _put_outcomes(outcomes, as_json)
    if any(one.staged and not one.is_held for one in outcomes):
        raise SystemExit(MISSED)


async def _run(
    chosen: Sequence[Scenario], wanted: Exercising, state: Path | None, person: str, *, followed: bool
) -> Sequence[Outcome]:
    from cityward.compose.exercising.following import end_with_the_pipe
    from cityward.compose.exercising.recording import put_on_record
    from cityward.compose.exercising.running import exercise

    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    if followed:
        await end_with_the_pipe(task)
    outcomes: list[Outcome] = []
    async with aclosing(exercise(chosen, wanted, aside)) as coming:
        async for outcome in coming:
            outcomes.append(outcome)
            entry = await asyncio.to_thread(put_on_record, state, outcome, wanted.seed, person) if state else ""
            aside(_verdict(outcome) + (f"; on record as {entry}" if entry else ""))
    return sorted(outcomes, key=lambda one: one.scenario.id)


@command.command("history")
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), required=True, help="The city's state directory."
)
@click.option(
    "--whole", is_flag=True, hidden=True, help="With --json: every scenario with its steps and musts, for the web door."
)
@JSON
def history(state: Path, whole: bool, as_json: bool) -> None:
    """What was tried when, what it came to, and which services were tried within twelve months."""
    from cityward.compose.exercising.board import board_of
    from cityward.compose.exercising.recording import coverage, left_of
    from cityward.compose.exercising.recording import history as read

    tried, covered, left = read(state), coverage(state), left_of(state, _scenarios(()))
    if as_json and whole:
        put_json(board_of(_place_of(None, state), tried, covered, left))
        return
    if as_json:
        put_json({"exercises": tried, "services": covered, "not_tried": left})
        return
    for one in tried:
        _put_tried(one)
    put(style("\nServices, within twelve months", bold=True))
    for one in covered:
        _put_covered(one)
    if left:
        put(f"\nNot tried within twelve months: {', '.join(left)}")


# -- words ----------------------------------------------------------------------------------------------------------------

COLUMNS = (
    "detect_s",
    "contain_s",
    "recover_s",
    "units",
    "flows",
    "wrong_commands",
    "service_level",
    "evidence_complete",
    "false_alarms",
)
HEADS = ("detect", "contain", "recover", "units", "flows", "wrong", "service", "evidence", "false")  # fmt: skip


def _put_outcomes(outcomes: Sequence[Outcome], as_json: bool) -> None:
    if as_json:
        from cityward.compose.exercising.asking import told_of

        put_json([told_of(one) for one in outcomes])
        return
    put(style(f"\n{'scenario':9} {'met':>7} " + " ".join(f"{head:>8}" for head in HEADS), bold=True))
    for one in outcomes:
        if one.staged and one.judged:
            met = f"{len(one.judged) - len(one.missed)}/{len(one.judged)}"
            put(f"{one.scenario.id:9} {met:>7} " + " ".join(f"{_number(one, name):>8}" for name in COLUMNS))
    for one in outcomes:
        if not one.staged or one.why:
            put(f"{one.scenario.id:9} {'could not be carried out' if one.staged else 'not staged'}: {one.why}")
        for judged in one.missed:
            put(style(f"{one.scenario.id:9} missed ", fg="red"), f"{judged.must.id}: {judged.must.said}; {judged.why}")
            put(f"{'':17}{_since(one, judged.must.since)}")
    put("\nSeconds are the city's. units, flows: touched by it; wrong: commands because of it; false: other incidents.")


def _since(outcome: Outcome, step: str) -> str:
    from cityward.compose.exercising.asking import answered

    answer = outcome.answers.get(step)
    said = "not answered" if answer is None else f"answered {answer.status} {answered(answer)}".rstrip()
    return f"since the step `{step}`, {said}"


def _number(outcome: Outcome, name: str) -> str:
    number = outcome.numbers.get(name)
    if number is None:
        return "-"
    return ("yes" if number else "no") if name == "evidence_complete" else f"{number:g}"


def _verdict(outcome: Outcome) -> str:
    if not outcome.staged:
        return f"{outcome.scenario.id} not staged: {outcome.why}"
    if not outcome.judged:
        return f"{outcome.scenario.id} could not be carried out: {outcome.why}"
    met = len(outcome.judged) - len(outcome.missed)
    missed = f"; missed: {', '.join(one.must.id for one in outcome.missed)}" if outcome.missed else ""
    return f"{outcome.scenario.id} {met} of {len(outcome.judged)} met in {outcome.took_s:.0f} s{missed}"


def _put_tried(one: Tried) -> None:
    missed = f", missed: {', '.join(one.missed)}" if one.missed else ""
    colour = "red" if one.missed else "green"
    put(f"{one.at[:16]}  {one.scenario:8} ", style(f"{len(one.met)} met{missed}", fg=colour), f"  {one.entry}")


def _put_covered(one: Covered) -> None:
    if not one.scenarios:
        put(style(f"  {one.service:28} never tried", fg="red" if one.critical else None))
        return
    held = style("held", fg="green") if one.held else style("something was missed", fg="red")
    put(f"  {one.service:28} {', '.join(one.scenarios)}: ", held)


# -- what is meant --------------------------------------------------------------------------------------------------------


def _scenarios(ids: Sequence[str]) -> Sequence[Scenario]:
    """Those of these ids, or all."""
    from cityward.exercises.scenarios import find_scenarios

    known = find_scenarios()
    for id_ in ids:
        if id_.upper() not in known:
            raise click.UsageError(f"there is no scenario `{id_}`; see `cityward exercise list`")
    return [known[id_.upper()] for id_ in dict.fromkeys(ids)] if ids else list(known.values())


def _place_of(place: Path | None, state: Path | None) -> Path:
    from cityward.compose.home import Home, read_city_file
    from cityward.compose.places import demo_place

    if place is not None:
        return place
    return demo_place() if state is None else Path(read_city_file(Home(state)).place)

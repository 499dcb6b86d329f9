"""`cityward bench services`: what the services and the forecasts are worth, on recorded public data.

Lives here: one subcommand for each part. A part is the work of one module of `compose`, loaded when it is asked for; it offers
`run_bench_<part>(data, tell, **options)` and answers with tables. Does not live here: what is measured, and how.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cityward import __version__
from cityward.cli.bench.tables import listed, print_table
from cityward.cli.groups import Group
from cityward.cli.words import aside, put_json

EXAMPLES = """
\b
Examples:
  cityward bench services forecasts --data recorded
  cityward bench services waste routing --data recorded --instances 10
  cityward bench services transport arrivals --feeds recorded/transport_nyct_sequence
\b
The folder of recorded data has one folder for each public data set; what is not there is left out, aloud. Everything is seeded: a
second run prints the same.
"""

DATA = click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Recorded data."
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


@click.group("services", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Measure forecasts, lighting, waste and transport on recorded public data."""


@command.command("forecasts")
@DATA
@click.option(
    "--los-judged",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rows of LOS-loop that follow the recorded ones: judge these, learn from all recorded ones.",
)
@click.option("--only", default="", help="Only these data sets, by comma.")
@click.option("--library", is_flag=True, help="Beside them the library's model (needs the extra `forecast`).")
@AS_JSON
def forecasts(data: Path, los_judged: Path | None, only: str, library: bool, as_json: bool) -> None:
    """Errors of forecasts at each horizon, against the last value and the seasons; how often the intervals held."""
    _show("forecasts", as_json, data, aside, los_judged=los_judged, only=listed(only), library=library)


@command.command("lighting")
@DATA
@AS_JSON
def lighting(data: Path, as_json: bool) -> None:
    """Light that is dimmed within its class, and faults found in what a lighting line draws."""
    _show("lighting", as_json, data, aside)


@command.command("waste")
@click.argument("parts", nargs=-1, type=click.Choice(["emptying", "dispatch", "routing"]))
@DATA
@click.option(
    "--judged",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Emptyings kept aside, in the same form: learn from all recorded ones, judge these.",
)
@click.option("--whole", is_flag=True, help="All instances at the published budget: hours.")
@click.option(
    "--budget",
    type=click.FloatRange(0, 60),
    default=0.0,
    help="Seconds of processor time for each place of an instance.",
)
@click.option("--instances", type=click.IntRange(0, 100), default=0, help="So many instances, smallest first.")
@click.option("--skip", type=click.IntRange(0, 100), default=0, help="Leave out so many of the smallest instances.")
@click.option("--seed", type=click.IntRange(0, 10**6), default=1, help="Of the simulated world, and of the solver.")
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append each instance to this file; what stands there is not measured again.",
)
@AS_JSON
def waste(parts: tuple[str, ...], data: Path, as_json: bool, **options: Any) -> None:
    """Emptyings recognised, overflowing hours against kilometres, rounds beside the best known ones."""
    _show("waste", as_json, data, aside, parts=parts, **options)


@command.group("transport")
def transport() -> None:
    """Live feeds held to the published rules, and predicted arrivals."""


@transport.command("feeds")
@DATA
@AS_JSON
def feeds(data: Path, as_json: bool) -> None:
    """Cases with one known defect: whether it was named, and whether feeds without defects stay without findings."""
    _show("feeds", as_json, data, aside)


@transport.command("arrivals")
@click.option(
    "--feeds",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="A sequence of live feeds, in the order of their names.",
)
@click.option(
    "--history",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="An earlier sequence to learn from.",
)
@AS_JSON
def arrivals(folder: Path, history: Path | None, as_json: bool) -> None:
    """Predicted arrivals beside the agency's own."""
    _show("arrivals", as_json, folder, history=history)


def _show(part: str, as_json: bool, *arguments: object, **options: object) -> None:
    tables: Sequence[Any] = _runner(part)(*arguments, **options)
    if as_json:
        put_json({"cityward": __version__, "part": part, "tables": tables})
        return
    for table in tables:
        print_table(table)


def _runner(part: str) -> Any:
    """What measures a part, loaded when it is asked for: the libraries behind it are slow to load."""
    if part == "forecasts":
        from cityward.compose.bench.forecasts import run_bench_forecasts as run
    elif part == "lighting":
        from cityward.compose.bench.lighting import run_bench_lighting as run
    elif part == "waste":
        from cityward.compose.bench.waste import run_bench_waste as run
    elif part == "feeds":
        from cityward.compose.bench.feeds import run_bench_feeds as run
    else:
        from cityward.compose.bench.arrivals import run_bench_arrivals as run
    return run

"""`cityward bench signals`: what our signal controllers are worth, beside the city's own programme and the known ones, on SUMO.

Does not live here: what is measured, and how (`compose.bench.signals`, loaded when it is used).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cityward import __version__
from cityward.cli.bench.tables import print_table
from cityward.cli.groups import Group
from cityward.cli.words import aside, put_json

if TYPE_CHECKING:
    from cityward.compose.bench.signals import Measured

EXAMPLES = """
\b
Examples:
  cityward bench signals table --data recorded
  cityward bench signals table --data recorded --scenario cologne1 --controller programme --controller max-wave --seeds 2
  cityward bench signals attacks --data recorded --scenario ingolstadt7 --controller max-wave-guarded
  cityward bench signals step --controller max-wave-guarded
  cityward bench signals safety --data recorded
\b
A scenario is a folder with one `.sumocfg`. Nothing is written beside it. Needs the extra `street` (libsumo). A run is seeded: a
second one gives the same, in the same SUMO. Tables of other versions of SUMO cannot be compared with these.
"""

DATA = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    envvar="CITYWARD_DATA",
    show_envvar=True,
    help="Folder with scenarios of SUMO below it.",
)
SCENARIO = click.option("--scenario", "scenarios", multiple=True, help="Only this one; may be repeated.")
UNTIL = click.option("--until", "until_s", type=click.FloatRange(1, 86_400), help="Stop after so many seconds.")
AT_ONCE = click.option(
    "--at-once", type=click.IntRange(0, 64), default=0, help="Processes at once (default: one for each core)."
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, every run in it.")


@click.group("signals", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """Measure signal controllers on scenarios of SUMO."""


@command.command("table")
@DATA
@SCENARIO
@click.option(
    "--controller", "controllers", multiple=True, help="Only this one; may be repeated. `module:name` for research."
)
@click.option("--seeds", type=click.IntRange(1, 100), default=5, show_default=True, help="So many seeds, from 1.")
@click.option(
    "--lift-after",
    "lift_after_s",
    type=click.FloatRange(-1, 86_400),
    help="SUMO lifts who stands so long over the jam; -1: never (default: never, or as a configuration without an end has it).",
)
@UNTIL
@AT_ONCE
@AS_JSON
def table(as_json: bool, data: Path, **options: Any) -> None:
    """Delay of everybody who wants to travel, waiting, queues and the monitor's counts: every controller on every scenario."""
    from cityward.compose.bench.signals import run_table

    _show("table", as_json, run_table(data, aside, **options))


@command.command("attacks")
@DATA
@SCENARIO
@click.option("--controller", required=True, help="Which one is attacked.")
@click.option("--attack", "kinds", multiple=True, help="Only this one, by its name in the table; may be repeated.")
@click.option("--seed", type=click.IntRange(1, 1_000_000), default=1, show_default=True)
@click.option(
    "--noticed-after",
    "noticed_after_s",
    type=click.FloatRange(0, 86_400),
    help="Seconds until the watch disbelieves lying detectors (default: never).",
)
@UNTIL
@AT_ONCE
@AS_JSON
def attacks(as_json: bool, data: Path, **options: Any) -> None:
    """Forged detectors, ghost requests, a hostile junction, a cut link: the delay beside a clean run and the city's plan."""
    from cityward.compose.bench.signals import run_attacks

    _show("attacks", as_json, run_attacks(data, aside, **options))


@command.command("step")
@click.option("--controller", required=True, help="Which one is timed.")
@click.option("--sizes", type=click.IntRange(1, 10_000), multiple=True, default=(100, 300, 1000), show_default=True)
@AS_JSON
def step(controller: str, sizes: Sequence[int], as_json: bool) -> None:
    """The time of one second's decision and judgement, for many junctions."""
    from cityward.compose.bench.signals import Measured, run_step

    _show("step", as_json, Measured(run_step(controller, sizes), ()))


@command.command("safety")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="CITYWARD_DATA",
    show_envvar=True,
    help="Folder with scenarios of SUMO below it (default: junctions that are made up).",
)
@SCENARIO
@click.option("--signal-seconds", type=click.IntRange(1000, 10**9), default=10_000_000, show_default=True)
@click.option("--seed", type=click.IntRange(1, 1_000_000), default=1, show_default=True)
@AS_JSON
def safety(as_json: bool, data: Path | None, **options: Any) -> None:
    """Hostile centres drive every junction; an independent monitor counts what was shown. Needs no SUMO, only its nets."""
    from cityward.compose.bench.signals import Measured, run_safety

    found = run_safety(data, aside, **options)
    _show("safety", as_json, Measured([found], ()))


def _show(part: str, as_json: bool, found: Measured) -> None:
    if as_json:
        put_json({"cityward": __version__, "part": part, "tables": found.tables, "runs": found.scores})
        return
    for one in found.tables:
        print_table(one)

"""`cityward bench watch`: the watch on attacked cities and on the published boards, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward import __version__
from cityward.cli.bench.tables import listed, machine, print_table
from cityward.cli.words import aside, put_json

if TYPE_CHECKING:
    from cityward.compose.bench.watch import Table

EXAMPLES = """
\b
Examples:
  cityward bench watch --city --data recorded
  cityward bench watch --nab --data recorded --json | jq '.parts.nab[0].verdict'
  cityward bench watch --city --cities los-loop --detectors step-bias,drift --data recorded
\b
The folder of recorded data has one folder for each public data set (docs/watch-bench.md names them); what is not there is left
out, aloud. Everything is seeded: a second run prints the same.
"""


@click.command("watch", epilog=EXAMPLES)
@click.option("--city", "parts", flag_value="city", multiple=True, help="Attacks injected into recorded cities.")
@click.option("--nab", "parts", flag_value="nab", multiple=True, help="The Numenta Anomaly Benchmark.")
@click.option("--vus", "parts", flag_value="vus", multiple=True, help="Sub-sequence VUS-PR, beside TSB-AD's table.")
@click.option("--batadal", "parts", flag_value="batadal", multiple=True, help="The water network's attacks.")
@click.option("--skab", "parts", flag_value="skab", multiple=True, help="The laboratory's water loop.")
@click.option(
    "--cost", "parts", flag_value="cost", multiple=True, help="Observations a second with the watch on and off."
)
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Recorded data."
)
@click.option("--cities", default="", help="Only these recorded cities, by comma (with --city).")
@click.option("--detectors", default="", help="Only these detectors, by comma (with --city).")
@click.option("--seed", type=int, default=1, show_default=True, help="Of targets and noise (with --city).")
@click.option(
    "--split",
    type=click.Choice(("judged", "learned")),
    default="judged",
    show_default=True,
    help="Judge the later part, or, to change a detector by, the end of the one learned from (with --city).",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(
    parts: tuple[str, ...], data: Path, cities: str, detectors: str, seed: int, split: str, as_json: bool
) -> None:
    """Attack recorded cities, and score the watch on the published boards."""
    from cityward.compose.bench.watch import run_watch

    if not parts:
        raise click.UsageError("name a part: --city, --nab, --vus, --batadal, --skab or --cost")
    found: dict[str, Sequence[Table]] = {}
    for part in dict.fromkeys(parts):
        options: dict[str, object] = {}
        if part == "city":
            options = {"only": listed(detectors), "names": listed(cities), "seed": seed, "split": split}
        found[part] = run_watch(part, data, aside, **options)
    if as_json:
        put_json({"cityward": __version__, "machine": machine(), "parts": found})
        return
    for table in (table for tables in found.values() for table in tables):
        print_table(table)

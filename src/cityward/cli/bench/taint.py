"""`cityward bench taint`: what one device's data touched, in a big history."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from cityward.cli.bench.tables import machine
from cityward.cli.words import aside, put, put_json


@click.command("taint")
@click.option("--observations", type=click.IntRange(100_000, 200_000_000), default=10_000_000, show_default=True)
@click.option("--devices", type=click.IntRange(10, 100_000), default=1000, show_default=True)
@click.option("--days", type=click.IntRange(1, 365), default=10, show_default=True)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the history is made (default: a temporary folder)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(observations: int, devices: int, days: int, folder: Path | None, as_json: bool) -> None:
    """How long it takes, over a big history, to say what one device's data touched, and to take a day of it back."""
    from cityward.compose.bench.town import measure_taint

    with tempfile.TemporaryDirectory(prefix="cityward-bench-", dir=folder) as made:
        found = measure_taint(Path(made), observations=observations, devices=devices, days=days, tell=aside)
    if as_json:
        put_json({"machine": machine(), "taint": found})
        return
    put(f"{found.observations:,} observations of {found.devices:,} devices in {found.days} days, {found.parts} files")
    for what, seconds in (
        ("what a day of one device touched, median", found.day_s),
        ("the same, slowest", found.slowest_day_s),
        ("what all its time touched, median", found.all_s),
        ("the same, slowest", found.slowest_all_s),
        ("the first question of a process", found.fresh_s),
        (f"retract a day ({found.rows_of_a_day:,} rows, {found.hours_made} hours made again)", found.retract_day_s),
        ("clear it again", found.clear_s),
    ):
        put(f"  {what:60} {seconds * 1000:9,.0f} ms")

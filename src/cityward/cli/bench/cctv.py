"""`cityward bench cctv`: what is told of pictures, beside what a person sees in them and what OpenCV tells of them."""

from __future__ import annotations

from pathlib import Path

import click

from cityward import __version__
from cityward.cli.bench.tables import print_table
from cityward.cli.words import aside, put_json

EXAMPLES = """
\b
Examples:
  cityward bench cctv --data recorded
  cityward bench cctv --data recorded --part counting --part heads
  cityward bench cctv --data recorded --json | jq '.tables[0].rows'
\b
The folder of recorded data holds `cctv_cdnet_highway` (frames and what moves in them, as others annotated it) and `cctv` (clips).
"""
PARTS = ("foreground", "counting", "heads", "plates", "tampering", "speed")


@click.command("cctv", epilog=EXAMPLES)
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Recorded data."
)
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="Only this; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(data: Path, parts: tuple[str, ...], as_json: bool) -> None:
    """Foreground, counts, heads and plates covered, troubles told and speed, each beside what it is judged by."""
    from cityward.compose.bench.cctv import run_bench_cctv

    tables = run_bench_cctv(data, parts, aside)
    if as_json:
        put_json({"cityward": __version__, "part": "cctv", "tables": tables})
        return
    for table in tables:
        print_table(table)

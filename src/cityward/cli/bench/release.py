"""`cityward bench release`: rows a second with the gate and without, decisions beside other engines."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from cityward import __version__
from cityward.cli.bench.tables import listed, machine, print_table
from cityward.cli.words import aside, put_json

EXAMPLES = """
\b
Examples:
  cityward bench release
  cityward bench release --rows 200000 --encodings parquet --json | jq '.tables[0].verdict'
\b
Rows are read from the same history, decided, put into each form, digested and encoded; the raw way reads and encodes them without
the gate. Rates are per processor second, all threads counted; ratios within one run say more than the rates.
"""


@click.command("release", epilog=EXAMPLES)
@click.option("--rows", type=click.IntRange(10_000, 10_000_000), default=500_000, show_default=True)
@click.option("--devices", type=click.IntRange(10, 100_000), default=1000, show_default=True)
@click.option("--encodings", default="jsonl,csv,parquet,arrow", show_default=True, help="By comma.")
@click.option(
    "--rounds", type=click.IntRange(1, 25), default=5, show_default=True, help="The median of so many is told."
)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the history is made (default: a temporary folder)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(rows: int, devices: int, encodings: str, rounds: int, folder: Path | None, as_json: bool) -> None:
    """Released rows per second, with the gate and without; decisions per second, beside Cedar and Casbin."""
    from cityward.compose.bench.release import FORMATS, run_bench_release

    asked = listed(encodings)
    if not asked or not set(asked) <= set(FORMATS):
        raise click.UsageError(f"--encodings takes {', '.join(FORMATS)}")
    with tempfile.TemporaryDirectory(prefix="cityward-release-", dir=folder) as made:
        tables = run_bench_release(Path(made), rows=rows, devices=devices, encodings=asked, rounds=rounds, tell=aside)
    if as_json:
        put_json({"cityward": __version__, "machine": machine(), "tables": tables})
        return
    for table in tables:
        print_table(table)

"""`cityward bench console`: what the console costs a browser, and what open consoles cost the web door."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from cityward import __version__
from cityward.cli.bench.tables import print_table
from cityward.cli.words import aside, put_json

EXAMPLES = """
\b
Examples:
  cityward bench console
  cityward bench console --seconds 10 --consoles 0 --consoles 500 --no-browser
  cityward bench console --json | jq '.tables[0].verdict'
\b
A made place, its state store filled at a steady rate, the real door and the real console; a Chromium must be on the machine. All
of it runs here, so what is told is processor time, and the machine should be quiet.
"""


@click.command("console", epilog=EXAMPLES)
@click.option("--devices", type=click.IntRange(50, 50_000), default=5000, show_default=True, help="Live devices.")
@click.option("--changes", type=click.IntRange(4, 20_000), default=1000, show_default=True, help="Changes a second.")
@click.option(
    "--consoles", type=click.IntRange(0, 500), multiple=True, default=(0, 1, 50, 500), show_default=True,
    help="So many listen; may be given again, the fewest first.",
)  # fmt: skip
@click.option("--seconds", type=click.IntRange(2, 600), default=30, show_default=True, help="Of each measurement.")
@click.option("--loads", type=click.IntRange(0, 20), default=3, show_default=True, help="How often the map is opened.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Look at it with a Chromium, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(
    devices: int, changes: int, consoles: tuple[int, ...], seconds: int, loads: int, browser: bool, as_json: bool
) -> None:
    """Main-thread time of the console, the time to its first map, and what open consoles cost the door."""
    from cityward.compose.bench.console import Wanted, run_bench_console
    from cityward.compose.logs import log_to_stderr

    log_to_stderr("bench")
    wanted = Wanted(devices, changes, tuple(sorted(consoles)), seconds, loads, browser)
    with tempfile.TemporaryDirectory(prefix="cityward-bench-") as folder:
        tables = run_bench_console(Path(folder), wanted, aside)
    if as_json:
        put_json({"cityward": __version__, "part": "console", "tables": tables})
        return
    for table in tables:
        print_table(table)

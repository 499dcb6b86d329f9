"""`cityward bench doors`: how fast devices come in, and how fast they are out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import msgspec

from cityward import __version__
from cityward.cli.bench.tables import machine
from cityward.cli.words import aside, put, put_json


@click.command("doors")
@click.option("--devices", type=click.IntRange(10, 50_000), default=10_000, show_default=True, help="Barred at once.")
@click.option("--revocations", type=click.IntRange(1, 1000), default=20, show_default=True, help="One by one, before.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the town is made (default: a temporary folder).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(devices: int, revocations: int, folder: Path | None, as_json: bool) -> None:
    """How fast devices come in at the broker, and how fast a revocation or an isolation has them out."""
    from cityward.compose.bench.doors import run_bench_doors
    from cityward.compose.logs import log_to_stderr

    log_to_stderr("bench")

    with tempfile.TemporaryDirectory(prefix="cityward-doors-", dir=folder) as made:
        found = run_bench_doors(Path(made), devices, revocations, aside)
    if as_json:
        put_json({"cityward": __version__, "machine": machine(), **msgspec.to_builtins(found)})
        return
    median, p99, most = found.entry_ms
    put(
        f"let in       {found.devices:,} in {found.entered_s:.1f} s; one took {median:.0f} ms (99 %: {p99:.0f}, most {most:.0f})"
    )
    put(
        f"revoked      {found.revocations} one by one, cut off after {found.revoked_s[0]:.2f} s (most {found.revoked_s[1]:.2f} s)"
    )
    put(f"isolated     {found.isolated:,} at once, the last cut off after {found.isolated_s:.2f} s")
    put(f"             processor seconds: {', '.join(f'{role} {s:.2f}' for role, s in found.cpu_s.items())}")
    put(f"came again   {found.again}, of them turned away {found.refused}")

"""`cityward bench soak`: the memory of each process at full speed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from cityward.cli.words import aside, put, put_json


@click.command("soak")
@click.option("--minutes", type=click.FloatRange(0.1, 24 * 60), default=60.0, show_default=True, help="How long.")
@click.option("--devices", type=click.IntRange(20, 10_000), default=100, show_default=True, help="Declared devices.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the city is made (default: a temporary folder).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(minutes: float, devices: int, folder: Path | None, as_json: bool) -> None:
    """Full speed for an hour: the resident memory of every process, and how it grows."""
    from cityward.compose.bench.town import Sample, growth_mb_per_hour, rates, run_soak
    from cityward.compose.logs import log_to_stderr

    log_to_stderr("bench")
    shown = -60.0

    def tell(sample: Sample) -> None:
        nonlocal shown
        if sample.at_s - shown >= 60:
            shown = sample.at_s
            memory = "  ".join(f"{role} {mb:,.0f}" for role, mb in sample.resident_mb.items())
            aside(
                f"{sample.at_s / 60:5.1f} min  {sample.held:>13,} held  MB: {memory}  disk {sample.disk_mb:,.0f}",
            )

    with tempfile.TemporaryDirectory(prefix="cityward-soak-", dir=folder) as made:
        samples = run_soak(Path(made), devices=devices, minutes=minutes, tell=tell)
    growth = {role: growth_mb_per_hour(samples, role) for role in samples[-1].resident_mb}
    if as_json:
        document = {"samples": samples, "growth_mb_per_hour": growth}
        put_json(document)
        return
    speeds = sorted(rates(samples)) or [0.0]
    put(f"{samples[-1].held:,} observations held, median {speeds[len(speeds) // 2]:,.0f}/s")
    for role, slope in growth.items():
        put(f"  {role:10} {samples[-1].resident_mb[role]:8,.0f} MB at the end, {slope:+8.1f} MB/h over the second half")

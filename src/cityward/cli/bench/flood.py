"""`cityward bench flood`: what critical devices keep while many identities flood."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cityward import __version__
from cityward.cli.bench.tables import machine
from cityward.cli.words import aside, put, put_json

if TYPE_CHECKING:
    from cityward.compose.bench.flood import Flooded, Phase

EXAMPLES = """
\b
Examples:
  cityward bench flood
  cityward bench flood --seconds 60 --flooders 200 --json | jq .phases
\b
The steady devices send all the time; first nobody floods, then each flood in turn. Held: evidence, history and state committed.
Everything runs on this one machine, the flood included; ratios to the phase in which nobody floods say more than the times.
"""


@click.command("flood", epilog=EXAMPLES)
@click.option("--seconds", type=click.FloatRange(2, 3600), default=20.0, show_default=True, help="Each phase.")
@click.option("--flooders", type=click.IntRange(1, 1000), default=100, show_default=True, help="Identities that flood.")
@click.option("--critical", type=click.IntRange(1, 1000), default=20, show_default=True, help="Critical devices.")
@click.option(
    "--per-second", type=click.FloatRange(0.1, 100), default=5.0, show_default=True, help="Of each steady device."
)
@click.option("--folder", type=click.Path(path_type=Path), help="Where the town is made (default: a temporary folder).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(
    seconds: float, flooders: int, critical: int, per_second: float, folder: Path | None, as_json: bool
) -> None:
    """What critical devices keep of their rate and latency while many identities flood."""
    from cityward.compose.bench.flood import Plan, run_bench_flood
    from cityward.compose.logs import log_to_stderr

    log_to_stderr("bench")

    plan = Plan(seconds=seconds, critical=critical, routine=critical, flooders=flooders, per_second=per_second)
    with tempfile.TemporaryDirectory(prefix="cityward-flood-", dir=folder) as made:
        found = run_bench_flood(Path(made), plan, aside)
    if as_json:
        put_json({"cityward": __version__, "machine": machine(), **msgspec.to_builtins(found)})
        return
    for phase in found.phases:
        _print_phase(phase, found)


def _print_phase(phase: Phase, found: Flooded) -> None:
    readings, calm = phase.offered_readings / phase.seconds, found.phases[0]
    put(f"\n{phase.name}: {phase.offered:,} messages, {readings / found.capacity_s:.1f} x capacity in readings")
    told = f"acknowledged {phase.acknowledged:,}, shed {phase.shed:,} readings or messages, admitted {phase.admitted_of_flood:,}"
    put(f"  of the flood: {told}, cut off {phase.cut_off}, turned away {phase.turned_away}")
    for side, norm in zip(phase.sides, calm.sides, strict=True):
        rates = f"sent {side.sent:,}, acknowledged {side.acknowledged:,}, held {side.held_share:.2%}"
        put(f"  {side.group:9} {rates}, cut off {side.cut_off}")
        for name, took, usual in (("PUBACK", side.puback, norm.puback), ("held", side.holding, norm.holding)):
            if took.count and usual.count:
                ratios = f"{took.p50 / usual.p50:.1f} x and {took.p99 / usual.p99:.1f} x the calm phase"
                put(f"    {name:7} p50 {took.p50 * 1e3:8,.1f} ms  p99 {took.p99 * 1e3:8,.1f} ms   {ratios}")
    memory = "  ".join(f"{role} {mb:,.0f}" for role, mb in phase.resident_mb.items())
    put(f"  MB at most: {memory}; judged {phase.behind_s:.1f} s after the end")

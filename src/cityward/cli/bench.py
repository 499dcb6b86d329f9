"""`cityward bench`: measures the chain on this machine, in one run, beside what one would write oneself."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cityward import __version__

if TYPE_CHECKING:
    from cityward.compose.bench import Measurement

EXAMPLES = """
\b
Examples:
  cityward bench ingest
  cityward bench ingest --observations 20000 --json | jq .cases
\b
Each rate is observations durably held (evidence, history and state committed, counted and balanced) per second, from the first
publication. Per worker core: per second of processor time that the worker used. Everything runs on this one machine, the load
included; ratios within one run say more than the rates.
"""

GATED, UNGATED = "cityward, gate on", "cityward, gate off"


@click.group("bench", epilog=EXAMPLES)
def command() -> None:
    """Measure the chain on this machine."""


@command.command("ingest", epilog=EXAMPLES)
@click.option("--devices", type=click.IntRange(300, 10_000), default=1000, show_default=True, help="Declared devices.")
@click.option(
    "--observations",
    type=click.IntRange(1000, 10_000_000),
    default=100_000,
    show_default=True,
    help="As single messages; ten times as many in packs and batches.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the cities are made (default: a temporary folder)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def ingest(devices: int, observations: int, folder: Path | None, as_json: bool) -> None:
    """Observations per second from the front door to durably held: gate on, gate off, and Mosquitto + paho + SQLite."""
    from cityward.compose.bench import run_bench_ingest

    def tell(text: str) -> None:
        click.echo(text, err=True)

    with tempfile.TemporaryDirectory(prefix="cityward-bench-", dir=folder) as made:
        found = run_bench_ingest(Path(made), devices=devices, observations=observations, tell=tell)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(_document(found)), indent=2))
    else:
        _print(found)


def _document(found: Sequence[Measurement]) -> dict[str, Any]:
    rates = {(m.system, m.case): m.rate for m in found}
    return {
        "cityward": __version__,
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "cases": [
            {
                **msgspec.to_builtins(m),
                "per_second": m.rate,
                "per_worker_core": m.rate_per_worker_core,
                "of_gate_off": _ratio(rates.get((m.system, m.case)), rates.get((UNGATED, m.case))),
            }
            for m in found
        ],
    }


def _ratio(a: float | None, b: float | None) -> float | None:
    return a / b if a and b else None


def _print(found: Sequence[Measurement]) -> None:
    for case in dict.fromkeys(m.case for m in found):
        mine = {m.system: m for m in found if m.case == case}
        click.echo(f"\n{case}")
        click.echo(f"  {'':28}{'held/s':>12}{'acked/s':>12}{'per worker core':>18}   processor seconds")
        for system, m in mine.items():
            cpu = "  ".join(f"{role} {seconds:.1f}" for role, seconds in m.cpu_s.items() if seconds >= 0.05)
            acked = m.observations / m.acknowledged_s
            click.echo(f"  {system:28}{m.rate:>12,.0f}{acked:>12,.0f}{m.rate_per_worker_core:>18,.0f}   {cpu}")
        _print_ratios(mine)


def _print_ratios(mine: dict[str, Measurement]) -> None:
    gated = mine.get(GATED)
    if gated is None:
        return
    for other in (m for name, m in mine.items() if name != GATED):
        click.echo(
            f"  gate on / {other.system}: {gated.rate / other.rate:.2f} held/s, "
            f"{gated.rate_per_worker_core / other.rate_per_worker_core:.2f} per worker core"
        )
    if gated.rooms_s and gated.worker_s:
        shares = sorted(gated.rooms_s.items(), key=lambda item: -item[1])
        told = ", ".join(f"{room} {seconds / gated.worker_s:.0%}" for room, seconds in shares if seconds > 0)
        rest = max(0.0, 1 - sum(gated.rooms_s.values()) / gated.worker_s)
        click.echo(
            f"  the worker's time by room, gate on: {told}, the rest {rest:.0%} (reading the log, waiting, threads)"
        )

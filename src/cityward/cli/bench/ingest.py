"""`cityward bench ingest`: the front doors, in one run, beside what one would write oneself."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cityward import __version__
from cityward.cli.bench.tables import machine
from cityward.cli.words import aside, put, put_json

if TYPE_CHECKING:
    from cityward.compose.bench.town import Measurement

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

GATED = "cityward, gate on"


@click.command("ingest", epilog=EXAMPLES)
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
@click.option(
    "--rounds", type=click.IntRange(1, 25), default=3, show_default=True, help="The median of so many is told."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(devices: int, observations: int, rounds: int, folder: Path | None, as_json: bool) -> None:
    """Observations per second from the front door to durably held: gate on, gate off, and Mosquitto + paho + SQLite."""
    from cityward.compose.bench.town import devices_needed, run_bench_ingest
    from cityward.compose.logs import log_to_stderr

    if devices < devices_needed(rounds):
        raise click.UsageError(f"{rounds} rounds need --devices {devices_needed(rounds)}: no device speaks twice")

    log_to_stderr("bench")

    with tempfile.TemporaryDirectory(prefix="cityward-bench-", dir=folder) as made:
        found = run_bench_ingest(Path(made), devices=devices, observations=observations, rounds=rounds, tell=aside)
    if as_json:
        put_json(_document(found))
    else:
        _print(found)


def _medians(found: Sequence[Measurement]) -> dict[str, dict[str, Measurement]]:
    """case -> system -> the measurement with the median rate (of an even number the lower one)."""
    runs: dict[str, dict[str, list[Measurement]]] = {}
    for one in found:
        runs.setdefault(one.case, {}).setdefault(one.system, []).append(one)
    return {
        case: {name: sorted(many, key=lambda m: m.rate)[(len(many) - 1) // 2] for name, many in systems.items()}
        for case, systems in runs.items()
    }


def _ratios(mine: dict[str, Measurement]) -> dict[str, dict[str, float]]:
    """The gated city beside each other system: by rate, and by processor time of the worker."""
    gated = mine.get(GATED)
    if gated is None:
        return {}
    return {
        name: {"held": gated.rate / m.rate, "per_worker_core": gated.rate_per_worker_core / m.rate_per_worker_core}
        for name, m in mine.items()
        if name != GATED and m.worker_s and gated.worker_s
    }


def _document(found: Sequence[Measurement]) -> dict[str, Any]:
    medians = _medians(found)
    return {
        "cityward": __version__,
        "machine": machine(),
        "medians": {case: {name: _told(m) for name, m in mine.items()} for case, mine in medians.items()},
        "gate_on_to": {case: _ratios(mine) for case, mine in medians.items()},
        "runs": [_told(m) for m in found],
    }


def _told(m: Measurement) -> dict[str, Any]:
    return {**msgspec.to_builtins(m), "per_second": m.rate, "per_worker_core": m.rate_per_worker_core}


def _print(found: Sequence[Measurement]) -> None:
    for case, mine in _medians(found).items():
        put(f"\n{case}")
        put(f"  {'median':27}{'held/s':>10}{'(lowest-highest)':>20}{'per worker core':>17}   processor seconds")
        for system, m in mine.items():
            rates = [one.rate for one in found if (one.case, one.system) == (case, system)]
            spread = f"({min(rates):,.0f}-{max(rates):,.0f})"
            cpu = "  ".join(f"{role} {seconds:.1f}" for role, seconds in m.cpu_s.items() if seconds >= 0.05)
            put(f"  {system:27}{m.rate:>10,.0f}{spread:>20}{m.rate_per_worker_core:>17,.0f}   {cpu}")
        for other, ratio in _ratios(mine).items():
            put(f"  gate on / {other}: {ratio['held']:.2f} held, {ratio['per_worker_core']:.2f} per worker core")
        _print_rooms(mine.get(GATED))


def _print_rooms(gated: Measurement | None) -> None:
    if gated is None or not gated.rooms_s or not gated.worker_s:
        return
    shares = sorted(gated.rooms_s.items(), key=lambda item: -item[1])
    told = ", ".join(f"{room} {seconds / gated.worker_s:.0%}" for room, seconds in shares if seconds > 0)
    rest = max(0.0, 1 - sum(gated.rooms_s.values()) / gated.worker_s)
    put(f"  the worker's time by room, gate on: {told}, the rest {rest:.0%} (reading the log, threads of the engines)")

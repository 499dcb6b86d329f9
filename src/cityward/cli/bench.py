"""`cityward bench`: measures the chain on this machine, in one run, beside what one would write oneself."""

from __future__ import annotations

import importlib
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cityward import __version__
from cityward.cli.words import aside, put, put_json

if TYPE_CHECKING:
    from cityward.compose.bench.flood import Flooded, Phase
    from cityward.compose.bench.town import Measurement, ReachMeasurement
    from cityward.compose.bench.watch import Table

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

REACH_EXAMPLES = """
\b
Examples:
  cityward bench reach
  cityward bench reach --sizes 100000 --reference-s 0 --json | jq .sizes
\b
A link is a premise of a clause. Seconds are processor seconds of the one core that is used. From 60,000 links on a place has some
500 parties and 200 jurisdictions, however big it is; a smaller one 60 of each, for a city's parties alone are 48,000 links. The
reference follows the same links without ANDs and thresholds, so it finds more than is true, and both bounds take it two graphs.
"""

WATCH_EXAMPLES = """
\b
Examples:
  cityward bench watch --city --data recorded
  cityward bench watch --nab --data recorded --json | jq '.parts.nab[0].verdict'
  cityward bench watch --city --cities los-loop --detectors step-bias,drift --data recorded
\b
The folder of recorded data has one folder for each public data set (docs/watch-bench.md names them); what is not there is left
out, aloud. Everything is seeded: a second run prints the same.
"""

FLOOD_EXAMPLES = """
\b
Examples:
  cityward bench flood
  cityward bench flood --seconds 60 --flooders 200 --json | jq .phases
\b
The steady devices send all the time; first nobody floods, then each flood in turn. Held: evidence, history and state committed.
Everything runs on this one machine, the flood included; ratios to the phase in which nobody floods say more than the times.
"""

RELEASE_EXAMPLES = """
\b
Examples:
  cityward bench release
  cityward bench release --rows 200000 --encodings parquet --json | jq '.tables[0].verdict'
\b
Rows are read from the same history, decided, put into each form, digested and encoded; the raw way reads and encodes them without
the gate. Rates are per processor second, all threads counted; ratios within one run say more than the rates.
"""

GATED = "cityward, gate on"


APART = {
    "assurance": "cityward.cli.bench_assurance",
    "cctv": "cityward.cli.bench_cctv",
    "console": "cityward.cli.bench_console",
    "services": "cityward.cli.bench_services",
    "signals": "cityward.cli.bench_signals",
}
"""Group -> its own module, imported when it is used."""


class _Group(click.Group):
    """Some groups have a module of their own, imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *APART])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in APART:
            return super().get_command(ctx, cmd_name)
        found: click.Command = importlib.import_module(APART[cmd_name]).command
        return found


@click.group("bench", cls=_Group, epilog=EXAMPLES)
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
@click.option(
    "--rounds", type=click.IntRange(1, 25), default=3, show_default=True, help="The median of so many is told."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def ingest(devices: int, observations: int, rounds: int, folder: Path | None, as_json: bool) -> None:
    """Observations per second from the front door to durably held: gate on, gate off, and Mosquitto + paho + SQLite."""
    from cityward.compose.bench.town import devices_needed, run_bench_ingest
    from cityward.compose.logs import log_to_stderr

    if devices < devices_needed(rounds):
        raise click.UsageError(f"{rounds} rounds need --devices {devices_needed(rounds)}: no device speaks twice")

    log_to_stderr("bench")

    def tell(text: str) -> None:
        aside(text)

    with tempfile.TemporaryDirectory(prefix="cityward-bench-", dir=folder) as made:
        found = run_bench_ingest(Path(made), devices=devices, observations=observations, rounds=rounds, tell=tell)
    if as_json:
        put_json(_document(found))
    else:
        _print(found)


@command.command("reach", epilog=REACH_EXAMPLES)
@click.option(
    "--sizes",
    type=click.IntRange(10_000, 3_000_000),
    multiple=True,
    default=(10_000, 100_000, 1_000_000),
    show_default=True,
    help="Premise links of the places. May be given several times.",
)
@click.option(
    "--rounds", type=click.IntRange(1, 25), default=3, show_default=True, help="The median of so many is told."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The places are made from it.")
@click.option(
    "--reference-s",
    type=click.FloatRange(0, 3600),
    default=20.0,
    show_default=True,
    help="How long networkx may take at each size; 0 leaves it out.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def reach(sizes: tuple[int, ...], rounds: int, seed: int, reference_s: float, as_json: bool) -> None:
    """Who reaches what, both bounds, for every party and jurisdiction of big made-up places; beside networkx."""
    from cityward.compose.bench.town import bench_reach

    def tell(text: str) -> None:
        aside(text)

    found = bench_reach(sorted(set(sizes)), seed=seed, rounds=rounds, reference_s=reference_s, tell=tell)
    if as_json:
        document = {
            "cityward": __version__,
            "machine": _machine(),
            "seed": seed,
            "rounds": rounds,
            "sizes": [{**msgspec.to_builtins(m), "close_s": m.close_s} for m in found],
        }
        put_json(document)
    else:
        _print_reach(found)


@command.command("soak")
@click.option("--minutes", type=click.FloatRange(0.1, 24 * 60), default=60.0, show_default=True, help="How long.")
@click.option("--devices", type=click.IntRange(20, 10_000), default=100, show_default=True, help="Declared devices.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the city is made (default: a temporary folder).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def soak(minutes: float, devices: int, folder: Path | None, as_json: bool) -> None:
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


@command.command("watch", epilog=WATCH_EXAMPLES)
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
def watch(
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
            options = {"only": _listed(detectors), "names": _listed(cities), "seed": seed, "split": split}
        found[part] = run_watch(part, data, aside, **options)
    if as_json:
        put_json({"cityward": __version__, "machine": _machine(), "parts": found})
        return
    for table in (table for tables in found.values() for table in tables):
        _print_table(table)


@command.command("taint")
@click.option("--observations", type=click.IntRange(100_000, 200_000_000), default=10_000_000, show_default=True)
@click.option("--devices", type=click.IntRange(10, 100_000), default=1000, show_default=True)
@click.option("--days", type=click.IntRange(1, 365), default=10, show_default=True)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the history is made (default: a temporary folder)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def taint(observations: int, devices: int, days: int, folder: Path | None, as_json: bool) -> None:
    """How long it takes, over a big history, to say what one device's data touched, and to take a day of it back."""
    from cityward.compose.bench.town import measure_taint

    with tempfile.TemporaryDirectory(prefix="cityward-bench-", dir=folder) as made:
        found = measure_taint(Path(made), observations=observations, devices=devices, days=days, tell=aside)
    if as_json:
        put_json({"machine": _machine(), "taint": found})
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


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _print_table(table: Table) -> None:
    rows = [table.head, *(tuple(_cell(cell) for cell in row) for row in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.head))]
    put(f"\n{table.title}")
    for row in rows:
        put("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if table.verdict:
        put(f"  = {table.verdict}")
    for note in table.notes:
        put(f"  {note}")


def _cell(cell: str | float | None) -> str:
    if cell is None:
        return "-"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


@command.command("release", epilog=RELEASE_EXAMPLES)
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
def release(rows: int, devices: int, encodings: str, rounds: int, folder: Path | None, as_json: bool) -> None:
    """Released rows per second, with the gate and without; decisions per second, beside Cedar and Casbin."""
    from cityward.compose.bench.release import FORMATS, run_bench_release

    asked = _listed(encodings)
    if not asked or not set(asked) <= set(FORMATS):
        raise click.UsageError(f"--encodings takes {', '.join(FORMATS)}")
    with tempfile.TemporaryDirectory(prefix="cityward-release-", dir=folder) as made:
        tables = run_bench_release(Path(made), rows=rows, devices=devices, encodings=asked, rounds=rounds, tell=aside)
    if as_json:
        put_json({"cityward": __version__, "machine": _machine(), "tables": tables})
        return
    for table in tables:
        _print_table(table)


@command.command("flood", epilog=FLOOD_EXAMPLES)
@click.option("--seconds", type=click.FloatRange(2, 3600), default=20.0, show_default=True, help="Each phase.")
@click.option("--flooders", type=click.IntRange(1, 1000), default=100, show_default=True, help="Identities that flood.")
@click.option("--critical", type=click.IntRange(1, 1000), default=20, show_default=True, help="Critical devices.")
@click.option(
    "--per-second", type=click.FloatRange(0.1, 100), default=5.0, show_default=True, help="Of each steady device."
)
@click.option("--folder", type=click.Path(path_type=Path), help="Where the town is made (default: a temporary folder).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def flood(seconds: float, flooders: int, critical: int, per_second: float, folder: Path | None, as_json: bool) -> None:
    """What critical devices keep of their rate and latency while many identities flood."""
    from cityward.compose.bench.flood import Plan, run_bench_flood
    from cityward.compose.logs import log_to_stderr

    log_to_stderr("bench")

    def tell(text: str) -> None:
        aside(text)

    plan = Plan(seconds=seconds, critical=critical, routine=critical, flooders=flooders, per_second=per_second)
    with tempfile.TemporaryDirectory(prefix="cityward-flood-", dir=folder) as made:
        found = run_bench_flood(Path(made), plan, tell)
    if as_json:
        put_json({"cityward": __version__, "machine": _machine(), **msgspec.to_builtins(found)})
        return
    for phase in found.phases:
        _print_phase(phase, found)


@command.command("doors")
@click.option("--devices", type=click.IntRange(10, 50_000), default=10_000, show_default=True, help="Barred at once.")
@click.option("--revocations", type=click.IntRange(1, 1000), default=20, show_default=True, help="One by one, before.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the town is made (default: a temporary folder).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def doors(devices: int, revocations: int, folder: Path | None, as_json: bool) -> None:
    """How fast devices come in at the broker, and how fast a revocation or an isolation has them out."""
    from cityward.compose.bench.doors import run_bench_doors
    from cityward.compose.logs import log_to_stderr

    log_to_stderr("bench")

    def tell(text: str) -> None:
        aside(text)

    with tempfile.TemporaryDirectory(prefix="cityward-doors-", dir=folder) as made:
        found = run_bench_doors(Path(made), devices, revocations, tell)
    if as_json:
        put_json({"cityward": __version__, "machine": _machine(), **msgspec.to_builtins(found)})
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


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}


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
        "machine": _machine(),
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


def _print_reach(found: Sequence[ReachMeasurement]) -> None:
    before: ReachMeasurement | None = None
    for m in found:
        put(
            f"\n{m.links:,} links: {m.scenarios:,} scenarios ({m.parties} parties, {m.jurisdictions} jurisdictions), "
            f"{m.districts:,} districts, {m.nodes:,} nodes, {m.clauses:,} clauses, {m.held:,} hold"
        )
        put(f"  compile {m.compile_s:10.3f} s   {m.links / m.compile_s:>12,.0f} links/s")
        parts = f"plan {m.plan_s:.3f}, certain {m.lower_s:.3f}, possible {m.upper_s:.3f}"
        put(f"  close   {m.close_s:10.3f} s   {m.links / m.close_s:>12,.0f} links/s   ({parts})")
        put(f"  derive  {m.derive_s:10.4f} s   the slowest {m.slowest_derive_s:.4f} s")
        put(f"  whatif  {m.whatif_s:10.3f} s   one agreement more: compile and close again")
        if before is not None:
            compiled, closed = m.compile_s / before.compile_s, m.close_s / before.close_s
            put(f"  x {m.links / before.links:.1f} links: compile x {compiled:.1f}, close x {closed:.1f}")
        if (other := m.reference) is not None:
            asked = f"{other.asked:,} of {2 * m.scenarios:,} asked"
            put(f"  {other.name}: {other.close_s:.1f} s ({asked}; graphs {other.build_s:.1f} s)")
            put(f"  {other.name} / cityward: {other.close_s / m.close_s:.0f}")
        before = m

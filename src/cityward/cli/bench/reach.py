"""`cityward bench reach`: who reaches what in big made-up places, beside networkx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from cityward import __version__
from cityward.cli.bench.tables import machine
from cityward.cli.words import aside, put, put_json

if TYPE_CHECKING:
    from cityward.compose.bench.town import ReachMeasurement

EXAMPLES = """
\b
Examples:
  cityward bench reach
  cityward bench reach --sizes 100000 --reference-s 0 --json | jq .sizes
\b
A link is a premise of a clause. Seconds are processor seconds of the one core that is used. From 60,000 links on a place has some
500 parties and 200 jurisdictions, however big it is; a smaller one 60 of each, for a city's parties alone are 48,000 links. The
reference follows the same links without ANDs and thresholds, so it finds more than is true, and both bounds take it two graphs.
"""


@click.command("reach", epilog=EXAMPLES)
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
def command(sizes: tuple[int, ...], rounds: int, seed: int, reference_s: float, as_json: bool) -> None:
    """Who reaches what, both bounds, for every party and jurisdiction of big made-up places; beside networkx."""
    from cityward.compose.bench.town import bench_reach

    found = bench_reach(sorted(set(sizes)), seed=seed, rounds=rounds, reference_s=reference_s, tell=aside)
    if as_json:
        document = {
            "cityward": __version__,
            "machine": machine(),
            "seed": seed,
            "rounds": rounds,
            "sizes": [{**msgspec.to_builtins(m), "close_s": m.close_s} for m in found],
        }
        put_json(document)
    else:
        _print(found)


def _print(found: Sequence[ReachMeasurement]) -> None:
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

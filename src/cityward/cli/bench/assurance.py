"""`cityward bench assurance`: how long it takes to ask every control, and how that grows with the place."""

from __future__ import annotations

import click
import msgspec

from cityward import __version__
from cityward.cli.words import aside, put, put_json

EXAMPLES = """
\b
Examples:
  cityward bench assurance
  cityward bench assurance --assets 12000 --json | jq .growth
\b
A place of a quarter, a half, and all of the assets (systems, devices and groups), each with three flows for an asset and a log in
proportion. Processor seconds of one core; in step with the size a doubling takes twice as long.
"""
MOST_TOLD = 10


@click.command("assurance", epilog=EXAMPLES)
@click.option(
    "--assets", type=click.IntRange(200, 100_000), default=3000, show_default=True, help="Systems and devices."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(assets: int, as_json: bool) -> None:
    """Every control over big made-up places with a log, and how that grows."""
    from cityward.compose.bench.assurance import growth, run_bench_assurance

    sizes = run_bench_assurance(assets, aside)
    if as_json:
        told = [{**msgspec.to_builtins(one), "seconds": one.seconds} for one in sizes]
        put_json({"cityward": __version__, "sizes": told, "growth": growth(sizes)})
        return
    for one in sizes:
        put(
            f"{one.assets:,} assets, {one.flows:,} flows, {one.entries:,} entries: {one.seconds:.2f} s for "
            f"{len(one.controls)} controls and {one.subjects:,} subjects ({one.shared_s:.2f} s of it shared; the log "
            f"folded in {one.fold_s:.2f} s)"
        )
    put(f"each doubling takes {', '.join(f'{ratio:.2f}' for ratio in growth(sizes))} times as long")
    put("the slowest, in seconds at each size:")
    slowest = sorted(sizes[-1].controls.items(), key=lambda item: (-item[1], item[0]))[:MOST_TOLD]
    for name, _ in slowest:
        put(f"  {name}  " + "  ".join(f"{one.controls[name]:8.3f}" for one in sizes))

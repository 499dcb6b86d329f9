"""`cityward forecast`: what comes of a device's properties, how sure that is, and how good such forecasts were."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.words import lead, put_json, say
from cityward.time import MINUTE, iso

if TYPE_CHECKING:
    from cityward.insight.estimate import Estimate
    from cityward.insight.forecast.device import Rehearsed

EXAMPLES = """
\b
Examples:
  cityward forecast ring-road-loops-02 --state var/doggerford
  cityward forecast ring-road-loops-02 --state var/doggerford --json
\b
The forecast that the city made within the hour, where it is declared (`forecasts`); else one is made now, of the past 28 days
without what is marked. Exit 1: nothing can be said of any property.
"""


@click.command("forecast", epilog=EXAMPLES)
@click.argument("device", metavar="DEVICE")
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The state directory of the city.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(ctx: click.Context, device: str, state: Path, as_json: bool) -> None:
    """What will DEVICE read, with an interval that holds it four times in five, and how good such forecasts were."""
    from cityward.compose.asking.forecast import forecast

    answer = forecast(state, device)
    now, found = answer.now, answer.found
    if as_json:
        silent = [{"property": one.series.property, "why": one.why} for one in found.silent]
        document = {"now": iso(now), "estimates": found.estimates, "silent": silent, "rehearsed": found.rehearsed}
        put_json({"device": device, "kept": answer.kept, **document})
    else:
        whose = "as the city made it" if answer.kept else "made now"
        lead(f"{device} at {iso(now)}: {len(found.estimates)} estimates, {whose}.")
        so_far = {(one.property, one.horizon_us): one for one in found.rehearsed}
        for estimate in found.estimates:
            say(_line(estimate, so_far.get((estimate.property, estimate.at - estimate.made_at))), mark="- ")
        for one in found.silent:
            say(f"{one.series.property}: nothing is said; {one.why}", mark="- ")
    ctx.exit(0 if found.estimates else 1)


def _line(estimate: Estimate, so_far: Rehearsed | None) -> str:
    told = (
        f"{estimate.property} at {iso(estimate.at)}: {estimate.value:.4g} ({estimate.low:.4g} to {estimate.high:.4g})"
    )
    gaps = f", {estimate.missing:.0%} of its newest past is missing" if estimate.missing else ""
    if so_far is None:
        return f"{told} by {estimate.model}{gaps}"
    ahead = so_far.horizon_us // MINUTE
    than = "less" if so_far.skill >= 0 else "more"
    past = (
        f"{ahead} min ahead it was {so_far.mae:.3g} off on average, {abs(so_far.skill):.0%} {than} than the last value"
    )
    held = "" if so_far.coverage is None else f"; {so_far.coverage:.0%} of {so_far.count} lay within"
    return f"{told} by {estimate.model}{gaps}; {past}{held}"

"""`cityward replay`: recorded data through the real front door of a running city; the counts must balance."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cityward.cli import FINDINGS
from cityward.cli.words import aside, progress, put, put_json
from cityward.time import to_us

if TYPE_CHECKING:
    from cityward.compose.gathering.feed import Progress, ReplayReport

EXAMPLES = """
\b
Examples:
  cityward replay examples/doggerford/recordings --state var/doggerford
  cityward replay ../shared/data/sensors_los_loop --issue      into a city whose devices are not simulated
  cityward replay my-week/ --speed 60 --ending 2026-03-01T00:00:00Z
\b
DATA is a folder with a recordings.yaml, one of its files, or a public file that is known: METR-LA speeds, Melbourne
pedestrians, Birmingham car parks, the Beijing air stations (or the folder of one). Format: docs/replay.md.
\b
Exit code: 0 the counts balance, 1 they do not, 2 usage.
"""


def _speed(_ctx: click.Context, _parameter: click.Parameter, text: str) -> float | None:
    """`max` (None), or how much faster than it was recorded."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1_000_000:
        raise click.BadParameter(f"{text} is neither `max` nor a number above 0, such as 60")
    return speed


def _moment(_ctx: click.Context, _parameter: click.Parameter, text: str) -> int | None:
    """`now` (None), or a time with its zone, in us."""
    if text == "now":
        return None
    try:
        return to_us(datetime.fromisoformat(text))
    except ValueError as problem:
        raise click.BadParameter(
            f"{problem}; write `now`, or a time with its zone such as 2026-03-01T00:00:00Z"
        ) from problem


@click.command("replay", epilog=EXAMPLES)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--place", type=click.Path(path_type=Path), help="The place that runs, to find its state directory.")
@click.option("--state", type=click.Path(path_type=Path), help="Where the running city keeps its things.")
@click.option(
    "--speed", callback=_speed, default="max", show_default=True, help="Times faster than recorded, or `max`."
)
@click.option("--ending", callback=_moment, default="now", show_default=True, help="City time at which it ends.")
@click.option("--as-recorded", is_flag=True, help="Keep the recorded times: most flows will refuse them as too old.")
@click.option("--limit", type=click.IntRange(1), help="At most so many observations, the newest.")
@click.option("--issue", is_flag=True, help="Give devices without a credential one, kept in the state directory.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(
    ctx: click.Context,
    data: Path,
    place: Path | None,
    state: Path | None,
    speed: float | None,
    ending: int | None,
    as_recorded: bool,
    limit: int | None,
    issue: bool,
    as_json: bool,
) -> None:
    """Feed the recorded DATA to a running city as its declared devices, each with its own credential."""
    from cityward.compose.gathering.feed import feed
    from cityward.compose.logs import log_to_stderr
    from cityward.compose.places import demo_place

    log_to_stderr("replay")
    if not data.exists():
        raise click.UsageError(f"there is nothing at `{data}`")
    folder = place or demo_place()
    where = state or Path("var") / (folder.stem if folder.is_file() else folder.name)
    report = feed(
        where,
        data,
        _Bar().tell,
        speed=speed,
        ending_us=ending,
        as_recorded=as_recorded,
        limit=limit,
        issue=issue,
    )
    _print_json(report) if as_json else _print(report)
    if not report.balanced:
        ctx.exit(FINDINGS)


class _Bar:
    """One line on a terminal, nothing in a pipe."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()

    def tell(self, so_far: Progress) -> None:
        if not self._on:
            return
        share = so_far.observations / so_far.total if so_far.total else 1.0
        progress(
            f"{share:4.0%}  {so_far.observations:,} of {so_far.total:,} observations, {so_far.devices} devices, "
            f"{so_far.acknowledged:,} messages acknowledged "
        )
        if share >= 1.0 and so_far.acknowledged == so_far.messages:
            aside()


def _print_json(report: ReplayReport) -> None:
    extra = {"balanced": report.balanced, "from_others": report.from_others}
    put_json({**msgspec.to_builtins(report), **extra})


def _print(report: ReplayReport) -> None:
    rate = report.sent_observations / report.seconds if report.seconds else 0.0
    put(
        f"replayed      {', '.join(report.recordings)} as {report.devices} devices, {report.seconds:.1f} s, {rate:,.0f}/s"
    )
    if report.left_out:
        names = ", ".join(report.not_declared[:3]) + (", ..." if len(report.not_declared) > 3 else "")
        put(f"left out      {report.left_out:,} observations that no declared device makes ({names or 'properties'})")
    put(f"sent          {report.sent_observations:,} observations in {report.sent_messages:,} messages")
    put(f"acknowledged  {report.acknowledged:,} messages, {report.refused_at_door:,} refused at the door")
    put(
        f"received      {report.received:,} = {report.admitted:,} admitted + {report.refused:,} refused + {report.shed:,} shed"
    )
    if report.from_others:
        put(f"              {report.from_others:,} of them from the devices themselves meanwhile")
    for reason, count in sorted(report.reasons.items(), key=lambda item: -item[1]):
        put(f"              {count:,} {reason}")
    put("The counts balance." if report.balanced else "The counts DO NOT balance.")

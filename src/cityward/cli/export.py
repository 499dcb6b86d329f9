"""`cityward export`: a place in the words of other tools."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from cityward.cli.words import aside
from cityward.compose.asking.exchange import Format, Statement, export_broken, export_formats, export_model
from cityward.compose.asking.told import told_of_check, told_of_errors, told_of_reach, told_of_rules
from cityward.compose.files import write
from cityward.compose.places import load_place
from cityward.errors import PlaceError
from cityward.place.hints import did_you_mean
from cityward.place.loader import Loaded

EXAMPLES = """
\b
Examples:
  cityward export cyclonedx examples/doggerford -o doggerford.cdx.json --at 2026-05-01T00:00:00Z
  cityward export cedar examples/doggerford | jq -r '.policies[]' > release.cedar      the rules of release
  cityward export dpv examples/doggerford -o transfers.jsonld     transfers of personal data, for the register
  cityward export sarif examples/doggerford -o check.sarif        warnings, for a code host or an editor
  cityward export sarif examples/doggerford --on 2026-05-01 -o all.sarif      and house rules, and who reaches what
  cityward export svg examples/doggerford --through video-management -o video.svg
  cityward export dot examples/doggerford | dot -Tpdf -o flows.pdf
\b
Formats: cedar, cyclonedx, dot, dpv, graphml, otm, sarif, svg, threagile. What each one keeps and loses: docs/exchange.md.
The same declaration and options give the same bytes: the time is an option, and left out where none is given.
\b
Exit code: 0 written, 1 the declaration does not hold together (as SARIF its errors are written) or the file cannot be
written, 2 usage.
"""

SARIF = "sarif"
_TIMES = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]


@click.command("export", epilog=EXAMPLES)
@click.argument("format_id", metavar="FORMAT")
@click.argument("place", type=click.Path(path_type=Path, exists=True))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file. [default: stdout]"
)
@click.option(
    "--through", metavar="ID", help="Only the flows of chains through this device, system or party (dot, graphml, svg)."
)
@click.option(
    "--at",
    type=click.DateTime(_TIMES),
    help="The time, in UTC, that the export bears (cedar, cyclonedx, dpv, threagile).",
)
@click.option(
    "--on",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Tell also the house rules and who reaches what, on this day (sarif).",
)
@click.pass_context
def command(
    ctx: click.Context,
    format_id: str,
    place: Path,
    output: Path | None,
    through: str | None,
    at: datetime | None,
    day: datetime | None,
) -> None:
    """Write the declaration PLACE as FORMAT."""
    known = {one.id: one for one in export_formats()}
    if format_id not in known:
        guess = did_you_mean(format_id, known)
        raise click.UsageError(f"there is no format `{format_id}`{guess}; known are {', '.join(known)}")
    _refuse_unused(known[format_id], {"graph": through, "at": at, "told": day})
    base = _base(place)
    try:
        loaded = load_place(place)
    except PlaceError as error:
        if format_id != SARIF:
            raise
        _put(export_broken(told_of_errors(error), base), output)
        ctx.exit(1)
    told = _told(loaded, day) if format_id == SARIF else ()
    moment = at.replace(tzinfo=UTC) if at else None
    _put(export_model(format_id, loaded, told=told, at=moment, chains_through=through, base=base), output)


_OPTIONS = {"graph": "--through", "at": "--at", "told": "--on"}


def _refuse_unused(chosen: Format, given: dict[str, object]) -> None:
    """An option without effect would be a promise not kept."""
    for what, value in given.items():
        if value is not None and what not in chosen.takes:
            able = [one.id for one in export_formats() if what in one.takes]
            raise click.UsageError(f"`{_OPTIONS[what]}` has no effect on {chosen.id}; it is for {', '.join(able)}")


def _told(loaded: Loaded, day: datetime | None) -> tuple[Statement, ...]:
    if day is None:
        return told_of_check(loaded)
    return (*told_of_check(loaded), *told_of_rules(loaded, day.date()), *told_of_reach(loaded, day.date()))


def _base(place: Path) -> str:
    """The folder of the declaration as it was named; none where that would tell of this machine, or lead out of here."""
    folder = place if place.is_dir() else place.parent
    return "" if folder.is_absolute() or ".." in folder.parts or folder == Path() else folder.as_posix()


def _put(raw: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(raw)
    else:
        write(output, raw)
        aside(f"{output}: {len(raw):,} bytes")

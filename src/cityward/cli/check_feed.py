"""`cityward check-feed`: live feeds and timetables of public transport, held to the published rules."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cityward.cli.words import put, put_json, style
from cityward.errors import PlaceError

EXAMPLES = """
\b
Examples:
  cityward check-feed vehicles.pb --gtfs agency.zip
  cityward check-feed updates.pb positions.pb --gtfs agency.zip   trip updates and positions that come apart
  cityward check-feed 0900.pb 0901.pb 0902.pb                     a sequence, each against the one before
  cityward check-feed agency.zip                                  a timetable by itself
\b
Exit code: 0 nothing found, 1 something is wrong (warnings alone are told, and are no error), 2 usage.
"""

SHOWN = 5  # places of one rule


@click.command("check-feed", epilog=EXAMPLES)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--gtfs", type=click.Path(exists=True, path_type=Path), help="The timetable: a zip, or a folder with its files."
)
@click.option(
    "--at", type=click.IntRange(0, 1 << 40), help="When it was received, POSIX seconds; else its age is not judged."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], gtfs: Path | None, at: int | None, as_json: bool) -> None:
    """Check FILES: GTFS-Realtime feeds (protocol buffers or JSON), or GTFS timetables (zip or folder)."""
    from cityward.compose.gathering.feed_files import is_timetable, judge_files, read_plan

    try:
        plans = [(path, read_plan(path)) for path in files if is_timetable(path)]
        plan = read_plan(gtfs) if gtfs is not None else plans[0][1] if len(plans) == 1 and len(files) > 1 else None
        live = [path for path in files if not is_timetable(path)]
        timetable = plan.timetable if plan is not None else None
        judged = list(judge_files(live, timetable, now=at or int(time.time()), received=at))
    except PlaceError as error:
        raise click.UsageError(f"{error.where}: {error.what}; {error.mend}") from error
    told = [*(_timetable(path.name, one) for path, one in plans), *(_feed(one) for one in judged)]
    put_json({"files": told}) if as_json else _print(told)
    ctx.exit(1 if any(one["errors"] or one["refused"] for one in told) else 0)


def _timetable(name: str, plan: Any) -> dict[str, Any]:
    from cityward.transit.faults import KINDS

    kinds = {kind.id: kind for kind in KINDS}
    places = [
        {"rule": f.kind, "file": f.file, "line": f.line, "column": f.column, "what": f.what} for f in plan.faults.told
    ]
    return _told(name, "", plan.faults.counts, kinds, places, {}, {"trips": len(plan.timetable.trips.ids)})


def _feed(judged: Any) -> dict[str, Any]:
    from cityward.transit.rules import RULES

    if judged.report is None:
        return _told(judged.name, judged.why, {}, {}, [], {}, {})
    places = [
        {"rule": b.rule, "entity": judged.entity(b.entity), "number": b.entity, "path": b.path, "what": b.what}
        for b in judged.report.breaches
    ]
    kinds = {rule.id: rule for rule in RULES}
    about = {"entities": len(judged.feed.entities), "timestamp": judged.feed.header.timestamp}
    return _told(judged.name, "", judged.report.counts, kinds, places, judged.report.not_checked, about)


def _told(
    name: str,
    refused: str,
    counts: Any,
    kinds: Any,
    places: Sequence[dict[str, Any]],
    not_checked: Any,
    about: dict[str, Any],
) -> dict[str, Any]:
    rules = [
        {"id": rule, "title": kinds[rule].title, "severity": kinds[rule].severity.value, "count": count}
        for rule, count in counts.items()
    ]
    return {
        "file": name,
        **about,
        "refused": refused,
        "errors": sum(r["count"] for r in rules if r["severity"] == "error"),
        "warnings": sum(r["count"] for r in rules if r["severity"] == "warning"),
        "rules": rules,
        "findings": list(places),
        "not_checked": dict(not_checked),
    }


def _print(told: Sequence[dict[str, Any]]) -> None:
    for one in told:
        put(style(one["file"], bold=True), _headline(one))
        for rule in one["rules"]:
            colour = "red" if rule["severity"] == "error" else "yellow"
            put("  ", style(rule["id"], fg=colour), f" {rule['title']}: {rule['count']}")
            mine = [place for place in one["findings"] if place["rule"] == rule["id"]]
            for place in mine[:SHOWN]:
                put(f"      {_where(place)}: {place['what']}")
            if rule["count"] > SHOWN:
                put(f"      and {rule['count'] - min(SHOWN, len(mine))} more; `--json` has them")
        lacking = sorted(set(one["not_checked"].values()))
        if lacking:
            put(f"  {len(one['not_checked'])} rules were not checked, for want of: {'; '.join(lacking)}")


def _headline(one: dict[str, Any]) -> str:
    if one["refused"]:
        return f": refused. {one['refused']}"
    if not one["rules"]:
        return ": nothing found"
    return f": {one['errors']} errors, {one['warnings']} warnings"


def _where(place: dict[str, Any]) -> str:
    if "path" in place:
        return f"entity `{place['entity']}` {place['path']}" if place["number"] >= 0 else str(place["path"])
    line = f":{place['line']}" if place["line"] else ""
    return f"{place['file'] or 'feed'}{line} {place['column']}".rstrip()

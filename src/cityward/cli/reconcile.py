"""`cityward reconcile`: what was seen and is not declared, what is declared and was not seen, and what differs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from textwrap import wrap as _wrap
from typing import Any

import click

from cityward.cli import FINDINGS
from cityward.cli.words import Styled, aside, progress, put, put_json, style
from cityward.compose.asking.observed import Report, reconcile_with, tell_report
from cityward.compose.places import demo_place, load_place
from cityward.reach.reconcile.outcomes import Bucket, Finding, FindingKind, Outcome, Verdict
from cityward.time import iso, to_us

EXAMPLES = """
\b
Examples:
  cityward reconcile                                    the demo city against what it saw, if it has run
  cityward reconcile examples/doggerford --log examples/doggerford/observed/conn.log
  cityward reconcile my-town --state var/my-town --log fw.csv.gz --log conn.log --since 2026-03-01
  cityward reconcile my-town --log conn.log --tell      and tell the watch of the running city
  cityward reconcile my-town --log conn.log --json | jq '.findings[] | select(.kind == "undeclared")'
\b
A log is a firewall's CSV with a header, Zeek's conn.log, or Zeek's JSON lines; gzipped or not. Its addresses are traced to the
`addresses` of systems, devices and parties. What no log and no gate could have seen is listed as such, never as fine.
\b
Exit code: 0 nothing undeclared and nothing changed, 1 findings, or a log has more about declared things than can be looked at,
2 usage.
"""

wrap = partial(_wrap, width=118, break_on_hyphens=False)  # an id stays whole

SHOWN = 40  # findings of a kind that a person reads at once; `--json` has them all
SILENT_SHOWN = 60
_COLOURS = {FindingKind.UNDECLARED: "red", FindingKind.CHANGED: "yellow", FindingKind.SILENT: "cyan"}
_HEADINGS = {
    FindingKind.UNDECLARED: "seen, not declared",
    FindingKind.CHANGED: "seen otherwise than declared",
    FindingKind.SILENT: "declared, not seen",
}


def _since(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """A date (from midnight UTC), or a time with its zone, in us."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return max(0, to_us(moment.replace(tzinfo=UTC) if len(text) == len("2026-03-01") else moment))
    except ValueError as problem:
        raise click.BadParameter(
            f"{problem}; write a date such as 2026-03-01, or a time with its zone such as 2026-03-01T00:00:00Z"
        ) from problem


@click.command("reconcile", epilog=EXAMPLES)
@click.argument("place", type=click.Path(path_type=Path, exists=True), required=False)
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The state directory of the city, running or stopped. Default: var/<place>, where it is.",
)
@click.option(
    "--log",
    "logs",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A flow log of others. May be repeated.",
)
@click.option("--since", callback=_since, metavar="DATE", help="Only what was seen from then on.")
@click.option(
    "--tell", is_flag=True, help="Tell the watch of the running city of what the logs say beyond the declared."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(
    ctx: click.Context,
    place: Path | None,
    state: Path | None,
    logs: tuple[Path, ...],
    since: int | None,
    tell: bool,
    as_json: bool,
) -> None:
    """Hold the declaration PLACE against what was seen: by the city's own gates, and in flow logs of others."""
    folder = place or demo_place()
    usual = Path("var") / (folder.stem if folder.is_file() else folder.resolve().name)
    where = state or (usual if (usual / "city.json").is_file() else None)
    if where is None and not logs:
        raise click.UsageError(
            f"nothing was seen yet: no city has run in `{usual}`; name its --state, or a flow log by --log"
        )
    loaded = load_place(folder)
    if tell and (where is None or not logs):
        raise click.UsageError("--tell needs a flow log, by --log, and the --state of the city whose watch is told")
    report = reconcile_with(loaded, where, logs, since, _Line().tell)
    _print_json(report) if as_json else _print(report)
    if tell and where is not None:
        told = tell_report(where, loaded, report)
        aside(f"the watch was told: {told:,} events")
    ctx.exit(0 if report.reconciled.clean else FINDINGS)


class _Line:
    """How far it is, on one line of a terminal; nothing in a pipe."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()

    def tell(self, what: str, count: int) -> None:
        """So many lines of a log were read, or tuples compared."""
        if self._on:
            progress(f"{what}: {count:,} ")


# --- for programs


def _print_json(report: Report) -> None:
    put_json(_document(report))


def _document(report: Report) -> dict[str, Any]:
    """All of it, but of the sightings only those that are not as declared: there may be a hundred thousand others, counted."""
    told = (Bucket.CHANGED, Bucket.UNDECLARED, Bucket.TURNED_AWAY)
    document = {
        name: getattr(report.reconciled, name) for name in report.reconciled.__struct_fields__ if name != "sightings"
    }
    return {
        "clean": report.reconciled.clean,
        **document,
        "sightings": [one for one in report.reconciled.sightings if one.bucket in told],
        "logs": [
            {"name": log.name, "form": log.form, "lines": log.lines, "kept": log.kept, "bad": log.bad, "beyond": log.beyond,
             "strangers_beyond": log.strangers_beyond, "tuples": len(log.seen), "faults": log.faults}
            for log in report.logs
        ],
        "refusals": [{"flow": flow, "reason": reason, "rows": rows} for flow, reason, rows in report.refusals],
        "notes": report.notes,
    }  # fmt: skip


# --- for people


def _print(report: Report) -> None:
    _print_sources(report)
    found, beyond = report.reconciled.findings, report.reconciled.given.beyond
    _print_told(FindingKind.UNDECLARED, [f for f in found if f.kind is FindingKind.UNDECLARED], beyond)
    _print_told(FindingKind.CHANGED, [f for f in found if f.kind is FindingKind.CHANGED], beyond)
    _print_silent([f for f in found if f.kind is FindingKind.SILENT], beyond)
    _print_shares(report)
    _print_unseen(report.reconciled.flows)
    _print_turned_away(report)
    for note in report.notes:
        put(f"note: {note}")


def _print_sources(report: Report) -> None:
    done = report.reconciled
    window = f"{iso(done.from_us)} to {iso(done.until_us)}" if done.from_us and done.until_us else "at no time told"
    put(style(done.place, bold=True), f": declared against seen, {window}")
    if done.given.beyond:
        put(_not_all(done.given.beyond))
    if done.given.city:
        put(f"  seen by the city itself, in {done.given.city}")
    for log in report.logs:
        bad = f"; {log.bad:,} BAD" if log.bad else ""
        beyond = f"; {log.beyond:,} BEYOND the room there is" if log.beyond else ""
        more = f"; {log.strangers_beyond:,} more lines between strangers, counted only" if log.strangers_beyond else ""
        put(f"  {log.name}: {log.form}, {log.lines:,} lines, {len(log.seen):,} distinct{bad}{beyond}{more}")
        for fault in log.faults:
            put(f"    {fault}")


def _not_all(beyond: int) -> Styled:
    """SECURITY: said before anything else, so that nobody takes what follows for all there was."""
    lines = "1 line with a declared end was" if beyond == 1 else f"{beyond:,} lines with a declared end were"
    text = f"NOT CLEAN: {lines} not looked at, the logs hold more than there is room for; give them in parts"
    return style("\n".join(wrap(text, initial_indent="  ", subsequent_indent="    ")), fg="red", bold=True)


def _heading(kind: FindingKind, count: int, beyond: int) -> None:
    which = ", of what was looked at" if beyond else ""
    put("\n", style(f"{count} {_HEADINGS[kind]}{which}", fg=_COLOURS[kind], bold=True))


def _print_told(kind: FindingKind, found: Sequence[Finding], beyond: int) -> None:
    _heading(kind, len(found), beyond)
    for finding in found[:SHOWN]:
        put("\n".join(wrap(finding.what, initial_indent="  ", subsequent_indent="    ")))
        for line in finding.where:
            put(f"      declared  {line}")
        more = f" and {finding.sightings - len(finding.seen_at):,} more" * (finding.sightings > len(finding.seen_at))
        put(f"      seen      {', '.join(finding.seen_at)}{more}")
        put(f"      mend      {finding.mend}")
    if len(found) > SHOWN:
        put(f"  ... and {len(found) - SHOWN:,} more (--json has all)")


def _print_silent(found: Sequence[Finding], beyond: int) -> None:
    _heading(FindingKind.SILENT, len(found), beyond)
    for finding in found[:SILENT_SHOWN]:
        put(
            "\n".join(
                wrap(
                    f"{finding.what} {finding.where[0].split()[0]}",
                    initial_indent="  ",
                    subsequent_indent="    ",
                )
            )
        )
    if len(found) > SILENT_SHOWN:
        put(f"  ... and {len(found) - SILENT_SHOWN:,} more (--json has all)")


def _print_shares(report: Report) -> None:
    put("\nflows by how they are known:")
    shown = [o for o in Outcome if any(share.outcomes.get(o) for share in report.reconciled.shares)]
    put(f"  {'':16}{'declared':>10}" + "".join(f"{outcome:>16}" for outcome in shown))
    for share in report.reconciled.shares:
        counts = "".join(f"{share.outcomes.get(outcome, 0) or '-':>16}" for outcome in shown)
        put(f"  {share.observability:16}{share.declared:>10}{counts}")


def _print_unseen(flows: Sequence[Verdict]) -> None:
    """What nobody could have seen, by name: it is no pass."""
    for outcome, words in (
        (Outcome.NOT_OBSERVABLE, "not observable, so nothing is known of"),
        (Outcome.NO_OBSERVER, "nothing given could have seen"),
    ):
        names = [flow.path.removeprefix("flows.") for flow in flows if flow.outcome is outcome]
        if names:
            text = f"{words}: {', '.join(names)}"
            put("\n".join(wrap(text, initial_indent="\n", subsequent_indent="  ")))


def _print_turned_away(report: Report) -> None:
    buckets = report.reconciled.buckets
    put(
        f"\nseen: {buckets[Bucket.AS_DECLARED]:,} as declared, {buckets[Bucket.CHANGED]:,} changed, "
        f"{buckets[Bucket.UNDECLARED]:,} undeclared, {buckets[Bucket.TURNED_AWAY]:,} turned away, "
        f"{buckets[Bucket.ASIDE]:,} of no concern"
    )
    for flow, reason, rows in report.refusals:
        put(f"  the gate refused {rows:,} of {flow}: {reason}")

"""`cityward report`: what the evidence says of each of the fourteen principles, and what nobody knows yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.options import JSON, STATE
from cityward.cli.words import head, lead, put_json, say

if TYPE_CHECKING:
    from cityward.assurance.assessing import Assessment
    from cityward.assurance.results import Verdict

EXAMPLES = """
\b
Examples:
  cityward report --state var/doggerford
  cityward report --state var/doggerford --control K-04        every subject of one control, with its grounds
  cityward report --state var/doggerford --json
\b
Exit 1 while a control fails. Unknown is not a pass: it is told apart, with what would settle it.
"""


@click.command("report", epilog=EXAMPLES)
@STATE
@click.option("--control", "only", default=None, help="One control, subject by subject.")
@JSON
@click.pass_context
def command(ctx: click.Context, state: Path, only: str | None, as_json: bool) -> None:
    """What the city's evidence says, principle by principle; each word with the record it rests on."""
    from cityward.assurance.results import Result
    from cityward.compose.proving.assessing import assess_city

    found = assess_city(state)
    shown = tuple(verdict for verdict in found.verdicts if only is None or verdict.control == only.upper())
    if not shown:
        known = ", ".join(verdict.control for verdict in found.verdicts)
        raise click.UsageError(f"there is no control `{only}`: name one of {known}")
    if as_json:
        put_json(found if only is None else shown)
    elif only is None:
        _put_all(found)
    else:
        _put_control(shown[0])
    ctx.exit(int(any(verdict.result is Result.FAILED for verdict in shown)))


def _put_all(found: Assessment) -> None:
    lead(f"What is on record of this city, by declaration {found.declaration[:12]}")
    flows = ", ".join(f"{count} {kind}" for kind, count in found.observability.items())
    say(f"Flows by how Cityward knows of them: {flows}.")
    say(f"Rows that no declared flow carries, refused: {found.undeclared_refused}.")
    for group in ("understand", "design", "manage"):
        head(group.capitalize())
        for one in found.principles:
            if one.principle.group == group:
                say(f"{one.principle.id} {one.principle.name}: {one.headline}", "  ")
    head("Controls")
    for verdict in found.verdicts:
        say(f"{verdict.control} {verdict.result.value}: {verdict.why or 'every subject'}", "  ")
    head("What would settle most of what is unknown")
    for missing in found.missing:
        say(f"{missing.settles} subjects of {', '.join(missing.controls)}: {missing.what}", "  ")


def _put_control(verdict: Verdict) -> None:
    lead(f"{verdict.control} {verdict.result.value}: {verdict.why}")
    for judged in verdict.subjects:
        say(f"{judged.result.value} {judged.subject}: {judged.said}", "  ")
        for ground in judged.grounds:
            say(f"{ground.cls.value}, {ground.record}: {ground.said}", "      ", "- ")
        for title, text in (("to settle it", judged.missing), ("to mend it", judged.mend)):
            if text:
                say(f"{title}: {text}", "      ", "- ")

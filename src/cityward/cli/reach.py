"""`cityward reach`: who can reach what, by which path, and which facts are missing."""

from __future__ import annotations

from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from textwrap import wrap

import click
import msgspec

from cityward.compose.places import load_place
from cityward.compose.reach import picture_of, reach_of
from cityward.reach.chain_facts import ChainReport, Joined, chain_report
from cityward.reach.exposure.answers import Verdict
from cityward.reach.exposure.compile import place_on
from cityward.reach.questions import Explain, Fact, Reach, Reason, Report, Row

EXAMPLES = """
\b
Examples:
  cityward reach examples/doggerford                              which country can read what is about people
  cityward reach examples/doggerford --dataset street-video       who can read and falsify it
  cityward reach examples/doggerford --party northlight --why 5   what a supplier reaches, five reasons
  cityward reach examples/doggerford --jurisdiction xa --ways 3   three ways for each reason
  cityward reach examples/doggerford --chains                     the longest chains, and hops nobody could name
  cityward reach examples/doggerford --service quay-street-lighting --svg lighting.svg
\b
Exit code: 0 nothing outside what data owners allow, 1 a jurisdiction that a dataset does not allow reaches it,
or may, 2 usage.
"""

FACTS_SHOWN = 8
WIDTH = 118  # of a wrapped line


@click.command("reach", epilog=EXAMPLES)
@click.argument("place", type=click.Path(path_type=Path, exists=True))
@click.option("--party", metavar="ID", help="What a party reaches.")
@click.option("--jurisdiction", metavar="ID", help="What a jurisdiction reaches, over parties and over places.")
@click.option("--dataset", metavar="ID", help="Who reaches a dataset.")
@click.option("--service", metavar="ID", help="Who can command, mislead or stop a service.")
@click.option("--thing", metavar="ID", help="Who reaches a system or device.")
@click.option("--chains", is_flag=True, help="The data chains that stand out, end to end.")
@click.option("--why", type=click.IntRange(0, 1000), default=3, show_default=True, help="Explain this many answers.")
@click.option("--ways", type=click.IntRange(1, 10), default=1, show_default=True, help="Ways told for each reason.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="As declared for this day. [default: today]")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw the first reason into a file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_context
def command(
    ctx: click.Context,
    place: Path,
    party: str | None,
    jurisdiction: str | None,
    dataset: str | None,
    service: str | None,
    thing: str | None,
    chains: bool,
    why: int,
    ways: int,
    day: datetime | None,
    svg: Path | None,
    as_json: bool,
) -> None:
    """Who can reach what in PLACE, certainly and possibly, and by which path."""
    asked = {"party": party, "jurisdiction": jurisdiction, "dataset": dataset, "service": service, "thing": thing}
    subjects = {kind: name for kind, name in asked.items() if name is not None}
    if len(subjects) + chains > 1:
        raise click.UsageError(
            f"ask one question at a time: --{' or --'.join([*subjects, *['chains'][: int(chains)]])}"
        )
    loaded, on = load_place(place), day.date() if day else date.today()
    if chains:
        told = chain_report(place_on(loaded.place, on))
        _print_json(told) if as_json else _print_chains(told)
        return
    reach = reach_of(loaded, on)
    report = _asked(reach, subjects, Explain(why, ways))
    _print_json(report) if as_json else _print(report)
    if svg is not None:
        svg.write_text(picture_of(reach, report), encoding="utf-8")
    ctx.exit(1 if any(outside(row) for row in report.rows) else 0)


def _print_json(document: msgspec.Struct) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))


def _asked(reach: Reach, subjects: dict[str, str], explain: Explain) -> Report:
    questions = {
        "party": reach.of_party,
        "jurisdiction": reach.of_jurisdiction,
        "dataset": reach.of_dataset,
        "service": reach.of_service,
        "thing": reach.of_thing,
    }
    try:
        return next((questions[kind](name, explain) for kind, name in subjects.items()), None) or reach.overview()
    except LookupError as error:
        raise click.UsageError(str(error.args[0])) from None


def outside(row: Row) -> bool:
    """Whether a jurisdiction reaches, or may reach, a dataset whose owner does not allow it."""
    return row.allowed is False and row.verdict in (Verdict.REACHABLE, Verdict.UNKNOWN)


# --- words


def _print(report: Report) -> None:
    click.echo(f"{report.question.capitalize()}{f': {report.subject}' if report.subject else ''}\n")
    for verdict, rows in groupby(report.rows, key=lambda row: row.verdict):
        _print_verdict(verdict, list(rows))
    if not report.rows:
        click.echo("Nothing follows from what is declared.\n")
    for row in report.rows:
        for i, reason in enumerate(row.reasons):
            _print_reason(row, reason, i)
    if report.unexplained:
        click.echo(
            f"{report.unexplained} more answers without their reasons: --why {len(report.rows)} tells them all.\n"
        )
    if report.joined is not None:
        _print_joined(report.joined)
    _print_facts(report)


def _print_joined(joined: Joined) -> None:
    """Aggregation: kinds of data that are harmless apart may say much together."""
    words = f" (together: {', '.join(joined.categories)}; of {', '.join(joined.subjects)})" if joined.categories else ""
    people = (
        f", {len(joined.personal)} of them about people: {', '.join(joined.personal)}{words}" if joined.personal else ""
    )
    click.echo(f"Laid together it can read {len(joined.datasets)} kinds of data{people}.\n")


def _print_chains(report: ChainReport) -> None:
    more = ", and more than were followed" if report.cut_off else ""
    click.echo(f"{report.counted} data chains{more}\n")
    parts = {
        "the longest": report.longest,
        "through the most parties": report.most_parties,
        "through the most lands": report.most_lands,
        "with hops that nobody could name": report.unresolved,
    }
    for heading, facts in parts.items():
        click.echo(click.style(heading, bold=True))
        for chain in facts:
            click.echo(f"  {' > '.join(chain.nodes)}")
            lands = f"lands of parties {', '.join(chain.party_lands)}; of places {', '.join(chain.place_lands)}"
            click.echo(f"      {', '.join(chain.datasets)}; parties {', '.join(chain.parties)}; {lands}")
            if chain.unresolved:
                click.echo(f"      not known: {', '.join(chain.unresolved)}")
        click.echo()


Lines = tuple[tuple[str, tuple[str, ...], str], ...]
"""(mode, items, facts not known) of one party or jurisdiction."""


def _print_verdict(verdict: Verdict, rows: list[Row]) -> None:
    """Those of whom the same is said are told together."""
    click.echo(f"{click.style(verdict.value, bold=True)}: {len(rows)}")
    by_who = {who: _lines(list(own)) for who, own in groupby(sorted(rows, key=who_of), key=who_of)}
    together: dict[Lines, list[str]] = {}
    for who, lines in by_who.items():
        together.setdefault(lines, []).append(who)
    for lines, those in together.items():
        click.echo("\n".join(wrap("; ".join(those), WIDTH, initial_indent="  ", subsequent_indent="  ")))
        for mode, items, missing in lines:
            indent = f"    {mode:9}"
            click.echo("\n".join(wrap(", ".join(items), WIDTH, initial_indent=indent, subsequent_indent=" " * 13)))
            if missing:
                click.echo(click.style(f"             not known: {missing}", dim=True))
    click.echo()


def _lines(rows: list[Row]) -> Lines:
    named = [(row.mode, ", ".join(row.missing), row.item_name + (" (not allowed)" * outside(row))) for row in rows]
    groups = groupby(sorted(named), key=lambda line: line[:2])
    return tuple((mode, tuple(name for *_, name in those), missing) for (mode, missing), those in groups)


POWERS = {"party": ", over its parties", "place": ", over what lies or passes there", "": ""}


def who_of(row: Row) -> str:
    """A party, or a jurisdiction with its axis."""
    return f"{row.who_name}{POWERS[row.axis]}"


def _print_reason(row: Row, reason: Reason, number: int) -> None:
    again = f" (way {number + 1})" if len(row.reasons) > 1 else ""
    click.echo(f"Why {who_of(row)}: {row.mode} {row.item_name}, {row.verdict.value}{again}")
    for i, told in enumerate(reason.sentences, 1):
        unknown = click.style("  (not known)", fg="yellow") if told.missing else ""
        click.echo(f"  {i}. {told.text}{unknown}")
        for where in told.where:
            click.echo(click.style(f"       {where}", dim=True))
    click.echo(f"  {reason.conclusion}\n")


def _print_facts(report: Report) -> None:
    click.echo(
        f"In the whole place {report.reachable:,} answers are certain and {report.unknown:,} rest on what is not known."
    )
    told: tuple[Fact, ...] = report.facts[:FACTS_SHOWN]
    for fact in told:
        click.echo(f"  {fact.settles:6,} would be settled by  {fact.where}")
    if len(report.facts) > len(told):
        click.echo(f"  ... and {len(report.facts) - len(told)} more facts (--json has them all)")
    click.echo(f"declaration {report.digest}")

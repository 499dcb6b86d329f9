"""What `cityward reach` says to a person: an answer in a line or two, then what it rests on.

Lives here: printing. Does not live here: what is so (`reach.questions`, `reach.rules`, `reach.sign`).
"""

from __future__ import annotations

from itertools import groupby
from textwrap import wrap

import click

from cityward.reach.chain_facts import ChainReport, Joined
from cityward.reach.exposure.answers import Verdict
from cityward.reach.questions import Fact, Reason, Report, Row

FACTS_SHOWN = 8
WIDTH = 118  # of a wrapped line


def outside(row: Row) -> bool:
    """Whether a jurisdiction reaches, or may reach, a dataset whose owner does not allow it."""
    return row.allowed is False and row.verdict in (Verdict.REACHABLE, Verdict.UNKNOWN)


def print_report(report: Report) -> None:
    """Who reaches what."""
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


def print_chains(report: ChainReport) -> None:
    """The data chains that stand out."""
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
    settling = [fact for fact in report.facts if fact.settles]
    told: list[Fact] = settling[:FACTS_SHOWN]
    for fact in told:
        click.echo(f"  {fact.settles:6,} would be settled by  {fact.where}")
    if len(settling) > len(told):
        click.echo(f"  ... and {len(settling) - len(told)} more facts (--json has them all)")
    click.echo(f"declaration {report.digest}")

"""What `cityward reach` says to a person: an answer in a line or two, then what it rests on.

Lives here: printing. Does not live here: what is so (`reach.questions`, `reach.rules`, `reach.sign`).
"""

from __future__ import annotations

from itertools import groupby

from cityward.cli.phrases import counted
from cityward.cli.words import put, remark, say, style
from cityward.reach.chain_facts import ChainReport, Joined
from cityward.reach.exposure.answers import Verdict
from cityward.reach.questions import Fact, Reason, Report, Row

FACTS_SHOWN = 8


def outside(row: Row) -> bool:
    """Whether a jurisdiction reaches, or may reach, a dataset whose owner does not allow it."""
    return row.allowed is False and row.verdict in (Verdict.REACHABLE, Verdict.UNKNOWN)


def print_report(report: Report) -> None:
    """Who reaches what."""
    put(f"{report.question.capitalize()}{f': {report.subject}' if report.subject else ''}\n")
    for verdict, rows in groupby(report.rows, key=lambda row: row.verdict):
        _print_verdict(verdict, list(rows))
    if not report.rows:
        put("Nothing follows from what is declared.\n")
    for row in report.rows:
        for i, reason in enumerate(row.reasons):
            _print_reason(row, reason, i)
    if report.unexplained:
        more = counted(report.unexplained, "more answer without its reasons", "more answers without their reasons")
        put(f"{more}: --why {len(report.rows)} tells them all.\n")
    if report.joined is not None:
        _print_joined(report.joined)
    _print_facts(report)


def _print_joined(joined: Joined) -> None:
    """Aggregation: kinds of data that are harmless apart may say much together."""
    words = f" (together: {', '.join(joined.categories)}; of {', '.join(joined.subjects)})" if joined.categories else ""
    people = (
        f", {len(joined.personal)} of them about people: {', '.join(joined.personal)}{words}" if joined.personal else ""
    )
    kinds = counted(len(joined.datasets), "kind of data", "kinds of data")
    say(f"Laid together it can read {kinds}{people}.", "")
    put()


def print_chains(report: ChainReport) -> None:
    """The data chains that stand out."""
    more = ", and more than were followed" if report.cut_off else ""
    put(f"{counted(report.counted, 'data chain')}{more}\n")
    parts = {
        "the longest": report.longest,
        "through the most parties": report.most_parties,
        "through the most lands": report.most_lands,
        "with hops that nobody could name": report.unresolved,
    }
    for heading, facts in parts.items():
        put(style(heading, bold=True))
        for chain in facts:
            say(" > ".join(chain.nodes))
            lands = f"lands of parties {', '.join(chain.party_lands)}; of places {', '.join(chain.place_lands)}"
            say(f"{', '.join(chain.datasets)}; parties {', '.join(chain.parties)}; {lands}", "      ")
            if chain.unresolved:
                say(f"not known: {', '.join(chain.unresolved)}", "      ")
        put()


Lines = tuple[tuple[str, tuple[str, ...], str], ...]
"""(mode, items, facts not known) of one party or jurisdiction."""


def _print_verdict(verdict: Verdict, rows: list[Row]) -> None:
    """Those of whom the same is said are told together."""
    put(style(verdict.value, bold=True), f": {len(rows)}")
    by_who = {who: _lines(list(own)) for who, own in groupby(sorted(rows, key=who_of), key=who_of)}
    together: dict[Lines, list[str]] = {}
    for who, lines in by_who.items():
        together.setdefault(lines, []).append(who)
    for lines, those in together.items():
        say("; ".join(those))
        for mode, items, missing in lines:
            say(", ".join(items), "    ", f"{mode:9}")
            if missing:
                remark(f"not known: {missing}", " " * 13)
    put()


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
    say(f"Why {who_of(row)}: {row.mode} {row.item_name}, {row.verdict.value}{again}", "")
    for i, told in enumerate(reason.sentences, 1):
        say(f"{told.text}{'  (not known)' if told.missing else ''}", "  ", f"{i}. ")
        for where in told.where:
            remark(where, "       ")
    say(reason.conclusion)
    put()


def _print_facts(report: Report) -> None:
    certain = counted(report.reachable, "answer is", "answers are")
    rest = counted(report.unknown, "rests", "rest")
    say(f"In the whole place {certain} certain and {rest} on what is not known.", "")
    settling = [fact for fact in report.facts if fact.settles]
    told: list[Fact] = settling[:FACTS_SHOWN]
    for fact in told:
        say(f"would be settled by  {fact.where}", "  ", f"{fact.settles:6,} ")
    if len(settling) > len(told):
        put(f"  ... and {counted(len(settling) - len(told), 'more fact')} (--json has them all)")
    if report.facts_untold:
        put(f"  ... and {counted(report.facts_untold, 'missing fact')} beyond those that were tried")
    put(f"declaration {report.digest}")

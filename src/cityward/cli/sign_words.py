"""What `cityward whatif --sign` says to a person: the verdict, its conditions, and what newly follows.

Lives here: printing. Does not live here: what is so (`reach.sign`).
"""

from __future__ import annotations

from cityward.cli.phrases import counted
from cityward.cli.words import MOST, head, put, rows, say, style
from cityward.place.model import Place
from cityward.reach.blast.redundancy import Redundancy
from cityward.reach.rules.told import ToldFinding
from cityward.reach.sign.report import SigningReport, ToldFact
from cityward.reach.sign.whatif import Verdict
from cityward.reach.telling.names import name_of
from cityward.reach.whatif.signing import Word, verdict_said, weighed_said, word_of
from cityward.reach.whatif.words import AXES, people

_COLOURS = {Word.MAY: "green", Word.MAY_IF: "yellow", Word.NOT_KNOWN: "yellow", Word.MAY_NOT: "red"}


def print_signing(place: Place, proposal: str, report: SigningReport, entry: str | None) -> None:
    """May we sign this."""
    put(style(verdict_said(report, proposal), fg=_COLOURS[word_of(report)], bold=True), f" {weighed_said(report)}")
    removes = counted(len(report.removed), "record")
    say(f"It adds {len(report.added):,}, replaces {len(report.replaced):,} and removes {removes}.", "")
    _print_facts(report)
    if report.replaced or report.removed:
        rows([f"replaces {path}" for path in report.replaced] + [f"removes {path}" for path in report.removed])
    _print_conditions(report)
    for heading, findings in (("Broken", report.broken), ("Possibly broken", report.possibly), ("Noted", report.notes)):
        for finding in findings[:MOST]:
            _print_finding(heading, finding)
        if len(findings) > MOST:
            put(f"\n... and {len(findings) - MOST} more (--json has them all)")
    _print_difference(place, report)
    if report.redundancy is not None:
        _print_redundancy(place, report.redundancy)
    _print_inputs(report, entry)


def _print_facts(report: SigningReport) -> None:
    """First of all: what the proposal says otherwise than the city, of what it is judged by."""
    if not report.facts:
        return
    head("This proposal changes facts by which it is judged")
    rows([_fact(fact) for fact in report.facts])
    put("  What follows is so only if these are.\n")


def _fact(fact: ToldFact) -> str:
    was = f"{fact.before}  {_line(fact.where_before)}" if fact.where_before else "not declared"
    now = f"{fact.after}  {_line(fact.where_after)}" if fact.where_after else "removed"
    source = f"its source: {fact.source}" if fact.source else "it names no source"
    return f"{fact.path}: {was} -> {now}" + (f"; {source}" if fact.where_after else "")


def _line(where: str) -> str:
    """`file:line` of `file:line  path`."""
    return where.partition("  ")[0]


def _print_conditions(report: SigningReport) -> None:
    asked = [f"{change.told}  {change.where}" for change in report.conditions]
    if report.facts:
        head("Before anything is signed")
        rows([asked.pop(0)])
    if asked:
        refused = report.verdict is Verdict.DENY
        head(f"{'Could be asked for, and is not enough' if refused else 'On condition that we'} ({report.search})")
        rows(asked)
    elif report.broken:
        put(f"\n{report.search.capitalize()}; {counted(report.tried, 'set')} of changes tried.")
    if asked and report.refused:
        head("Denied, for no change that was tried mends it")
        rows(list(report.refused))
    if report.accept:
        head("To be accepted by name, for no change that was tried mends it")
        rows(list(report.accept))
    if report.find_out:
        head("To be found out before")
        rows(list(report.find_out))


def _print_finding(heading: str, finding: ToldFinding) -> None:
    head(f"{heading} ({finding.weight}): {finding.name}")
    put(f"  {finding.subject_name}  {finding.subject}")
    for fact in finding.facts:
        say(f"{fact.text}{f'  {fact.where[0]}' if fact.where else ''}", "  ", "- ")
    if finding.why:
        put("  because:")
        for step in finding.why:
            missing = f" (not known: {step.missing})" if step.missing else ""
            say(f"{step.text}{missing}{f'  {step.where[0]}' if step.where else ''}", "    ", "- ")
    if finding.missing:
        say(f"to be found out: {', '.join(finding.missing)}")
    if finding.waiver is not None:
        say(f"waived by {finding.waiver.by} until {finding.waiver.until}: {finding.waiver.why}")


def _print_difference(place: Place, report: SigningReport) -> None:
    certain = [group for group in report.new if group.certain and not group.brought]
    shown = [group for group in certain if group.under_law]
    other = sum(group.count for group in certain if not group.under_law)
    own = sum(group.count for group in report.new if group.brought)
    head(
        f"{counted(report.new_certain, 'answer is', 'answers are')} newly certain and {report.new_possible} newly possible, "
        f"{report.gone_certain + report.gone_possible} no longer so"
    )
    for group in shown[:MOST]:
        say(group.sentence, "  ", "- ")
        for step in group.why:
            say(f"{step.text}{f'  {step.where[0]}' if step.where else ''}", "      ")
    if len(shown) > MOST:
        put(f"    ... and {len(shown) - MOST} more (--json has them all)")
    if other:
        say(
            f"{counted(other, 'answer')} more would follow if the jurisdictions concerned had instruments for it",
            "  ",
            "- ",
        )
    if own:
        say(f"{counted(own, 'answer')} of the new ones are about what the proposal itself brings", "  ", "- ")
    rows([f"no longer: {group.sentence}" for group in report.gone if group.under_law])
    if report.citizens.affected or report.possible_citizens.affected:
        say(f"Somebody newly can stop, command or mislead what serves {people(place, report.citizens)}.")
        if report.possible_citizens.affected > report.citizens.affected:
            say(f"Possibly what serves {people(place, report.possible_citizens)}.")


def _print_redundancy(place: Place, redundancy: Redundancy) -> None:
    for heading, those in (("Redundancy that is lost", redundancy.lost), ("Redundancy that is won", redundancy.won)):
        if those:
            head(heading)
            rows(
                [
                    f"{' and '.join(name_of(place, subject.id) for subject in one.subjects)} "
                    f"{AXES[one.axis]} alone {'fails' if heading.endswith('lost') else 'no longer fails'} "
                    f"{', '.join(name_of(place, name) for name in one.functions)}"
                    for one in those
                ]
            )


def _print_inputs(report: SigningReport, entry: str | None) -> None:
    inputs = report.inputs
    if report.broken_before or report.waived_before:
        waived = f" ({counted(report.waived_before, 'case')} waived besides)" if report.waived_before else ""
        cases = counted(report.broken_before, "case")
        put(f"\nThe place as it is breaks rules in {cases}{waived}; they do not weigh on this proposal.")
    if report.repaired:
        head("No longer broken, if the facts it changes are so" if report.facts else "The proposal mends")
        rows(list(report.repaired))
    put(
        f"\njudged for {inputs.day}; base {inputs.base[:12]}, proposal {inputs.overlay[:12]}, rules {inputs.rules[:12]}"
    )
    if entry is not None:
        put(f"on record as {entry}")

"""What `cityward whatif` says to a person: a sentence, then what it rests on.

Lives here: printing. Does not live here: what is so (`reach.blast`, `reach.sign`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from textwrap import wrap

import click

from cityward.place.model import Place
from cityward.reach.blast.citizens import Citizens
from cityward.reach.blast.hostile import Hostile
from cityward.reach.blast.lost import LostData
from cityward.reach.blast.outcome import Effect, Outcome
from cityward.reach.blast.redundancy import Redundancy
from cityward.reach.blast.sanctioned import Sanctioned
from cityward.reach.blast.scenarios import Blast, Question
from cityward.reach.exposure.answers import Axis
from cityward.reach.exposure.nodes import Mode
from cityward.reach.exposure.sentences import name_of
from cityward.reach.rules.told import ToldFinding
from cityward.reach.sign.report import SigningReport
from cityward.reach.sign.whatif import Verdict

Where = Callable[[str], str]

WIDTH = 118
MOST = 12  # of a list; the rest is counted, and `--json` has it all
AXES = {Axis.PARTY: "over its parties", Axis.PLACE: "over what lies there", None: ""}


# --- parts


def head(text: str) -> None:
    """A heading."""
    click.echo(f"\n{click.style(text, bold=True)}")


def say(text: str, indent: str = "  ", mark: str = "") -> None:
    """A paragraph."""
    later = indent + " " * len(mark)
    lines = wrap(text, WIDTH, initial_indent=indent + mark, subsequent_indent=later, break_on_hyphens=False)
    click.echo("\n".join(lines))


def rows(lines: Sequence[str], indent: str = "  ") -> None:
    """A list, cut where a person would stop reading."""
    for line in lines[:MOST]:
        say(line, indent, "- ")
    if len(lines) > MOST:
        click.echo(f"{indent}  ... and {len(lines) - MOST} more (--json has them all)")


def hours(number: float) -> str:
    """At once, hours or days."""
    if number == 0:
        return "at once"
    return f"after {number:g} h" if number < 48 else f"after {number / 24:g} days"


def people(found: Citizens) -> str:
    """How many, and where."""
    unknown = f"; how many live in {', '.join(found.unknown_areas)} is not known" if found.unknown_areas else ""
    return f"{found.affected:,} of {found.of:,} people, in {', '.join(found.areas) or 'no area'}{unknown}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 function`, `3 functions`."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


# --- what falls


def print_blasts(place: Place, blasts: Iterable[Blast], where: Where) -> None:
    """What if these stop, or are cut off."""
    for blast in blasts:
        names = " and ".join(name_of(place, subject.id) for subject in blast.subjects)
        axis = f" ({AXES[blast.axis]})" if blast.axis and blast.question is Question.DARK else ""
        verb = "stops" if len(blast.subjects) == 1 else "stop"
        cut_off = f"If {names} {'is' if len(blast.subjects) == 1 else 'are'} cut off"
        said = f"If {names} {verb}{axis}" if blast.question is Question.DARK else cut_off
        print_outcome(place, said, blast.outcome, where)
        print_lost(place, blast, where)


def print_outcome(place: Place, said: str, outcome: Outcome, where: Where) -> None:
    """What degrades and fails, when, and for whom."""
    certain = [effect for effect in outcome.effects if effect.essential]
    if outcome.effects:
        essential = f", {len(certain)} of them essential" if certain else ""
        fail = "fails" if len(outcome.effects) == 1 else "fail"
        text = f"{said}, {counted(len(outcome.effects), 'function')} of the city {fail}"
        click.echo(click.style(f"{text}{essential}: {people(outcome.citizens)}.", bold=True))
    else:
        click.echo(click.style(f"{said}, no function of the city certainly fails.", bold=True))
    _print_effects(place, outcome.effects, where)
    if outcome.possible:
        head(
            f"Possibly also, for want of {counted(len(outcome.missing), 'fact')}: {people(outcome.possible_citizens)} in all"
        )
        _print_effects(place, outcome.possible, where)
        rows([f"find out {where(fact.path)}: {counted(len(fact.functions), 'function')}" for fact in outcome.missing])
    dark = [name_of(place, one.id) for one in outcome.fallen]
    if dark:
        head(
            f"{counted(len(dark), 'party, site or thing', 'parties, sites and things')} go dark"
            if len(dark) > 1
            else "Goes dark"
        )
        say(", ".join(dark[:40]) + (f" and {len(dark) - 40} more" if len(dark) > 40 else ""))


def _print_effects(place: Place, effects: Sequence[Effect], where: Where) -> None:
    for effect in effects[:MOST]:
        essential = " (essential)" if effect.essential else ""
        fails = "" if effect.fails_h == effect.degrades_h else f", fails {hours(effect.fails_h)}"
        click.echo(f"  {name_of(place, effect.function)}{essential}: degrades {hours(effect.degrades_h)}{fails}")
        for step in effect.cause:
            also = f", and with it {', '.join(name_of(place, other) for other in step.also)}" if step.also else ""
            click.echo(f"      {name_of(place, step.id)} {hours(step.hours)}{also}  {where(step.path)}")
        if fail_safe := place.functions[effect.function].fail_safe:
            click.echo(f"      declared for that case: {fail_safe}")
    if len(effects) > MOST:
        click.echo(f"  ... and {len(effects) - MOST} more (--json has them all)")


def print_lost(place: Place, blast: Blast, where: Where) -> None:
    """Which data no longer arrives."""
    if blast.flows_cut or blast.flows_perhaps_cut:
        head(f"{counted(len(blast.flows_cut), 'flow')} cut")
        rows([where(f"flows.{name}") for name in blast.flows_cut])
        rows([f"perhaps {where(f'flows.{name}')}: its route is not known" for name in blast.flows_perhaps_cut])
    _print_lost(place, blast.lost)


def _print_lost(place: Place, lost: LostData) -> None:
    if lost.gone:
        head("Data that no longer arrives")
        read = [
            f", read by {', '.join(name_of(place, s) for s in one.services)}" if one.services else ""
            for one in lost.gone
        ]
        rows(
            [
                f"{name_of(place, one.dataset)} at {name_of(place, one.at)}{by}"
                for one, by in zip(lost.gone, read, strict=True)
            ]
        )
    if lost.thinner:
        head("Made of less")
        rows(
            [
                f"{name_of(place, one.dataset)} at {name_of(place, one.made_at)}, without "
                f"{', '.join(name_of(place, d) for d in one.without)}"
                for one in lost.thinner
            ]
        )


# --- who turns


_DOES = {Mode.READ: "read", Mode.WRITE: "falsify or change", Mode.COMMAND: "command", Mode.UPDATE: "change the software of",
         Mode.PHYSICAL: "lay hands on", Mode.MISLEAD: "mislead", Mode.STOP: "stop"}  # fmt: skip


def print_hostile(place: Place, found: Hostile, where: Where) -> None:
    """What if a party turns against the city."""
    name = name_of(place, found.party)
    certain = sum(one.certain for one in found.reached)
    text = f"If {name} turns against the city, it could do {counted(certain, 'thing')} for certain"
    click.echo(click.style(f"{text}, and {len(found.reached) - certain} more if what is not known is so.", bold=True))
    for mode, verb in _DOES.items():
        those = found.by_mode(mode)
        if those:
            sure = [name_of(place, one.id) for one in those if one.certain]
            unsure = [name_of(place, one.id) for one in those if not one.certain]
            head(f"could {verb}")
            say(_listed(sure) if sure else "nothing for certain")
            if unsure:
                say(f"possibly also {_listed(unsure)}")
    if found.integrity:
        head("Functions that may go on, and do the wrong thing")
        rows(
            [
                f"{'' if one.certain else 'possibly '}{name_of(place, one.function)}, through "
                f"{_listed([name_of(place, item.id) for item in one.through])}  {where(one.paths[0])}"
                for one in found.integrity
            ]
        )
    click.echo()
    print_outcome(place, f"If {name} stops all it can", found.outcome, where)


def _listed(names: Sequence[str], most: int = 24) -> str:
    once = list(dict.fromkeys(names))
    return ", ".join(once[:most]) + (f" and {len(once) - most} more" if len(once) > most else "")


def _ends(days: int | None) -> str:
    return "at once: no exit days are agreed" if days is None else hours(24 * days)


def print_sanctioned(place: Place, found: Sanctioned, where: Where) -> None:
    """What if a party may no longer be dealt with."""
    group = [name_of(place, name) for name in found.group if name != found.party]
    also = f", with {', '.join(group)}" if group else ""
    perhaps = f", and perhaps {', '.join(name_of(place, name) for name in found.perhaps)}" if found.perhaps else ""
    print_outcome(
        place, f"If {name_of(place, found.party)}{also}{perhaps} may no longer be dealt with", found.outcome, where
    )
    parts: dict[str, list[str]] = {
        "Agreements that end": [
            f"{name_of(place, one.agreement)} {_ends(one.exit_days)}  {where(one.path)}" for one in found.endings
        ],
        "Run without an agreement": [where(path) for path in found.uncovered],
        "Updates that stop": [
            f"{name_of(place, one.id)}, from {name_of(place, one.updates_from)}  {where(one.path)}"
            for one in found.updates
        ],
        "Accesses that remain until they are taken away": [
            f"{name_of(place, one.party)} to {name_of(place, one.target)}: {', '.join(one.modes)}"
            f"{', standing' if one.standing else ''}  {where(one.path)}"
            for one in found.revoke
        ],
        "Data to get back": [
            f"{name_of(place, one.dataset)} from {name_of(place, one.holder)}, at {name_of(place, one.at)}  {where(one.path)}"
            for one in found.get_back
        ],
        "Keys to take over": [
            f"{one.key}, held by {name_of(place, one.holder)}  {where(one.path)}" for one in found.take_over
        ],
    }
    for heading, lines in parts.items():
        if lines:
            head(heading)
            rows(lines)


# --- may we sign


_SAID = {
    Verdict.ALLOW: ("green", "By the house rules this may be signed"),
    Verdict.CONDITIONS: ("yellow", "By the house rules this may be signed under conditions"),
    Verdict.DENY: ("red", "By the house rules this may not be signed"),
}


def print_signing(place: Place, proposal: str, report: SigningReport, entry: str | None) -> None:
    """May we sign this."""
    colour, said = _SAID[report.verdict]
    new = [counted(len(report.broken), "rule is newly broken", "rules are newly broken")] if report.broken else []
    new += (
        [counted(len(report.possibly), "rule is possibly broken", "rules are possibly broken")]
        if report.possibly
        else []
    )
    click.echo(
        f"{click.style(f'{said}: {proposal}.', fg=colour, bold=True)} {' and '.join(new) or 'No rule is newly broken'}."
    )
    say(f"It adds {len(report.added)}, replaces {len(report.replaced)} and removes {len(report.removed)} records.", "")
    if report.replaced or report.removed:
        rows([f"replaces {path}" for path in report.replaced] + [f"removes {path}" for path in report.removed])
    _print_conditions(report)
    for heading, findings in (("Broken", report.broken), ("Possibly broken", report.possibly), ("Noted", report.notes)):
        for finding in findings[:MOST]:
            _print_finding(heading, finding)
        if len(findings) > MOST:
            click.echo(f"\n... and {len(findings) - MOST} more (--json has them all)")
    _print_difference(report)
    if report.redundancy is not None:
        _print_redundancy(place, report.redundancy)
    _print_inputs(report, entry)


def _print_conditions(report: SigningReport) -> None:
    if report.conditions:
        head(f"On condition that we ({report.search})")
        rows([f"{change.told}  {change.where}" for change in report.conditions])
    elif report.broken:
        click.echo(f"\n{report.search.capitalize()}; {counted(report.tried, 'set')} of changes tried.")
    if report.accept:
        head("To be accepted by name, for nothing that could be asked for mends it")
        rows(list(report.accept))
    if report.find_out:
        head("To be found out before")
        rows(list(report.find_out))


def _print_finding(heading: str, finding: ToldFinding) -> None:
    head(f"{heading} ({finding.weight}): {finding.name}")
    click.echo(f"  {finding.subject_name}  {finding.subject}")
    for fact in finding.facts:
        say(f"{fact.text}{f'  {fact.where[0]}' if fact.where else ''}", "  ", "- ")
    if finding.why:
        click.echo("  because:")
        for step in finding.why:
            missing = f" (not known: {step.missing})" if step.missing else ""
            say(f"{step.text}{missing}{f'  {step.where[0]}' if step.where else ''}", "    ", "- ")
    if finding.missing:
        say(f"to be found out: {', '.join(finding.missing)}")
    if finding.waiver is not None:
        say(f"waived by {finding.waiver.by} until {finding.waiver.until}: {finding.waiver.why}")


def _print_difference(report: SigningReport) -> None:
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
        click.echo(f"    ... and {len(shown) - MOST} more (--json has them all)")
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
        say(f"Somebody newly can stop, command or mislead what serves {people(report.citizens)}.")
        if report.possible_citizens.affected > report.citizens.affected:
            say(f"Possibly what serves {people(report.possible_citizens)}.")


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
    if report.broken_before:
        click.echo(
            f"\nThe place as it is breaks rules in {report.broken_before} cases; they do not weigh on this proposal."
        )
    if report.repaired:
        head("The proposal mends")
        rows(list(report.repaired))
    click.echo(
        f"\njudged for {inputs.day}; base {inputs.base[:12]}, proposal {inputs.overlay[:12]}, rules {inputs.rules[:12]}"
    )
    if entry is not None:
        click.echo(f"on record as {entry}")

"""What `cityward whatif` says to a person: a sentence, then what it rests on.

Lives here: printing. Does not live here: what is so (`reach.blast`, `reach.sign`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import click

from cityward.cli.words import MOST, counted, head, rows, say
from cityward.place.model import Place
from cityward.reach.blast.citizens import Citizens
from cityward.reach.blast.hostile import Hostile
from cityward.reach.blast.lost import Lost, LostData
from cityward.reach.blast.outcome import Effect, Outcome
from cityward.reach.blast.sanctioned import Sanctioned
from cityward.reach.blast.scenarios import Blast, Question
from cityward.reach.exposure.answers import Axis
from cityward.reach.exposure.nodes import Mode
from cityward.reach.exposure.sentences import name_of

Where = Callable[[str], str]

AXES = {Axis.PARTY: "over its parties", Axis.PLACE: "over what lies there", None: ""}


def hours(number: float) -> str:
    """At once, hours or days."""
    if number == 0:
        return "at once"
    return f"after {number:g} h" if number < 48 else f"after {number / 24:g} days"


def listed(names: Iterable[str], most: int = 24) -> str:
    """Names, each once; the rest is counted."""
    once = list(dict.fromkeys(names))
    return ", ".join(once[:most]) + (f" and {len(once) - most:,} more" if len(once) > most else "")


def people(found: Citizens) -> str:
    """How many, and where."""
    unknown = f"; how many live in {', '.join(found.unknown_areas)} is not known" if found.unknown_areas else ""
    return f"{found.affected:,} of {found.of:,} people, in {', '.join(found.areas) or 'no area'}{unknown}"


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
    _print_lost(place, blast.lost, {one.id: one.hours for one in blast.outcome.fallen})


def _print_lost(place: Place, lost: LostData, falls: Mapping[str, float]) -> None:
    if lost.gone:
        head("Data that no longer arrives")
        rows([_lost(place, one, falls.get(one.at)) for one in lost.gone])
    if lost.underfed:
        head("Still sent by what no longer receives all it did")
        rows(
            [
                f"{name_of(place, one.at)} no longer receives {listed(name_of(place, d) for d in one.without)}; "
                f"what it sends may rest on it: {listed(name_of(place, d) for d in one.sends)}"
                for one in lost.underfed
            ]
        )


def _lost(place: Place, one: Lost, falls: float | None) -> str:
    """`falls`: when the receiver goes dark itself; None where it does not."""
    read = f", read by {listed(name_of(place, service) for service in one.services)}" if one.services else ""
    when = f" {hours(one.hours)}" if one.hours else ""
    until = f"; it goes dark itself {hours(falls)}" if falls is not None else ""
    return f"{name_of(place, one.dataset)} at {name_of(place, one.at)}{when}{read}{until}"


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
            say(listed(sure) if sure else "nothing for certain")
            if unsure:
                say(f"possibly also {listed(unsure)}")
    if found.integrity:
        head("Functions that may go on, and do the wrong thing")
        rows(
            [
                f"{'' if one.certain else 'possibly '}{name_of(place, one.function)}, through "
                f"{listed(name_of(place, item.id) for item in one.through)}  {where(one.paths[0])}"
                for one in found.integrity
            ]
        )
    click.echo()
    print_outcome(place, f"If {name} stops all it can", found.outcome, where)


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

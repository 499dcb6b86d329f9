"""What `cityward whatif` says to a person: a sentence, then what it rests on.

Lives here: printing. Does not live here: what is so (`reach.blast`, `reach.sign`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from cityward.cli.phrases import counted, hours, listed, since
from cityward.cli.words import MOST, head, lead, put, remark, rows, say
from cityward.place.model import Place
from cityward.reach.blast.cascade import Kind
from cityward.reach.blast.citizens import Citizens
from cityward.reach.blast.hostile import Hostile, LostIntegrity, Way
from cityward.reach.blast.lost import Lost, LostData
from cityward.reach.blast.outcome import Effect, Outcome, Step
from cityward.reach.blast.sanctioned import Sanctioned
from cityward.reach.blast.scenarios import Blast, Question
from cityward.reach.exposure.answers import Axis
from cityward.reach.exposure.nodes import Mode
from cityward.reach.telling.names import name_of

Where = Callable[[str], str]

AXES = {Axis.PARTY: "over its parties", Axis.PLACE: "over what lies there", None: ""}


def people(place: Place, found: Citizens) -> str:
    """How many, and where; and what is not declared of it."""
    areas = listed(_area(place, name) for name in found.areas)
    if not found.of:
        said = [
            f"{f'the people of {areas}, how many' if areas else 'how many people'} is not known: no population is declared"
        ]
    else:
        said = [f"{found.affected:,} of {found.of:,} people, in {areas}"] if areas else []
        unknown = listed(_area(place, name) for name in found.unknown_areas)
        said += [f"how many live in {unknown} is not known"] if unknown else []
    if found.functions_without_areas:
        names = listed((name_of(place, name) for name in found.functions_without_areas), 3)
        said.append(f"which areas they serve is not declared of: {names}")
    return "; ".join(said)


def _area(place: Place, name: str) -> str:
    return (place.areas[name].name or name) if name in place.areas else name


def _to_find_out(missing: Iterable[str], where: Where) -> str:
    facts = listed(map(where, missing), 2)
    return f"; to be found out: {facts}" if facts else ""


# --- what falls


def print_blasts(place: Place, blasts: Iterable[Blast], where: Where) -> None:
    """What if these stop, or are cut off."""
    for blast in blasts:
        if len(blast.off_street) < len(blast.subjects):
            print_outcome(place, _asked(place, blast), blast.outcome, where)
            print_lost(place, blast, where)
        for name in blast.off_street:
            status = place.devices[name].status.value
            lead(
                f"{name_of(place, name)}: off the street ({status}), so nothing rests on it  {where(f'devices.{name}.status')}"
            )


def _asked(place: Place, blast: Blast) -> str:
    names, one = " and ".join(name_of(place, subject.id) for subject in blast.subjects), len(blast.subjects) == 1
    if blast.question is Question.CUT:
        return f"If {names} {'is' if one else 'are'} cut off"
    return f"If {names} {'stops' if one else 'stop'}{f' ({AXES[blast.axis]})' if blast.axis else ''}"


def print_outcome(place: Place, said: str, outcome: Outcome, where: Where) -> None:
    """What degrades and fails, when, and for whom."""
    if outcome.effects:
        lead(f"{said}, {_failing(outcome.effects)}: {people(place, outcome.citizens)}.")
    else:
        lead(f"{said}, no function of the city certainly fails.")
    _print_effects(place, outcome.effects, where)
    if outcome.possible:
        facts = counted(len(outcome.missing), "fact")
        head(f"Possibly also, for want of {facts} (in all: {people(place, outcome.possible_citizens)})")
        _print_effects(place, outcome.possible, where)
        rows([f"find out {where(fact.path)}: {counted(len(fact.functions), 'function')}" for fact in outcome.missing])
    if outcome.fallen:
        dark = counted(len(outcome.fallen), "party, site or thing goes", "parties, sites and things go")
        head(f"{dark} dark")
        say(listed((name_of(place, one.id) for one in outcome.fallen), 40))


def _failing(effects: Sequence[Effect]) -> str:
    """`1 essential function of the city fails`, `3 functions of the city fail, 2 of them essential`."""
    every, essential = len(effects), sum(effect.essential for effect in effects)
    noun = "essential function" if essential == every else "function"
    among = f", {essential:,} of them essential" if 0 < essential < every else ""
    return f"{counted(every, f'{noun} of the city fails', f'{noun}s of the city fail')}{among}"


def _print_effects(place: Place, effects: Sequence[Effect], where: Where) -> None:
    for effect in effects[:MOST]:
        essential = " (essential)" if effect.essential else ""
        say(f"{name_of(place, effect.function)}{essential}: {_when(effect)}")
        for step in effect.cause:
            say(f"{_step(place, effect, step)}  {where(step.path)}", "      ")
        if fail_safe := place.functions[effect.function].fail_safe:
            say(f"declared for that case: {fail_safe}", "      ")
    if len(effects) > MOST:
        say(f"... and {len(effects) - MOST:,} more (--json has them all)")


def _when(effect: Effect) -> str:
    if effect.fails_h == effect.degrades_h:
        return f"fails {hours(effect.fails_h)}"
    return f"degrades {hours(effect.degrades_h)}, fails {hours(effect.fails_h)}"


def _step(place: Place, effect: Effect, step: Step) -> str:
    """One line of a cause. Where one thing was not enough, those that were dark already are told as what they are: causes."""
    does = "fails" if effect.fails_h == effect.degrades_h else "degrades"
    said = f"so it {does}" if step.kind is Kind.FUNCTION else f"{name_of(place, step.id)}: dark"
    others = listed((f"{name_of(place, other.id)} ({since(other.hours)})" for other in step.also), 8)
    also = f", because so {'is' if len(step.also) == 1 else 'are'} {others}" if others else ""
    return f"{said} {hours(step.hours)}{also}"


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
    lead(f"{text}, and {len(found.reached) - certain:,} more if what is not known is so.")
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
        rows([_astray(place, one, where) for one in found.integrity])
        if found.without_facts:
            remark(f"of {counted(found.without_facts, 'possible item')} among them the facts were too many to look for")
    put()
    print_outcome(place, f"If {name} stops all it can", found.outcome, where)
    if found.ways:
        head("How it comes to what these begin with: the last line of each way")
        rows([_way(place, one, where) for one in found.ways])


def _astray(place: Place, one: LostIntegrity, where: Where) -> str:
    facts = dict.fromkeys(fact for item in one.through for fact in item.missing)
    through = listed(name_of(place, item.id) for item in one.through)
    said = (
        f"{'' if one.certain else 'possibly '}{name_of(place, one.function)}, through {through}  {where(one.paths[0])}"
    )
    return said if one.certain else said + _to_find_out(facts, where)


def _way(place: Place, one: Way, where: Where) -> str:
    said = f"{'it could' if one.certain else 'possibly it could'} {_DOES[one.mode]} {name_of(place, one.id)}"
    return f"{said}  {where(one.paths[-1])}{_to_find_out(one.missing, where)}"


def _ends(days: int | None) -> str:
    return "at once: no exit days are agreed" if days is None else hours(24 * days)


def print_sanctioned(place: Place, found: Sanctioned, where: Where) -> None:
    """What if a party may no longer be dealt with."""
    group = listed((name_of(place, name) for name in found.group if name != found.party), 3)
    said = f"If {name_of(place, found.party)}{f', with {group},' if group else ''} may no longer be dealt with"
    print_outcome(place, said, found.outcome, where)
    if found.perhaps:
        head(f"{counted(len(found.perhaps), 'party', 'parties')} may be part of this: whether so is not known")
        rows([f"{name_of(place, one.party)}{_to_find_out(one.missing, where)}" for one in found.perhaps])
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

"""What `cityward whatif` says to a person: a sentence, then what it rests on.

Lives here: printing. Does not live here: what is so (`reach.blast`, `reach.sign`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cityward.cli.phrases import counted, listed
from cityward.cli.words import MOST, head, lead, put, remark, rows, say
from cityward.place.model import Place
from cityward.reach.blast.hostile import Hostile, LostIntegrity, Way
from cityward.reach.blast.outcome import Effect, Outcome
from cityward.reach.blast.sanctioned import Sanctioned
from cityward.reach.blast.scenarios import Blast
from cityward.reach.telling.names import name_of
from cityward.reach.whatif.parts import Part, parts_of
from cityward.reach.whatif.words import DOES, failing, headline, people, step, when

Where = Callable[[str], str]


def _to_find_out(missing: Iterable[str], where: Where) -> str:
    facts = listed(map(where, missing), 2)
    return f"; to be found out: {facts}" if facts else ""


# --- what falls


def print_blasts(place: Place, blasts: Iterable[Blast], where: Where) -> None:
    """What if these stop, or are cut off."""
    for blast in blasts:
        if len(blast.off_street) < len(blast.subjects):
            print_outcome(place, headline(place, blast), blast.outcome, where)
            print_lost(place, blast, where)
        elif blast.off_street:
            _print_parts(parts_of(place, blast, where))


def print_outcome(place: Place, said: str, outcome: Outcome, where: Where) -> None:
    """What degrades and fails, when, and for whom, after a sentence that says so."""
    lead(said)
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


def _print_effects(place: Place, effects: Sequence[Effect], where: Where) -> None:
    for effect in effects[:MOST]:
        essential = " (essential)" if effect.essential else ""
        say(f"{name_of(place, effect.function)}{essential}: {when(effect)}")
        for one in effect.cause:
            say(f"{step(place, effect, one)}  {where(one.path)}", "      ")
        if fail_safe := place.functions[effect.function].fail_safe:
            say(f"declared for that case: {fail_safe}", "      ")
    if len(effects) > MOST:
        say(f"... and {len(effects) - MOST:,} more (--json has them all)")


def print_lost(place: Place, blast: Blast, where: Where) -> None:
    """Which data no longer arrives."""
    if blast.flows_cut or blast.flows_perhaps_cut:
        head(f"{counted(len(blast.flows_cut), 'flow')} cut")
        rows([where(f"flows.{name}") for name in blast.flows_cut])
        rows([f"perhaps {where(f'flows.{name}')}: its route is not known" for name in blast.flows_perhaps_cut])
    _print_parts(parts_of(place, blast, where))


# --- who turns


def print_hostile(place: Place, found: Hostile, where: Where) -> None:
    """What if a party turns against the city."""
    lead(headline(place, found))
    unsure = sum(not one.certain for one in found.reached)
    if unsure:
        remark(f"{counted(unsure, 'answer')} more would follow if what is not known is so")
    for mode, verb in DOES.items():
        those = found.by_mode(mode)
        if those:
            sure = [name_of(place, one.id) for one in those if one.certain]
            perhaps = [name_of(place, one.id) for one in those if not one.certain]
            head(f"could {verb}")
            say(listed(sure) if sure else "nothing for certain")
            if perhaps:
                say(f"possibly also {listed(perhaps)}")
    if found.integrity:
        head("Functions that may go on, and do the wrong thing")
        rows([_astray(place, one, where) for one in found.integrity])
        if found.without_facts:
            remark(f"of {counted(found.without_facts, 'possible item')} among them the facts were too many to look for")
    put()
    stops = f"If {name_of(place, found.party)} stops all it can"
    print_outcome(place, failing(place, stops, found.outcome), found.outcome, where)
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
    said = f"{'it could' if one.certain else 'possibly it could'} {DOES[one.mode]} {name_of(place, one.id)}"
    return f"{said}  {where(one.paths[-1])}{_to_find_out(one.missing, where)}"


def print_sanctioned(place: Place, found: Sanctioned, where: Where) -> None:
    """What if a party may no longer be dealt with."""
    print_outcome(place, headline(place, found), found.outcome, where)
    _print_parts(parts_of(place, found, where))


def _print_parts(parts: Iterable[Part]) -> None:
    for part in parts:
        head(part.title)
        rows([f"{line.text}  {line.where}".rstrip() for line in part.lines])

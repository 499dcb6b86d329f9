"""One party in a role, judged: who it is, where it belongs, who holds it, whose instruments it is an addressee of.

Each judge is given the place on a day, what the condition asks, the kind of the subject and its id.
"""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.house_rules import (
    About,
    PartyIs,
    Role,
)
from cityward.place.parties import Party
from cityward.place.record import UNKNOWN
from cityward.reach.exposure.answers import LAW, Axis, Bound
from cityward.reach.exposure.nodes import Node, Predicate
from cityward.reach.rules.holders import holders
from cityward.reach.rules.ownership import parents
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.truth import NO, YES, Asked, Fact, Held, Truth, all_of, any_of, possibly, yes
from cityward.reach.telling.names import name_of


def party(standing: Standing, asked: PartyIs, about: About, name: str) -> Held:
    """One party, in one of the roles, is all of this."""
    return any_of(
        _holder(standing, asked, role, holder, path)
        for role in asked.as_
        for holder, path in holders(standing, role, about, name)
    )


def _holder(standing: Standing, asked: PartyIs, role: Role, holder: str, path: str) -> Held:
    if holder == UNKNOWN:
        if "party" in asked.not_known:
            return yes(f"who its {role} is, is not known", path, witness=f"{role} unknown")
        return possibly(f"who its {role} is, is not known", path, f"{role} unknown")
    if holder not in standing.place.parties:
        return NO  # no longer valid on the day
    word = yes(
        _SAID.get(role, f"its {role} is {{}}").format(name_of(standing.place, holder)), path, witness=f"{role} {holder}"
    )
    return any_of(
        all_of((word, linked, _is(standing, asked, candidate)))
        for candidate, linked in _candidates(standing, asked, holder)
    )


_SAID = {
    Role.ITSELF: "it is {}",
    Role.ACCESSING: "the access is that of {}",
    Role.HOST: "its site is run by {}",
    Role.KEY_HOLDER: "a key to it is held by {}",
    Role.HOP: "it passes {}",
    Role.UPDATE_SOURCE: "its software comes from {}",
    Role.PARTNER: "it is agreed with {}",
    Role.SENDER: "it is sent by {}",
    Role.RECIPIENT: "it goes to {}",
}


def _candidates(standing: Standing, asked: PartyIs, holder: str) -> Iterator[tuple[str, Held]]:
    """The party, its parents and its sub-processors, as far as the rule asks for them."""
    yield holder, YES
    if asked.or_parents:
        for parent, truth, path in parents(standing.place, holder, asked.control_share):
            text = f"{name_of(standing.place, parent)} holds {asked.control_share:g} % or more of it, or appoints or manages it"
            missing = path.partition("[")[0]
            if parent == UNKNOWN:
                yield UNKNOWN, possibly("who owns it is not known", path)
            elif truth is Truth.YES:
                yield parent, yes(text, path, witness=f"parent {parent}")
            else:
                yield parent, possibly(f"possibly {text}", missing, f"parent {parent}")
    if asked.or_subprocessors:
        yield from _subprocessors(standing, holder)


def _subprocessors(standing: Standing, holder: str) -> Iterator[tuple[str, Held]]:
    others, path = standing.place.parties[holder].subprocessors, f"parties.{holder}.subprocessors"
    if others == UNKNOWN:
        yield UNKNOWN, possibly("whom it hands work to is not known", path)
        return
    for k, other in enumerate(others):
        text = f"it hands work to {name_of(standing.place, other)}"
        yield other, yes(text, f"{path}[{k}]", witness=f"sub-processor {other}")


def _is(standing: Standing, asked: PartyIs, name: str) -> Held:
    """Whether one party is all that is asked."""
    if name == UNKNOWN:
        return YES  # the doubt is already told
    record = standing.place.parties[name]
    return all_of(_party_facts(standing, asked, name, record))


def _party_facts(standing: Standing, asked: PartyIs, name: str, record: Party) -> Iterator[Held]:
    if asked.named:
        yield YES if name in asked.named else NO
    if asked.not_named:
        yield NO if name in asked.not_named else YES
    if asked.kinds:
        yield yes(f"it is a {record.kind}", f"parties.{name}.kind") if record.kind in asked.kinds else NO
    if asked.not_known:
        yield any_of(_unknown(asked, name, record))
    if asked.incorporated_in:
        yield _incorporated(standing, name, record, standing.within(asked.incorporated_in), inside=True)
    if asked.not_incorporated_in:
        yield _incorporated(standing, name, record, standing.within(asked.not_incorporated_in), inside=False)
    if asked.present_in:
        lands = standing.within(asked.present_in)
        present = [f"parties.{name}.presence[{k}]" for k, land in enumerate(record.presence) if land in lands]
        yield yes(f"it is present in {', '.join(asked.present_in)}", *present) if present else NO
    if asked.addressee_of:
        yield any_of(_addressee(standing, name, instrument) for instrument in asked.addressee_of)
    if asked.controlled_from:
        yield _held_from(standing, asked, name)


def _unknown(asked: PartyIs, name: str, record: Party) -> Iterator[Held]:
    fields = {"incorporated-in": "incorporated_in", "owners": "owners", "subprocessors": "subprocessors"}
    for word, field in fields.items():
        if word in asked.not_known and getattr(record, field) == UNKNOWN:
            text = (
                f"its {word.replace('-', ' ')} is not known"
                if field == "incorporated_in"
                else f"its {word} are not known"
            )
            yield yes(text, f"parties.{name}.{field}")


def _incorporated(standing: Standing, name: str, record: Party, lands: frozenset[str], *, inside: bool) -> Held:
    path = f"parties.{name}.incorporated_in"
    if record.incorporated_in == UNKNOWN:
        return possibly("where it is incorporated is not known", path)
    if (record.incorporated_in in lands) is not inside:
        return NO
    where = name_of(standing.place, record.incorporated_in)
    return yes(f"{name_of(standing.place, name)} is incorporated in {where}", path)


def _addressee(standing: Standing, name: str, instrument: str) -> Held:
    known = standing.place.instruments.get(instrument)
    if known is None:
        return NO
    scenario, node = Node(LAW[Axis.PARTY], known.jurisdiction), Node(Predicate.ADDRESSEE, name, instrument)
    who, law = name_of(standing.place, name), name_of(standing.place, instrument)
    text = f"{who} is an addressee of {law}"
    for bound, truth in ((Bound.CERTAIN, Truth.YES), (Bound.POSSIBLE, Truth.POSSIBLY)):
        if standing.exposure.holds(bound, scenario, node):
            said = text if truth is Truth.YES else f"{who} is possibly an addressee of {law}"
            return Held(truth, (Fact(said, (f"instruments.{instrument}",)),), (), (Asked(scenario, node, bound),))
    return NO


def _held_from(standing: Standing, asked: PartyIs, name: str) -> Held:
    truth, path = standing.held_from(asked.controlled_from, asked.control_share).get(name, (Truth.NO, ""))
    text = f"{name_of(standing.place, name)} is held from {', '.join(asked.controlled_from)} by {asked.control_share:g} % or more"
    if truth is Truth.NO:
        return NO
    return yes(text, path) if truth is Truth.YES else possibly(f"possibly {text}", path)

"""Under which law a party stands now: the jurisdictions with power over it, for the release gate.

A jurisdiction has power over a party *for certain* where
- the party is incorporated in it; or
- the party is held from it: owners that are incorporated there, or held from there, hold half of it or more by one share
  mechanism, or appoint or manage it; or
- its instruments, or its own state bodies, certainly bring the party to tell what it knows: `acts(p, disclose | intercept |
  assist)` follows under `law-party(J)` (docs/reach.md).

*Possibly*, where one of these rests on a fact that is not known. The first two hold without any instrument: no declaration lists
every law, and a state never needs a special one for its own. A branch alone is no power: an instrument for those who are present
says so. Orders to alter or to stop tell nobody anything; they are told by `cityward reach`, and do not count here.

Does not live here: what a party hands on (its agreement decides), and where its endpoints stand: `policy` adds both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.exposure.answers import Bound, Exposure, expose
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Node, Predicate, Use, uses_of
from cityward.reach.exposure.parties import CONTROL
from cityward.reach.rules.ownership import held_from
from cityward.reach.rules.truth import Truth

TELLING = (Use.DISCLOSE, Use.INTERCEPT, Use.ASSIST)
"""What a party can be brought to do by which others come to know what it holds."""

Lands = Mapping[str, tuple[frozenset[str], frozenset[str]]]
"""Party -> (jurisdictions with power over it for certain, possibly but not for certain)."""


def lands_of(place: Place) -> Lands:
    """Under which law each party stands. Closes the place for its jurisdictions; who has an `Exposure` asks `lands_in`."""
    scenarios = [Node(Predicate.LAW_PARTY, land) for land in place.jurisdictions]
    return lands_in(expose(compile_place(place), scenarios), place)


def lands_in(exposure: Exposure, place: Place) -> Lands:
    """As `lands_of`, from a closure that has the scenario `law-party` of every jurisdiction."""
    held = {land: held_from(place, frozenset({land}), CONTROL) for land in place.jurisdictions}
    found: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    for name, party in place.parties.items():
        certain = {*_compelled(exposure, name, Bound.CERTAIN), *_held(held, name, Truth.YES)}
        possible = {*_compelled(exposure, name, Bound.POSSIBLE), *_held(held, name, Truth.POSSIBLY)}
        if party.incorporated_in == UNKNOWN:
            possible |= place.jurisdictions.keys()
        elif party.incorporated_in in place.jurisdictions:
            certain.add(party.incorporated_in)
        found[name] = frozenset(certain), frozenset(possible - certain)
    return found


def _compelled(exposure: Exposure, party: str, bound: Bound) -> Iterator[str]:
    for use in TELLING:
        for scenario in exposure.who(Node(Predicate.ACTS, party, use), bound):
            if scenario.predicate is Predicate.LAW_PARTY:
                yield scenario.subject


def _held(held: Mapping[str, Mapping[str, tuple[Truth, str]]], party: str, truth: Truth) -> Iterator[str]:
    return (land for land, parties in held.items() if party in parties and parties[party][0] is truth)


# --- why


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason why a jurisdiction has power over a party, in words, with the line it rests on or the fact that is not known."""

    text: str
    path: str


@dataclass(frozen=True, slots=True)
class Law:
    """A jurisdiction with power over a party: for certain or possibly, and why."""

    jurisdiction: str
    certain: bool
    grounds: tuple[Ground, ...]


def laws_over(exposure: Exposure, place: Place, party: str) -> tuple[Law, ...]:
    """Under which law a party stands, and why: what `lands_in` counts, in the declaration's order.

    Args:
        exposure: as for `lands_in`.
        party: a declared one.
    """
    found: list[Law] = []
    for land in place.jurisdictions:
        said = list(_grounds(exposure, place, party, land))
        certain = any(sure for _, sure in said)
        if said:
            found.append(Law(land, certain, tuple(ground for ground, sure in said if sure or not certain)))
    return tuple(found)


def _grounds(exposure: Exposure, place: Place, party: str, land: str) -> Iterator[tuple[Ground, bool]]:
    path, home = f"parties.{party}.incorporated_in", place.parties[party].incorporated_in
    if home == land:
        yield Ground(f"`{party}` is incorporated in `{land}`", path), True
    elif home == UNKNOWN:
        yield Ground(f"where `{party}` is incorporated is not known", path), False
    held = held_from(place, frozenset({land}), CONTROL).get(party)
    if held is not None:
        truth, line = held
        sure = truth is Truth.YES
        yield Ground(f"`{party}` {'is' if sure else 'may be'} held from `{land}`", line), sure
    yield from _by_law(exposure, place, party, land)


def _by_law(exposure: Exposure, place: Place, party: str, land: str) -> Iterator[tuple[Ground, bool]]:
    scenario = Node(Predicate.LAW_PARTY, land)
    sure = land in _compelled(exposure, party, Bound.CERTAIN)
    if not sure and land not in _compelled(exposure, party, Bound.POSSIBLE):
        return
    bound = Bound.CERTAIN if sure else Bound.POSSIBLE
    telling = [
        name
        for name, instrument in place.instruments.items()
        if instrument.jurisdiction == land
        and any(use in TELLING for use in uses_of(instrument))
        and exposure.holds(bound, scenario, Node(Predicate.ADDRESSEE, party, name))
    ]
    verb = "reaches" if sure else "may reach"
    for name in telling:
        yield Ground(f"instrument `{name}` {verb} `{party}`", f"instruments.{name}.addressees"), sure
    if not telling:
        whose = f"those who control `{party}`, or a state body"
        yield Ground(f"`{land}` {verb} {whose}", f"parties.{party}.owners"), sure

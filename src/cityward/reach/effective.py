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

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.exposure.answers import Bound, Exposure, expose
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Node, Predicate, Use
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

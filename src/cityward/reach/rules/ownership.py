"""Who holds whom: parents of a party, and parties held from a jurisdiction, by a share that a rule names.

A stake below the share is never counted alone, and nothing here is called control below half: the rule's own number stands in the
words. Shares of one mechanism add up, as in the rules of reach.
"""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.model import Place
from cityward.place.parties import Mechanism, Stake
from cityward.place.record import UNKNOWN
from cityward.reach.rules.truth import Truth

SHARES = (Mechanism.OWNERSHIP, Mechanism.VOTING, Mechanism.STATE)
RULES = (Mechanism.APPOINTMENT, Mechanism.MANAGEMENT)

Link = tuple[str, Truth, str]
"""(party or `unknown`, how far it is linked, the path of the line)."""


def holds(stake: Stake, share: float) -> Truth:
    """How far one stake reaches a share (per cent)."""
    if stake.mechanism in RULES:
        return Truth.YES
    if stake.mechanism not in SHARES or stake.share is None:
        return Truth.POSSIBLY
    return Truth.YES if stake.share >= share else Truth.NO


def parents(place: Place, party: str, share: float) -> list[Link]:
    """Whoever holds a share of a party, or of one that does, at any height, nearest first; each once, as certain as can be."""
    found: dict[str, Link] = {}
    pending = [(party, Truth.YES)]
    for child, so_far in pending:
        for owner, truth, path in _owners(place, child, share):
            linked = min(truth, so_far)
            if owner != party and (owner not in found or found[owner][1] < linked):
                found[owner] = (owner, linked, path)
                pending.append((owner, linked))
    return list(found.values())


def _owners(place: Place, party: str, share: float) -> Iterator[Link]:
    known = place.parties.get(party)
    if known is None:
        return
    path = f"parties.{party}.owners"
    if known.owners == UNKNOWN:
        yield UNKNOWN, Truth.POSSIBLY, path
        return
    for k, stake in enumerate(known.owners):
        truth = holds(stake, share)
        if truth is not Truth.NO:
            yield stake.party, truth, f"{path}[{k}]"


def held_from(place: Place, lands: frozenset[str], share: float) -> dict[str, tuple[Truth, str]]:
    """Party -> how far it is held from these jurisdictions, and the line that makes it so (or the fact that is not known).

    Held by owners that are themselves incorporated there, or held from there.
    """
    certain = _closed(
        place, {p for p, party in place.parties.items() if party.incorporated_in in lands}, share, Truth.YES
    )
    there = {
        p for p, party in place.parties.items() if party.incorporated_in in lands or party.incorporated_in == UNKNOWN
    }
    possible = _closed(place, there, share, Truth.POSSIBLY)
    found = {party: (Truth.POSSIBLY, _doubt(place, party, possible, share)) for party in possible}
    return found | {party: (Truth.YES, f"parties.{party}.owners") for party in certain}


def _closed(place: Place, there: set[str], share: float, bound: Truth) -> dict[str, None]:
    """The parties held by those that are there, found level by level in the declaration's order."""
    held: dict[str, None] = {}
    while True:
        counted = there | held.keys()
        new = [
            name
            for name in place.parties
            if name not in held and _reaches(place.parties[name].owners, counted, share, bound)
        ]
        if not new:
            return held
        held.update(dict.fromkeys(new))


def _reaches(owners: tuple[Stake, ...] | str, counted: set[str], share: float, bound: Truth) -> bool:
    if isinstance(owners, str):
        return bound is Truth.POSSIBLY
    sums = dict[Mechanism, float]()
    for stake in owners:
        if stake.party not in counted:
            continue
        if stake.mechanism in RULES or (bound is Truth.POSSIBLY and holds(stake, share) is Truth.POSSIBLY):
            return True
        if stake.mechanism in SHARES:
            sums[stake.mechanism] = sums.get(stake.mechanism, 0.0) + (stake.share or 0.0)
    return any(total >= share > 0 for total in sums.values())


def _doubt(place: Place, party: str, possible: dict[str, None], share: float) -> str:
    """The nearest fact that is not known, upwards."""
    seen, pending = {party}, [party]
    for name in pending:
        known = place.parties[name]
        path = f"parties.{name}.owners"
        if known.owners == UNKNOWN:
            return path
        for stake in known.owners:
            if holds(stake, share) is Truth.POSSIBLY:
                return path
            if stake.party in place.parties and place.parties[stake.party].incorporated_in == UNKNOWN:
                return f"parties.{stake.party}.incorporated_in"
            if stake.party in possible and stake.party not in seen:
                seen.add(stake.party)
                pending.append(stake.party)
    return f"parties.{party}.owners"

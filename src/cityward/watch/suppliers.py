"""Whose things an incident is about, by what is declared and agreed: who made, owns or runs them, under which agreement.

Theory of operation. A supplier answers for a thing where it made, owns or runs it. Beside that the agreements say who supplies
and supports what: a party of a `supply` or `support` agreement answers for whatever sends or receives a dataset of it. An
agreement with somebody who is tied to the thing already leaves no room for others over the same dataset: two makers' counters
send one dataset, and each maker answers for its own. The city's own party is no supplier of itself, and who is only given data
(`sharing`) supplies nothing.

INVARIANT: nothing is told that is not declared, and no agreement that is not in force on the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import msgspec

from cityward.place.model import Place
from cityward.place.parties import Agreement
from cityward.place.record import UNKNOWN
from cityward.place.registry import members

SUPPLYING = ("supply", "support")


class Supplier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A party that answers for something. ties: `maker`, `owner`, `operator`, `maintainer`; agreements: their ids."""

    party: str
    name: str
    ties: tuple[str, ...]
    agreements: tuple[str, ...]


class Suppliers:
    """Of one place on one day."""

    def __init__(self, place: Place, day: date) -> None:
        self._place = place
        self._group = {unit: group for group, device in place.devices.items() for unit, _, _ in members(group, device)}
        self._agreed = {name: one for name, one in place.agreements.items() if _in_force(one, day)}
        self._carried: dict[str, set[str]] = {}
        for flow in place.flows.values():
            for end in (flow.from_, flow.to):
                self._carried.setdefault(end, set()).update(flow.datasets)
        self._known: dict[str, tuple[Supplier, ...]] = {}

    def of(self, subjects: Iterable[str]) -> tuple[Supplier, ...]:
        """Those of any of these subjects of incidents, by party; a subject that is not declared has none."""
        found: dict[str, Supplier] = {}
        for subject in subjects:
            name = subject.rpartition(":")[2]
            for one in self._of(self._group.get(name, name)):
                found[one.party] = _both(found[one.party], one) if one.party in found else one
        return tuple(found[party] for party in sorted(found))

    def _of(self, thing: str) -> tuple[Supplier, ...]:
        if thing not in self._known and (thing in self._place.devices or thing in self._place.systems):
            self._known[thing] = tuple(self._answering(thing))
        return self._known.get(thing, ())

    def _answering(self, thing: str) -> Iterator[Supplier]:
        ties, agreements = self._ties(thing), dict[str, list[str]]()
        carried = self._carried.get(thing, set())
        covering = {n: one for n, one in self._agreed.items() if carried & set(one.datasets)}
        own = {dataset for one in covering.values() if ties.keys() & set(one.parties) for dataset in one.datasets}
        for name, one in covering.items():
            tied = ties.keys() & set(one.parties)
            if tied or (one.kind in SUPPLYING and carried & set(one.datasets) - own):
                for party in tied or one.parties:
                    agreements.setdefault(party, []).append(name)
        for party in {**ties, **agreements}:
            if party != self._place.responsible and party in self._place.parties:
                name = self._place.parties[party].name or party
                yield Supplier(party, name, tuple(ties.get(party, ())), tuple(agreements.get(party, ())))

    def _ties(self, thing: str) -> Mapping[str, list[str]]:
        """Party -> what ties it to a device or system; the city's own party has no part in it."""
        place, found = self._place, dict[str, list[str]]()
        pairs: list[tuple[str, str | None]] = []
        if thing in place.devices:
            device = place.devices[thing]
            model = place.device_models[device.model]
            pairs = [("maker", model.maker), ("owner", device.owner), ("operator", device.operator)]
        else:
            system = place.systems[thing]
            pairs = [("operator", system.operator), *(("maintainer", party) for party in _named(system.maintained_by))]
        for tie, party in pairs:
            if party not in (None, UNKNOWN, place.responsible):
                found.setdefault(str(party), []).append(tie)
        return found


def _named(parties: object) -> tuple[str, ...]:
    return () if isinstance(parties, str) or not isinstance(parties, tuple) else tuple(map(str, parties))


def _in_force(agreement: Agreement, day: date) -> bool:
    return (agreement.starts is None or agreement.starts <= day) and (agreement.ends is None or day <= agreement.ends)


def _both(one: Supplier, other: Supplier) -> Supplier:
    ties = tuple(dict.fromkeys((*one.ties, *other.ties)))
    return Supplier(one.party, one.name, ties, tuple(dict.fromkeys((*one.agreements, *other.agreements))))

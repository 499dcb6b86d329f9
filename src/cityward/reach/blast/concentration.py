"""How much hangs on one: the share of the city that goes dark with a party, with a group of owners, with a country.

Counts with their denominators, never a score. A country is counted twice, by the parties incorporated in it and by the sites in
it; the two are never added up. A device that is stored or retired is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
import numpy as np

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.blast.cascade import Cascade, Kind, Links
from cityward.reach.blast.timeless import Timeless, bits, own_nodes, timeless_with
from cityward.reach.exposure.answers import Axis
from cityward.reach.exposure.closure import Words
from cityward.reach.exposure.order import Ints


class Basis(StrEnum):
    """On whom."""

    PARTY = "party"  # it alone; those it controls stay
    GROUP = "group"  # a party and those it controls, where it controls any
    COUNTRY_OF_PARTIES = "country-of-parties"
    COUNTRY_OF_PLACES = "country-of-places"


class Measure(StrEnum):
    """What hangs on them. The fields of `Share`."""

    FUNCTIONS = "functions"
    ESSENTIAL = "essential"
    CRITICAL_SYSTEMS = "critical_systems"
    DATASETS = "datasets"
    DEVICES = "devices"
    SUPPLIED = "supplied"


class Count(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, order=True):
    """So many of so many."""

    n: int
    of: int


class Share(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes dark with one party, group or country.

    `datasets`: those of which no store is left (for one that no system stores, no sender). `devices` counts units, not groups.
    `supplied` counts systems and units that they make, supply, maintain or send software to, dark or not.
    """

    basis: Basis
    id: str
    functions: Count
    essential: Count
    critical_systems: Count
    datasets: Count
    devices: Count
    supplied: Count


def concentration(place: Place, cascade: Cascade) -> tuple[Share, ...]:
    """Every party, group and country on which something hangs: by basis, then most essential functions first, then most of the
    other measures in their order."""
    counted = _Counted(place, cascade)
    telling = [share for share in counted.shares() if any(getattr(share, measure).n for measure in Measure)]
    order = (Measure.ESSENTIAL, *(measure for measure in Measure if measure is not Measure.ESSENTIAL))
    bases = list(Basis)
    return tuple(
        sorted(
            telling, key=lambda share: (bases.index(share.basis), *(-getattr(share, measure).n for measure in order))
        )
    )


def top(shares: tuple[Share, ...], basis: Basis, measure: Measure, most: int = 3) -> tuple[Share, ...]:
    """The shares of a basis that are largest by one measure; those of nothing are left out."""
    found = [share for share in shares if share.basis is basis and getattr(share, measure).n]
    return tuple(sorted(found, key=lambda share: -getattr(share, measure).n)[:most])


ROWS = 8192  # counted at a time: some tens of MB where everything falls with everybody


@dataclass(slots=True)
class _Counted:
    """What falls with whom, and the nodes that each measure counts, with their weights.

    A dataset that goes dark when all that keep it do, and a thing that is supplied when one of its suppliers falls, are links to
    nodes of their own.
    """

    place: Place
    cascade: Cascade
    wired: Timeless = field(init=False)
    counts: dict[Measure, dict[int, int]] = field(init=False)  # measure -> node -> what it counts for
    of: dict[Measure, int] = field(init=False)

    def __post_init__(self) -> None:
        place, points = self.place, enumerate(self.cascade.points)
        by_kind: dict[Kind, dict[str, int]] = {kind: {} for kind in Kind}
        for number, point in points:
            by_kind[point.kind][point.id] = number
        functions, systems = by_kind[Kind.FUNCTION], by_kind[Kind.SYSTEM]
        units = {number: len(place.devices[name].positions) or 1 for name, number in by_kind[Kind.DEVICE].items()}
        more, first = Links(), own_nodes(place, self.cascade)
        kept = {first + i: one for i, one in enumerate(one for one in _kept(place, by_kind).values() if one)}
        supplied = {first + len(kept) + i: one for i, one in enumerate(_supplies(place, by_kind).items())}
        for node, points_of in kept.items():
            more.some_of(node, len(points_of), points_of, "datasets")
        for node, (_, parties) in supplied.items():
            more.some_of(node, 1, parties, "parties")
        self.wired = timeless_with(place, self.cascade, more, len(kept) + len(supplied))
        self.counts = {
            Measure.FUNCTIONS: dict.fromkeys(functions.values(), 1),
            Measure.ESSENTIAL: {functions[name]: 1 for name, one in place.functions.items() if one.essential},
            Measure.CRITICAL_SYSTEMS: {systems[name]: 1 for name, one in place.systems.items() if one.critical},
            Measure.DATASETS: dict.fromkeys(kept, 1),
            Measure.DEVICES: units,
            Measure.SUPPLIED: {node: units.get(thing, 1) for node, (thing, _) in supplied.items()},
        }
        self.of = {measure: sum(counted.values()) for measure, counted in self.counts.items()}
        self.of[Measure.DATASETS] = len(place.datasets)
        self.of[Measure.SUPPLIED] = sum(units.values()) + len(place.systems)

    def shares(self) -> Iterator[Share]:
        """Of every party, of every group of more than one, of every country on both axes."""
        names, parties = tuple(self.place.parties), np.arange(len(self.place.parties))  # the first points are parties
        alone = self.wired.part(self.wired.clauses.head >= len(parties))
        yield from self._shares(Basis.PARTY, names, alone, parties)
        groups = np.array([at for at, many in enumerate(self._groups(parties)) if many > 1], dtype=np.int64)
        yield from self._shares(Basis.GROUP, [names[at] for at in groups.tolist()], self.wired, groups)
        for basis, axis in ((Basis.COUNTRY_OF_PARTIES, Axis.PARTY), (Basis.COUNTRY_OF_PLACES, Axis.PLACE)):
            lands = {name: self.wired.lands[axis, name] for name in self.place.jurisdictions}
            yield from self._shares(basis, tuple(lands), self.wired, np.array([*lands.values()], dtype=np.int64))

    def _groups(self, parties: Ints) -> list[int]:
        """How many parties fall with each party."""
        found: list[int] = []
        for at, rows in self.wired.falls(parties.tolist()):
            many = _tally(rows[parties], np.ones(len(parties), dtype=np.int64))
            found += many[: len(parties) - at].tolist()
        return found

    def _shares(self, basis: Basis, names: Sequence[str], wired: Timeless, seeds: Ints) -> Iterator[Share]:
        counted = {
            measure: (np.array([*nodes], dtype=np.int64), np.array([*nodes.values()], dtype=np.int64))
            for measure, nodes in self.counts.items()
        }
        for at, rows in wired.falls(seeds.tolist()):
            found = {measure: _tally(rows[nodes], weight).tolist() for measure, (nodes, weight) in counted.items()}
            for i, name in enumerate(names[at : at + rows.shape[1] * 64]):
                counts = {measure.value: Count(n=found[measure][i], of=self.of[measure]) for measure in Measure}
                yield Share(basis=basis, id=name, **counts)


def _tally(rows: Words, weight: Ints) -> Ints:
    """The weights of the (R, W) rows that hold, added up for each seed. Shape (64 W,)."""
    total = np.zeros(rows.shape[1] * 64, dtype=np.int64)
    for at in range(0, len(rows), ROWS):
        row, seed = bits(rows[at : at + ROWS])
        np.add.at(total, seed, weight[at + row])
    return total


_Numbers = Mapping[Kind, Mapping[str, int]]
"""Kind -> id -> number of the point."""


def _kept(place: Place, numbers: _Numbers) -> dict[str, dict[int, int]]:
    """Dataset -> the systems that store it; for one that none stores, who or what sends it. Each counts once."""
    kinds = (Kind.SYSTEM, Kind.DEVICE, Kind.MEMBER, Kind.PARTY)
    stored: dict[str, dict[int, int]] = {}
    sent: dict[str, dict[int, int]] = {}
    for name, system in place.systems.items():
        for dataset in system.stores:
            stored.setdefault(dataset, {})[numbers[Kind.SYSTEM][name]] = 1
    for flow in place.flows.values():
        sending = dict.fromkeys((numbers[kind][flow.from_] for kind in kinds if flow.from_ in numbers[kind]), 1)
        for dataset in flow.datasets:
            sent.setdefault(dataset, {}).update(sending)
    return {name: stored.get(name) or sent.get(name, {}) for name in place.datasets}


def _supplies(place: Place, numbers: _Numbers) -> dict[int, dict[int, int]]:
    """Thing -> those who make, supply, maintain or send software to it, each once. What is not known is nobody's."""
    parties, found = numbers[Kind.PARTY], dict[int, dict[int, int]]()

    def add(thing: int, names: Iterable[str | None]) -> None:
        known = (parties[name] for name in names if name is not None and name in parties)
        found.setdefault(thing, {}).update(dict.fromkeys(known, 1))

    for name, number in numbers[Kind.SYSTEM].items():
        system = place.systems[name]
        kept_up = system.maintained_by if system.maintained_by != UNKNOWN else ()
        add(number, (system.supplier, *kept_up, _updater(place, system.updates_from)))
    for name, number in numbers[Kind.DEVICE].items():
        model = place.device_models.get(place.devices[name].model)
        if model is not None:
            add(number, (model.maker, _updater(place, model.updates_from)))
    return {thing: by for thing, by in found.items() if by}


def _updater(place: Place, system: str | None) -> str | None:
    known = place.systems.get(system or "")
    return known.operator if known is not None else None

"""How much hangs on one: the share of the city that goes dark with a party, with a group of owners, with a country.

Counts with their denominators, never a score. A country is counted twice, by the parties incorporated in it and by the sites in
it; the two are never added up.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.blast.cascade import Cascade, Falls, Kind, Point, Starts, fall
from cityward.reach.blast.subjects import Subject, SubjectKind, starts_of
from cityward.reach.exposure.answers import Axis


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
    shares = [counted.share(*asked) for asked in _asked(place, cascade)]
    telling = [share for share in shares if any(getattr(share, measure).n for measure in Measure)]
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


_Asked = tuple[Basis, str, Starts, Container[int]]


def _asked(place: Place, cascade: Cascade) -> Iterator[_Asked]:
    every_party = frozenset(cascade.number[Point(Kind.PARTY, name)] for name in place.parties)
    for name in place.parties:
        starts = starts_of(place, cascade, (Subject(kind=SubjectKind.PARTY, id=name),))
        yield Basis.PARTY, name, starts, every_party
        if len(every_party & fall(cascade, starts).at.keys()) > 1:
            yield Basis.GROUP, name, starts, ()
    for name in place.jurisdictions:
        subject = Subject(kind=SubjectKind.JURISDICTION, id=name)
        yield Basis.COUNTRY_OF_PARTIES, name, starts_of(place, cascade, (subject,), Axis.PARTY), ()
        yield Basis.COUNTRY_OF_PLACES, name, starts_of(place, cascade, (subject,), Axis.PLACE), ()


@dataclass(slots=True)
class _Counted:
    """The denominators, and what each point counts for."""

    place: Place
    cascade: Cascade
    units: dict[int, int] = field(init=False)
    kept_at: list[frozenset[int]] = field(init=False)  # one for each dataset that is somewhere
    kept_here: dict[int, list[int]] = field(init=False)  # point -> indices of `kept_at`
    supplied_by: dict[int, list[tuple[int, int]]] = field(init=False)  # party -> (thing, units)
    of: dict[Measure, int] = field(init=False)

    def __post_init__(self) -> None:
        place, number = self.place, self.cascade.number
        devices = place.devices.items()
        self.units = {number[Point(Kind.DEVICE, name)]: len(device.positions) or 1 for name, device in devices}
        self.kept_at = [kept for kept in _kept(place, self.cascade).values() if kept]
        self.kept_here = {}
        for i, kept in enumerate(self.kept_at):
            for point in kept:
                self.kept_here.setdefault(point, []).append(i)
        self.supplied_by = {}
        for party, thing in _supplies(place):
            if party in number:
                counted = (number[thing], self.units.get(number[thing], 1))
                self.supplied_by.setdefault(number[party], []).append(counted)
        self.of = {
            Measure.FUNCTIONS: len(place.functions),
            Measure.ESSENTIAL: sum(function.essential for function in place.functions.values()),
            Measure.CRITICAL_SYSTEMS: sum(system.critical for system in place.systems.values()),
            Measure.DATASETS: len(place.datasets),
            Measure.DEVICES: sum(self.units.values()),
            Measure.SUPPLIED: sum(self.units.values()) + len(place.systems),
        }

    def share(self, basis: Basis, name: str, starts: Starts, held: Container[int]) -> Share:
        falls = fall(self.cascade, starts, held=held)
        found = self._count(falls)
        counts = {measure.value: Count(n=found[measure], of=self.of[measure]) for measure in Measure}
        return Share(basis=basis, id=name, **counts)

    def _count(self, falls: Falls) -> dict[Measure, int]:
        place, found = self.place, dict.fromkeys(Measure, 0)
        touched, supplied = dict[int, None](), dict[int, int]()
        for number in falls.at:
            kind, name = self.cascade.points[number]
            if kind is Kind.FUNCTION:
                found[Measure.FUNCTIONS] += 1
                found[Measure.ESSENTIAL] += place.functions[name].essential
            elif kind is Kind.SYSTEM:
                found[Measure.CRITICAL_SYSTEMS] += place.systems[name].critical
            touched.update(dict.fromkeys(self.kept_here.get(number, ())))
            supplied.update(self.supplied_by.get(number, ()))
            found[Measure.DEVICES] += self.units.get(number, 0)
        found[Measure.DATASETS] = sum(all(point in falls.at for point in self.kept_at[i]) for i in touched)
        found[Measure.SUPPLIED] = sum(supplied.values())
        return found


def _kept(place: Place, cascade: Cascade) -> dict[str, frozenset[int]]:
    """Dataset -> the systems that store it; for one that none stores, who or what sends it."""
    kinds = (Kind.SYSTEM, Kind.DEVICE, Kind.MEMBER, Kind.PARTY)
    stored: dict[str, set[int]] = {}
    sent: dict[str, set[int]] = {}
    for name, system in place.systems.items():
        for dataset in system.stores:
            stored.setdefault(dataset, set()).add(cascade.number[Point(Kind.SYSTEM, name)])
    for flow in place.flows.values():
        points = [cascade.number[point] for kind in kinds if (point := Point(kind, flow.from_)) in cascade.number]
        for dataset in flow.datasets:
            sent.setdefault(dataset, set()).update(points)
    return {name: frozenset(stored.get(name) or sent.get(name, ())) for name in place.datasets}


def _supplies(place: Place) -> Iterator[tuple[Point, Point]]:
    """(party, thing) of those who make, supply, maintain or send software to a thing. What is not known is nobody's."""
    for name, system in place.systems.items():
        parties = [system.supplier, *(system.maintained_by if system.maintained_by != UNKNOWN else ())]
        for party in dict.fromkeys((*parties, _updater(place, system.updates_from))):
            if party is not None:
                yield Point(Kind.PARTY, party), Point(Kind.SYSTEM, name)
    for name, device in place.devices.items():
        model = place.device_models.get(device.model)
        for party in dict.fromkeys((model.maker, _updater(place, model.updates_from))) if model is not None else ():
            if party is not None:
                yield Point(Kind.PARTY, party), Point(Kind.DEVICE, name)


def _updater(place: Place, system: str | None) -> str | None:
    known = place.systems.get(system or "")
    return known.operator if known is not None else None

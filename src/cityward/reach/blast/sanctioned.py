"""What if a party may no longer be dealt with: what ends when, what remains, what to get back.

Day 0 is the day on which it becomes so. The party and those it controls stop sending software at once; their agreements end after
their exit days; what one of them runs stops when the last agreement that covers it ends. An agreement covers what its party runs
or owns where it lists a dataset that the thing stores, sends or receives, or a flow or access of the thing names it; a thing that
holds no data is covered by every agreement of its party; a site by those that list it, or list no site.

Accesses do not end with an agreement. They are listed, to be revoked; so are the data to get back and the keys to take over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

import msgspec

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.blast.cascade import Cascade, Kind, Point, Start, Starts, fall
from cityward.reach.blast.outcome import Outcome, outcome
from cityward.reach.blast.subjects import Subject, SubjectKind, starts_of
from cityward.reach.exposure.answers import Axis, Bound
from cityward.reach.exposure.data import whereabouts
from cityward.reach.exposure.declared import Declared

HOURS_A_DAY = 24


class Ending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agreement that ends. Without exit days it is taken to end on day 0."""

    agreement: str
    parties: tuple[str, ...]  # of the group
    exit_days: int | None
    path: str


class StoppedUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A system or device (group) whose software comes from a system of the group."""

    id: str
    updates_from: str
    path: str


class StoppedUpkeep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A system that one of the group maintains. `others`: who maintains it beside them."""

    system: str
    by: str
    others: tuple[str, ...]
    path: str


class ToRevoke(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An access of the group, or of another party under an agreement that ends. It works until it is taken away."""

    access: str
    party: str
    target: str
    modes: tuple[str, ...]
    standing: bool
    path: str


class ToGetBack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset that the group has: in a system it runs, in another's system at its site, or as the recipient of a flow."""

    dataset: str
    holder: str  # party
    at: str  # system, or the flow that brought it
    path: str


class ToTakeOver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that the group holds."""

    key: str
    holder: str
    protects: tuple[str, ...]
    path: str


class Perhaps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A party that belongs to the group if facts that are not known are so."""

    party: str
    missing: tuple[str, ...]  # paths


class Sanctioned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer. `group`: the party and those it certainly controls; `perhaps`: those it controls if what is unknown is so.

    Where a `land` is asked about, `party` is that jurisdiction, and the group are the parties within it and those they control.
    """

    party: str
    land: bool = False
    group: tuple[str, ...]
    perhaps: tuple[Perhaps, ...]
    endings: tuple[Ending, ...]
    uncovered: tuple[str, ...]  # paths of what the group runs without an agreement: dark on day 0
    outcome: Outcome
    updates: tuple[StoppedUpdate, ...]  # at once
    upkeep: tuple[StoppedUpkeep, ...]
    revoke: tuple[ToRevoke, ...]  # standing ones first
    get_back: tuple[ToGetBack, ...]
    take_over: tuple[ToTakeOver, ...]


def sanctioned(place: Place, cascade: Cascade, party: str) -> Sanctioned:
    """What ends, falls and remains when a party of the place, and those it controls, may no longer be dealt with."""
    starts = {cascade.number[Point(Kind.PARTY, party)]: Start(0.0, f"parties.{party}")}
    return _answer(place, cascade, starts, party, land=False)


def sanctioned_land(place: Place, cascade: Cascade, land: str) -> Sanctioned:
    """The same of every party incorporated within a jurisdiction, and those they control."""
    within = (Subject(kind=SubjectKind.JURISDICTION, id=land),)
    return _answer(place, cascade, starts_of(place, cascade, within, Axis.PARTY), land, land=True)


def _answer(place: Place, cascade: Cascade, begins: Starts, name: str, *, land: bool) -> Sanctioned:
    """`begins`: the parties it is about, before those that they control."""
    group, perhaps = _group(place, cascade, begins)
    asked = _Asked(place, group)
    starts, uncovered = asked.starts(cascade)
    held = frozenset(cascade.number[Point(Kind.PARTY, name)] for name in group)
    return Sanctioned(
        party=name,
        land=land,
        group=group,
        perhaps=perhaps,
        endings=tuple(asked.endings()),
        uncovered=uncovered,
        outcome=outcome(place, cascade, starts, held),
        updates=tuple(asked.updates()),
        upkeep=tuple(asked.upkeep()),
        revoke=tuple(sorted(asked.revoke(), key=lambda access: not access.standing)),
        get_back=tuple(dict.fromkeys(asked.get_back())),
        take_over=tuple(asked.take_over()),
    )


def _group(place: Place, cascade: Cascade, begins: Starts) -> tuple[tuple[str, ...], tuple[Perhaps, ...]]:
    """(the parties and those they certainly control, those they possibly control), in declared order."""
    lower, upper = (fall(cascade, begins, bound) for bound in (Bound.CERTAIN, Bound.POSSIBLE))
    points = [Point(Kind.PARTY, name) for name in place.parties]
    certain = tuple(point.id for point in points if lower.hours(point) < inf)
    possible = [point for point in points if upper.hours(point) < lower.hours(point)]
    return certain, tuple(Perhaps(party=point.id, missing=upper.missing(point)) for point in possible)


@dataclass(slots=True)
class _Asked:
    """A place and a group of parties."""

    place: Place
    group: tuple[str, ...]
    declared: Declared = field(init=False)
    at: dict[str, tuple[str, ...]] = field(init=False)  # thing -> datasets
    naming: dict[str, list[str]] = field(init=False)  # thing -> the agreements its flows and accesses name

    def __post_init__(self) -> None:
        self.declared, self.naming = Declared(self.place), {}
        self.at = {thing: tuple(datasets) for thing, datasets in whereabouts(self.declared).items()}
        for flow in self.place.flows.values():
            for end in (flow.from_, flow.to):
                self.naming.setdefault(self._group_of(end), []).append(flow.agreement or "")
        for access in self.place.accesses.values():
            self.naming.setdefault(self._group_of(access.target), []).append(access.agreement or "")

    def _group_of(self, name: str) -> str:
        return self.declared.group_of.get(name, name)

    # --- what falls

    def starts(self, cascade: Cascade) -> tuple[dict[int, Start], tuple[str, ...]]:
        """When the parties and what they run stop; and the paths of what no agreement covers."""
        starts: dict[int, Start] = {}
        uncovered: list[str] = []
        for party in self.group:
            own = self._agreements(party)
            starts[cascade.number[Point(Kind.PARTY, party)]] = self._last(own, f"parties.{party}")
            for point, path in self._run_by(party):
                covering = [name for name in own if self._covers(name, point)]
                if not covering:
                    uncovered.append(path)
                start, number = self._last(covering, path), cascade.number[point]
                if number not in starts or start.hours < starts[number].hours:
                    starts[number] = start
        return starts, tuple(uncovered)

    def _agreements(self, party: str) -> list[str]:
        return [name for name, agreement in self.place.agreements.items() if party in agreement.parties]

    def _last(self, agreements: list[str], otherwise: str) -> Start:
        """When the last of some agreements ends; at once, by another line, where there is none."""
        days = {name: self.place.agreements[name].exit_days or 0 for name in agreements}
        last = max(days, key=lambda name: days[name], default=None)
        if last is None:
            return Start(0.0, otherwise)
        return Start(float(days[last] * HOURS_A_DAY), f"agreements.{last}.exit_days")

    def _run_by(self, party: str) -> Iterator[tuple[Point, str]]:
        """What a party operates, and the devices it owns; with the line that says so."""
        for name, site in self.place.sites.items():
            if site.operator == party:
                yield Point(Kind.SITE, name), f"sites.{name}.operator"
        for thing in self.declared.things.values():
            runs, path = thing.runs
            kind = Kind.DEVICE if thing.is_device else Kind.SYSTEM
            if runs == party:
                yield Point(kind, thing.id), path
            elif getattr(thing.record, "owner", None) == party:
                yield Point(kind, thing.id), f"{thing.path}.owner"

    def _covers(self, agreement: str, point: Point) -> bool:
        terms = self.place.agreements[agreement]
        if point.kind is Kind.SITE:
            return not terms.sites or point.id in terms.sites
        datasets = self.at.get(point.id, ())
        return not datasets or agreement in self.naming.get(point.id, ()) or any(d in terms.datasets for d in datasets)

    # --- what ends and remains

    def endings(self) -> Iterator[Ending]:
        for name, agreement in self.place.agreements.items():
            ours = tuple(party for party in agreement.parties if party in self.group)
            if ours:
                path = f"agreements.{name}.exit_days" if agreement.exit_days is not None else f"agreements.{name}"
                yield Ending(agreement=name, parties=ours, exit_days=agreement.exit_days, path=path)

    def updates(self) -> Iterator[StoppedUpdate]:
        senders = {name for name, system in self.place.systems.items() if system.operator in self.group}
        for name, system in self.place.systems.items():
            if system.updates_from in senders:
                path = f"systems.{name}.updates_from"
                yield StoppedUpdate(id=name, updates_from=system.updates_from or "", path=path)
        for name, device in self.place.devices.items():
            model = self.place.device_models.get(device.model)
            if name in self.declared.things and model is not None and model.updates_from in senders:
                path = f"device_models.{device.model}.updates_from"
                yield StoppedUpdate(id=name, updates_from=model.updates_from or "", path=path)

    def upkeep(self) -> Iterator[StoppedUpkeep]:
        for name, system in self.place.systems.items():
            by = system.maintained_by if system.maintained_by != UNKNOWN else ()
            others = tuple(party for party in by if party not in self.group)
            for k, party in enumerate(by):
                if party in self.group and party != system.operator:
                    yield StoppedUpkeep(system=name, by=party, others=others, path=f"systems.{name}.maintained_by[{k}]")

    def revoke(self) -> Iterator[ToRevoke]:
        ending = {ending.agreement for ending in self.endings()}
        for name, access in self.place.accesses.items():
            if access.party in self.group or (access.agreement in ending and access.party != self.place.responsible):
                yield ToRevoke(
                    access=name,
                    party=access.party,
                    target=access.target,
                    modes=tuple(access.modes),
                    standing=access.standing,
                    path=f"accesses.{name}",
                )

    def get_back(self) -> Iterator[ToGetBack]:
        for name, system in self.place.systems.items():
            site = self.place.sites.get(system.site)
            holder = system.operator if system.operator in self.group else site.operator if site is not None else None
            if holder in self.group:
                for k, dataset in enumerate(system.stores):
                    yield ToGetBack(dataset=dataset, holder=holder, at=name, path=f"systems.{name}.stores[{k}]")
        for name, flow in self.place.flows.items():
            system = self.place.systems.get(flow.to)
            holder = flow.to if system is None else system.operator
            if holder in self.group:
                for k, dataset in enumerate(flow.datasets):
                    yield ToGetBack(dataset=dataset, holder=holder, at=name, path=f"flows.{name}.datasets[{k}]")

    def take_over(self) -> Iterator[ToTakeOver]:
        for name, key in self.place.keys.items():
            if key.holder in self.group:
                yield ToTakeOver(key=name, holder=key.holder, protects=key.protects, path=f"keys.{name}.holder")

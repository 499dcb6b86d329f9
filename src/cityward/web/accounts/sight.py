"""What of the city's data and things a person may see: cut here, on the server, for every answer and for the live feed.

A reading is seen by whoever holds `data` for one of its datasets. Things, flows and services are seen by people of the city;
others see those that carry their datasets or that their services use.

INVARIANT: shown as a role, nobody sees what they do not see themselves.
INVARIANT: people of another party see no value of a dataset that does not allow the law over that party, whatever their role.
INVARIANT: what belongs to no dataset is seen by nobody: a missing declaration never opens anything.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from threading import Lock
from typing import TypeVar

from cityward.place.holdings import holdings
from cityward.place.model import Place
from cityward.place.registry import Registry, Unit
from cityward.place.roles import Right
from cityward.policy.case import Facts
from cityward.policy.contract import Standing
from cityward.policy.law import closed_to
from cityward.reach.effective import lands_of
from cityward.runtime.causes import NO_VALUES, RESTS_ON
from cityward.runtime.people import Held
from cityward.runtime.ports import CommandRow, HourlyRow, Latest, Quarantined

MOST_SIGHTS = 256
_NUMBER = re.compile(r"\d")
NOT_TOLD = "readings that are not yours to see"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What one set of roles lets somebody see; the same set, the same object. units, flows, services, boards None: all."""

    channels: frozenset[tuple[str, str]]  # (unit, property)
    cells: frozenset[tuple[str, str]]  # (property, area), where all channels of it are seen
    senders: frozenset[str]  # every unit there is
    whole_units: frozenset[str]  # units of which every channel is seen
    commanded: frozenset[str]  # services whose commands are seen
    units: frozenset[str] | None
    datasets: frozenset[str]  # whose values are seen
    flows: frozenset[str] | None
    services: frozenset[str] | None
    boards: frozenset[str] | None  # services of which every dataset that they read is seen
    declared: frozenset[tuple[str, str]]  # every channel there is, seen or not
    strangers: bool  # whether what no declared device sent is seen

    def and_(self, other: Sight) -> Sight:
        """What both see."""
        return Sight(
            channels=self.channels & other.channels,
            cells=self.cells & other.cells,
            senders=self.senders,
            whole_units=self.whole_units & other.whole_units,
            commanded=self.commanded & other.commanded,
            units=_both(self.units, other.units),
            datasets=self.datasets & other.datasets,
            flows=_both(self.flows, other.flows),
            services=_both(self.services, other.services),
            boards=_both(self.boards, other.boards),
            declared=self.declared,
            strangers=self.strangers and other.strangers,
        )

    def reading(self, device: str, property_id: str) -> bool:
        """Whether a value of it is seen."""
        return (device, property_id) in self.channels

    def latest(self, rows: Iterable[Latest]) -> list[Latest]:
        """Of newest values those that are seen."""
        return [row for row in rows if (row.device, row.property) in self.channels]

    def refused(self, rows: Iterable[Quarantined]) -> list[Quarantined]:
        """Of refused rows those that are seen; what is no declared reading belongs to all of its device's datasets, and
        what no declared device sent belongs to none: people of the city who watch see it, or nobody would."""
        return [row for row in rows if self._refused(row)]

    def _refused(self, row: Quarantined) -> bool:
        if (row.device, row.property) in self.channels:
            return True
        if row.device not in self.senders:
            return self.strangers
        return row.device in self.whole_units and (row.device, row.property) not in self.declared

    def commands(self, rows: Iterable[CommandRow]) -> list[CommandRow]:
        """Of commands those that are seen, as they are on record: `told` makes of each what is told."""
        return [row for row in rows if row.service in self.commanded]

    def told(self, row: CommandRow) -> CommandRow:
        """A command as it is told: people of the city are owed its reasons; others, values only of what they see themselves."""
        return replace(row, cause=self.cause(row.cause, [span.device for span in row.sources]))

    def cause(self, cause: Mapping[str, str], sources: Iterable[str]) -> Mapping[str, str]:
        """A cause as it is told, of what rests on these devices: to others, what people said and words without a number."""
        return cause if self.rests(sources) else without_values(cause)

    def board(self, service: str) -> bool:
        """Whether what a service makes of its readings is seen: its board, its estimates, the causes of what it proposes."""
        return self.boards is None or service in self.boards

    def rests(self, sources: Iterable[str]) -> bool:
        """Whether every reading of these devices is seen."""
        return self.units is None or all(name in self.whole_units for name in sources)

    def hourly(self, rows: Iterable[HourlyRow]) -> list[HourlyRow]:
        """Of indicators those made of nothing but what is seen."""
        return [row for row in rows if (row.property, row.area or "") in self.cells]

    def unit(self, name: str) -> bool:
        """Whether a thing is seen at all."""
        return self.units is None or name in self.units

    def flow(self, name: str) -> bool:
        """Whether a flow is seen at all."""
        return self.flows is None or name in self.flows

    def service(self, name: str) -> bool:
        """Whether a service is seen at all."""
        return self.services is None or name in self.services


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """None: all."""
    return other if one is None else one if other is None else one & other


def _closed(place: Place) -> Mapping[str, frozenset[str]]:
    """Other parties whose roles hold `data`, and the datasets that the law over them keeps from their people all the same."""
    others = {role.party for role in place.roles.values() if Right.DATA in role.rights} - {place.responsible}
    if not others:  # the closure of powers is not for nothing
        return {}
    nothing = frozenset[str]()
    facts = Facts(place, Standing(nothing, nothing, nothing, lands_of(place)), date.min)
    return {party: closed_to(facts, party) for party in others}


def without_values(cause: Mapping[str, str]) -> Mapping[str, str]:
    """Of a cause what people said, and words without a number."""
    kept = {name: words for name, words in cause.items() if name in NO_VALUES or not _NUMBER.search(words)}
    return {**kept, RESTS_ON: NOT_TOLD}


class Sights:
    """Made once for each set of roles."""

    def __init__(self, place: Place, registry: Registry) -> None:
        self._place, self._registry = place, registry
        of = holdings(place, registry).of
        self._of = {name: mask for name, mask in of.items() if not place.datasets[name].made_of}  # cells, no readings
        units = (registry.units[unit].id for unit in registry.channel_unit.tolist())
        self._declared = frozenset(zip(units, registry.channel_property, strict=True))
        self._senders = frozenset(unit.id for unit in registry.units)
        self._closed = _closed(place)
        self._made: OrderedDict[tuple[object, ...], Sight] = OrderedDict()
        self._lock = Lock()

    def of(self, held: Held) -> Sight:
        """What these roles let somebody see; shown as a role, what of its sight they see themselves."""
        if held.shown is None:
            return self._of_roles(held)
        whole, theirs = self._of_roles(held.shown.whole), self._of_roles(held.shown.theirs)
        key = (whole, theirs)
        with self._lock:
            return self._keep(key, lambda: whole.and_(theirs))

    def _of_roles(self, held: Held) -> Sight:
        datasets = held.datasets if Right.DATA in held.rights else frozenset[str]()
        for party in {role.party for role in held.roles} & self._closed.keys():
            datasets -= self._closed[party]
        strangers = held.of_the_city and Right.WATCH in held.rights
        key = (datasets, held.services, held.of_the_city, strangers)
        with self._lock:
            return self._keep(key, lambda: self._make(datasets, held.services, held.of_the_city, strangers))

    def _keep(self, key: tuple[object, ...], make: Callable[[], Sight]) -> Sight:
        """Under the lock."""
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = make()
            if len(self._made) > MOST_SIGHTS:
                self._made.popitem(last=False)
        return found

    def _make(self, datasets: frozenset[str], services: frozenset[str], whole: bool, strangers: bool) -> Sight:
        seen = self._channels(datasets)
        registry = self._registry
        channels = frozenset(
            (registry.units[unit].id, prop)
            for unit, prop, mine in zip(registry.channel_unit.tolist(), registry.channel_property, seen, strict=True)
            if mine
        )
        units = None if whole else self._units(seen, services)
        return Sight(
            channels=channels,
            cells=self._cells(seen),
            senders=self._senders,
            whole_units=frozenset(u.id for u in registry.units if u.channels and all(seen[c] for c in u.channels)),
            commanded=services,
            units=units,
            datasets=datasets,
            flows=None if units is None else self._flows(units, datasets),
            services=None if whole else services,
            boards=None if whole else self._boards(services, datasets),
            declared=self._declared,
            strangers=strangers,
        )

    def _boards(self, services: frozenset[str], datasets: frozenset[str]) -> frozenset[str]:
        return frozenset(
            name for name, one in self._place.services.items() if name in services and datasets.issuperset(one.reads)
        )

    def _channels(self, datasets: frozenset[str]) -> Sequence[bool]:
        masks = [self._of[name] for name in datasets if name in self._of]
        count = len(self._registry.channel_property)
        return [any(bool(mask[c]) for mask in masks) for c in range(count)]

    def _cells(self, seen: Sequence[bool]) -> frozenset[tuple[str, str]]:
        keys = [(p, a or "") for p, a in zip(self._registry.channel_property, self._registry.channel_area, strict=True)]
        hidden = {key for key, mine in zip(keys, seen, strict=True) if not mine}
        return frozenset(keys) - hidden

    def _units(self, seen: Sequence[bool], services: frozenset[str]) -> frozenset[str]:
        moved = {thing for name in services if name in self._place.services for thing in self._actuators(name)}

        def theirs(unit: Unit) -> bool:
            return any(seen[c] for c in unit.channels) or unit.id in moved or unit.group in moved

        return frozenset(unit.id for unit in self._registry.units if theirs(unit))

    def _actuators(self, service: str) -> Sequence[str]:
        return self._place.services[service].actuators

    def _flows(self, units: frozenset[str], datasets: frozenset[str]) -> frozenset[str]:
        ends = units | {unit.group for unit in self._registry.units if unit.id in units}
        return frozenset(
            name for name, flow in self._place.flows.items() if flow.from_ in ends and datasets & set(flow.datasets)
        )


def reaches(sight: Sight, held: Held, place: Place, registry: Registry) -> tuple[int, int, int]:
    """How much somebody reaches now: (devices whose values they see, actuators they can command, datasets)."""
    actuators = {thing for name in held.operates if name in place.services for thing in place.services[name].actuators}
    moved = [
        u for u in registry.units if registry.models[u.model].commands and (u.group in actuators or u.id in actuators)
    ]
    return len({device for device, _ in sight.channels}), len(moved), len(sight.datasets & set(place.datasets))

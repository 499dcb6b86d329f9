"""What falls with what: the links that a declaration implies.

One function per rule. A party that falls takes with it the parties it controls, the systems and devices it operates, the devices
it owns and the sites it operates; what stands at a site falls with it; members fall with their group; k of n by the needs.
A function is a point that falls when it *degrades*; what it tolerates is counted in `outcome`.

What is not known makes possible links: an unknown operator or owner falls with any party, an unknown site with any site.

Does not live here: the pass over the links (`cascade`), and reach, which asks who could stop a thing without owning it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cityward.place.model import Place
from cityward.place.parties import Mechanism, Stake
from cityward.place.record import UNKNOWN
from cityward.place.things import Device, Need
from cityward.reach.blast.cascade import ANY_PARTY, ANY_SITE, NAMED_ELSEWHERE, Cascade, Kind, Links, Point, cascade_of
from cityward.reach.exposure.declared import Declared

SHARED = (Mechanism.OWNERSHIP, Mechanism.VOTING, Mechanism.STATE)
"""The mechanisms whose shares add up, each counted alone."""
SOLE = (Mechanism.APPOINTMENT, Mechanism.MANAGEMENT)
"""The mechanisms by which one owner controls, whatever the share."""
CONTROL_SHARE = 50.0  # percent
_PARTS = 10_000  # of a percent: shares are added as whole numbers, so that 33.3 and 16.7 make 50


def compile_cascade(place: Place) -> Cascade:
    """The cascade of a checked place, points in declared order."""
    wiring = _Wiring(place)
    for rule in (_anybody, _control, _sites, _things, _members, _needs):
        rule(wiring)
    return cascade_of(wiring.points, wiring.links)


@dataclass(slots=True)
class _Wiring:
    place: Place
    declared: Declared = field(init=False)
    points: list[Point] = field(init=False)
    of: dict[Kind, dict[str, int]] = field(init=False)  # kind -> id -> the number of the point
    needed: dict[str, int] = field(init=False)  # what a need may name
    links: Links = field(default_factory=Links)

    def __post_init__(self) -> None:
        place = self.place
        self.declared = Declared(place)
        kinds = {
            Kind.PARTY: place.parties,
            Kind.SITE: place.sites,
            Kind.SYSTEM: place.systems,
            Kind.DEVICE: [name for name, thing in self.declared.things.items() if thing.is_device],
            Kind.MEMBER: self.declared.named_members,
            Kind.FUNCTION: place.functions,
        }
        self.points = [*(Point(kind, name) for kind, records in kinds.items() for name in records), ANY_PARTY, ANY_SITE]
        self.of, self.needed, first = {}, {}, 0
        for kind, records in kinds.items():
            self.of[kind] = {name: first + i for i, name in enumerate(records)}
            first += len(records)
            if kind is not Kind.FUNCTION:
                self.needed |= self.of[kind]

    @property
    def any_party(self) -> int:
        """The number of `ANY_PARTY`."""
        return len(self.points) - 2

    @property
    def any_site(self) -> int:
        """The number of `ANY_SITE`."""
        return len(self.points) - 1

    def run_by(self, head: int, party: str, path: str) -> None:
        """The head falls with the party that a field names; where that is unknown, possibly with any; undeclared, never."""
        if party == UNKNOWN:
            self.links.edge(head, self.any_party, path, path)
        elif (number := self.of[Kind.PARTY].get(party)) is not None:
            self.links.edge(head, number, path)


def _anybody(wiring: _Wiring) -> None:
    """`any party` falls with every party: a possible link, whose missing fact is named by the link that uses it."""
    for name, number in wiring.of[Kind.PARTY].items():
        wiring.links.edge(wiring.any_party, number, f"parties.{name}", NAMED_ELSEWHERE)
    for name, number in wiring.of[Kind.SITE].items():
        wiring.links.edge(wiring.any_site, number, f"sites.{name}", NAMED_ELSEWHERE)


def _control(wiring: _Wiring) -> None:
    numbers = wiring.of[Kind.PARTY]
    for name, party in wiring.place.parties.items():
        path, head = f"parties.{name}.owners", numbers[name]
        if party.owners == UNKNOWN:
            wiring.links.edge(head, wiring.any_party, path, path)
            continue
        for mechanism in SHARED:
            _shares(wiring, head, path, [(k, one) for k, one in enumerate(party.owners) if one.mechanism is mechanism])
        for k, stake in enumerate(party.owners):
            if stake.party not in numbers:
                continue
            if stake.mechanism in SOLE:
                wiring.links.edge(head, numbers[stake.party], f"{path}[{k}]")
            elif stake.mechanism not in SHARED or stake.share is None:
                wiring.links.edge(head, numbers[stake.party], f"{path}[{k}]", path)


def _shares(wiring: _Wiring, head: int, path: str, stakes: list[tuple[int, Stake]]) -> None:
    """Owners that hold enough by one mechanism, alone or together. A share left out is counted elsewhere, as possible."""
    held: dict[int, int] = {}
    line: dict[int, str] = {}
    for k, stake in stakes:
        owner = wiring.of[Kind.PARTY].get(stake.party)
        if owner is not None and stake.share:
            held[owner] = held.get(owner, 0) + round(stake.share * _PARTS)
            line[owner] = f"{path}[{k}]"
    need = round(CONTROL_SHARE * _PARTS)
    for owner in [owner for owner, share in held.items() if share >= need]:
        wiring.links.some_of(head, need, {owner: held.pop(owner)}, line[owner])
    if sum(held.values()) >= need:
        wiring.links.some_of(head, need, {owner: share for owner, share in held.items() if share}, path)


def _sites(wiring: _Wiring) -> None:
    for name, site in wiring.place.sites.items():
        if site.operator is not None:
            wiring.run_by(wiring.of[Kind.SITE][name], site.operator, f"sites.{name}.operator")


def _things(wiring: _Wiring) -> None:
    sites = wiring.of[Kind.SITE]
    for thing in wiring.declared.things.values():
        head, path = wiring.of[Kind.DEVICE if thing.is_device else Kind.SYSTEM][thing.id], f"{thing.path}.site"
        site = wiring.declared.site_of(thing)
        if site is None:
            wiring.links.edge(head, wiring.any_site, path, path)
        else:
            wiring.links.edge(head, sites[site], path)
        wiring.run_by(head, *thing.runs)
        if isinstance(thing.record, Device) and thing.record.operator is not None:
            wiring.run_by(head, thing.record.owner, f"{thing.path}.owner")


def _members(wiring: _Wiring) -> None:
    for name, group in wiring.declared.named_members.items():
        wiring.links.edge(wiring.of[Kind.MEMBER][name], wiring.of[Kind.DEVICE][group], f"devices.{group}.positions")


def _needs(wiring: _Wiring) -> None:
    place = wiring.place
    for kind, records in (
        (Kind.SYSTEM, place.systems),
        (Kind.DEVICE, place.devices),
        (Kind.FUNCTION, place.functions),
    ):
        for name, number in wiring.of[kind].items():
            for i, need in enumerate(records[name].needs):
                _need(wiring, number, need, f"{kind.value}s.{name}.needs[{i}]")


def _need(wiring: _Wiring, head: int, need: Need, path: str) -> None:
    """What is not declared is not there to fall, nor to work: a need counts only what it can name."""
    named = dict.fromkeys((wiring.needed[name] for name in need.of if name in wiring.needed), 1)
    spare = len(need.of) - need.k
    if len(named) > spare:
        wiring.links.some_of(head, spare + 1, named, path, need.buffer_hours)

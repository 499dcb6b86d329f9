"""What falls with what: the links that a declaration implies.

One generator per rule. A party that falls takes with it the parties it controls, the systems and devices it operates, the devices
it owns and the sites it operates; what stands at a site falls with it; members fall with their group; k of n by the needs.
A function is a point that falls when it *degrades*; what it tolerates is counted in `outcome`.

What is not known makes possible links: an unknown operator or owner falls with any party, an unknown site with any site.

Does not live here: the pass over the links (`cascade`), and reach, which asks who could stop a thing without owning it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cityward.place.model import Place
from cityward.place.parties import Mechanism, Stake
from cityward.place.record import UNKNOWN
from cityward.place.things import Device, Need
from cityward.reach.blast.cascade import ANY_PARTY, ANY_SITE, NAMED_ELSEWHERE, Cascade, Kind, Link, Point, cascade_of
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
        wiring.links.extend(rule(wiring))
    return cascade_of(wiring.points, wiring.links)


@dataclass(slots=True)
class _Wiring:
    place: Place
    declared: Declared = field(init=False)
    points: list[Point] = field(init=False)
    number: dict[Point, int] = field(init=False)
    needed: dict[str, Point] = field(init=False)  # what a need may name
    links: list[Link] = field(default_factory=list[Link])

    def __post_init__(self) -> None:
        place = self.place
        self.declared = Declared(place)
        kinds = {
            Kind.PARTY: place.parties,
            Kind.SITE: place.sites,
            Kind.SYSTEM: place.systems,
            Kind.DEVICE: place.devices,
            Kind.MEMBER: self.declared.named_members,
        }
        things = [Point(kind, name) for kind, records in kinds.items() for name in records]
        self.points = [*things, *(Point(Kind.FUNCTION, name) for name in place.functions), ANY_PARTY, ANY_SITE]
        self.number = {point: i for i, point in enumerate(self.points)}
        self.needed = {point.id: point for point in things}

    def edge(self, head: Point, premise: Point, path: str, missing: str | None = None) -> Iterator[Link]:
        """The head falls with the premise; nothing where one of them is not declared."""
        if head in self.number and premise in self.number:
            yield Link(self.number[head], 1, 0.0, ((self.number[premise], 1),), path, missing)

    def run_by(self, head: Point, party: str, path: str) -> Iterator[Link]:
        """The head falls with the party that a field names; where that is unknown, possibly with any."""
        if party == UNKNOWN:
            yield from self.edge(head, ANY_PARTY, path, path)
        else:
            yield from self.edge(head, Point(Kind.PARTY, party), path)


def _anybody(wiring: _Wiring) -> Iterator[Link]:
    """`any party` falls with every party: a possible link, whose missing fact is named by the link that uses it."""
    for name in wiring.place.parties:
        yield from wiring.edge(ANY_PARTY, Point(Kind.PARTY, name), f"parties.{name}", NAMED_ELSEWHERE)
    for name in wiring.place.sites:
        yield from wiring.edge(ANY_SITE, Point(Kind.SITE, name), f"sites.{name}", NAMED_ELSEWHERE)


def _control(wiring: _Wiring) -> Iterator[Link]:
    for name, party in wiring.place.parties.items():
        path, head = f"parties.{name}.owners", Point(Kind.PARTY, name)
        if party.owners == UNKNOWN:
            yield from wiring.edge(head, ANY_PARTY, path, path)
            continue
        for mechanism in SHARED:
            shares = {k: stake for k, stake in enumerate(party.owners) if stake.mechanism is mechanism}
            yield from _shares(wiring, head, path, shares)
        for k, stake in enumerate(party.owners):
            owner = Point(Kind.PARTY, stake.party)
            if stake.mechanism in SOLE:
                yield from wiring.edge(head, owner, f"{path}[{k}]")
            elif stake.mechanism not in SHARED or stake.share is None:
                yield from wiring.edge(head, owner, f"{path}[{k}]", path)


def _shares(wiring: _Wiring, head: Point, path: str, stakes: dict[int, Stake]) -> Iterator[Link]:
    """Owners that hold enough by one mechanism, alone or together. A share left out is counted elsewhere, as possible."""
    held: dict[int, int] = {}
    line: dict[int, str] = {}
    for k, stake in stakes.items():
        owner = wiring.number.get(Point(Kind.PARTY, stake.party))
        if owner is not None and stake.share:
            held[owner] = held.get(owner, 0) + round(stake.share * _PARTS)
            line[owner] = f"{path}[{k}]"
    need, own = round(CONTROL_SHARE * _PARTS), wiring.number[head]
    for owner in [owner for owner, share in held.items() if share >= need]:
        yield Link(own, need, 0.0, ((owner, held.pop(owner)),), line[owner])
    if sum(held.values()) >= need:
        yield Link(own, need, 0.0, tuple((owner, share) for owner, share in held.items() if share), path)


def _sites(wiring: _Wiring) -> Iterator[Link]:
    for name, site in wiring.place.sites.items():
        if site.operator is not None:
            yield from wiring.run_by(Point(Kind.SITE, name), site.operator, f"sites.{name}.operator")


def _things(wiring: _Wiring) -> Iterator[Link]:
    for thing in wiring.declared.things.values():
        head = Point(Kind.DEVICE if thing.is_device else Kind.SYSTEM, thing.id)
        site, path = wiring.declared.site_of(thing), f"{thing.path}.site"
        if site is None:
            yield from wiring.edge(head, ANY_SITE, path, path)
        else:
            yield from wiring.edge(head, Point(Kind.SITE, site), path)
        yield from wiring.run_by(head, *thing.runs)
        if isinstance(thing.record, Device) and thing.record.operator is not None:
            yield from wiring.run_by(head, thing.record.owner, f"{thing.path}.owner")


def _members(wiring: _Wiring) -> Iterator[Link]:
    for name, group in wiring.declared.named_members.items():
        yield from wiring.edge(Point(Kind.MEMBER, name), Point(Kind.DEVICE, group), f"devices.{group}.positions")


def _needs(wiring: _Wiring) -> Iterator[Link]:
    place = wiring.place
    for kind, records in (
        (Kind.SYSTEM, place.systems),
        (Kind.DEVICE, place.devices),
        (Kind.FUNCTION, place.functions),
    ):
        for name, record in records.items():
            for i, need in enumerate(record.needs):
                yield from _need(wiring, Point(kind, name), need, f"{kind.value}s.{name}.needs[{i}]")


def _need(wiring: _Wiring, head: Point, need: Need, path: str) -> Iterator[Link]:
    """What is not declared is not there to fall, nor to work: a need counts only what it can name."""
    named = dict.fromkeys(wiring.number[wiring.needed[name]] for name in need.of if name in wiring.needed)
    spare = len(need.of) - need.k
    if len(named) > spare:
        body = tuple((one, 1) for one in named)
        yield Link(wiring.number[head], spare + 1, need.buffer_hours, body, path)

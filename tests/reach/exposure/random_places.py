"""Small random places for the engines to agree on: every field a rule reads, in every form it can take, densely joined.

`random_place(seed)` is deterministic. The places hold together by reference, with ids that are distinct over all kinds, but they
need not be sensible, and need not pass every check of the loader.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from string import ascii_uppercase
from typing import Any, TypeVar

import msgspec

from cityward.place.data import Access, Dataset, Flow, Key, Observability, Protection
from cityward.place.model import Place
from cityward.place.parties import (
    Addressee,
    Agreement,
    Instrument,
    InstrumentStatus,
    Jurisdiction,
    JurisdictionKind,
    Mechanism,
    Party,
    PartyKind,
    Stake,
)
from cityward.place.registry import members
from cityward.place.services import Function, Purpose, Service
from cityward.place.things import Device, DeviceModel, DeviceStatus, LampGateway, Need, Site, System

T = TypeVar("T")
UNKNOWN = "unknown"
UNUSED_UUID = "00000000-0000-0000-0000-000000000000"
SHARES = (None, 0, 0.0001, 10, 20, 24.9999, 25, 25.0001, 30, 100 / 3, 40, 49.9999, 50, 51, 75, 100)
MECHANISMS = (*[Mechanism.OWNERSHIP] * 8, *[Mechanism.VOTING] * 4, *[Mechanism.STATE] * 3, *Mechanism)
POWERS = ("disclose", "intercept", "assist", "disable", "alter", "secrecy")
NEXUS = ("incorporated-in", "parent-incorporated-in", "present-in", "data-located-in", "offers-service-in")
DEFEATS = ("customer-held-key", "end-to-end", "no-access", "physically-absent")
ACCESS_MODES = ("read", "write", "command", "update", "physical", "support", "billing")
PROTECTIONS = (Protection.NONE, Protection.NONE, Protection.TLS, Protection.UNKNOWN, *Protection)


class Draw:
    """Chances, from one seed."""

    def __init__(self, seed: int, size: int = 1) -> None:
        self.random = random.Random(seed)
        self.size = size
        self.unknown = self.random.choice((0.0, 0.05, 0.15, 0.3))  # how much of this place is not known

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def one(self, of: Sequence[T]) -> T:
        return self.random.choice(of)

    def some(self, of: Sequence[T], most: int, least: int = 0) -> tuple[T, ...]:
        """Distinct ones, in random order."""
        return tuple(self.random.sample(list(of), min(len(of), self.random.randint(least, most))))

    def or_unknown(self, known: Callable[[], T]) -> T | Any:
        return UNKNOWN if self.chance(self.unknown) else known()

    def or_none(self, p: float, known: Callable[[], T]) -> T | None:
        return None if self.chance(p) else known()

    def ids(self, stem: str, most: int, least: int) -> list[str]:
        return [f"{stem}{n}" for n in range(self.random.randint(least, most) * self.size)]


def random_place(seed: int, size: int = 1) -> Place:
    """A place of about five times `size` records of each kind; at most 5 times as many jurisdictions."""
    draw = Draw(seed, size)
    lands, firms = draw.ids("land", 5, 2), draw.ids("firm", 7, 3)
    sets, sites, systems = draw.ids("set", 4, 2), draw.ids("site", 4, 1), draw.ids("sys", 5, 2)
    models, agreements = draw.ids("model", 2, 1), draw.ids("deal", 3, 1)
    devices = {name: _device(draw, firms, sites, models) for name in draw.ids("dev", 4, 1)}
    units = [unit[0] for name, device in devices.items() if device.positions for unit in members(name, device)]
    street = [*devices, *units]
    needed = [*systems, *street, *sites, *firms]
    devices = {name: msgspec.structs.replace(record, needs=_needs(draw, needed, 1)) for name, record in devices.items()}
    flows = {
        name: _flow(draw, [*systems, *street, *firms], sets, lands, firms, agreements)
        for name in draw.ids("flow", 7, 2)
    }
    services = draw.ids("service", 2, 1)
    return Place(
        place="somewhere",
        name="Somewhere",
        position=(0.0, 0.0),
        responsible=firms[0],
        parties={name: _party(draw, lands, firms) for name in firms},
        jurisdictions=_jurisdictions(draw, lands),
        instruments={name: _instrument(draw, lands) for name in draw.ids("law", 5, 2)},
        agreements={name: _agreement(draw, firms, sets) for name in agreements},
        purposes={"aim": Purpose()},
        sites={name: _site(draw, lands, firms) for name in sites},
        systems={name: _system(draw, systems, sites, firms, sets, needed, street) for name in systems},
        device_models={name: _model(draw, firms, systems) for name in models},
        devices=devices,
        datasets={
            name: Dataset(personal=draw.chance(0.5), sensitivity="internal", retention_days=UNKNOWN) for name in sets
        },
        flows=flows,
        accesses={
            name: access(draw, firms, [*systems, *street, *sets], [*sites, *lands], agreements)
            for name in draw.ids("access", 5, 0)
        },
        keys={name: key(draw, firms, [*sets, *sets, *flows, *systems]) for name in draw.ids("key", 6, 0)},
        services={name: _service(draw, firms, street, sets) for name in services},
        functions={
            name: Function(service=draw.one(services), needs=_needs(draw, needed, 2)) for name in draw.ids("use", 3, 1)
        },
    )


def _party(draw: Draw, lands: list[str], firms: list[str]) -> Party:
    return Party(
        kind=draw.one((PartyKind.COMPANY, PartyKind.COMPANY, *PartyKind)),
        incorporated_in=draw.or_unknown(lambda: draw.one(lands)),
        presence=draw.some(lands, 1),
        owners=draw.or_unknown(lambda: tuple(stake(draw, firms) for _ in range(draw.one((0, 1, 1, 2, 3, 4))))),
        subprocessors=draw.or_unknown(lambda: draw.some(firms, 1) if draw.chance(0.5) else ()),
    )


def stake(draw: Draw, firms: list[str]) -> Stake:
    """A stake of one of these parties."""
    return Stake(party=draw.one(firms), share=draw.one(SHARES), mechanism=draw.one(MECHANISMS))


def _jurisdictions(draw: Draw, lands: list[str]) -> dict[str, Jurisdiction]:
    found = dict[str, Jurisdiction]()
    for n, name in enumerate(lands):
        kind = draw.one((JurisdictionKind.STATE, *JurisdictionKind))
        parts = draw.some([land for land in lands if land != name], 3, 1) if kind is JurisdictionKind.BLOC else ()
        parent = draw.one(lands[:n]) if kind is JurisdictionKind.SUBDIVISION and n else None
        found[name] = Jurisdiction(kind=kind, code=f"X{ascii_uppercase[n]}", members=parts, parent=parent)
    return found


def _instrument(draw: Draw, lands: list[str]) -> Instrument:
    return instrument(draw, lands, draw.one((*[InstrumentStatus.IN_FORCE] * 6, *InstrumentStatus)))


def instrument(draw: Draw, lands: list[str], status: InstrumentStatus) -> Instrument:
    """An instrument of one of these jurisdictions."""
    addressees = tuple(
        Addressee(nexus=nexus, control_share=draw.one((None, 0, 25, 30, 50, 75, 100)))  # pyright: ignore[reportArgumentType]
        for nexus in draw.some(NEXUS, 3, 1)
    )
    return Instrument(
        jurisdiction=draw.one(lands),
        status=status,
        powers=draw.some(POWERS, 4, 1),  # pyright: ignore[reportArgumentType]
        addressees=addressees,
        defeated_by=draw.some(DEFEATS, 4),  # pyright: ignore[reportArgumentType]
    )


def _agreement(draw: Draw, firms: list[str], sets: list[str]) -> Agreement:
    return Agreement(
        kind="processing",
        parties=draw.some(firms, 2, 1),
        datasets=draw.some(sets, 2),
        subcontracting=draw.one(("allowed", "with-consent", "forbidden", "forbidden", "unknown")),
    )


def _site(draw: Draw, lands: list[str], firms: list[str]) -> Site:
    operator = draw.or_none(0.3, lambda: draw.or_unknown(lambda: draw.one(firms)))
    return Site(jurisdiction=draw.or_unknown(lambda: draw.one(lands)), operator=operator)


def _system(
    draw: Draw,
    systems: list[str],
    sites: list[str],
    firms: list[str],
    sets: list[str],
    needed: list[str],
    street: list[str],
) -> System:
    return System(
        kind="storage",
        site=draw.or_unknown(lambda: draw.one(sites)),
        operator=draw.or_unknown(lambda: draw.one(firms)),
        supplier=draw.or_none(0.5, lambda: draw.or_unknown(lambda: draw.one(firms))),
        maintained_by=draw.or_unknown(lambda: draw.some(firms, 1)),
        stores=draw.some(sets, 1),
        needs=_needs(draw, needed, 1),
        updates_from=draw.or_none(0.6, lambda: draw.or_unknown(lambda: draw.one(systems))),
        speaks_for=draw.some(street, 1),
        talq=draw.or_none(0.8, lambda: _gateway(draw, street)),
    )


def _gateway(draw: Draw, street: list[str]) -> LampGateway | None:
    lamps = dict.fromkeys(draw.some(street, 2), f"{UNUSED_UUID}/actuator")
    return LampGateway(url="https://lamps.example", client=UNUSED_UUID, lamps=lamps) if lamps else None


def _needs(draw: Draw, needed: list[str], most: int) -> tuple[Need, ...]:
    def need() -> Need:
        of = draw.some(needed, 4, 1)
        return Need(of=of, k=draw.random.randint(1, len(of)))

    return tuple(need() for _ in range(draw.random.randint(0, most)))


def _model(draw: Draw, firms: list[str], systems: list[str]) -> DeviceModel:
    updates_from = draw.or_none(0.5, lambda: draw.or_unknown(lambda: draw.one(systems)))
    return DeviceModel(maker=draw.or_unknown(lambda: draw.one(firms)), updates_from=updates_from)


def _device(draw: Draw, firms: list[str], sites: list[str], models: list[str]) -> Device:
    return Device(
        model=draw.one(models),
        site=draw.or_unknown(lambda: draw.one(sites)),
        owner=draw.or_unknown(lambda: draw.one(firms)),
        operator=draw.or_none(0.4, lambda: draw.or_unknown(lambda: draw.one(firms))),
        positions=((0.0, 0.0),) * draw.one((0, 0, 1, 2, 3)),
        status=DeviceStatus(draw.one(("active",) * 8 + ("planned", "stolen", "stored", "retired"))),
    )


def _flow(
    draw: Draw, ends: list[str], sets: list[str], lands: list[str], firms: list[str], agreements: list[str]
) -> Flow:
    return Flow(
        from_=draw.one(ends),
        to=draw.one(ends),
        datasets=draw.some(sets, 2, 1),
        purpose="aim",
        protocol=draw.one(("mqtt", "command")),
        protection=draw.one(PROTECTIONS),
        route=draw.or_unknown(lambda: draw.some([*lands, *firms], 2)),
        agreement=draw.or_none(0.4, lambda: draw.one(agreements)),
        observability=Observability.INFERRED,
    )


def access(draw: Draw, firms: list[str], targets: list[str], places: list[str], agreements: list[str]) -> Access:
    """An access of one of these parties to one of these targets."""
    return Access(
        party=draw.one(firms),
        target=draw.one(targets),
        modes=draw.some(ACCESS_MODES, 2, 1),  # pyright: ignore[reportArgumentType]
        from_places=draw.or_unknown(lambda: draw.some(places, 2)),
        agreement=draw.or_none(0.4, lambda: draw.one(agreements)),
    )


def key(draw: Draw, firms: list[str], protected: list[str]) -> Key:
    """A key of one of these parties, or of nobody knows whom."""
    kind = draw.one(("at-rest", "in-transit", "end-to-end", "signing"))
    protects = tuple(dict.fromkeys(draw.some(protected, 3, 1)))
    return Key(holder=draw.or_unknown(lambda: draw.one(firms)), protects=protects, kind=kind)


def _service(draw: Draw, firms: list[str], street: list[str], sets: list[str]) -> Service:
    return Service(kind="lighting", operator=draw.one(firms), actuators=draw.some(street, 2), reads=draw.some(sets, 2))

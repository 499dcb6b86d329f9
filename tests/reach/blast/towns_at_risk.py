"""Small random places for the blast radius: needs in circles, k of n, buffers, coalitions of owners, and what is not known.

Every choice comes from the seed. Little is declared beyond what a cascade reads.
"""

from __future__ import annotations

from random import Random

from cityward.place.model import Place
from cityward.place.parties import Jurisdiction, JurisdictionKind, Mechanism, Party, PartyKind, Stake
from cityward.place.services import Function, Service
from cityward.place.things import Area, Device, DeviceModel, DeviceStatus, Need, Site, System

UNKNOWN = "unknown"
LANDS = ("xa", "xb", "xc")
BUFFERS = (0.0, 0.0, 0.0, 1.0, 2.5, 24.0)
SHARES = (None, 10.0, 25.0, 33.3, 16.7, 50.0, 60.0, 100.0)


def town_at_risk(seed: int) -> Place:
    """One random place. It need not be wise, only declarable."""
    chance = Random(seed)
    parties = [f"p{i}" for i in range(chance.randint(1, 6))]
    sites = [f"s{i}" for i in range(chance.randint(1, 3))]
    systems = [f"y{i}" for i in range(chance.randint(1, 7))]
    devices = [f"d{i}" for i in range(chance.randint(1, 4))]
    members = [f"{name}-0{n}" for name in devices for n in (1, 2)]
    needable = [*parties, *sites, *systems, *devices, *members]
    areas = [f"a{i}" for i in range(3)]
    return Place(
        place="town-at-risk",
        name="Town at risk",
        position=(0.0, 0.0),
        responsible=parties[0],
        parties={name: _party(chance, parties) for name in parties},
        jurisdictions={
            "xa": Jurisdiction(code="XA"),
            "xb": Jurisdiction(code="XB"),
            "xc": Jurisdiction(code="XC", parent="xb"),
            "bloc": Jurisdiction(code="XBL", kind=JurisdictionKind.BLOC, members=("xa", "xb")),
        },
        areas={name: Area(population=chance.choice((None, 100, 250))) for name in areas},
        sites={
            name: Site(jurisdiction=_or_unknown(chance, LANDS), operator=_or_unknown(chance, (*parties, None)))
            for name in sites
        },
        systems={name: _system(chance, parties, sites, needable) for name in systems},
        device_models={"box": DeviceModel(maker=parties[0])},
        devices={name: _device(chance, parties, sites, needable) for name in devices},
        services={"lights": Service(kind="lighting", operator=parties[0])},
        functions={f"f{i}": _function(chance, areas, needable) for i in range(chance.randint(1, 3))},
    )


def _or_unknown(chance: Random, names: tuple[str | None, ...] | list[str]) -> str | None:
    return UNKNOWN if chance.random() < 0.15 else chance.choice(list(names))


def _party(chance: Random, parties: list[str]) -> Party:
    owners: tuple[Stake, ...] | str = tuple(
        Stake(party=chance.choice(parties), share=chance.choice(SHARES), mechanism=chance.choice(list(Mechanism)))
        for _ in range(chance.choice((0, 0, 1, 2, 3)))
    )
    if chance.random() < 0.1:
        owners = UNKNOWN
    return Party(kind=PartyKind.COMPANY, incorporated_in=_or_unknown(chance, LANDS), owners=owners)


def _needs(chance: Random, needable: list[str], most: int) -> tuple[Need, ...]:
    needs: list[Need] = []
    for _ in range(chance.randint(0, most)):
        of = tuple(chance.sample(needable, chance.randint(1, min(5, len(needable)))))
        needs.append(Need(of=of, k=chance.randint(1, len(of)), buffer_hours=chance.choice(BUFFERS)))
    return tuple(needs)


def _system(chance: Random, parties: list[str], sites: list[str], needable: list[str]) -> System:
    return System(
        kind="control",
        site=_or_unknown(chance, sites),
        operator=_or_unknown(chance, parties),
        needs=_needs(chance, needable, 2),
        critical=chance.random() < 0.3,
    )


def _device(chance: Random, parties: list[str], sites: list[str], needable: list[str]) -> Device:
    return Device(
        model="box",
        site=_or_unknown(chance, sites),
        owner=_or_unknown(chance, parties),
        operator=_or_unknown(chance, (*parties, None, None)),
        positions=((0.0, 0.0), (0.1, 0.1)),
        needs=_needs(chance, needable, 1),
        status=chance.choice((*[DeviceStatus.ACTIVE] * 7, DeviceStatus.RETIRED)),
    )


def _function(chance: Random, areas: list[str], needable: list[str]) -> Function:
    return Function(
        service="lights",
        needs=_needs(chance, needable, 3),
        areas=tuple(chance.sample(areas, chance.randint(0, 3))),
        essential=chance.random() < 0.5,
        tolerance_hours=chance.choice((0.0, 12.0)),
    )

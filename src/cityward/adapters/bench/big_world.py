"""A world for a big city: states and blocs, their instruments, and parties in corporate groups. Made up; nobody is meant.

Does not live here: what stands in the city (`big_place`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cityward.place.parties import (
    Addressee,
    Instrument,
    InstrumentStatus,
    Jurisdiction,
    JurisdictionKind,
    Mechanism,
    Party,
    PartyKind,
    Stake,
)
from cityward.place.record import UNKNOWN

UNKNOWN_SHARE = 1 / 30
HOME, COUNCIL = "home", "council"


@dataclass(frozen=True, slots=True)
class World:
    """How much there is of it. At least 30 parties and 60 jurisdictions."""

    parties: int
    jurisdictions: int
    instruments: int


CITY = World(parties=500, jurisdictions=200, instruments=60)
TOWN = World(parties=60, jurisdictions=60, instruments=6)
"""Where a city's parties alone would be more than is to be measured."""


class Made:
    """The records so far, by kind."""

    def __init__(self, chance: random.Random, size: World) -> None:
        self.chance, self.size = chance, size
        self.of: dict[str, dict[str, Any]] = {}
        self.lands: list[str] = []
        self.companies: list[str] = []
        self.centres: list[str] = []
        self.clouds: list[str] = []

    def put(self, kind: str, name: str, record: Any) -> str:
        """Add a record; its id."""
        self.of.setdefault(kind, {})[name] = record
        return name

    def maybe(self, name: str) -> str:
        """A name, or now and then `unknown`."""
        return UNKNOWN if self.chance.random() < UNKNOWN_SHARE else name

    def happens(self, share: float) -> bool:
        """Whether something that happens so often does."""
        return self.chance.random() < share

    def company(self) -> str:
        """One of the companies; a few of them are everywhere, as suppliers are."""
        return self.companies[int(len(self.companies) * self.chance.random() ** 2.5)]

    def some(self, names: Sequence[str], most: int) -> tuple[str, ...]:
        """Up to `most` of some names, at least one."""
        return tuple(self.chance.sample(names, min(len(names), self.chance.randint(1, most))))

    def land(self) -> str:
        """Where a firm or a site is: mostly at home, else more often in the lands that come first."""
        return HOME if self.happens(0.6) else self.lands[int(len(self.lands) * self.chance.random() ** 2)]


def world(made: Made) -> None:
    """States, three blocs, two parts of the home state, and the instruments of all of them."""
    made.put("jurisdictions", HOME, Jurisdiction(code="XA", home=True))
    made.lands = [f"land-{n}" for n in range(made.size.jurisdictions - 6)]
    for n, land in enumerate(made.lands):
        made.put("jurisdictions", land, Jurisdiction(code=f"X{chr(ord('B') + n % 25)}-{n:03}"))
    for part in ("north", "south"):
        kind = JurisdictionKind.SUBDIVISION
        made.put("jurisdictions", f"home-{part}", Jurisdiction(kind=kind, code=f"XA-{part[0].upper()}", parent=HOME))
    for bloc, members in (
        ("union", (HOME, *made.lands[:26])),
        ("league", made.lands[20:32]),
        ("pact", made.lands[40:45]),
    ):
        kind = JurisdictionKind.BLOC
        made.put("jurisdictions", bloc, Jurisdiction(kind=kind, code=bloc.upper(), members=tuple(members)))
    states = [HOME, "union", *made.lands]
    for n in range(made.size.instruments):
        _instrument(made, states[n * 2 // 3])


def _instrument(made: Made, land: str) -> None:
    powers = ("disclose", "intercept", "assist", "disable", "alter", "secrecy")
    defeats = ("customer-held-key", "end-to-end", "no-access", "physically-absent")
    nexus = {"incorporated-in": 0.8, "parent-incorporated-in": 0.4, "present-in": 0.3, "data-located-in": 0.5}
    reached = [name for name, share in nexus.items() if made.happens(share)] or ["offers-service-in"]
    status = {0: InstrumentStatus.CONTESTED, 1: InstrumentStatus.PROPOSED}
    record = Instrument(
        jurisdiction=land,
        status=status.get(made.chance.randrange(20), InstrumentStatus.IN_FORCE),
        powers=made.some(powers, 4),  # type: ignore[arg-type]
        addressees=tuple(_addressee(made, name) for name in reached),
        defeated_by=made.some(defeats, 3) if made.happens(0.7) else (),  # type: ignore[arg-type]
    )
    made.put("instruments", f"act-{len(made.of.get('instruments', ()))}", record)


def _addressee(made: Made, nexus: Any) -> Addressee:
    share = made.chance.choice((None, 25.0, 50.0)) if nexus == "parent-incorporated-in" else None
    return Addressee(nexus=nexus, control_share=share)


def firms(made: Made) -> None:
    """The council, its public bodies, a dozen states, and companies: a third of them owned by others."""
    made.put("parties", COUNCIL, Party(kind=PartyKind.PUBLIC_BODY, incorporated_in=HOME))
    for n in range(8):
        made.put("parties", f"body-{n}", Party(kind=PartyKind.PUBLIC_BODY, incorporated_in=HOME))
    for land in (HOME, *made.lands[:11]):
        made.put("parties", f"state-{land}", Party(kind=PartyKind.STATE, incorporated_in=land))
    made.companies = [f"firm-{n}" for n in range(made.size.parties - 21)]
    for n, name in enumerate(made.companies):
        made.put("parties", name, _firm(made, n))
    made.chance.shuffle(made.companies)  # holdings are not the busiest suppliers


def _firm(made: Made, n: int) -> Party:
    land = made.land()
    others = [name for name in made.companies if name != f"firm-{n}"]
    subprocessors = made.some(others, 4) if made.happens(0.4) else ()
    return Party(
        kind=PartyKind.COMPANY,
        incorporated_in=made.maybe(land),
        presence=(HOME,) if land != HOME and made.happens(0.5) else (),
        owners=UNKNOWN if made.happens(UNKNOWN_SHARE) else _owners(made, n),
        subprocessors=UNKNOWN if made.happens(UNKNOWN_SHARE) else subprocessors,
    )


def _owners(made: Made, n: int) -> tuple[Stake, ...]:
    above = made.companies[: max(1, n // 2)] if n else []
    if len(above) < 3 or made.happens(0.5):
        return ()
    if made.happens(0.02):  # circles of ownership: they exist
        above = made.companies[n + 1 :] or above
    shares = made.chance.choice(
        ((100.0,), (100.0,), (60.0, 40.0), (51.0, 49.0), (40.0, 35.0, 25.0), (30.0, 20.0), (12.5,))
    )
    owners = made.chance.sample(above, min(len(shares), len(above)))
    stakes = [Stake(party=owner, share=share) for owner, share in zip(owners, shares, strict=False)]
    if made.happens(0.1):
        stakes.append(Stake(party=made.chance.choice(above), mechanism=made.chance.choice(tuple(Mechanism))))
    return tuple(stakes)

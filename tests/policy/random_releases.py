"""Small random places that release, how they stand, and requests at their edges: every field that a rule of release reads.

`random_release(seed)` is deterministic. The places hold together by reference; most are wrong in some way, as a declaration past
its checks is not, so that the gate and its oracle are asked everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from msgspec.structs import replace

from cityward.place.data import Dataset, Flow, Observability, Protection
from cityward.place.model import Place
from cityward.place.parties import Agreement
from cityward.place.registry import members
from cityward.place.release import Form, Posture, Recipient
from cityward.place.roles import Right, Role
from cityward.place.services import Purpose
from cityward.place.things import Area
from cityward.policy.contract import Request, Standing
from reach.exposure.random_places import UNKNOWN, Draw, random_place

TODAY = date(2026, 6, 1)
DAY = 86_400_000_000
NOON = 1_780_315_200_000_000  # of TODAY, UTC
AIMS = ("aim", "other-aim")
AREAS = ("east", "west")
SENSITIVITY = ("public", "public", "internal", "restricted", "secret")
FORMS = {"late": Form(delay_s=60), "named": Form(pseudonymise=True, rotate_days=7), "raw": Form()}


@dataclass(frozen=True)
class Release:
    """A place and how it stands."""

    place: Place
    standing: Standing


def random_release(seed: int) -> Release:
    """A place of some recipients over some flows out, and its standing."""
    draw, base = Draw(seed), random_place(seed)
    usually = draw.one((0.0, 0.02, 0.1, 0.2))  # how often something is wrong here
    platform = next(iter(base.systems))
    firms, sets = list(base.parties), list(base.datasets)
    datasets = {name: _dataset(draw, list(base.jurisdictions), usually) for name in sets}
    agreements = {
        name: _agreement(draw, one, firms, sets, list(base.sites), usually) for name, one in base.agreements.items()
    }
    outward = {f"out{n}": _outward(draw, base, platform, agreements, usually) for n in range(draw.random.randint(2, 6))}
    recipients = {f"way{n}": _recipient(draw, base, outward, usually) for n in range(draw.random.randint(1, 4))}
    devices = {name: replace(device, area=draw.one((None, *AREAS))) for name, device in base.devices.items()}
    place = replace(
        base,
        platform=platform,
        areas={name: Area() for name in AREAS},
        purposes=dict.fromkeys(AIMS, Purpose()),
        datasets=datasets,
        agreements=agreements,
        flows=base.flows | outward | {"in": _inward(draw, base, platform, sets)},
        recipients=recipients,
        devices=devices,
        sites={name: replace(site, **_validity(draw, 0.2)) for name, site in base.sites.items()},
        forms=FORMS,
        postures={f"post{n}": _posture(draw, base, sets, firms) for n in range(2)},
        roles={"officer": Role(party=firms[0], rights=(Right.LOOK, Right.POSTURE))},
    )
    return Release(place, _standing(draw, place, usually))


def _dataset(draw: Draw, lands: list[str], usually: float) -> Dataset:
    personal, special = draw.chance(0.3), draw.chance(0.1)
    return Dataset(
        personal=personal,
        special=special,
        basis=draw.one((None, "consent")) if draw.chance(usually) else "consent",
        special_basis=draw.one(("", " ")) if draw.chance(usually) else "Act 12",
        sensitivity=draw.one(SENSITIVITY),  # pyright: ignore[reportArgumentType]
        retention_days=30,
        allowed_jurisdictions=draw.some(lands, len(lands), len(lands) - 2) if draw.chance(0.7) else (),
        release_form=draw.one((None, None, *FORMS)),
        **_validity(draw, usually),
    )


def _agreement(
    draw: Draw, base: Agreement, firms: list[str], sets: list[str], sites: list[str], usually: float
) -> Agreement:
    wide = not draw.chance(usually)
    return replace(
        base,
        parties=tuple(firms) if wide else base.parties,
        datasets=tuple(sets) if wide else base.datasets,
        purposes=AIMS if wide else draw.some(AIMS, 2),
        sites=draw.some(sites, 1) if draw.chance(0.2) else (),
        starts=_day(draw) if draw.chance(0.2) else None,
        ends=_day(draw) if draw.chance(0.2) else None,
        form=draw.one((None, None, *FORMS)),
        **_validity(draw, usually),
    )


def _outward(draw: Draw, base: Place, platform: str, agreements: dict[str, Agreement], usually: float) -> Flow:
    return Flow(
        from_=draw.one([*base.systems]) if draw.chance(usually) else platform,
        to=draw.one([*[*base.parties][:2] * 3, *base.parties, *base.systems]),
        datasets=draw.some([*base.datasets], 3, 1),
        purpose=draw.one(AIMS),
        protocol="http",
        protection=draw.one((Protection.TLS, Protection.TLS, *Protection)),
        route=draw.or_unknown(lambda: draw.some([*base.jurisdictions, *base.parties], 2)),
        agreement=draw.one((None, "no-such-deal")) if draw.chance(usually) else draw.one([*agreements]),
        observability=draw.one([*Observability]) if draw.chance(usually) else Observability.ENFORCED,
        form=draw.one((None, None, *FORMS)),
        **_validity(draw, usually),
    )


def _inward(draw: Draw, base: Place, platform: str, sets: list[str]) -> Flow:
    units = [unit for name, device in base.devices.items() for unit, _, _ in members(name, device)]
    return Flow(
        from_=draw.one([*base.devices, *units]),
        to=platform,
        datasets=draw.some(sets, 3, 1),
        purpose="aim",
        protocol="mqtt",
        observability=Observability.ENFORCED,
    )


def _recipient(draw: Draw, base: Place, outward: dict[str, Flow], usually: float) -> Recipient:
    """Mostly of the party that its flows lead to; perhaps with a flow to another, or that is not declared."""
    first = draw.one([*outward])
    party = _receiver(base, outward[first])
    own = [name for name, flow in outward.items() if _receiver(base, flow) == party]
    flows = draw.some([*outward] if draw.chance(usually) else own, 3, 1)
    if party == UNKNOWN or draw.chance(usually):
        party = draw.one([*base.parties])
    return Recipient(
        party=party,
        flows=(*flows, "no-such-flow") if draw.chance(usually) else flows,
        by="query",
        addresses=tuple(f"192.0.2.{n}" for n in range(draw.random.randint(1, 3))),
        jurisdiction=draw.or_unknown(lambda: draw.one([*base.jurisdictions])),
        form=draw.one((None, None, *FORMS)),
        **_validity(draw, usually),
    )


def _receiver(base: Place, flow: Flow) -> str:
    return base.systems[flow.to].operator if flow.to in base.systems else flow.to


def _posture(draw: Draw, base: Place, sets: list[str], firms: list[str]) -> Posture:
    return Posture(
        by=("officer",),
        areas=draw.some(AREAS, 2),
        stop_datasets=draw.some(sets, 1),
        stop_parties=draw.some(firms, 1),
        stop_purposes=draw.some(AIMS, 1) if draw.chance(0.3) else (),
        stop_jurisdictions=draw.some([*base.jurisdictions], 2) if draw.chance(0.3) else (),
        stop_sensitivity=draw.some(("internal", "secret"), 1),  # pyright: ignore[reportArgumentType]
        form=draw.one((None, *FORMS)),
    )


def _standing(draw: Draw, place: Place, usually: float) -> Standing:
    def few(of: list[str]) -> frozenset[str]:
        return frozenset(name for name in of if draw.chance(usually))

    def over() -> tuple[frozenset[str], frozenset[str]]:
        certain = draw.some([*place.jurisdictions], 1, 1)
        return frozenset(certain), frozenset(few([*place.jurisdictions]) - set(certain))

    postures = ("post0", "no-such-posture") if draw.chance(0.02) else ("post0",) if draw.chance(0.2) else ()
    return Standing(
        revoked=few([*place.recipients]),
        pending=few([*place.agreements]),
        postures=frozenset(postures),
        lands={name: over() for name in place.parties if not draw.chance(usually / 3)},
    )


def _day(draw: Draw) -> date:
    return TODAY + timedelta(days=draw.random.randint(-3, 3))


def _validity(draw: Draw, p: float) -> dict[str, date | None]:
    first, last = _day(draw), _day(draw)
    return {"valid_from": first if draw.chance(p) else None, "valid_to": last if draw.chance(p) else None}


def requests_of(seed: int, place: Place, most: int) -> Iterator[Request]:
    """What flows out might be asked for, and by somebody else, for something else, from elsewhere, around midnight."""
    draw = Draw(seed + 1_000_000)
    keys = [
        (name, dataset, place.flows[flow].purpose)
        for name, recipient in place.recipients.items()
        for flow in recipient.flows
        if flow in place.flows
        for dataset in place.flows[flow].datasets
    ]
    midnight = NOON - DAY // 2
    for _ in range(most):
        recipient, dataset, purpose = draw.one(keys)
        if draw.chance(0.1):
            recipient = draw.one([*place.recipients, "stranger"])
        if draw.chance(0.1):
            dataset = draw.one([*place.datasets, "nothing"])
        if draw.chance(0.1):
            purpose = draw.one([*AIMS, "nothing"])
        at = draw.one((NOON, NOON, midnight + draw.random.randint(-3, 4) * DAY - draw.one((0, 1))))
        yield Request(recipient, dataset, purpose, 0 if draw.chance(0.9) else draw.one((-1, 1, 2, 3)), at)

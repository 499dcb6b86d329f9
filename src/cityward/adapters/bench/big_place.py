"""A big city as a declaration, made up: plausible in its proportions, of any number of districts, the same for the same seed.

Who there is does not grow with it: some 500 parties in corporate groups and 200 jurisdictions with 60 instruments are as many at
a thousand devices as at a million, for a city has so many suppliers and the world so many states. What grows are districts: each
a street with device groups, a gateway, a control system, datasets, flows, ways in, keys, and a function that citizens notice;
every fifth has a vendor's cloud, every tenth a data centre. One fact in thirty is not known.

Does not live here: what is measured with it (`reach`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from cityward.adapters.bench.big_world import CITY, COUNCIL, HOME, UNKNOWN_SHARE, Made, World, firms, world
from cityward.place.data import Access, Dataset, Flow, Key, Observability, Protection
from cityward.place.model import Place
from cityward.place.parties import Agreement, Party, PartyKind
from cityward.place.record import UNKNOWN
from cityward.place.services import Function, Purpose, Service
from cityward.place.things import CommandLimits, Device, DeviceModel, Need, PropertyMapping, Site, System

MODELS = 60
PLATFORM = "cityward"
KINDS: tuple[Literal["lighting", "signals", "waste", "transport", "cctv"], ...] = (
    "lighting", "signals", "waste", "transport", "cctv",
)  # fmt: skip
GROUPS = 6  # device groups to a district
MEMBERS = 12  # devices to a group


def big_place(districts: int, seed: int, size: World = CITY) -> Place:
    """A place of so many districts. It holds together: `cityward check` would find no error in it."""
    made = Made(random.Random(seed), size)  # noqa: S311 (nothing secret: it must repeat)
    world(made)
    firms(made)
    _centre(made)
    for number in range(districts):
        _district(made, number)
    records: Any = made.of
    return Place(
        place="big-city",
        name="The city under measurement",
        position=(2.3, 54.9),
        responsible=COUNCIL,
        platform=PLATFORM,
        **records,
    )


def with_supplier(place: Place) -> Place:
    """The same place with one agreement more: a newcomer keeps a district's readings in its cloud and looks after its gateway."""
    newcomer, land = "newcomer", next(reversed(place.jurisdictions))
    site = Site(jurisdiction=land, operator=newcomer)
    cloud = System(kind="vendor-cloud", site="new-region", operator=newcomer, stores=("readings-0",))
    flow = msgspec.structs.replace(place.flows["kept-0"], to="new-cloud", agreement="new-terms")
    terms = Agreement(
        kind="supply",
        parties=(COUNCIL, newcomer),
        datasets=flow.datasets,
        purposes=(flow.purpose,),
        subcontracting="forbidden",
    )
    way = Access(
        party=newcomer, target="gateway-0", modes=("support", "update"), from_places=(land,), agreement="new-terms"
    )
    return msgspec.structs.replace(
        place,
        parties={**place.parties, newcomer: Party(kind=PartyKind.COMPANY, incorporated_in=land, owners=UNKNOWN)},
        agreements={**place.agreements, "new-terms": terms},
        sites={**place.sites, "new-region": site},
        systems={**place.systems, "new-cloud": cloud},
        flows={**place.flows, "kept-by-newcomer": flow},
        accesses={**place.accesses, "new-way": way},
    )


def _centre(made: Made) -> None:
    """The council's own machines, the grid, the models of devices and where their software comes from."""
    made.put("purposes", "running-the-city", Purpose())
    made.put("sites", "town-hall", Site(jurisdiction="home-north", operator=COUNCIL))
    made.put("sites", "substation", Site(jurisdiction="home-south", operator="body-0"))
    power = made.put(
        "systems",
        "power",
        System(kind="control", site="substation", operator="body-0", needs=(Need(of=("network",), buffer_hours=8),)),
    )
    made.put(
        "systems",
        "network",
        System(kind="network", site="town-hall", operator="body-1", needs=(Need(of=(power,), buffer_hours=4),)),
    )
    made.put(
        "systems",
        PLATFORM,
        System(kind="platform", site="town-hall", operator=COUNCIL, needs=(Need(of=(power, "network")),)),
    )
    for n in range(MODELS):
        _model(made, n)
    made.centres = ["town-hall"]


def _model(made: Made, n: int) -> None:
    maker, bounds = made.company(), CommandLimits(sets="lamp-level", low=10, high=100, fail_safe=100)
    site = made.put("sites", f"works-{n}", Site(jurisdiction=made.maybe(made.land()), operator=made.maybe(maker)))
    server = System(kind="update-server", site=site, operator=maker, maintained_by=made.some(made.companies, 2))
    updates = made.put("systems", f"updates-{n}", server)
    record = DeviceModel(
        maker=made.maybe(maker),
        properties={"lamp-level": PropertyMapping()},
        commands={"dim": bounds},
        updates_from=made.maybe(updates),
    )
    made.put("device_models", f"model-{n}", record)


def _district(made: Made, n: int) -> None:
    """One more."""
    if n % 10 == 0:
        _data_centre(made, n)
    if n % 5 == 0:
        _cloud(made, n)
    operator, kind = made.company(), KINDS[n % len(KINDS)]
    street = made.put(
        "sites",
        f"street-{n}",
        Site(jurisdiction=made.chance.choice((HOME, "home-north", "home-south")), operator=COUNCIL),
    )
    gateway = made.put("systems", f"gateway-{n}", _system(made, "gateway", street, operator, n, ("power", "network")))
    centre = made.chance.choice(made.centres[-5:])
    control = made.put("systems", f"control-{n}", _system(made, "control", centre, operator, n, (gateway, PLATFORM)))
    groups = [_group(made, n, k, street) for k in range(GROUPS)]
    _datasets(made, n)
    _flows(made, n, groups, gateway, control)
    _ways_in(made, n, groups, gateway, control)
    _keys(made, n, control)
    service = f"{kind}-{n // 100}"
    if n % 100 < len(KINDS):
        made.put(
            "services",
            service,
            Service(kind=kind, operator=COUNCIL, actuators=tuple(groups[:2]), reads=(f"readings-{n}",)),
        )
    need = (Need(of=tuple(groups), k=GROUPS - 2), Need(of=(control, gateway), k=made.chance.randint(1, 2)))
    made.put("functions", f"function-{n}", Function(service=service, needs=need, essential=made.happens(0.3)))


def _data_centre(made: Made, n: int) -> None:
    site = Site(jurisdiction=made.maybe(made.land()), operator=made.maybe(made.company()))
    made.centres.append(made.put("sites", f"centre-{n}", site))


def _cloud(made: Made, n: int) -> None:
    operator = made.company()
    site = made.put(
        "sites",
        f"region-{n}",
        Site(jurisdiction=made.maybe(made.chance.choice(made.lands)), operator=made.company()),
    )
    record = System(
        kind="vendor-cloud", site=site, operator=operator, maintained_by=made.some(made.companies, 3), stores=()
    )
    made.clouds.append(made.put("systems", f"cloud-{n}", record))
    supply = Agreement(
        kind="supply",
        parties=(COUNCIL, operator),
        subcontracting=made.chance.choice(("allowed", "forbidden", "unknown")),
    )
    made.put("agreements", f"supply-{n}", supply)


def _system(made: Made, kind: Any, site: str, operator: str, n: int, needs: tuple[str, ...]) -> System:
    return System(
        kind=kind,
        site=made.maybe(site),
        operator=made.maybe(operator),
        supplier=made.maybe(made.company()),
        maintained_by=UNKNOWN if made.happens(UNKNOWN_SHARE) else made.some(made.companies, 2),
        stores=(f"readings-{n}", f"reports-{n}") if kind == "control" else (),
        needs=(Need(of=needs, k=made.chance.randint(1, len(needs))),),
        updates_from=made.maybe(made.clouds[-1]),
    )


def _group(made: Made, n: int, k: int, street: str) -> str:
    record = Device(
        model=f"model-{made.chance.randrange(MODELS)}",
        site=street,
        owner=made.maybe(COUNCIL),
        operator=made.maybe(made.company()) if made.happens(0.5) else None,
        positions=tuple((2.3 + n * 1e-5, 54.9 + (k * MEMBERS + i) * 1e-6) for i in range(MEMBERS)),
        needs=(Need(of=("power",), buffer_hours=2),),
    )
    return made.put("devices", f"things-{n}-{k}", record)


def _datasets(made: Made, n: int) -> None:
    for name, share in (("readings", 0.2), ("reports", 0.4)):
        record = Dataset(personal=made.happens(share), sensitivity="internal", retention_days=30)
        made.put("datasets", f"{name}-{n}", record)


def _flows(made: Made, n: int, groups: Sequence[str], gateway: str, control: str) -> None:
    raw, reports, cloud = f"readings-{n}", f"reports-{n}", made.clouds[-1]
    for k, group in enumerate(groups):
        _flow(made, f"up-{n}-{k}", group, gateway, raw)
    _flow(made, f"in-{n}", gateway, control, raw)
    _flow(made, f"order-{n}", control, groups[0], reports)
    _flow(made, f"report-{n}", control, PLATFORM, reports)
    _flow(made, f"kept-{n}", control, cloud, raw)
    recipient = made.company()
    terms = Agreement(
        kind="processing",
        parties=(COUNCIL, recipient),
        datasets=(reports,),
        purposes=("running-the-city",),
        subcontracting=made.chance.choice(("allowed", "with-consent", "forbidden", "unknown")),
    )
    _flow(made, f"out-{n}", PLATFORM, recipient, reports, made.put("agreements", f"terms-{n}", terms))


def _flow(made: Made, name: str, source: str, to: str, dataset: str, agreement: str | None = None) -> None:
    protection = made.chance.choices(
        (Protection.TLS, Protection.MUTUAL_TLS, Protection.NONE, Protection.UNKNOWN), weights=(70, 12, 12, 6)
    )[0]
    route = (made.company(), made.land()) if made.happens(0.7) else ()
    record = Flow(
        from_=source,
        to=to,
        datasets=(dataset,),
        purpose="running-the-city",
        protocol="proprietary",
        protection=protection,
        route=UNKNOWN if made.happens(UNKNOWN_SHARE) else route,
        agreement=agreement,
        observability=Observability.INFERRED,
    )
    made.put("flows", name, record)


def _ways_in(made: Made, n: int, groups: Sequence[str], gateway: str, control: str) -> None:
    supply = f"supply-{n - n % 5}"
    asked: tuple[tuple[str, tuple[Any, ...]], ...] = (
        (gateway, ("support", "update")),
        (control, ("read", "command")),
        (control, ("support",)),
        (made.chance.choice(groups), ("physical",)),
        (f"reports-{n}", ("read",)),
    )
    for k, (target, modes) in enumerate(asked):
        places = (made.land(),) if made.happens(0.5) else ()
        record = Access(
            party=made.company(),
            target=target,
            modes=modes,
            from_places=UNKNOWN if made.happens(UNKNOWN_SHARE) else places,
            agreement=supply if made.happens(0.5) else None,
        )
        made.put("accesses", f"way-{n}-{k}", record)


def _keys(made: Made, n: int, control: str) -> None:
    holder = COUNCIL if made.happens(0.5) else made.company()
    made.put("keys", f"disk-{n}", Key(holder=made.maybe(holder), protects=(control,)))
    if made.happens(0.2):
        made.put("keys", f"seal-{n}", Key(holder=COUNCIL, protects=(f"readings-{n}",), kind="end-to-end"))
    if made.happens(0.2):
        made.put("keys", f"mark-{n}", Key(holder=made.maybe(holder), protects=(f"readings-{n}",), kind="signing"))

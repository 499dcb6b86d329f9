"""Random towns with one change or a few, as a proposal would make them: somebody new, something gone, another operator.

Every choice comes from the seed.
"""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec.structs import replace

from cityward.place.data import Access
from cityward.place.model import Place
from cityward.place.parties import Agreement, Jurisdiction, Mechanism, Party, PartyKind, Stake
from cityward.place.services import Function
from cityward.place.things import Device, Need, Site, System
from reach.blast.towns_at_risk import BUFFERS, SHARES, UNKNOWN, town_at_risk


def changed_town(seed: int) -> tuple[Place, Place]:
    """A town, and the same with one to three changes."""
    chance, town = Random(seed), town_at_risk(seed)
    after = town
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        after = chance.choice(CHANGES)(chance, after)
    return town, after


def _put(place: Place, kind: str, name: str, record: Any) -> Place:
    return replace(place, **{kind: {**getattr(place, kind), name: record}})


def _one(chance: Random, records: dict[str, Any]) -> str:
    return chance.choice(list(records))


def _needable(place: Place) -> list[str]:
    members = [f"{name}-0{n}" for name in place.devices for n in (1, 2)]
    return [*place.parties, *place.sites, *place.systems, *place.devices, *members]


def _need(chance: Random, place: Place) -> Need:
    needable = _needable(place)
    of = tuple(chance.sample(needable, chance.randint(1, min(4, len(needable)))))
    return Need(of=of, k=chance.randint(1, len(of)), buffer_hours=chance.choice(BUFFERS))


# --- changes


def _add_system(chance: Random, place: Place) -> Place:
    system = System(
        kind="control",
        site=chance.choice([*place.sites, UNKNOWN]),
        operator=chance.choice([*place.parties, UNKNOWN]),
        needs=tuple(_need(chance, place) for _ in range(chance.randint(0, 2))),
    )
    after = _put(place, "systems", "new-system", system)
    return _needs(chance, after, lambda need: replace(need, of=(*need.of, "new-system")))


def _remove_system(chance: Random, place: Place) -> Place:
    if len(place.systems) < 2:
        return place
    gone = _one(chance, place.systems)
    after = replace(place, systems={name: one for name, one in place.systems.items() if name != gone})
    return after if chance.random() < 0.5 else _everywhere(after, gone)


def _everywhere(place: Place, gone: str) -> Place:
    """Without a name in any need; a need of nothing else goes."""

    def without(record: System | Device | Function) -> Any:
        needs = [replace(n, of=tuple(one for one in n.of if one != gone)) for n in record.needs]
        return replace(record, needs=tuple(replace(n, k=min(n.k, len(n.of))) for n in needs if n.of))

    kinds = {kind: getattr(place, kind) for kind in ("systems", "devices", "functions")}
    return replace(place, **{kind: {n: without(r) for n, r in records.items()} for kind, records in kinds.items()})


def _remove_party(chance: Random, place: Place) -> Place:
    gone = _one(chance, place.parties)
    return replace(
        place, parties={name: one for name, one in place.parties.items() if name != gone or len(place.parties) < 2}
    )


def _needs(chance: Random, place: Place, change: Any) -> Place:
    """One need of somebody changed, where there is one."""
    kind = chance.choice(("systems", "devices", "functions"))
    needing = [name for name, record in getattr(place, kind).items() if record.needs]
    if not needing:
        return place
    name = chance.choice(needing)
    record = getattr(place, kind)[name]
    k = chance.randrange(len(record.needs))
    needs = (*record.needs[:k], change(record.needs[k]), *record.needs[k + 1 :])
    return _put(place, kind, name, replace(record, needs=needs))


def _add_need(chance: Random, place: Place) -> Place:
    kind = chance.choice(("systems", "devices", "functions"))
    name = _one(chance, getattr(place, kind))
    record = getattr(place, kind)[name]
    return _put(place, kind, name, replace(record, needs=(*record.needs, _need(chance, place))))


def _remove_need(chance: Random, place: Place) -> Place:
    name = _one(chance, place.functions)
    return _put(place, "functions", name, replace(place.functions[name], needs=place.functions[name].needs[1:]))


def _other_k(chance: Random, place: Place) -> Place:
    return _needs(chance, place, lambda need: replace(need, k=chance.randint(1, len(need.of)), buffer_hours=3.0))


def _operator(chance: Random, place: Place) -> Place:
    kind = chance.choice(("systems", "devices", "sites"))
    name = _one(chance, getattr(place, kind))
    operator = chance.choice([*place.parties, UNKNOWN])
    return _put(place, kind, name, replace(getattr(place, kind)[name], operator=operator))


def _site(chance: Random, place: Place) -> Place:
    name = _one(chance, place.systems)
    return _put(place, "systems", name, replace(place.systems[name], site=chance.choice([*place.sites, UNKNOWN])))


def _add_site(chance: Random, place: Place) -> Place:
    after = _put(place, "sites", "new-site", Site(jurisdiction="xb", operator=_one(chance, place.parties)))
    name = _one(chance, after.systems)
    return _put(after, "systems", name, replace(after.systems[name], site="new-site"))


def _owners(chance: Random, place: Place) -> Place:
    name = _one(chance, place.parties)
    stake = Stake(
        party=_one(chance, place.parties), share=chance.choice(SHARES), mechanism=chance.choice(list(Mechanism))
    )
    return _put(place, "parties", name, replace(place.parties[name], owners=chance.choice(((), (stake,), UNKNOWN))))


def _add_party(chance: Random, place: Place) -> Place:
    after = _put(place, "parties", "newcomer", Party(kind=PartyKind.COMPANY, incorporated_in="xc"))
    name = _one(chance, after.systems)
    return _put(after, "systems", name, replace(after.systems[name], operator="newcomer"))


def _home(chance: Random, place: Place) -> Place:
    name, land = _one(chance, place.parties), chance.choice(("xa", "xb", "xc", UNKNOWN))
    return _put(place, "parties", name, replace(place.parties[name], incorporated_in=land))


def _lies(chance: Random, place: Place) -> Place:
    name, land = _one(chance, place.sites), chance.choice(("xa", "xb", "xc", UNKNOWN))
    return _put(place, "sites", name, replace(place.sites[name], jurisdiction=land))


def _bloc(chance: Random, place: Place) -> Place:
    return _put(place, "jurisdictions", "xd", Jurisdiction(code="XD", members=(chance.choice(("xa", "xb", "bloc")),)))


def _function(chance: Random, place: Place) -> Place:
    return _put(place, "functions", "new-use", Function(service="lights", needs=(_need(chance, place),)))


def _remove_function(chance: Random, place: Place) -> Place:
    gone = _one(chance, place.functions)
    return replace(place, functions={n: f for n, f in place.functions.items() if n != gone or len(place.functions) < 2})


def _access(chance: Random, place: Place) -> Place:
    party, target = _one(chance, place.parties), chance.choice([f"{name}-01" for name in place.devices])
    return _put(place, "accesses", "new-way", Access(party=party, target=target, modes=("physical",)))


def _agreement(chance: Random, place: Place) -> Place:
    parties = (_one(chance, place.parties), "p0")
    return _put(place, "agreements", "new-terms", Agreement(kind="supply", parties=parties, purposes=()))


CHANGES = (
    _add_system, _remove_system, _remove_party, _add_need, _add_need, _remove_need, _other_k, _operator, _operator, _site,
    _add_site, _owners, _add_party, _home, _lies, _bloc, _function, _remove_function, _access, _agreement,
)  # fmt: skip

"""Parties in their roles: who operates, hosts, maintains, sends, receives or agrees on a subject of a rule.

INVARIANT: a role that is filled, by whom is not known, is told as `unknown`, with the field that does not say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cityward.place.house_rules import About, Role
from cityward.place.record import UNKNOWN
from cityward.place.things import Device, System
from cityward.reach.rules.standing import Holder, Standing


def holders(standing: Standing, role: Role, about: About, name: str) -> list[Holder]:
    """The parties that stand in a role to a subject."""
    return list(dict.fromkeys(_HOLDERS[about](standing, role, name)))


def _runs(standing: Standing, thing: str) -> list[Holder]:
    """Who operates a system or device; a device without operator is run by its owner."""
    known = standing.declared.things.get(standing.group(thing))
    return [known.runs] if known is not None else []


def _end(standing: Standing, name: str, path: str) -> list[Holder]:
    """The party at the end of a flow: itself, or who operates the thing."""
    return [(name, path)] if name in standing.place.parties else _runs(standing, name)


def _host(standing: Standing, thing: str) -> list[Holder]:
    """Who operates the site of a thing."""
    record = standing.thing(thing)
    site = standing.place.sites.get(record.site) if record is not None else None
    if site is None:
        return [(UNKNOWN, f"{standing.path_of(thing)}.site")]
    assert record is not None
    return [] if site.operator is None else [(site.operator, f"sites.{record.site}.operator")]


def _update_source(standing: Standing, thing: str) -> list[Holder]:
    """Who operates the system that software comes from."""
    record = standing.thing(thing)
    path = f"{standing.path_of(thing)}.updates_from"
    source = getattr(record, "updates_from", None)
    if isinstance(record, Device):
        model = standing.place.device_models.get(record.model)
        path, source = f"device_models.{record.model}.updates_from", model.updates_from if model else None
    if source is None:
        return []
    return [(UNKNOWN, path)] if source == UNKNOWN else _runs(standing, source)


def _accessing(standing: Standing, target: str) -> list[Holder]:
    """Who has an access to a thing or dataset."""
    return [(access.party, f"accesses.{name}.party") for name, access in standing.accesses.get(target, ())]


def _key_holders(standing: Standing, *protected: str) -> list[Holder]:
    """Who holds a key that protects any of these."""
    return [holder for name in protected for holder in standing.key_holders.get(name, ())]


def _hops(standing: Standing, flow: str) -> list[Holder]:
    """The parties that a flow passes."""
    route, path = standing.place.flows[flow].route, f"flows.{flow}.route"
    if route == UNKNOWN:
        return [(UNKNOWN, path)]
    return [(hop, f"{path}[{k}]") for k, hop in enumerate(route) if hop in standing.place.parties]


def _partners(standing: Standing, agreement: str | None) -> list[Holder]:
    """Whom an agreement is made with."""
    known = standing.place.agreements.get(agreement or "")
    if known is None:
        return []
    return [
        (party, f"agreements.{agreement}.parties[{k}]")
        for k, party in enumerate(known.parties)
        if party != standing.place.responsible
    ]


def _of_thing(standing: Standing, role: Role, name: str) -> Iterator[Holder]:
    record = standing.thing(name)
    path = standing.path_of(name)
    if role is Role.OPERATOR:
        yield from _runs(standing, name)
    elif role is Role.HOST:
        yield from _host(standing, name)
    elif role is Role.UPDATE_SOURCE:
        yield from _update_source(standing, name)
    elif role is Role.ACCESSING:
        yield from _accessing(standing, name)
    elif role is Role.KEY_HOLDER:
        yield from _key_holders(standing, name)
    elif role is Role.RECIPIENT:
        for flow, record_ in standing.leaving.get(name, ()):
            yield from _end(standing, record_.to, f"flows.{flow}.to")
    elif role is Role.MAKER and isinstance(record, Device):
        model = standing.place.device_models.get(record.model)
        yield (model.maker if model else UNKNOWN, f"device_models.{record.model}.maker")
    elif role is Role.MAINTAINER and isinstance(record, System):
        yield from _listed(record.maintained_by, f"{path}.maintained_by")
    elif role in (Role.OWNER, Role.SUPPLIER):
        party = getattr(record, role, None)
        yield from () if party is None else [(party, f"{path}.{role}")]


def _listed(parties: Any, path: str) -> Iterator[Holder]:
    if parties == UNKNOWN:
        yield UNKNOWN, path
    else:
        yield from ((party, f"{path}[{k}]") for k, party in enumerate(parties))


def _of_dataset(standing: Standing, role: Role, name: str) -> Iterator[Holder]:
    flows = standing.carrying.get(name, [])
    stores = standing.stored_at.get(name, [])
    if role in (Role.OPERATOR, Role.HOST):
        for system in stores:
            yield from _runs(standing, system) if role is Role.OPERATOR else _host(standing, system)
    elif role in (Role.RECIPIENT, Role.SENDER, Role.HOP):
        for flow, _ in flows:
            yield from _of_flow(standing, role, flow)
    elif role is Role.KEY_HOLDER:
        yield from _key_holders(standing, name, *stores)
    elif role is Role.ACCESSING:
        for target in (name, *stores):
            yield from _accessing(standing, target)
    elif role is Role.PARTNER:
        for agreement, record in standing.place.agreements.items():
            yield from _partners(standing, agreement) if name in record.datasets else ()


def _of_flow(standing: Standing, role: Role, name: str) -> Iterator[Holder]:
    flow = standing.place.flows[name]
    if role is Role.SENDER:
        yield from _end(standing, flow.from_, f"flows.{name}.from")
    elif role is Role.RECIPIENT:
        yield from _end(standing, flow.to, f"flows.{name}.to")
    elif role is Role.HOP:
        yield from _hops(standing, name)
    elif role is Role.KEY_HOLDER:
        yield from _key_holders(standing, name)
    else:
        yield from _partners(standing, flow.agreement)


def _of_access(standing: Standing, role: Role, name: str) -> Iterator[Holder]:
    access = standing.place.accesses[name]
    if role is Role.ACCESSING:
        yield access.party, f"accesses.{name}.party"
    elif role is Role.OPERATOR:
        yield from _runs(standing, access.target)
    else:
        yield from _partners(standing, access.agreement)


def _of_agreement(standing: Standing, role: Role, name: str) -> Iterator[Holder]:
    yield from _partners(standing, name)


def _of_party(standing: Standing, role: Role, name: str) -> Iterator[Holder]:
    yield name, f"parties.{name}"


def _of_service(standing: Standing, role: Role, name: str) -> Iterator[Holder]:
    yield standing.place.services[name].operator, f"services.{name}.operator"


_HOLDERS = {
    About.DEVICES: _of_thing,
    About.SYSTEMS: _of_thing,
    About.DATASETS: _of_dataset,
    About.FLOWS: _of_flow,
    About.ACCESSES: _of_access,
    About.AGREEMENTS: _of_agreement,
    About.PARTIES: _of_party,
    About.SERVICES: _of_service,
}

"""Changes that could be asked for before a proposal is signed: each takes away from what it brings, or keeps it at home.

A change is made from the records the proposal adds or replaces, never from those that were there: one asks the other side to
change its offer, not the city to be another. What the city could do by itself is in `hardening`.

INVARIANTS
- A change only narrows: it drops an access or flow, moves a thing or a key home, or forbids; applying more of them in any order
  gives the same place.
- Candidates come in a fixed order: by the proposal's records, the mildest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cityward.place.data import Access, Flow, Key, Protection
from cityward.place.model import Place
from cityward.place.parties import Agreement, Party
from cityward.place.record import UNKNOWN
from cityward.place.things import Device, System
from cityward.reach.telling.names import name_of

MOST_CANDIDATES = 200  # more, and what is told could not be read; the rest are counted

Apply = Callable[[Place], Place]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to ask for. `effort`: how much it asks, from 1 (a setting) to 5 (do without)."""

    told: str
    path: str
    effort: int
    apply: Apply = field(compare=False, repr=False)


def changed(place: Place, kind: str, name: str, **fields: Any) -> Place:
    """A place in which a record has other fields; unchanged where it is no longer there."""
    records = getattr(place, kind)
    if name not in records:
        return place
    other = {**records, name: msgspec.structs.replace(records[name], **fields)}
    return msgspec.structs.replace(place, **{kind: other})


def without(place: Place, kind: str, name: str) -> Place:
    """A place without a record."""
    records = {known: record for known, record in getattr(place, kind).items() if known != name}
    return msgspec.structs.replace(place, **{kind: records})


def added(place: Place, kind: str, name: str, record: Any) -> Place:
    """A place with one record more."""
    return msgspec.structs.replace(place, **{kind: {**getattr(place, kind), name: record}})


def candidates(base: Place, proposed: Place, paths: tuple[str, ...]) -> list[Change]:
    """What could be asked for.

    Args:
        base: the place as it is; the records valid on the day.
        proposed: likewise, with the proposal laid over.
        paths: the records the proposal adds, replaces or removes, as `kind.id`.
    """
    found: list[Change] = []
    for path in paths:
        kind, _, name = path.partition(".")
        record = getattr(proposed, kind).get(name)
        if record is None:
            found += [_kept(base, kind, name)] if name in getattr(base, kind) else []
        elif kind in _MAKERS:
            found += sorted(_MAKERS[kind](proposed, name, record), key=lambda change: change.effort)
    return found


def _kept(base: Place, kind: str, name: str) -> Change:
    record = getattr(base, kind)[name]
    return Change(f"keep `{name}`", f"{kind}.{name}", 2, lambda place: added(place, kind, name, record))


def _homes(place: Place) -> list[str]:
    return [name for name, land in place.jurisdictions.items() if land.home]


# --- accesses


def _of_access(place: Place, name: str, access: Access) -> Iterator[Change]:
    path, who = f"accesses.{name}", name_of(place, access.party)
    target = name_of(place, access.target)
    if access.standing:
        told = f"open the access of {who} to {target} for each task, and close it after"
        yield Change(told, f"{path}.standing", 1, lambda p: changed(p, "accesses", name, standing=False))
    homes = tuple(_homes(place))
    abroad = access.from_places == UNKNOWN or any(not _at_home(place, where) for where in access.from_places)
    if homes and abroad:
        told = f"let {who} use its access to {target} from {' and '.join(name_of(place, land) for land in homes)} only"
        yield Change(told, f"{path}.from_places", 2, lambda p: changed(p, "accesses", name, from_places=homes))
    for mode in access.modes if len(access.modes) > 1 else ():
        told = f"leave `{mode}` out of the access of {who} to {target}"
        yield Change(told, f"{path}.modes", 3, lambda p, mode=mode: _less(p, name, mode))
    told = f"give {who} no access to {target}"
    yield Change(told, path, 4, lambda p: without(p, "accesses", name))


def _less(place: Place, name: str, mode: str) -> Place:
    access = place.accesses.get(name)
    modes = tuple(kept for kept in access.modes if kept != mode) if access is not None else ()
    return changed(place, "accesses", name, modes=modes) if modes else without(place, "accesses", name)


def _at_home(place: Place, where: str) -> bool:
    site = place.sites.get(where)
    land = place.jurisdictions.get(where if site is None else site.jurisdiction)
    seen: set[str] = set()
    while land is not None and not land.home and land.parent is not None and land.parent not in seen:
        seen.add(land.parent)
        land = place.jurisdictions.get(land.parent)
    return land is not None and land.home


# --- agreements and parties


def _of_agreement(place: Place, name: str, agreement: Agreement) -> Iterator[Change]:
    path = f"agreements.{name}"
    if agreement.subcontracting != "forbidden":
        told = f"forbid sub-contracting in `{name}`"
        yield Change(
            told, f"{path}.subcontracting", 1, lambda p: changed(p, "agreements", name, subcontracting="forbidden")
        )
    limit = _exit_limit(place)
    if limit is not None and (agreement.exit_days is None or agreement.exit_days > limit):
        told = f"agree in `{name}` on leaving within {limit} days"
        yield Change(told, f"{path}.exit_days", 1, lambda p: changed(p, "agreements", name, exit_days=limit))
    for dataset in agreement.datasets:
        told = f"leave {name_of(place, dataset)} out of `{name}`, and of the flows and accesses under it"
        yield Change(told, f"{path}.datasets", 3, lambda p, dataset=dataset: _less_data(p, name, dataset))


def _exit_limit(place: Place) -> int | None:
    """The strictest number of days that a rule of the house sets."""
    limits = [
        condition.agreement.exit_days_over
        for rule in place.rules.values()
        for condition in rule.forbid
        if condition.agreement is not None and condition.agreement.exit_days_over is not None
    ]
    return min(limits, default=None)


def _less_data(place: Place, agreement: str, dataset: str) -> Place:
    known = place.agreements.get(agreement)
    if known is not None:
        place = changed(place, "agreements", agreement, datasets=tuple(d for d in known.datasets if d != dataset))
    for name, flow in place.flows.items():
        if flow.agreement == agreement:
            place = _carries_less(place, name, dataset)
    for name, access in place.accesses.items():
        if access.agreement == agreement and access.target == dataset:
            place = without(place, "accesses", name)
    return place


def _of_party(place: Place, name: str, party: Party) -> Iterator[Change]:
    who, path = name_of(place, name), f"parties.{name}.subprocessors"
    if party.subprocessors:
        told = f"have {who} do the work itself, without sub-processors"
        yield Change(told, path, 3, lambda p: changed(p, "parties", name, subprocessors=()))


# --- systems, devices and keys


def _of_system(place: Place, name: str, system: System) -> Iterator[Change]:
    path, what = f"systems.{name}", name_of(place, name)
    if not any(key.kind == "at-rest" and name in key.protects for key in place.keys.values()) and system.stores:
        told = f"seal what {what} keeps with a key that we hold"
        key = Key(holder=place.responsible, protects=(name,), kind="at-rest")
        yield Change(told, f"{path}.stores", 2, lambda p: added(p, "keys", f"{name}-ours"[:64].rstrip("-"), key))
    site = our_site(place)
    if site is not None and (system.site == UNKNOWN or not _at_home(place, system.site)):
        told = f"keep {what} at {name_of(place, site)}"
        yield Change(told, f"{path}.site", 3, lambda p: changed(p, "systems", name, site=site))
    if system.maintained_by and system.maintained_by != (place.responsible,):
        told = f"maintain {what} ourselves"
        yield Change(told, f"{path}.maintained_by", 4, lambda p: changed(p, "systems", name, maintained_by=()))
    if system.operator != place.responsible:
        told = f"run {what} ourselves"
        ours = place.responsible
        yield Change(told, f"{path}.operator", 4, lambda p: changed(p, "systems", name, operator=ours))
    mirror = _mirror(place)
    if system.updates_from is not None and mirror not in (None, name, system.updates_from):
        told = f"take the software of {what} from {name_of(place, mirror or '')}, after our own tests"
        yield Change(told, f"{path}.updates_from", 3, lambda p: changed(p, "systems", name, updates_from=mirror))


def our_site(place: Place) -> str | None:
    """Where the responsible party itself could keep a system: the first site at home that it runs, the core ones first."""
    ours = [name for name, site in place.sites.items() if site.operator == place.responsible and _at_home(place, name)]
    core = [name for name in ours if "core" in place.sites[name].tags]
    return next(iter((*core, *ours)), None)


def _mirror(place: Place) -> str | None:
    servers = (
        name
        for name, system in place.systems.items()
        if system.kind == "update-server" and system.operator == place.responsible
    )
    return next(servers, None)


def _of_device(place: Place, name: str, device: Device) -> Iterator[Change]:
    site, what = place.sites.get(device.site), name_of(place, name)
    if site is not None and "sensitive" in site.tags:
        for other, record in place.sites.items():
            if "street" in record.tags and "sensitive" not in record.tags and record.jurisdiction == site.jurisdiction:
                told = f"put {what} up at {name_of(place, other)}, which is not sensitive"
                yield Change(
                    told, f"devices.{name}.site", 4, lambda p, other=other: changed(p, "devices", name, site=other)
                )
                break
    if place.responsible not in (device.operator, device.owner):
        told, ours = f"operate {what} ourselves", place.responsible
        yield Change(told, f"devices.{name}.operator", 4, lambda p: changed(p, "devices", name, operator=ours))


def _of_key(place: Place, name: str, key: Key) -> Iterator[Change]:
    if key.holder != place.responsible:
        told, ours = f"hold the key `{name}` ourselves", place.responsible
        yield Change(told, f"keys.{name}.holder", 2, lambda p: changed(p, "keys", name, holder=ours))


# --- flows


def _of_flow(place: Place, name: str, flow: Flow) -> Iterator[Change]:
    path = f"flows.{name}"
    if flow.protection in (Protection.NONE, Protection.UNKNOWN):
        told = f"protect `{name}` by TLS on both sides"
        yield Change(
            told, f"{path}.protection", 1, lambda p: changed(p, "flows", name, protection=Protection.MUTUAL_TLS)
        )
    if flow.route == UNKNOWN or any(hop in place.jurisdictions and not _at_home(place, hop) for hop in flow.route):
        homes = tuple(_homes(place))
        told = f"keep the way of `{name}` within {' and '.join(name_of(place, land) for land in homes)}"
        yield Change(told, f"{path}.route", 2, lambda p: changed(p, "flows", name, route=homes))
    for dataset in flow.datasets if len(flow.datasets) > 1 else ():
        told = f"leave {name_of(place, dataset)} out of `{name}`"
        yield Change(told, f"{path}.datasets", 3, lambda p, dataset=dataset: _carries_less(p, name, dataset))
    yield Change(f"drop the flow `{name}`", path, 5, lambda p: without(p, "flows", name))


def _carries_less(place: Place, name: str, dataset: str) -> Place:
    flow = place.flows.get(name)
    if flow is None:
        return place
    left = tuple(kept for kept in flow.datasets if kept != dataset)
    return changed(place, "flows", name, datasets=left) if left else without(place, "flows", name)


_MAKERS: dict[str, Callable[[Place, str, Any], Iterator[Change]]] = {
    "accesses": _of_access,
    "agreements": _of_agreement,
    "parties": _of_party,
    "systems": _of_system,
    "devices": _of_device,
    "keys": _of_key,
    "flows": _of_flow,
}

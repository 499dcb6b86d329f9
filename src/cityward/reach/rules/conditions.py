"""The subject itself, judged: the thing it is, its sites, its routes, its data.

Each judge is given the place on a day, what the condition asks, the kind of the subject and its id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cityward.place.house_rules import (
    About,
    DataIs,
    RouteIs,
    SiteIs,
    ThingIs,
)
from cityward.place.record import UNKNOWN
from cityward.place.things import Device, System
from cityward.reach.rules.standing import Standing
from cityward.reach.rules.truth import NO, Held, all_of, any_of, possibly, yes
from cityward.reach.telling.names import name_of


def site(standing: Standing, asked: SiteIs, about: About, name: str) -> Held:
    """One site of the subject is all of this."""
    return any_of(_one_site(standing, asked, where, path) for where, path in standing.sites_of(about, name))


def _one_site(standing: Standing, asked: SiteIs, where: str, path: str) -> Held:
    if where == UNKNOWN or where not in standing.place.sites:
        return possibly("where it stands is not known", path)
    record = standing.place.sites[where]
    if asked.tags and not set(asked.tags) & set(record.tags):
        return NO
    if not (asked.in_ or asked.not_in):
        tags = ", ".join(tag for tag in record.tags if tag in asked.tags)
        return yes(
            f"it stands at {name_of(standing.place, where)}, which is {tags}",
            path,
            f"sites.{where}.tags",
            witness=where,
        )
    if record.jurisdiction == UNKNOWN:
        text = f"in which jurisdiction {name_of(standing.place, where)} lies is not known"
        return possibly(text, f"sites.{where}.jurisdiction", where)
    lies = record.jurisdiction in standing.within(asked.in_) if asked.in_ else True
    out = record.jurisdiction not in standing.within(asked.not_in) if asked.not_in else True
    land = name_of(standing.place, record.jurisdiction)
    text = f"it stands at {name_of(standing.place, where)}, in {land}"
    return yes(text, path, f"sites.{where}.jurisdiction", witness=where) if lies and out else NO


def route(standing: Standing, asked: RouteIs, about: About, name: str) -> Held:
    """The route of the flow, or of any flow that carries the dataset, is all of this."""
    flows = [name] if about is About.FLOWS else [flow for flow, _ in standing.carrying.get(name, ())]
    return any_of(_one_route(standing, asked, flow) for flow in flows)


def _one_route(standing: Standing, asked: RouteIs, flow: str) -> Held:
    hops, path = standing.place.flows[flow].route, f"flows.{flow}.route"
    if hops == UNKNOWN:
        text = f"which way `{flow}` goes is not known"
        return yes(text, path, witness=flow) if asked.not_known else possibly(text, path, flow)
    return all_of(_hops(standing, asked, hops, path)) if not asked.not_known else NO


def _hops(standing: Standing, asked: RouteIs, hops: tuple[str, ...], path: str) -> Iterator[Held]:
    lands = standing.place.jurisdictions
    if asked.passes:
        wanted = {*asked.passes, *standing.within(tuple(land for land in asked.passes if land in lands))}
        yield any_of(_hop(standing, hop, f"{path}[{k}]") for k, hop in enumerate(hops) if hop in wanted)
    if asked.leaves:
        inside = standing.within(asked.leaves)
        out = ((k, hop) for k, hop in enumerate(hops) if hop in lands and hop not in inside)
        yield any_of(_hop(standing, hop, f"{path}[{k}]") for k, hop in out)


def _hop(standing: Standing, hop: str, path: str) -> Held:
    return yes(f"it passes {name_of(standing.place, hop)}", path, witness=f"hop {hop}")


_RANK = {"public": 0, "internal": 1, "restricted": 2, "secret": 3}


def data(standing: Standing, asked: DataIs, about: About, name: str) -> Held:
    """One dataset of the subject is all of this."""
    return any_of(_one_dataset(standing, asked, dataset) for dataset in standing.datasets_of(about, name))


def _one_dataset(standing: Standing, asked: DataIs, name: str) -> Held:
    record = standing.place.datasets.get(name)
    if record is None or (asked.named and name not in asked.named):
        return NO
    if asked.personal is not None and record.personal is not asked.personal:
        return NO
    if asked.sensitivity_from is not None and _RANK[record.sensitivity] < _RANK[asked.sensitivity_from]:
        return NO
    if asked.categories and not set(asked.categories) & set(record.categories):
        return NO
    personal = ", personal" if record.personal else ""
    what = yes(f"{name_of(standing.place, name)} is {record.sensitivity}{personal}", f"datasets.{name}", witness=name)
    return all_of((what, *_retention(asked, name, record.retention_days)))


def _retention(asked: DataIs, name: str, days: int | Literal["unknown"]) -> Iterator[Held]:
    path = f"datasets.{name}.retention_days"
    if asked.retention_not_known:
        yield yes("how long it is kept is not known", path) if days == UNKNOWN else NO
    if asked.retention_over_days is not None:
        if days == UNKNOWN:
            yield possibly("how long it is kept is not known", path)
        else:
            yield yes(f"it is kept {days} days", path) if days > asked.retention_over_days else NO


def thing(standing: Standing, asked: ThingIs, about: About, name: str) -> Held:
    """The system or device is all of this; an access is judged by its target."""
    target = standing.place.accesses[name].target if about is About.ACCESSES else name
    record, path = standing.thing(target), standing.path_of(target)
    if record is None:
        return NO
    served = _served(standing, asked, target) if asked.services else []
    so = (
        not asked.kinds or (isinstance(record, System) and record.kind in asked.kinds),
        not asked.models or (isinstance(record, Device) and record.model in asked.models),
        not asked.zones or record.zone in asked.zones,
        asked.critical is None or (isinstance(record, System) and record.critical is asked.critical),
        not asked.services or bool(served),
    )
    return yes(_described(standing, asked, target, served), path) if all(so) else NO


def _served(standing: Standing, asked: ThingIs, target: str) -> list[str]:
    """The kinds of service asked for that a thing works for."""
    services = standing.place.services
    kinds = {services[s].kind for s in standing.works_for.get(standing.group(target), ()) if s in services}
    return [kind for kind in asked.services if kind in kinds]


def _described(standing: Standing, asked: ThingIs, target: str, served: list[str]) -> str:
    record = standing.thing(target)
    words = [f"a {record.kind} system"] if asked.kinds and isinstance(record, System) else []
    words += (
        [f"of the model {name_of(standing.place, record.model)}"] if asked.models and isinstance(record, Device) else []
    )
    words += [f"in the zone {record.zone}"] if asked.zones and record is not None else []
    words += [] if asked.critical is None else ["critical" if asked.critical else "not critical"]
    words += [f"at work for {', '.join(served)}"] if served else []
    return f"{name_of(standing.place, standing.group(target))} is {', '.join(words)}"

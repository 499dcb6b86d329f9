"""NGSI-LD, first slice: reading entities, and the routes of both directions (`entities_in` takes them).

SPEC: ETSI GS CIM 009 V1.8.1, clauses 5.7.1, 5.7.2 (retrieve, query), 6.3 (bindings).

An entity changes once the gate has admitted what came of it, and exists from the first time its device was heard. There are no
tenants, and contexts are never fetched: terms are the models' own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta
from starlette.responses import Response

from cityward.place.roles import Right
from cityward.web.api.entities_in import CONTEXT_REL, JSON_LD, MOST_BATCH, entities_of, notified, refuse_tenant, upsert
from cityward.web.desk import Desk
from cityward.web.identity import DEVICE, NOTHING, PERSON
from cityward.web.ports import Entities
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Route, route
from cityward.web.told import tell_read

CORE_CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
_LINK = f'<{CORE_CONTEXT}>; rel="{CONTEXT_REL}"; type="{JSON_LD}"'
MOST_ENTITIES = 1000  # in one answer

_FORMS = {"": "normalized", "normalized": "normalized", "keyValues": "simplified", "simplified": "simplified"}
_UNBUILT = (
    "q",
    "idPattern",
    "georel",
    "geometry",
    "coordinates",
    "geoproperty",
    "scopeQ",
    "csf",
    "lang",
    "pick",
    "omit",
)


class EntityQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one entity."""

    attrs: str = ""
    options: str = ""
    format: str = ""
    type: str = ""
    local: bool = False
    geometryProperty: str = ""  # noqa: N815  SPEC: 6.5.3.1 names it so
    pick: str = ""
    omit: str = ""
    lang: str = ""


class EntitiesQuery(EntityQuery, frozen=True, forbid_unknown_fields=True):
    """Of many."""

    id: str = ""
    limit: Annotated[int, Meta(ge=0, le=MOST_ENTITIES)] = 20
    offset: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    count: bool = False
    q: str = ""
    idPattern: str = ""  # noqa: N815
    georel: str = ""
    geometry: str = ""
    coordinates: str = ""
    geoproperty: str = ""
    scopeQ: str = ""  # noqa: N815
    csf: str = ""


# -- reading -----------------------------------------------------------------------------------------------------------


async def query_entities(call: Call[EntitiesQuery]) -> object:
    entities, query = entities_of(call.desk), call.query
    media = accepted_media(call.request.headers.get("accept", ""))
    form = _form(query)
    _refuse_unbuilt(query)
    refuse_tenant(call.request, 404, "no-tenant")
    if not (query.type or query.id or query.attrs or query.local):
        raise Problem(400, "bad-data", "a query names a type, an id, attrs, or says local=true")
    if query.limit == 0 and not query.count:
        raise Problem(400, "bad-data", "limit=0 is for count=true")
    seen = await asyncio.to_thread(call.desk.doors.state.seen)
    found = [unit for unit in _matching(call, entities, query) if call.desk.doors.registry.units[unit].id in seen]
    page = found[query.offset : query.offset + query.limit]
    bodies = await asyncio.to_thread(_build, call, entities, page, form, query.attrs)
    if call.caller is not None and call.caller.scope == PERSON:
        tell_read(call.desk.doors, call.request, call.caller.id, "entities", rows=len(bodies), devices=len(page))
    headers = {"ngsild-results-count": str(len(found))} if query.count else {}
    return _answer([body for body in bodies if body is not None], media, headers)


async def get_entity(call: Call[EntityQuery]) -> object:
    entities, query, wanted = entities_of(call.desk), call.query, call.path("id")
    media = accepted_media(call.request.headers.get("accept", ""))
    form = _form(query)
    _refuse_unbuilt(query)
    refuse_tenant(call.request, 404, "no-tenant")
    unit = _unit_of(call.desk, entities, wanted)
    if unit is not None and unit in _visible(call) and (not query.type or entities.type_of(unit) in _words(query.type)):
        seen = await asyncio.to_thread(call.desk.doors.state.seen)
        if call.desk.doors.registry.units[unit].id in seen:
            bodies = await asyncio.to_thread(_build, call, entities, [unit], form, query.attrs)
            if bodies[0] is not None:
                return _answer(bodies[0], media, {})
    raise Problem(404, "not-found", f"no entity `{wanted[:128]}`")


def _matching(call: Call[EntitiesQuery], entities: Entities, query: EntitiesQuery) -> list[int]:
    """The units a query names, in the registry's order, as far as the caller may see them."""
    visible = _visible(call)
    if query.id:
        wanted = {_unit_of(call.desk, entities, one) for one in _words(query.id)}
        visible = [unit for unit in visible if unit in wanted]
    if query.type and query.type != "*":
        types = _words(query.type)
        visible = [unit for unit in visible if entities.type_of(unit) in types]
    return list(visible)


def _visible(call: Call[Any]) -> Sequence[int]:
    """A person sees the units of which they may see a value, a device its own group."""
    registry = call.desk.doors.registry
    if call.caller is None or call.caller.scope != DEVICE:
        channels = call.desk.sights.of(call.caller.held if call.caller else NOTHING).channels
        seen = {device for device, _ in channels}
        return [number for number, unit in enumerate(registry.units) if unit.id in seen]
    number = registry.unit_index.get(call.caller.id)
    return () if number is None else call.desk.groups[registry.units[number].group]


def _unit_of(desk: Desk, entities: Entities, entity_id: str) -> int | None:
    device = entities.device_of(entity_id)
    number = None if device is None else desk.doors.registry.unit_index.get(device)
    return number if number is not None and entities.id_of(number) == entity_id else None


def _build(
    call: Call[Any], entities: Entities, units: Sequence[int], form: str, attrs: str
) -> list[Mapping[str, object] | None]:
    """In a thread: the entities in order; None where `attrs` are asked for and the entity has none of them."""
    desk = call.desk
    names = [desk.doors.registry.units[unit].id for unit in units]
    latest: dict[str, list[Any]] = {name: [] for name in names}
    rows = desk.doors.state.latest_of(names) if names else ()
    if call.caller is not None and call.caller.scope == PERSON:
        rows = desk.sights.of(call.caller.held).latest(rows)
        desk.reads.note(call.caller, "entities", len(rows))
    for row in rows:
        latest[row.device].append(row)
    make = entities.simplified if form == "simplified" else entities.normalized
    return [_only(make(unit, latest[name]), _words(attrs)) for unit, name in zip(units, names, strict=True)]


def _only(body: Mapping[str, object], attrs: set[str]) -> Mapping[str, object] | None:
    if not attrs:
        return body
    kept = {name: value for name, value in body.items() if name in attrs}
    return {"id": body["id"], "type": body["type"], **kept} if kept else None


def _words(text: str) -> set[str]:
    """A comma or bar separated list."""
    return {word for word in text.replace("|", ",").split(",") if word}


def _form(query: EntityQuery) -> str:
    """SPEC: `options` up to 1.7, `format` since 1.8: both are taken."""
    options = _words(query.options) - {"sysAttrs"}
    forms = {_FORMS.get(word) for word in {*options, query.format} if word} or {"normalized"}
    if len(forms) != 1 or None in forms:
        raise Problem(400, "bad-data", "the form is normalized, or simplified (keyValues)")
    return cast("str", forms.pop())


def _refuse_unbuilt(query: EntityQuery) -> None:
    asked = [name for name in _UNBUILT if getattr(query, name, "")]
    if asked:
        raise Problem(422, "not-supported", f"not part of this slice: {', '.join(asked)}")


def accepted_media(header: str) -> str:
    """The best of JSON and JSON-LD for an Accept header; JSON where both are as good.

    Raises:
        Problem: 406, neither is accepted.
    """
    weights = _accept(header)
    best = max((JSON, JSON_LD), key=lambda media: _weight(media, weights))
    if _weight(best, weights) <= 0:
        raise Problem(406, "not-acceptable", f"this is answered as {JSON} or {JSON_LD}")
    return best


def _accept(header: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for item in header.split(",")[:32]:
        media, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        if media:
            weights[media] = float(quality) if quality.replace(".", "", 1).isdecimal() else 0.0
    return weights or {"*/*": 1.0}


def _weight(media: str, weights: Mapping[str, float]) -> float:
    """SPEC: RFC 9110 12.5.1: the most specific range that matches says the weight."""
    return next((weights[one] for one in (media, "application/*", "*/*") if one in weights), 0.0)


def _answer(body: Mapping[str, object] | list[Mapping[str, object]], media: str, headers: dict[str, str]) -> Response:
    if media == JSON:
        return Response(msgspec.json.encode(body), media_type=JSON, headers={**headers, "link": _LINK})
    context = {"@context": CORE_CONTEXT}
    whole = [{**one, **context} for one in body] if isinstance(body, list) else {**body, **context}
    return Response(msgspec.json.encode(whole), media_type=JSON_LD, headers=headers)


# -- routes, each with and without a trailing slash: clients send both --------------------------------------------------


def _declared(slash: str) -> tuple[Route[Any], ...]:
    root, hidden = "/ngsi-ld/v1", bool(slash)
    return (
        route(
            "POST",
            f"{root}/entityOperations/upsert{slash}",
            summary="Batch upsert of entities",
            scopes={DEVICE},
            media=(JSON, JSON_LD),
            limit=MOST_BATCH,
            status=201,
            dialect="ngsi-ld",
            hidden=hidden,
        )(upsert),
        route(
            "POST",
            f"{root}/notifications{slash}",
            summary="Take what another broker tells of its entities",
            scopes={DEVICE},
            media=(JSON, JSON_LD),
            limit=MOST_BATCH,
            dialect="ngsi-ld",
            hidden=hidden,
        )(notified),
        route(
            "GET",
            f"{root}/entities{slash}",
            summary="Query entities",
            scopes={DEVICE},
            right=Right.DATA,
            query=EntitiesQuery,
            dialect="ngsi-ld",
            hidden=hidden,
        )(query_entities),
        route(
            "GET",
            f"{root}/entities/{{id}}{slash}",
            summary="One entity",
            scopes={DEVICE},
            right=Right.DATA,
            query=EntityQuery,
            dialect="ngsi-ld",
            hidden=hidden,
        )(get_entity),
    )


ROUTES = (*_declared(""), *_declared("/"))

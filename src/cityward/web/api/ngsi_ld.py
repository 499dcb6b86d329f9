"""NGSI-LD, first slice: batch upsert for devices and gateways, reading entities.

SPEC: ETSI GS CIM 009 V1.8.1, clauses 5.6.8 (batch upsert), 5.7.1, 5.7.2 (retrieve, query), 6.3 (bindings), 6.14 (207).

Upserts are put into the log like every other message; the entity changes once the gate has admitted it. An entity exists from
the first time its device was heard. There are no tenants, and contexts are never fetched: terms are the models' own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from cityward.place.registry import Unit
from cityward.place.roles import Right
from cityward.place.things import DeviceStatus
from cityward.web.api.observations import check, log_silent, speaker
from cityward.web.desk import Desk
from cityward.web.identity import DEVICE, NOTHING, PERSON
from cityward.web.ports import Entities, NgsiPart, NgsiProblem
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Nothing, Route, route
from cityward.web.told import tell_read

JSON_LD = "application/ld+json"
CORE_CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
_CONTEXT_REL = "http://www.w3.org/ns/json-ld#context"
_LINK = f'<{CORE_CONTEXT}>; rel="{_CONTEXT_REL}"; type="{JSON_LD}"'
MOST_BATCH = 4 << 20  # bytes; at most 1000 entities
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


# -- writing -----------------------------------------------------------------------------------------------------------


async def upsert(call: Call[Nothing]) -> object:
    entities = _entities(call.desk)
    _refuse_tenant(call.request, 501, "no-tenants")
    sender = speaker(call)
    if call.media == JSON_LD and _CONTEXT_REL in call.request.headers.get("link", ""):
        raise Problem(400, "bad-data", f"{JSON_LD} has its @context in the body: send no Link to one")
    batch = entities.split(call.body, call.media)
    if isinstance(batch, NgsiProblem):
        return _plain_problem(batch)
    errors = [_entity_error(one.entity, _members(one.problem)) for one in batch.misfits]
    taken: list[NgsiPart] = []
    for part in batch.parts:
        try:
            check(call.desk, _member(call.desk, sender, part.device), [part.body])
            taken.append(part)
        except Problem as problem:
            call.desk.meters.turned_away(problem.word)
            errors.append(_entity_error(part.entity, problem.body("ngsi-ld")))
    known = await _heard(call.desk, [part.device for part in taken])
    await _publish(call.desk, taken)
    return _upserted(taken, known, errors)


def _member(desk: Desk, sender: Unit, device: str) -> Unit:
    """The device an entity names, if the sender may speak for it: itself, or a member of its group.

    Raises:
        Problem: 403. The same for devices that are not declared: a key is not told which names exist.
    """
    number = desk.doors.registry.unit_index.get(device)
    unit = None if number is None else desk.doors.registry.units[number]
    if unit is None or unit.group != sender.group:
        raise Problem(403, "wrong-device", "the key's device may send for itself and its group only")
    if unit.status is not DeviceStatus.ACTIVE:
        raise Problem(403, "inactive-device", f"the device's status is `{unit.status}`; only an active one may speak")
    return unit


async def _publish(desk: Desk, parts: Sequence[NgsiPart]) -> None:
    publish = desk.doors.intake.publish
    answers = await asyncio.gather(
        *(publish(part.device, "ngsi-ld", part.body) for part in parts), return_exceptions=True
    )
    if not all(isinstance(answer, int) for answer in answers):
        raise log_silent(answers)


async def _heard(desk: Desk, devices: Sequence[str]) -> set[str]:
    """Which of these devices were heard before."""
    if not devices:
        return set()
    seen = await asyncio.to_thread(desk.doors.state.seen)
    return {device for device in devices if device in seen}


def _upserted(taken: Sequence[NgsiPart], known: set[str], errors: Sequence[Mapping[str, object]]) -> Response:
    """SPEC: 6.15.3.1: 201 with what was created, 204 when nothing was, 207 when some could not be."""
    if errors:
        body = {"success": [part.entity for part in taken], "errors": errors}
        return Response(msgspec.json.encode(body), 207, media_type=JSON)
    created = list(dict.fromkeys(part.entity for part in taken if part.device not in known))
    return Response(msgspec.json.encode(created), 201, media_type=JSON) if created else Response(status_code=204)


def _entity_error(entity: str, error: Mapping[str, object]) -> Mapping[str, object]:
    return {"entityId": entity, "error": error}


def _members(problem: NgsiProblem) -> dict[str, object]:
    return {"type": problem.type, "title": problem.title, "status": problem.status, "detail": problem.detail}


def _plain_problem(problem: NgsiProblem) -> Response:
    return Response(msgspec.json.encode(_members(problem)), problem.status, media_type=JSON)


# -- reading -----------------------------------------------------------------------------------------------------------


async def query_entities(call: Call[EntitiesQuery]) -> object:
    entities, query = _entities(call.desk), call.query
    media = accepted_media(call.request.headers.get("accept", ""))
    form = _form(query)
    _refuse_unbuilt(query)
    _refuse_tenant(call.request, 404, "no-tenant")
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
    entities, query, wanted = _entities(call.desk), call.query, call.path("id")
    media = accepted_media(call.request.headers.get("accept", ""))
    form = _form(query)
    _refuse_unbuilt(query)
    _refuse_tenant(call.request, 404, "no-tenant")
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


def _refuse_tenant(request: Request, status: int, word: str) -> None:
    if request.headers.get("ngsild-tenant"):
        raise Problem(status, word, "this city has no tenants; leave NGSILD-Tenant out")


def _entities(desk: Desk) -> Entities:
    if desk.doors.entities is None:
        raise Problem(404, "not-found", "this city does not speak NGSI-LD")
    return desk.doors.entities


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

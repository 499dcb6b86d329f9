"""NGSI-LD coming in: batch upserts of devices and gateways, notifications of other brokers.

SPEC: ETSI GS CIM 009 V1.8.1, clauses 5.6.8 (batch upsert), 5.3.1 and 6.3.8 (notifications), 6.14 (207).

Entities are put into the log like every other message, each in the name of the device it is of; the gate judges them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cityward.web.api.observations import check, log_silent
from cityward.web.desk import Desk
from cityward.web.ports import Entities, NgsiPart, NgsiProblem
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Nothing

JSON_LD = "application/ld+json"
CONTEXT_REL = "http://www.w3.org/ns/json-ld#context"
MOST_BATCH = 4 << 20  # bytes; at most 1000 entities


async def upsert(call: Call[Nothing]) -> object:
    taken, errors, problem = await _take(call, call.body, call.media)
    if problem is not None:
        return problem
    known = await _heard(call.desk, [part.device for part in taken])
    await _publish(call.desk, taken)
    return _upserted(taken, known, errors)


class Notification(msgspec.Struct, frozen=True):
    """What another broker sends to a subscription of ours, as far as it is looked at. SPEC: ETSI GS CIM 009 5.3.1."""

    type: Literal["Notification"]
    data: msgspec.Raw


_NOTIFICATIONS = msgspec.json.Decoder(Notification)


async def notified(call: Call[Nothing]) -> object:
    """Another broker tells of its entities. SPEC: 6.3.8: what is no 2xx has failed, so misfits are told in a 200."""
    try:
        data = bytes(_NOTIFICATIONS.decode(call.body).data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Problem(400, "bad-json", f"no notification: {error}") from error
    taken, errors, problem = await _take(call, data, JSON_LD if b'"@context"' in data else JSON)
    if problem is not None:
        return problem
    await _publish(call.desk, taken)
    return {"success": [part.entity for part in taken], "errors": errors}


async def _take(
    call: Call[Nothing], body: bytes, media: str
) -> tuple[list[NgsiPart], list[Mapping[str, object]], Response | None]:
    """The entities that the caller may send, what is wrong with the others, or what is wrong with the whole."""
    entities = entities_of(call.desk)
    refuse_tenant(call.request, 501, "no-tenants")
    if media == JSON_LD and CONTEXT_REL in call.request.headers.get("link", ""):
        raise Problem(400, "bad-data", f"{JSON_LD} has its @context in the body: send no Link to one")
    batch = entities.split(body, media)
    if isinstance(batch, NgsiProblem):
        return [], [], _plain_problem(batch)
    errors = [_entity_error(one.entity, _members(one.problem)) for one in batch.misfits]
    taken: list[NgsiPart] = []
    caller = call.caller.id if call.caller else ""
    for part in batch.parts:
        try:
            check(call.desk, call.desk.speakers.with_name(caller, part.device), [part.body])
            taken.append(part)
        except Problem as problem:
            call.desk.meters.turned_away(problem.word)
            errors.append(_entity_error(part.entity, problem.body("ngsi-ld")))
    return taken, errors, None


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


def refuse_tenant(request: Request, status: int, word: str) -> None:
    """There are none here.

    Raises:
        Problem: one is named.
    """
    if request.headers.get("ngsild-tenant"):
        raise Problem(status, word, "this city has no tenants; leave NGSILD-Tenant out")


def entities_of(desk: Desk) -> Entities:
    """How this city's things are entities.

    Raises:
        Problem: 404, it has none.
    """
    if desk.doors.entities is None:
        raise Problem(404, "not-found", "this city does not speak NGSI-LD")
    return desk.doors.entities

"""Who received what, when, why, in what form, under which law now; the registers, erasures, and what is kept for how long: for
those who may look into what left (the right `audit`).

Nothing here tells what was in the rows. Receipts, statements and refusals are told as the command line tells them; `names` beside
them says by what name people know the ids that stand in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cityward.errors import PlaceError
from cityward.place.roles import Right
from cityward.web.api.naming import names_in
from cityward.web.ports import Received
from cityward.web.problems import Problem
from cityward.web.routes import Call, Nothing, route

MOST_RECEIPTS = 50
MOST_REFUSALS = 200

Name = Annotated[str, Meta(min_length=1, max_length=64)]


class StatementQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a recipient, of a dataset, or of both; of a month, or of all there is."""

    recipient: Name | None = None
    dataset: Name | None = None
    month: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}$")] | None = None


class ReceiptsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    recipient: Name | None = None
    dataset: Name | None = None
    purpose: Name | None = None
    month: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}$")] | None = None
    after: Annotated[str, Meta(max_length=128)] = ""


class RefusalsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one recipient; or of everybody, people (`person:ada`) and who is not known ("") included."""

    recipient: Name | None = None


class RegisterQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["processing", "transfers"]


@route("GET", "/api/received/recipients", summary="Recipients: their state, their balance, and what each may have",
       right=Right.AUDIT)  # fmt: skip
async def recipients(call: Call[Nothing]) -> object:
    found = await asyncio.to_thread(_desk(call).recipients)
    return _named(call, {"recipients": found})


@route("GET", "/api/received/statement", summary="What a recipient got, or who got a dataset", right=Right.AUDIT,
       query=StatementQuery)  # fmt: skip
async def statement(call: Call[StatementQuery]) -> object:
    query = call.query
    if query.recipient is None and query.dataset is None:
        raise Problem(400, "bad-request", "say of which recipient, or of which dataset")
    return _named(call, await _told(_desk(call).statement, query.recipient, query.dataset, query.month))


@route("GET", "/api/received/receipts", summary="Receipts, the newest first", right=Right.AUDIT, query=ReceiptsQuery)
async def receipts(call: Call[ReceiptsQuery]) -> object:
    query = call.query
    asked = (query.recipient, query.dataset, query.after, MOST_RECEIPTS, query.purpose, query.month)
    found = await _told(_desk(call).receipts, *asked)
    call.desk.reads.note(call.caller, "receipts", len(found))
    return _named(call, {"receipts": found, "next": found[-1]["receipt"] if len(found) == MOST_RECEIPTS else ""})


@route("GET", "/api/received/refusals", summary="Attempts that got nothing, the newest first", right=Right.AUDIT,
       query=RefusalsQuery)  # fmt: skip
async def refusals(call: Call[RefusalsQuery]) -> object:
    return _named(call, {"refusals": await _told(_desk(call).refusals, call.query.recipient, MOST_REFUSALS)})


@route("GET", "/api/received/register", summary="Records of processing, or the register of transfers",
       right=Right.AUDIT, query=RegisterQuery)  # fmt: skip
async def register(call: Call[RegisterQuery]) -> object:
    return _named(call, await _told(_desk(call).register, call.query.kind))


@route("GET", "/api/received/erasures", summary="What was erased, and who must be told of it", right=Right.AUDIT)
async def erasures(call: Call[Nothing]) -> object:
    return _named(call, {"erasures": await _told(_desk(call).erasures)})


@route("GET", "/api/received/retention", summary="What is kept for how long, and the oldest record of each store",
       right=Right.AUDIT)  # fmt: skip
async def retention(call: Call[Nothing]) -> object:
    return _named(call, {"datasets": await _told(_desk(call).retention)})


def _desk(call: Call[Any]) -> Received:
    desk = call.desk.doors.received
    if desk is None:
        raise Problem(404, "not-found", "this door tells of no releases")
    return desk


async def _told(ask: Callable[..., Any], *arguments: object) -> Any:
    try:
        return await asyncio.to_thread(ask, *arguments)
    except PlaceError as error:
        raise Problem(404, "not-found", error.what) from error


def _named(call: Call[Any], answer: object) -> dict[str, Any]:
    told = msgspec.to_builtins(answer)
    return {**told, "names": names_in(call.desk.doors.place, told)}


ROUTES = (recipients, statement, receipts, refusals, register, erasures, retention)

"""What recipients ask for over HTTP: rows under their agreements, and the receipts of what they were given.

A recipient proves itself by its key, its certificate or its provider's token, from its declared addresses. Every question is
decided, held to its form, and put on record before the answer; every no is on record too, and the watch hears of it.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from cityward.runtime.releasing.ports import Question, Receipt, ReleaseAnswer, span_told
from cityward.time import iso, to_us
from cityward.web.identity import RECIPIENT
from cityward.web.ports import Releasing
from cityward.web.problems import Problem, unavailable
from cityward.web.routes import Call, route

OVER_BUDGET, TOO_MANY = "over-budget", "too-many-questions"
Time = Annotated[datetime, Meta(tz=True)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]


class RowsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """since, until: of what was observed; until is not in it. after: what `Cityward-Next` of the last answer said."""

    dataset: Name
    purpose: Name
    since: Time | None = None
    until: Time | None = None
    after: Annotated[int, Meta(ge=0, le=1 << 60)] | None = None


class ReceiptsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """after: the last receipt of the page before."""

    after: Annotated[str, Meta(max_length=128)] = ""
    most: Annotated[int, Meta(ge=1, le=500)] = 100


class ReceiptView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One receipt as the recipient sees it: not which devices are in it."""

    receipt: str
    dataset: str
    purpose: str
    agreement: str
    at: str
    since: str
    until: str
    rows: int
    form: dict[str, str]
    digest: str
    rules: str
    state: str


class ReceiptsView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Newest first."""

    receipts: tuple[ReceiptView, ...]


@route("GET", "/api/release/rows", summary="Released rows of a dataset, as JSON lines", scopes={RECIPIENT}, query=RowsQuery,
       answer_media="application/jsonl")  # fmt: skip
async def rows(call: Call[RowsQuery]) -> object:
    desk, asked = _desk(call), call.query
    since = asked.after if asked.after is not None else None if asked.since is None else to_us(asked.since)
    until = None if asked.until is None else to_us(asked.until)
    question = Question(_who(call), _source(call), asked.dataset, asked.purpose, since, until)
    told: ReleaseAnswer = await asyncio.to_thread(desk.ask, question)
    if told.reasons:
        over = told.reasons in ((OVER_BUDGET,), (TOO_MANY,))
        raise Problem(429 if over else 403, "not-released", f"it is not released: {', '.join(told.reasons)}")
    headers = {"cityward-receipt": told.receipt, "cityward-rows": str(told.rows)}
    headers |= {} if told.next is None else {"cityward-next": str(told.next)}
    return Response(told.body, media_type=told.media_type, headers=headers)


@route("GET", "/api/release/receipts", summary="A recipient's own receipts", scopes={RECIPIENT}, query=ReceiptsQuery,
       answer=ReceiptsView)  # fmt: skip
async def receipts(call: Call[ReceiptsQuery]) -> object:
    desk, who, asked = _desk(call), _who(call), call.query
    if not await asyncio.to_thread(desk.is_from_declared, who, _source(call)):
        raise Problem(403, "not-released", "it is not released: from-elsewhere")
    found = await asyncio.to_thread(desk.receipts_of, who, asked.most, asked.after)
    return ReceiptsView(receipts=tuple(_view(one) for one in found))


def _view(one: Receipt) -> ReceiptView:
    since, until = span_told(one)
    return ReceiptView(
        receipt=one.record,
        dataset=one.dataset,
        purpose=one.purpose,
        agreement=one.agreement,
        at=iso(one.at),
        since=iso(since) if since else "",
        until=iso(until) if until else "",
        rows=one.rows,
        form=dict(one.form),
        digest=one.digest,
        rules=one.rules,
        state=one.state,
    )


def _desk(call: Call[RowsQuery] | Call[ReceiptsQuery]) -> Releasing:
    desk = call.desk.doors.releasing
    if desk is None:
        raise unavailable("no-releases", "nothing is released here")
    return desk


def _who(call: Call[RowsQuery] | Call[ReceiptsQuery]) -> str:
    assert call.caller is not None
    return call.caller.id


def _source(call: Call[RowsQuery] | Call[ReceiptsQuery]) -> str:
    """# SECURITY: the peer of the connection; behind a proxy that is the proxy, and no header says otherwise here."""
    return call.request.client.host if call.request.client else ""


ROUTES = (rows, receipts)

"""What stands behind the report: an entry of a log, statements and risks, what changed, and the signed files.

Reading is for those who audit. What is made for everybody is made beside the door: who is too early is told so (202).

INVARIANT: what tells of the whole city is given to people of the city only, whatever rights others hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.responses import FileResponse, Response

from cityward.errors import EvidenceError, LinkError
from cityward.place.roles import Right
from cityward.web.api.bodies import json_made, made_beside
from cityward.web.api.whole import whole
from cityward.web.assurance_ports import Assuring
from cityward.web.problems import Problem, unavailable
from cityward.web.routes import JSON, Call, Nothing, Route, route

NONE_YET = b'{"since":null}'


@route(
    "GET", "/api/evidence/{entry}", summary="One entry of a log, with the checkpoint that holds it", right=Right.AUDIT
)
async def entry(call: Call[Nothing]) -> object:
    """`log:number`. Told only when its inclusion in the newest signed checkpoint was checked here."""
    assuring, asked = _assuring(call), call.path("entry")
    whole(call)
    try:
        told = await asyncio.to_thread(assuring.entry, asked)
    except EvidenceError as error:
        raise Problem(409, "evidence", f"the log is not what it signed: {error.what}; run `cityward verify`") from None
    if told is None:
        raise Problem(404, "not-found", "no log has such an entry")
    call.desk.reads.note(call.caller, f"evidence {asked}", 1)
    return told


@route("GET", "/api/report/statements", summary="What people stated, until when", right=Right.AUDIT)
async def statements(call: Call[Nothing]) -> object:
    """The newest of each subject, those that end first first."""
    return await _made(call, _assuring(call).statements)


@route("GET", "/api/report/risks", summary="What somebody bears, until when", right=Right.AUDIT)
async def risks(call: Call[Nothing]) -> object:
    """The counts of the register, and each acceptance with its owner and end."""
    return await _made(call, _assuring(call).risks)


@route(
    "GET", "/api/report/changes", summary="What is different from the last report that was made here", right=Right.AUDIT
)
async def since(call: Call[Nothing]) -> object:
    """As `cityward report --since` tells it; `{"since": null}` where none was made here."""
    assuring, reporting = _assuring(call), call.desk.doors.reporting
    whole(call)
    if reporting is None:
        raise Problem(404, "not-found", "no report is made here")
    made = await made_beside(reporting)
    if made is None:
        return json_made(None)
    found = await assuring.given.changes(made.data)
    return Response(NONE_YET if found is None else msgspec.json.encode(found), media_type=JSON)


@route("GET", "/api/report/given", summary="Signed reports that were made here", right=Right.AUDIT)
async def given(call: Call[Nothing]) -> object:
    """Newest first; `making` while one is being made, `failed` why the last one could not be."""
    assuring = _assuring(call)
    whole(call)
    return await assuring.given.told()


@route("POST", "/api/report/given", summary="Make the report as files, signed, and put that on record", right=Right.AUDIT,
       fresh=True, status=202)  # fmt: skip
async def give(call: Call[Nothing]) -> object:
    """What `cityward report --out` does, by a child beside the door, one at a time."""
    assuring = _assuring(call)
    whole(call)
    assert call.caller is not None
    try:
        began = await assuring.given.give_out(call.caller.id)
    except LinkError as error:
        raise unavailable("link", f"{error.what}; {error.mend}", 60) from None
    if not began:
        raise Problem(409, "busy", "one is being made already")
    return await assuring.given.told()


@route("GET", "/api/report/given/{name}/{file}", summary="A file of a signed report", right=Right.AUDIT,
       answer_media="application/octet-stream")  # fmt: skip
async def given_file(call: Call[Nothing]) -> object:
    """As it was signed; always as a download."""
    assuring, name, file = _assuring(call), call.path("name"), call.path("file")
    whole(call)
    path = await asyncio.to_thread(assuring.given.file, name, file)
    if path is None:
        raise Problem(404, "not-found", "no report of that name has such a file")
    call.desk.reads.note(call.caller, f"report {name} {file}", 1)
    return FileResponse(path, filename=f"{name}-{file}", media_type="application/octet-stream")


def _assuring(call: Call[Any]) -> Assuring:
    assuring = call.desk.doors.assuring
    if assuring is None:
        raise Problem(404, "not-found", "this door tells of no evidence")
    return assuring


async def _made(call: Call[Any], ask: Callable[[], Awaitable[bytes | None]]) -> Response:
    whole(call)
    return json_made(await made_beside(ask))


ROUTES: tuple[Route[Any], ...] = (entry, statements, risks, since, given, give, given_file)

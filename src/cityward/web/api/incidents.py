"""Incident files at the door: what is on record of each, and whom the law says to tell by when.

They are made beside the door and take seconds: who is too early is told so (202), and when to come again.

INVARIANT: a file tells of the whole city, so only people of the city are given one, whatever rights others hold.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from cityward.errors import LinkError
from cityward.place.roles import Right
from cityward.web.ports import IncidentsTold
from cityward.web.problems import Problem, unavailable
from cityward.web.routes import JSON, Call, Nothing, Route, route

AFTER_S = 5
_LATER = b'{"state":"being made"}'


@route("GET", "/api/incidents", summary="Incident files and their reporting clocks", right=Right.AUDIT)
async def as_list(call: Call[Nothing]) -> object:
    """Every file with its clocks, oldest first; 202 while they are being made."""
    made = await _made(call)
    return _later() if made is None else Response(made.list, media_type=JSON)


@route("GET", "/api/incidents/{id}", summary="One incident file, whole", right=Right.AUDIT)
async def as_file(call: Call[Nothing]) -> object:
    """As `cityward incident show --json` tells it."""
    made = await _made(call)
    if made is None:
        return _later()
    found = made.files.get(call.path("id"))
    if found is None:
        raise Problem(404, "not-found", "there is no such incident file")
    return Response(found, media_type=JSON)


def _later() -> Response:
    return Response(_LATER, status_code=202, media_type=JSON, headers={"retry-after": str(AFTER_S)})


async def _made(call: Call[Any]) -> IncidentsTold | None:
    asking = call.desk.doors.incidents
    if asking is None:
        raise Problem(404, "not-found", "no incident files are told here")
    if call.caller is None or not call.caller.held.of_the_city:
        raise Problem(403, "no-right", "incident files tell of the whole city, and are for people of the city")
    try:
        made = await asking()
    except LinkError as error:
        raise unavailable("link", f"{error.what}; {error.mend}", 60) from None
    if made is not None:
        call.desk.reads.note(call.caller, "incident files", 1)
    return made


ROUTES: tuple[Route[Any], ...] = (as_list, as_file)

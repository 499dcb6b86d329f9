"""The city's report at the door: as data, and as the page that `cityward report` writes, for those who may look into evidence.

It is made beside the door and takes seconds: who is too early is told so (202), and when to come again.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse

from cityward.place.roles import Right
from cityward.web.api.bodies import AGAIN_S, json_made, made_beside
from cityward.web.ports import ReportTold
from cityward.web.problems import Problem
from cityward.web.routes import Call, Nothing, Route, route

_LATER = {"retry-after": str(AGAIN_S), "refresh": str(AGAIN_S)}
_WAIT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The report is being made</title></head>
<body><main><h1>The report is being made</h1>
<p>All logs of the city are read and checked. This page asks again by itself.</p></main></body></html>
"""


@route("GET", "/api/report", summary="What the evidence says, principle by principle", right=Right.AUDIT)
async def as_data(call: Call[Nothing]) -> object:
    """The report as `cityward report --json` tells it; 202 while it is being made."""
    made = await _made(call)
    return json_made(None if made is None else made.data)


@route("GET", "/report", summary="The report as a page", right=Right.AUDIT, hidden=True)
async def as_page(call: Call[Nothing]) -> object:
    """Without a script; its own policy allows it no more than its style sheet."""
    made = await _made(call)
    if made is None:
        return HTMLResponse(_WAIT, status_code=202, headers=_LATER)
    guarded = f"{made.policy}; frame-ancestors 'none'"
    return HTMLResponse(made.page, headers={"content-security-policy": guarded})


async def _made(call: Call[Any]) -> ReportTold | None:
    asking = call.desk.doors.reporting
    if asking is None:
        raise Problem(404, "not-found", "no report is made here")
    made = await made_beside(asking)
    if made is not None:
        call.desk.reads.note(call.caller, "report", 1)
    return made


ROUTES: tuple[Route[Any], ...] = (as_data, as_page)

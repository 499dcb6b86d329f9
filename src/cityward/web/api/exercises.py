"""Exercises at the door: what can be tried here and what came of it, and the one that runs, on a twin of the city.

INVARIANTS
- Only a person of the city who audits, and who proved lately who they are, begins one; one at a time, by the city's own command.
- What is shown of a twin is told as of an exercise: it is never mixed with what is the city's.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from cityward.errors import LinkError
from cityward.place.roles import Right
from cityward.web.api.bodies import body_of, json_made, made_beside
from cityward.web.api.whole import whole
from cityward.web.assurance_ports import Exercises
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Nothing, Route, route

MOST_BODY = 512


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which scenario, and the seed of what is left to chance."""

    scenario: Annotated[str, Meta(pattern="^S-[0-9]{2}$")]
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 7


@route(
    "GET", "/api/exercises", summary="Scenarios, what came of them, and which services were tried", right=Right.AUDIT
)
async def board(call: Call[Nothing]) -> object:
    """As `cityward exercise history --whole --json` tells it; 202 while it is being made."""
    desk = _desk(call)
    whole(call)
    return json_made(await made_beside(desk.board))


@route("GET", "/api/exercises/now", summary="The exercise that runs, or ran last", right=Right.AUDIT)
async def now(call: Call[Nothing]) -> object:
    """Its steps, its musts so far, and what the twin saw. All of it is of the exercise, nothing of the city."""
    desk = _desk(call)
    whole(call)
    return desk.now()


@route("POST", "/api/exercises/now", summary="Try a scenario on a twin of the city", right=Right.AUDIT, fresh=True,
       media=[JSON], limit=MOST_BODY, status=202)  # fmt: skip
async def start(call: Call[Nothing]) -> object:
    """What `cityward exercise run` does; refused while one runs."""
    desk = _desk(call)
    whole(call)
    assert call.caller is not None
    wanted = body_of(call, Wanted)
    try:
        began = await desk.start(wanted.scenario, wanted.seed, call.caller.id)
    except LinkError as error:
        raise Problem(409, "refused", f"{error.what}; {error.mend}") from None
    if not began:
        raise Problem(409, "busy", "an exercise runs already; one at a time")
    return desk.now()


@route("POST", "/api/exercises/now/end", summary="End the exercise that runs; nothing of it goes on record", right=Right.AUDIT,
       fresh=True)  # fmt: skip
async def end(call: Call[Nothing]) -> object:
    """The twin ends, and its folder goes."""
    desk = _desk(call)
    whole(call)
    if not await desk.stop():
        raise Problem(409, "refused", "no exercise runs")
    return desk.now()


def _desk(call: Call[Any]) -> Exercises:
    desk = call.desk.doors.exercises
    if desk is None:
        raise Problem(404, "not-found", "no exercise is run from here")
    return desk


ROUTES: tuple[Route[Any], ...] = (board, now, start, end)

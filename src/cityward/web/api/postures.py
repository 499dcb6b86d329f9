"""Postures for the console: what is declared, what is on, what one would take; and switching them.

Who switches is the person of the session, by the roles they hold from where they are; the desk asks whether the posture names
one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from cityward.errors import PlaceError
from cityward.place.release import Posture
from cityward.place.roles import Right
from cityward.policy.preview import Preview
from cityward.runtime.posturing import PostureRow, Switcher
from cityward.text import harmless
from cityward.web.api.bodies import body_of
from cityward.web.ports import Posturing
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Nothing, route

MOST_BODY = 4096
MOST_ENDED = 50


class DeclaredView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A posture, its turn under way, and whether whoever asks may switch it."""

    id: str
    posture: Posture
    turn: PostureRow | None
    mine: bool


class PosturesView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every declared posture, and the turns that ended, the newest first. Times in machine us."""

    postures: tuple[DeclaredView, ...]
    ended: tuple[PostureRow, ...]
    now: int


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a posture is to be switched on, and for how many hours."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    hours: Annotated[float, Meta(gt=0, le=24 * 92)]


@route(
    "GET", "/api/postures", summary="Which postures are declared, and what is on", right=Right.LOOK, answer=PosturesView
)
async def postures(call: Call[Nothing]) -> object:
    desk, who = _desk(call), _who(call)
    declared = await asyncio.to_thread(desk.all)
    turns = await asyncio.to_thread(desk.turns, MOST_ENDED)
    return PosturesView(
        postures=tuple(
            DeclaredView(one.id, one.posture, one.turn, not who.roles.isdisjoint(one.posture.by)) for one in declared
        ),
        ended=tuple(row for row in turns if row.ended_at is not None),
        now=call.desk.doors.machine_us(),
    )


@route("GET", "/api/postures/{name}/preview", summary="What switching it would stop, and what would stay", right=Right.LOOK,
       answer=Preview)  # fmt: skip
async def preview(call: Call[Nothing]) -> object:
    return await _told(_desk(call).preview, call.path("name"))


@route("POST", "/api/postures/{name}/on", summary="Switch it on, or ask for it", right=Right.POSTURE, media=[JSON],
       limit=MOST_BODY, answer=PostureRow, status=201)  # fmt: skip
async def on(call: Call[Nothing]) -> object:
    wanted = body_of(call, Wanted)
    seconds = round(wanted.hours * 3600)
    return await _told(_desk(call).on, call.path("name"), harmless(wanted.reason), _who(call), seconds)


@route("POST", "/api/postures/{name}/off", summary="Switch it off, or ask for that", right=Right.POSTURE, fresh=True,
       answer=PostureRow)  # fmt: skip
async def off(call: Call[Nothing]) -> object:
    return await _told(_desk(call).off, call.path("name"), _who(call))


@route("POST", "/api/postures/{name}/approve", summary="Agree, as a second person, to what waits", signed_in=True, fresh=True,
       answer=PostureRow)  # fmt: skip
async def approve(call: Call[Nothing]) -> object:
    return await _told(_desk(call).approve, call.path("name"), _who(call))


@route("POST", "/api/postures/{name}/refuse", summary="What waits is not to be", signed_in=True, answer=PostureRow)
async def refuse(call: Call[Nothing]) -> object:
    return await _told(_desk(call).refuse, call.path("name"), _who(call))


def _desk(call: Call[Nothing]) -> Posturing:
    desk = call.desk.doors.posturing
    if desk is None:
        raise Problem(404, "not-found", "this door switches no postures")
    return desk


def _who(call: Call[Nothing]) -> Switcher:
    assert call.caller is not None
    held = call.caller.held
    return Switcher(call.caller.id, frozenset(role.role for role in held.roles), Right.APPROVE in held.rights)


async def _told(ask: Callable[..., Any], *arguments: object) -> object:
    try:
        return await asyncio.to_thread(ask, *arguments)
    except PlaceError as error:
        raise Problem(409, "refused", f"{error.what}; {error.mend}" if error.mend else error.what) from error


ROUTES = (postures, preview, on, off, approve, refuse)

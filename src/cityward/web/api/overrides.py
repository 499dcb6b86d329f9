"""Overrides for the console: what persons hold, what waits for a second one, what holding something would do; and doing it.

Who does it is the person of the session, by the roles they hold from where they are; the desk asks whether they operate the
service, and whether the act needs somebody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from cityward.errors import PlaceError
from cityward.place.roles import Right
from cityward.runtime.causes import cause_line
from cityward.runtime.overriding import ConsentRow, Operator, OverrideRow
from cityward.runtime.serving.acting.preview import OverridePreview, Wanted
from cityward.text import harmless
from cityward.web.accounts.sight import Sight
from cityward.web.api.bodies import body_of
from cityward.web.identity import NOTHING
from cityward.web.ports import Overriding
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Nothing, route

MOST_BODY = 4096
MOST_SHOWN = 100
LAST_COMMANDS = 20
COMMANDS_LOOKED_AT = 1000


class OverrideView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An override. Times in city us; devices: how many units it is."""

    id: str
    target: str
    devices: int
    command: str
    value: float
    reason: str
    asked_by: str
    approved_by: str
    until: int
    state: str
    ended_at: int | None
    ended_by: str


class ConsentView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command of the service that waits for a person, or did. Times in city us."""

    id: str
    device: str
    command: str
    value: float
    cause: dict[str, str]
    asked_at: int
    until: int
    state: str
    by: str


class SettledView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of what waited: an override or a consent. `until` city us."""

    id: str
    state: str
    until: int


class ToldCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command of the service and its cause path in one line. `sent_at` city us."""

    command_id: str
    device: str
    state: str
    sent_at: int
    because: str


class OverridesView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Those under way before those that ended. targets: what may be held. mine: whether whoever asks operates the service.

    now: city us. longest_hours: of city time.
    """

    overrides: tuple[OverrideView, ...]
    consents: tuple[ConsentView, ...]
    commands: tuple[ToldCommand, ...]
    targets: tuple[str, ...]
    longest_hours: float
    mine: bool
    me: str
    now: int


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What would be held: a device or group of the service at a value."""

    target: Annotated[str, Meta(min_length=1, max_length=96)]
    value: Annotated[float, Meta(ge=-1e9, le=1e9)]
    command: Annotated[str, Meta(max_length=64)] = ""


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be held, why, and for how many hours of the city's time."""

    target: Annotated[str, Meta(min_length=1, max_length=96)]
    value: Annotated[float, Meta(ge=-1e9, le=1e9)]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    hours: Annotated[float, Meta(gt=0, le=24)]
    command: Annotated[str, Meta(max_length=64)] = ""


@route("GET", "/api/services/{service}/overrides", summary="What persons hold, and what waits for one", right=Right.LOOK,
       answer=OverridesView)  # fmt: skip
async def overrides(call: Call[Nothing]) -> object:
    name = call.path("service")
    declared = call.desk.doors.place.services.get(name)
    sight = _sight(call)
    if declared is None or not sight.service(name):
        raise Problem(404, "not-found", "there is no such service")
    desk, who = _desk(call), _who(call)
    rows = await asyncio.to_thread(desk.overrides, MOST_SHOWN, name)
    waiting = await asyncio.to_thread(desk.consents, MOST_SHOWN, name)
    mine = name in who.operates
    commands = await asyncio.to_thread(call.desk.doors.state.commands, COMMANDS_LOOKED_AT) if mine else ()
    last = [sight.told(row) for row in commands if row.service == name][:LAST_COMMANDS]
    return OverridesView(
        overrides=tuple(_override(row) for row in rows),
        # what a command rests on are readings: for those who operate what they move
        consents=tuple(_consent(row, sight) for row in waiting) if mine or who.approves else (),
        commands=tuple(ToldCommand(c.command_id, c.device, c.state, c.sent_at, cause_line(c)) for c in last),
        targets=declared.actuators,
        longest_hours=declared.override_hours,
        mine=mine,
        me=who.person,
        now=call.desk.doors.city_now_us(),
    )


@route("POST", "/api/services/{service}/overrides/preview", summary="What holding it would do, unit by unit",
       right=Right.OPERATE, media=[JSON], limit=MOST_BODY, answer=OverridePreview)  # fmt: skip
async def preview(call: Call[Nothing]) -> object:
    asked = body_of(call, Asked)
    wanted = Wanted(call.path("service"), asked.target, asked.value, asked.command)
    return await _told(_desk(call).preview, wanted, _who(call), _sight(call).told)


@route("POST", "/api/services/{service}/overrides", summary="Hold it from now on, or ask for that", right=Right.OPERATE,
       media=[JSON], limit=MOST_BODY, answer=OverrideView, status=201)  # fmt: skip
async def begin(call: Call[Nothing]) -> object:
    held = body_of(call, Held)
    wanted = Wanted(call.path("service"), held.target, held.value, held.command)
    seconds = round(held.hours * 3600)
    return _override(await _told(_desk(call).begin, wanted, harmless(held.reason), seconds, _who(call)))


@route("POST", "/api/overrides/{id}/undo", summary="End it: the service takes over", right=Right.OPERATE,
       answer=OverrideView)  # fmt: skip
async def undo(call: Call[Nothing]) -> object:
    return _override(await _told(_desk(call).undo, call.path("id"), _who(call)))


@route("POST", "/api/overrides/{id}/approve", summary="Agree, as a second person, to what waits", signed_in=True, fresh=True,
       answer=SettledView)  # fmt: skip
async def approve(call: Call[Nothing]) -> object:
    return _settled(await _told(_desk(call).approve, call.path("id"), _who(call)))


@route("POST", "/api/overrides/{id}/refuse", summary="What waits is not to be", signed_in=True,
       answer=SettledView)  # fmt: skip
async def refuse(call: Call[Nothing]) -> object:
    return _settled(await _told(_desk(call).refuse, call.path("id"), _who(call)))


def _desk(call: Call[Nothing]) -> Overriding:
    desk = call.desk.doors.overriding
    if desk is None:
        raise Problem(404, "not-found", "this door holds nothing")
    return desk


def _sight(call: Call[Nothing]) -> Sight:
    return call.desk.sights.of(call.caller.held if call.caller else NOTHING)


def _who(call: Call[Nothing]) -> Operator:
    assert call.caller is not None
    held = call.caller.held
    return Operator(call.caller.id, held.operates, Right.OPERATE in held.alone, Right.APPROVE in held.rights)


def _settled(row: OverrideRow | ConsentRow) -> SettledView:
    return SettledView(row.id, str(row.state), row.until)


def _override(row: OverrideRow) -> OverrideView:
    return OverrideView(
        id=row.id,
        target=row.target,
        devices=len(row.devices),
        command=row.command,
        value=row.value,
        reason=row.reason,
        asked_by=row.asked_by,
        approved_by=row.approved_by,
        until=row.until,
        state=row.state.value,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )


def _consent(row: ConsentRow, sight: Sight) -> ConsentView:
    return ConsentView(
        id=row.id,
        device=row.device,
        command=row.command,
        value=row.value,
        cause=dict(sight.cause(row.cause, row.sources)),
        asked_at=row.asked_at,
        until=row.until,
        state=row.state,
        by=row.by,
    )


async def _told(ask: Callable[..., Any], *arguments: object) -> Any:
    try:
        return await asyncio.to_thread(ask, *arguments)
    except PlaceError as error:
        raise Problem(409, "refused", f"{error.what}; {error.mend}" if error.mend else error.what) from error


ROUTES = (overrides, preview, begin, undo, approve, refuse)

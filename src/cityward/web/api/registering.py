"""Letting a declared device in, from the console: what each has, and a new secret for one, shown once.

INVARIANT: a secret is in one answer, to one person, and in no record, log or later answer.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from cityward.errors import PlaceError
from cityward.place.roles import Right
from cityward.web.api.me import body_of, caller_of
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Nothing, route

MOST_BODY = 256


class CredentialView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A declared device and what it has. by: password or certificate. state: none, or as it was left. last_seen_ms: city ms."""

    device: str
    by: str
    state: str
    last_seen_ms: int | None


class CredentialsView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In the order of the declaration. alone: whether whoever asks may give one without a second person."""

    credentials: tuple[CredentialView, ...]
    alone: bool


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """again: in place of what the device has, which is worth nothing from then on."""

    again: bool = False


class SecretView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shown once. secret: MQTT password and HTTP key in one. command_key: Ed25519, base64, of devices that take commands.
    topic: where it publishes by MQTT; mqtt: the broker's address."""

    device: str
    secret: Annotated[str, Meta(min_length=1)]
    command_key: str | None
    topic: str
    mqtt: str = ""


@route("GET", "/api/credentials", summary="Every declared device, and whether it has what it proves itself with",
       right=Right.DEVICES, answer=CredentialsView)  # fmt: skip
async def credentials(call: Call[Nothing]) -> object:
    rows, alone = await asyncio.to_thread(_rows, call), Right.DEVICES in caller_of(call).held.alone
    call.desk.reads.note(call.caller, "credentials", len(rows))
    return CredentialsView(rows, alone)


def _rows(call: Call[Nothing]) -> tuple[CredentialView, ...]:
    doors = call.desk.doors
    sight, seen = call.desk.sights.of(caller_of(call).held), doors.state.seen()
    known = {row.device: row.state for row in doors.credentials.all()}
    units = (unit for unit in doors.registry.units if sight.unit(unit.id))
    return tuple(
        CredentialView(
            unit.id, unit.credential, known.get(unit.id, "none"), seen[unit.id] // 1000 if unit.id in seen else None
        )
        for unit in units
    )


@route("POST", "/api/devices/{device}/credential", summary="A new secret for a declared device, shown once",
       right=Right.DEVICES, fresh=True, media=(JSON,), limit=MOST_BODY, status=201, answer=SecretView)  # fmt: skip
async def give(call: Call[Nothing]) -> object:
    desk, caller, name = call.desk.doors.registering, caller_of(call), call.path("device")
    if desk is None:
        raise Problem(404, "not-found", "this door registers nothing")
    known = call.desk.doors.registry.unit_index
    if name not in known or not call.desk.sights.of(caller.held).unit(name):
        raise Problem(404, "not-found", f"no device `{name[:64]}`")
    if Right.DEVICES not in caller.held.alone:
        raise Problem(403, "two-person", "your role needs a second person for this: have it done on the city's machine")
    wanted = body_of(call, Wanted)
    try:
        told = await asyncio.to_thread(desk.give, name, caller.id, wanted.again)
    except PlaceError as error:
        raise Problem(409, "refused", f"{error.what}; {error.mend}" if error.mend else error.what) from error
    return SecretView(name, told["secret"], told.get("command_key"), f"in/{name}", told.get("mqtt", ""))


ROUTES = (credentials, give)
"""What the door answers of it."""

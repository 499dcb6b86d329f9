"""Who am I: my roles and until when, what I reach, my sessions and passkeys; asking for a role, breaking glass, proving again."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from starlette.responses import Response

from cityward.errors import PlaceError
from cityward.place.roles import Right, Role
from cityward.reach.telling.names import name_of
from cityward.runtime.people import Grant, Held, Shown, Step, Wish, comes_from, longest_s, roles_of
from cityward.text import harmless
from cityward.watch.events import EventKind
from cityward.web.accounts.proofs import PROVE
from cityward.web.accounts.sight import reaches
from cityward.web.api.bodies import body_of
from cityward.web.api.sign_in import MOST_PROOF, proof_of
from cityward.web.identity import Caller
from cityward.web.ports import Doors, PeopleDesk
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Nothing, route
from cityward.web.told import tell

MOST_BODY = 4096
Text = Annotated[str, Meta(min_length=1, max_length=500)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]

T = TypeVar("T")


class RoleView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One role in force; `until` machine us, 0: until it is taken."""

    role: str
    name: str
    until: int
    grant: str
    glass: bool


class OfferView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role that may be asked for, or taken by breaking glass."""

    role: str
    name: str
    longest_s: float
    glass: bool


class PasskeyView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A passkey; `id` names it and proves nothing."""

    id: str
    name: str
    host: str
    added_at: int
    used_at: int | None


class GlassView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Glass is broken: everybody is told who, for what, until when."""

    grant: str
    person: str
    role: str
    reason: str
    until: int


class ShownView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The city is shown as a role, until when (machine us). withheld: of the role, what the caller does not hold themselves."""

    role: str
    name: str
    party: str
    until: int
    withheld: tuple[str, ...]


class MeView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller. Times machine us. `devices`, `actuators`, `datasets`: how many of them they reach now."""

    id: str
    name: str
    party: str
    roles: tuple[RoleView, ...]
    rights: tuple[Right, ...]
    two_person: tuple[Right, ...]
    elsewhere: tuple[str, ...]
    devices: int
    actuators: int
    datasets: int
    asked: tuple[Grant, ...]
    offers: tuple[OfferView, ...]
    passkeys: tuple[PasskeyView, ...]
    glass: tuple[GlassView, ...]
    waiting: int  # approvals, openings and reviews that wait for somebody with the caller's rights
    now: int
    shows_as: bool = False  # whether they may look as a role sees
    shown: ShownView | None = None
    party_name: str = ""


class SessionView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One open session."""

    id: str
    opened_at: int
    expires_at: int
    source: str
    way: str
    this: bool


class SessionsView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of the caller's, newest first."""

    sessions: tuple[SessionView, ...]


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role, why, and for how many hours (0: as long as the role allows)."""

    role: Name
    reason: Text
    hours: Annotated[float, Meta(ge=0, le=24 * 366)] = 0.0


class Enrolling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new passkey, as the browser made it, under a name of the person's."""

    name: Name
    answer: dict[str, Any]


@route("GET", "/api/me", summary="Who am I, and what may I do now", signed_in=True, answer=MeView)
async def me(call: Call[Nothing]) -> object:
    return await asyncio.to_thread(_me, call, caller_of(call))


def _me(call: Call[Nothing], caller: Caller) -> MeView:
    """In a thread."""
    if caller.held.shown is not None:
        return _me_shown(call, caller, caller.held.shown)
    doors, people, held, now = call.desk.doors, desk_of(call), caller.held, call.desk.doors.machine_us()
    standing = people.standing(caller.id)
    assert standing is not None
    roles, grants = roles_of(doors.place), people.grants()
    devices, actuators, datasets = reaches(call.desk.sights.of(held), held, doors.place, doors.registry)
    return MeView(
        id=caller.id,
        name=standing.person.name,
        party=standing.person.party,
        roles=tuple(
            RoleView(one.role, roles[one.role].name or one.role, one.until, one.grant, one.glass) for one in held.roles
        ),
        rights=tuple(sorted(held.rights)),
        two_person=tuple(sorted(held.rights - held.alone)),
        elsewhere=held.elsewhere,
        devices=devices,
        actuators=actuators,
        datasets=datasets,
        asked=tuple(grant for grant in standing.grants if grant.state is Step.ASKED),
        offers=tuple(_offers(doors, standing.person.party, caller)),
        passkeys=tuple(
            PasskeyView(_text(key.credential), key.name, key.host, key.added_at, key.used_at)
            for key in people.passkeys(caller.id)
        ),
        glass=_glass(grants, now),
        waiting=_waiting(people, grants, caller, now),
        now=now,
        party_name=name_of(doors.place, standing.person.party),
        shows_as=held.of_the_city and not held.rights.isdisjoint({Right.PEOPLE, Right.AUDIT}),
    )


def _glass(grants: Iterable[Grant], now: int) -> tuple[GlassView, ...]:
    return tuple(
        GlassView(grant.id, grant.person, grant.role, grant.reason, grant.until)
        for grant in grants
        if grant.glass and grant.holds(now)
    )


def _me_shown(call: Call[Nothing], caller: Caller, shown: Shown) -> MeView:
    """As the role sees: a role has no passkeys, asks for nothing, and no person's name. In a thread."""
    doors, held = call.desk.doors, caller.held
    role = roles_of(doors.place).get(shown.role)
    name, party = (shown.role, "") if role is None else (role.name or shown.role, role.party)
    devices, actuators, datasets = reaches(call.desk.sights.of(held), held, doors.place, doors.registry)
    return MeView(
        id=caller.id,
        name=name,
        party=party,
        roles=tuple(RoleView(one.role, name, one.until, one.grant, one.glass) for one in held.roles),
        rights=tuple(sorted(held.rights)),
        two_person=tuple(sorted(held.rights - held.alone)),
        elsewhere=(),
        devices=devices,
        actuators=actuators,
        datasets=datasets,
        asked=(),
        offers=(),
        passkeys=(),
        glass=_glass(desk_of(call).grants(), doors.machine_us()),
        waiting=0,
        now=doors.machine_us(),
        shown=ShownView(shown.role, name, party, shown.until, withheld(role, shown.theirs)),
    )


def withheld(role: Role | None, held: Held) -> tuple[str, ...]:
    """What of a role somebody does not hold themselves, and is not shown: rights, then datasets, in order."""
    if role is None:
        return ()
    rights = [right.value for right in sorted(role.rights) if right not in held.rights]
    values = Right.DATA in role.rights
    return (*rights, *(name for name in sorted(role.datasets) if values and name not in held.datasets))


def _offers(doors: Doors, party: str, caller: Caller) -> list[OfferView]:
    held = {one.role for one in caller.held.roles}
    mine = {n: r for n, r in roles_of(doors.place).items() if r.party == party and not r.standing and n not in held}
    mine = {n: r for n, r in mine.items() if comes_from(r.from_addresses, caller.source)}
    return [
        OfferView(name, role.name or name, longest_s(role, role.break_glass), role.break_glass)
        for name, role in mine.items()
    ]


def _waiting(people: PeopleDesk, grants: Any, caller: Caller, now: int) -> int:
    count = 0
    if Right.PEOPLE in caller.held.rights:
        count += sum(grant.state is Step.ASKED and grant.person != caller.id for grant in grants)
    if Right.AUDIT in caller.held.rights:
        count += sum(grant.glass and not grant.reviewed_by and grant.person != caller.id for grant in grants)
    if Right.APPROVE in caller.held.rights:
        seconds = people.seconds()
        count += sum(one.state == "asked" and one.until > now and one.asked_by != caller.id for one in seconds)
    return count


@route("GET", "/api/me/sessions", summary="My open sessions", signed_in=True, answer=SessionsView)
async def sessions(call: Call[Nothing]) -> object:
    doors, caller = call.desk.doors, caller_of(call)
    if caller.held.shown is not None:
        return SessionsView(())  # a role has none
    rows = await asyncio.to_thread(doors.sessions.sessions_of, caller.id, doors.machine_us())
    return SessionsView(
        tuple(
            SessionView(
                row.id, row.opened_at, row.expires_at, row.source, row.way, row.session_sha256 == caller.session
            )
            for row in rows
        )
    )


@route("POST", "/api/me/sessions/{id}/end", summary="End one of my sessions", signed_in=True, status=204)
async def end_session(call: Call[Nothing]) -> object:
    doors, caller, wanted = call.desk.doors, caller_of(call), call.path("id")
    rows = await asyncio.to_thread(doors.sessions.sessions_of, caller.id, doors.machine_us())
    for row in rows:
        if row.id == wanted:
            await asyncio.to_thread(doors.sessions.close, row.session_sha256)
            call.desk.feed.end_session(row.session_sha256)
            return Response(status_code=204)
    raise Problem(404, "not-found", "no such session of yours")


@route("POST", "/api/me/passkeys/ask", summary="What a new passkey is to answer", signed_in=True, fresh=True)
async def ask_to_enrol(call: Call[Nothing]) -> object:
    caller = caller_of(call)
    return await asyncio.to_thread(call.desk.proofs.ask_to_enrol, call.request, caller, caller.id)


@route("POST", "/api/me/passkeys", summary="Keep a new passkey", signed_in=True, fresh=True, media=(JSON,),
       limit=MOST_PROOF, status=201, answer=PasskeyView)  # fmt: skip
async def enrol(call: Call[Nothing]) -> object:
    given = body_of(call, Enrolling)
    made = await told(call.desk.proofs.enrol, call.request, caller_of(call), given.name, given.answer)
    call.desk.reception.standings.forget()
    return PasskeyView(_text(made.credential), made.name, made.host, made.added_at, None)


@route(
    "POST", "/api/me/passkeys/{id}/forget", summary="Forget one of my passkeys", signed_in=True, fresh=True, status=204
)
async def forget(call: Call[Nothing]) -> object:
    try:
        credential = urlsafe_b64decode(call.path("id") + "==")
    except (Base64Error, ValueError) as error:
        raise Problem(404, "not-found", "no such passkey of yours") from error
    if not await told(desk_of(call).drop_passkey, caller_of(call).id, credential):
        raise Problem(404, "not-found", "no such passkey of yours")
    call.desk.reception.standings.forget()
    return Response(status_code=204)


@route("POST", "/api/me/prove/ask", summary="What a passkey is to sign, to prove again who I am", signed_in=True)
async def ask_to_prove(call: Call[Nothing]) -> object:
    return call.desk.proofs.ask(call.request, PROVE, caller_of(call).session)


@route(
    "POST", "/api/me/prove", summary="Prove again who I am", signed_in=True, media=(JSON,), limit=MOST_PROOF, status=204
)
async def prove(call: Call[Nothing]) -> object:
    caller, doors = caller_of(call), call.desk.doors
    who = await call.desk.proofs.answer(call.request, PROVE, caller.session, proof_of(call.body))
    if who != caller.id:
        raise Problem(403, "not-proved", "this is somebody else's passkey")
    await asyncio.to_thread(doors.sessions.prove, caller.session, doors.machine_us())
    return Response(status_code=204)


@route("POST", "/api/me/ask", summary="Ask for a role, for a task", signed_in=True, fresh=True, media=(JSON,),
       limit=MOST_BODY, status=201, answer=Grant)  # fmt: skip
async def ask(call: Call[Nothing]) -> object:
    wish, role = _wish(call)
    if role.standing:
        raise Problem(409, "refused", f"`{wish.role}` is not opened for a task: somebody gives it")
    return await told(desk_of(call).ask, wish)


@route("POST", "/api/me/glass", summary="Take a role without leave; everybody is told", signed_in=True, fresh=True,
       media=(JSON,), limit=MOST_BODY, status=201, answer=Grant)  # fmt: skip
async def break_glass(call: Call[Nothing]) -> object:
    wish, _ = _wish(call)
    if not caller_of(call).held.roles:
        raise Problem(403, "no-right", "who holds no role from here breaks no glass")
    grant = await told(desk_of(call).break_glass, wish)
    call.desk.reception.standings.forget()
    return grant


def _wish(call: Call[Nothing]) -> tuple[Wish, Role]:
    """What is asked for; the role must be for the address it is asked from.

    Raises:
        Problem: 403, and the watch is told; 409.
    """
    asked, caller, doors = body_of(call, Asking), caller_of(call), call.desk.doors
    role = roles_of(doors.place).get(asked.role)
    if role is None:
        raise Problem(409, "refused", f"there is no role `{asked.role}`")
    if not comes_from(role.from_addresses, caller.source):
        detail = {"door": "http", "why": "elsewhere", "role": asked.role, "count": "1"}
        tell(doors, EventKind.TURNED_AWAY, call.request, caller.id, detail)
        raise Problem(403, "no-right", f"`{asked.role}` is not for people who come from this address")
    return Wish(caller.id, asked.role, harmless(asked.reason), round(asked.hours * 3600)), role


def caller_of(call: Call[Any]) -> Caller:
    """Who calls; the route let nobody else in."""
    assert call.caller is not None
    return call.caller


def desk_of(call: Call[Any]) -> PeopleDesk:
    """The book of people."""
    people = call.desk.doors.people
    if people is None:
        raise Problem(404, "not-found", "this door knows nobody")
    return people


async def told(ask: Callable[..., T], *arguments: Any) -> T:
    """Ask the world in a thread; what it may not do is a 409 with its mend."""
    try:
        return await asyncio.to_thread(ask, *arguments)
    except PlaceError as error:
        raise Problem(409, "refused", f"{error.what}; {error.mend}" if error.mend else error.what) from error


def _text(credential: bytes) -> str:
    return urlsafe_b64encode(credential).rstrip(b"=").decode()


ROUTES = (
    me, sessions, end_session, ask_to_enrol, enrol, forget, ask_to_prove, prove, ask, break_glass,
)  # fmt: skip

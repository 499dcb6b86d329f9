"""People and roles, for those who give them; what waits for a second person; who read what."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from cityward.evidence.records import Read
from cityward.place.roles import Right
from cityward.runtime.people import Grant, Person, Second, Stance, Standing, Wish, held_now, roles_of
from cityward.text import harmless
from cityward.web.accounts.sight import reaches
from cityward.web.api.bodies import body_of
from cityward.web.api.me import Name, Text, caller_of, desk_of, told
from cityward.web.desk import Desk
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Nothing, route

MOST_BODY = 4096
MOST_READS = 500
READ_BACK = 10_000  # ledger entries looked through

T = TypeVar("T")


class PersonView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account, and how much it reaches now, wherever its person is."""

    id: str
    name: str
    party: str
    state: Stance
    ways: tuple[str, ...]
    roles: tuple[str, ...]
    devices: int
    actuators: int
    datasets: int


class PeopleView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everybody, and the roles there are."""

    people: tuple[PersonView, ...]
    roles: tuple[str, ...]


class GrantsView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest first. Machine us."""

    grants: tuple[Grant, ...]
    now: int


class SecondsView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What waits for a second person before what is settled. Machine us."""

    seconds: tuple[Second, ...]
    now: int


class ReadsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    person: Name | None = None


class ReadsView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest first. City us."""

    reads: tuple[Read, ...]


class Adding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new account."""

    id: Name
    name: Text
    party: Annotated[str, Meta(min_length=1, max_length=128)]


class Giving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role for a person, why, and for how many hours (0: as long as the role allows)."""

    person: Name
    role: Name
    reason: Text
    hours: Annotated[float, Meta(ge=0, le=24 * 366)] = 0.0


class LinkView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sign-in link's token, shown once."""

    token: str


class GivenView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The grant, or what waits for a second person."""

    grant: Grant | None = None
    second: Second | None = None


@route("GET", "/api/people", summary="Everybody, and how much they reach", right=Right.PEOPLE, answer=PeopleView)
async def people(call: Call[Nothing]) -> object:
    return await asyncio.to_thread(_people, call)


def _people(call: Call[Nothing]) -> PeopleView:
    book, doors = desk_of(call), call.desk.doors
    found = [book.standing(person.id) or Standing(person) for person in book.people()]
    return PeopleView(tuple(_view(call.desk, one) for one in found), tuple(roles_of(doors.place)))


def _view(desk: Desk, standing: Standing) -> PersonView:
    doors, person = desk.doors, standing.person
    held = held_now(doors.place, standing, doors.machine_us(), None)
    devices, actuators, datasets = reaches(desk.sights.of(held), held, doors.place, doors.registry)
    roles = tuple(one.role for one in held.roles)
    ways = tuple(sorted(standing.ways))
    return PersonView(person.id, person.name, person.party, person.state, ways, roles, devices, actuators, datasets)


@route("POST", "/api/people", summary="Add somebody, who holds nothing yet", right=Right.PEOPLE, fresh=True, media=(JSON,),
       limit=MOST_BODY, status=201, answer=Person)  # fmt: skip
async def add(call: Call[Nothing]) -> object:
    given = body_of(call, Adding)
    return await told(desk_of(call).add, given.id, harmless(given.name), given.party, caller_of(call).id)


@route("POST", "/api/people/{id}/link", summary="A sign-in link for somebody, shown once", right=Right.PEOPLE, fresh=True,
       status=201, answer=LinkView)  # fmt: skip
async def link(call: Call[Nothing]) -> object:
    caller, who = caller_of(call), call.path("id")
    return LinkView(
        await told(partial(desk_of(call).link_for_another, alone=Right.PEOPLE in caller.held.alone), who, caller.id)
    )


@route("POST", "/api/people/{id}/{stance}", summary="Lock, unlock or remove an account", right=Right.PEOPLE, fresh=True,
       answer=Person)  # fmt: skip
async def stand(call: Call[Nothing]) -> object:
    ways = {"lock": Stance.LOCKED, "unlock": Stance.ACTIVE, "remove": Stance.REMOVED}
    to = ways.get(call.path("stance"))
    if to is None:
        raise Problem(404, "not-found", f"there are {', '.join(ways)}")
    return _changed(call, await told(desk_of(call).stand, call.path("id"), to, caller_of(call).id))


@route("GET", "/api/grants", summary="Who holds which role, held it, or asks for it", signed_in=True, answer=GrantsView)
async def grants(call: Call[Nothing]) -> object:
    caller = caller_of(call)
    everybody = caller.held.rights & {Right.PEOPLE, Right.AUDIT}
    rows = await asyncio.to_thread(desk_of(call).grants, None if everybody else caller.id)
    return GrantsView(tuple(rows), call.desk.doors.machine_us())


@route("POST", "/api/grants", summary="Give a role", right=Right.PEOPLE, fresh=True, media=(JSON,), limit=MOST_BODY,
       status=201, answer=GivenView)  # fmt: skip
async def give(call: Call[Nothing]) -> object:
    given, caller, book = body_of(call, Giving), caller_of(call), desk_of(call)
    wish = Wish(given.person, given.role, harmless(given.reason), round(given.hours * 3600))
    if Right.PEOPLE in caller.held.alone:
        return GivenView(grant=_changed(call, await told(book.give, wish, caller.id)))
    return GivenView(second=await told(book.ask_to_give, wish, caller.id))


@route("POST", "/api/grants/{id}/{step}", summary="Open, refuse or take away a role; review broken glass", signed_in=True,
       fresh=True, answer=Grant)  # fmt: skip
async def step(call: Call[Nothing]) -> object:
    book, caller, which, id_ = desk_of(call), caller_of(call), call.path("step"), call.path("id")
    own = any(grant.id == id_ for grant in await asyncio.to_thread(book.grants, caller.id))
    alone = Right.PEOPLE in caller.held.alone
    steps = {
        "open": (book.open if alone else book.ask_to_open, Right.PEOPLE, False),
        "refuse": (book.refuse, Right.PEOPLE, own),
        "take": (book.take, Right.PEOPLE, own),  # everybody may give up what they hold
        "review": (book.review, Right.AUDIT, False),
    }
    if which not in steps:
        raise Problem(404, "not-found", f"there are {', '.join(steps)}")
    act, right, allowed = steps[which]
    if not allowed and right not in caller.held.rights:
        raise Problem(403, "no-right", f"this needs the right `{right.value}`")
    return _changed(call, await told(act, id_, caller.id))


@route("GET", "/api/approvals", summary="What waits for a second person", right=Right.APPROVE, answer=SecondsView)
async def approvals(call: Call[Nothing]) -> object:
    rows = await asyncio.to_thread(desk_of(call).seconds)
    return SecondsView(tuple(rows), call.desk.doors.machine_us())


@route("POST", "/api/approvals/{id}/{word}", summary="Agree as a second person, or refuse", right=Right.APPROVE, fresh=True,
       answer=Second)  # fmt: skip
async def settle(call: Call[Nothing]) -> object:
    book, word = desk_of(call), call.path("word")
    ways = {"approve": book.approve, "refuse": book.decline}
    if word not in ways:
        raise Problem(404, "not-found", f"there are {', '.join(ways)}")
    return _changed(call, await told(ways[word], call.path("id"), caller_of(call).id))


@route("GET", "/api/reads", summary="Who read how much of what", right=Right.AUDIT, query=ReadsQuery, answer=ReadsView)
async def reads(call: Call[ReadsQuery]) -> object:
    ledger, person = call.desk.doors.ledger, call.query.person
    if ledger is None:
        return ReadsView(())
    await call.desk.reads.flush()
    entries = await asyncio.to_thread(ledger.tail, READ_BACK)
    rows = [record for _, record in entries if isinstance(record, Read) and person in (None, record.person)]
    call.desk.reads.note(caller_of(call), "reads", len(rows))
    return ReadsView(tuple(reversed(rows[-MOST_READS:])))


def _changed(call: Call[Nothing], answer: T) -> T:
    """The book changed: this door looks at once, others within half a second."""
    call.desk.reception.standings.forget()
    return answer


ROUTES = (people, add, link, stand, grants, give, step, approvals, settle, reads)

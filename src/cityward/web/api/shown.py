"""Show me as: a person who answers for rights looks at the city as a role sees it, cut here, at the door.

Theory of operation. Whoever holds `people` or `audit` for the city chooses a declared role. From then on their *session* is shown
as it (`Reception.caller_of`): every answer and every tick of the live feed is cut to what that role may see AND what the person
may see themselves, nothing but GET is taken, and what was read is on record under the person and the role. It ends by itself,
by the button, or with the session.

INVARIANTS
- SECURITY: showing gives nothing. What is seen is the meet of two sights, rights are the intersection: a role with more than
  the person's own is shown with less, and the answer names what is withheld.
- No showing begins within a showing, and nothing is changed in one: the deputy has no hands.
- Nobody's session, name, passkeys or offers are borrowed: a role is shown, never a person.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from cityward.evidence.records import Lifecycle
from cityward.place.roles import Right
from cityward.runtime.people import roles_of
from cityward.web.api.bodies import body_of
from cityward.web.api.me import caller_of, withheld
from cityward.web.desk import Desk
from cityward.web.identity import Caller
from cityward.web.problems import Problem
from cityward.web.routes import JSON, SHOWN_END, Call, Nothing, route
from cityward.web.showings import SHOWN_S

MOST_BODY = 256
ANSWERING = frozenset({Right.PEOPLE, Right.AUDIT})
"""Whoever holds one of them for the city may know what each role sees."""


class Showable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role that the city can be shown as. withheld: rights and datasets of it that the caller does not hold themselves."""

    role: str
    name: str
    party: str
    party_name: str
    ours: bool
    rights: tuple[Right, ...]
    datasets: tuple[str, ...]
    services: tuple[str, ...]
    withheld: tuple[str, ...]


class ShowableView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every declared role; `lasts_s`: for how long a showing holds."""

    roles: tuple[Showable, ...]
    lasts_s: int


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role's id."""

    role: Annotated[str, Meta(min_length=1, max_length=64)]


@route("GET", "/api/me/as", summary="The roles that the city can be shown as", signed_in=True, answer=ShowableView)
async def showable(call: Call[Nothing]) -> object:
    caller, place = _answering(call), call.desk.doors.place
    names = {id_: party.name or id_ for id_, party in place.parties.items()}
    return ShowableView(
        roles=tuple(
            Showable(
                role=name,
                name=role.name or name,
                party=role.party,
                party_name=names.get(role.party, role.party),
                ours=role.party == place.responsible,
                rights=role.rights,
                datasets=role.datasets,
                services=role.services,
                withheld=withheld(role, caller.held),
            )
            for name, role in roles_of(place).items()
        ),
        lasts_s=SHOWN_S,
    )


@route("POST", "/api/me/as", summary="Show this session as a role, read-only", signed_in=True, media=(JSON,),
       limit=MOST_BODY, status=204)  # fmt: skip
async def begin(call: Call[Nothing]) -> object:
    caller, wanted = _answering(call), body_of(call, Choice).role
    doors = call.desk.doors
    if wanted not in roles_of(doors.place):
        raise Problem(409, "refused", "there is no such role; GET /api/me/as names them")
    await _record(call.desk, "shown-as", caller, wanted)  # before it holds: what is not on record does not happen
    call.desk.reception.showings.begin(caller.session, wanted, doors.machine_us())
    call.desk.feed.end_session(caller.session)
    return Response(status_code=204)


@route("POST", SHOWN_END, summary="Show this session as myself again", signed_in=True, status=204)
async def end(call: Call[Nothing]) -> object:
    caller = caller_of(call)
    showing = call.desk.reception.showings.end(caller.session)
    call.desk.feed.end_session(caller.session)
    if showing is not None:
        await _record(call.desk, "shown-as-ended", caller, showing.role)
    return Response(status_code=204)


def _answering(call: Call[Nothing]) -> Caller:
    """The caller, who answers for rights.

    Raises:
        Problem: 403.
    """
    caller = caller_of(call)
    if caller.held.shown is not None:
        raise Problem(403, "shown-as", "end this showing first: a role does not show itself as another")
    if not (caller.held.of_the_city and caller.held.rights & ANSWERING):
        raise Problem(403, "no-right", "this needs the right `people` or `audit` of the city")
    return caller


async def _record(desk: Desk, event: str, caller: Caller, role: str) -> None:
    ledger = desk.doors.ledger
    if ledger is None:
        return
    detail = {"who": caller.id, "role": role, "session": caller.session.hex()[:16]}
    record = Lifecycle(at=desk.doors.city_now_us(), by="web", event=event, detail=detail)
    await asyncio.to_thread(ledger.append, [record])


ROUTES = (showable, begin, end)

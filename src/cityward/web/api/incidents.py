"""Incident files at the door: what is on record of each, whom the law says to tell by when, and the steps people put there.

They are made beside the door and take seconds: who is too early is told so (202), and when to come again.

INVARIANTS
- A file tells of the whole city, so only people of the city are given one, whatever rights others hold.
- Whoever puts a step on record (`watch`) is told the file's name and state, and no more of it than that: reading one is `audit`.
- Who said it is the person of the session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta
from starlette.responses import Response

from cityward.errors import EvidenceError, LinkError, PlaceError
from cityward.place.roles import Right
from cityward.web.api.bodies import body_of, json_made, made_beside
from cityward.web.identity import refuse_cross_site
from cityward.web.ports import Filing, IncidentsTold
from cityward.web.problems import Problem, unavailable
from cityward.web.routes import JSON, Call, Nothing, Route, route
from cityward.web.shares import Taken

T = TypeVar("T")

Name = Annotated[str, Meta(min_length=1, max_length=128)]

MOST_BODY = 16_384
MOST_NAMED = 50


@route("GET", "/api/incidents", summary="Incident files and their reporting clocks", right=Right.AUDIT)
async def as_list(call: Call[Nothing]) -> object:
    """Every file with its clocks, oldest first; 202 while they are being made."""
    made = await _made(call)
    return json_made(None if made is None else made.list)


@route("GET", "/api/incidents/{id}", summary="One incident file, whole", right=Right.AUDIT)
async def as_file(call: Call[Nothing]) -> object:
    """As `cityward incident show --json` tells it."""
    made = await _made(call)
    if made is None:
        return json_made(None)
    found = made.files.get(call.path("id"))
    if found is None:
        raise Problem(404, "not-found", "there is no such incident file")
    return Response(found, media_type=JSON)


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which incident of the watch; or, by hand, what it is about."""

    incident: Annotated[str, Meta(max_length=64)] = ""
    title: Annotated[str, Meta(max_length=500)] = ""
    subjects: Annotated[tuple[Name, ...], Meta(max_length=MOST_NAMED)] = ()


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person puts on record. to, duties: of a message (`told`); people: of a note (`noted`)."""

    step: Literal["decided", "noted", "told", "closed"]
    text: Annotated[str, Meta(min_length=1, max_length=2000)]
    to: Annotated[str, Meta(max_length=128)] = ""
    duties: Annotated[tuple[Name, ...], Meta(max_length=MOST_NAMED)] = ()
    people: Annotated[str, Meta(max_length=128)] = ""


class FileLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file's name and state, after a step."""

    id: str
    state: str
    title: str


@route("POST", "/api/incidents", summary="Open an incident file", right=Right.WATCH, media=[JSON], limit=MOST_BODY,
       answer=FileLine, status=201)  # fmt: skip
async def begin(call: Call[Nothing]) -> object:
    """Of an incident of the watch, or by hand."""
    refuse_cross_site(call.request)
    wanted, (desk, person) = body_of(call, Opening), _writing(call)
    if not wanted.incident and not wanted.title:
        raise Problem(400, "bad-request", "name an incident of the watch, or say by a title what it is about")
    return await _put(call, desk.open, wanted.incident, wanted.title, wanted.subjects, person)


@route("POST", "/api/incidents/{id}", summary="Put a decision, message, note or the end on record", right=Right.WATCH,
       media=[JSON], limit=MOST_BODY, answer=FileLine)  # fmt: skip
async def step(call: Call[Nothing]) -> object:
    """`told` with `duties` stops those clocks; closing stops none."""
    refuse_cross_site(call.request)
    said, (desk, person), file = body_of(call, Step), _writing(call), call.path("id")
    match said.step:
        case "decided":
            return await _put(call, desk.decide, file, said.text, person)
        case "noted":
            return await _put(call, desk.note, file, said.text, said.people, person)
        case "told":
            if not said.to:
                raise Problem(400, "bad-request", "say who was told")
            return await _put(call, desk.told, file, said.text, said.to, said.duties, person)
        case "closed":
            return await _put(call, desk.close, file, said.text, person)


@route(
    "GET", "/api/incidents/{id}/export", summary="One incident file with its proofs, as an archive", right=Right.AUDIT
)
async def export(call: Call[Nothing]) -> object:
    """As `cityward incident export --out FILE.zip` writes it."""
    _require_of_the_city(call)
    desk, file, exports = _filing(call), call.path("id"), call.desk.exports
    exports.enter(call.who)
    try:
        archive = await _told(call, desk.export, file)
    except BaseException:
        exports.leave(call.who)
        raise
    call.desk.reads.note(call.caller, "incident files", 1)
    named = "".join(c for c in file[:64] if c.isalnum() or c == "-")
    headers = {"content-disposition": f'attachment; filename="incident-{named}.zip"'}
    return Taken(archive, "application/zip", headers, exports, call.who)


def _writing(call: Call[Nothing]) -> tuple[Filing, str]:
    _require_of_the_city(call)
    assert call.caller is not None
    return _filing(call), call.caller.id


def _filing(call: Call[Nothing]) -> Filing:
    desk = call.desk.doors.filing
    if desk is None:
        raise Problem(404, "not-found", "no incident files are kept here")
    return desk


def _require_of_the_city(call: Call[Any]) -> None:
    if call.caller is None or not call.caller.held.of_the_city:
        raise Problem(403, "no-right", "incident files tell of the whole city, and are for people of the city")


async def _put(call: Call[Nothing], act: Callable[..., Awaitable[tuple[str, str, str]]], *said: object) -> FileLine:
    return FileLine(*await _told(call, act, *said))


async def _told(call: Call[Nothing], act: Callable[..., Awaitable[T]], *said: object) -> T:
    try:
        with call.desk.filing.place(call.who):
            return await act(*said)
    except PlaceError as error:
        raise Problem(409, "refused", f"{error.what}; {error.mend}" if error.mend else error.what) from error
    except (LinkError, EvidenceError) as error:
        raise unavailable("link", f"{error.what}; {error.mend}", 60) from None


async def _made(call: Call[Any]) -> IncidentsTold | None:
    asking = call.desk.doors.incidents
    if asking is None:
        raise Problem(404, "not-found", "no incident files are told here")
    _require_of_the_city(call)
    made = await made_beside(asking)
    if made is not None:
        call.desk.reads.note(call.caller, "incident files", 1)
    return made


ROUTES: tuple[Route[Any], ...] = (as_list, as_file, begin, step, export)

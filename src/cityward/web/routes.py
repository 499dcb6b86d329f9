"""The typed-route layer: what a route declares, and how a declaration becomes an answer.

Lives here: `route` (the declaration), reading queries and bodies within bounds, calling, encoding, counting.
Does not live here: who calls (`identity`), what is answered (`api/`), OpenAPI (`openapi`).

INVARIANTS
- A route declares what it needs: a `right` of a person, `signed_in` (anybody with a session), the `scopes` of other callers, or
  `public`; one that declares none, or public with another, does not import.
- What a person posts is taken from our own pages only, whichever route it is.
- While the city is shown to a person as a role, they post nothing but the end of it.
- Nothing of a request reaches a handler unchecked: an undeclared or repeated query parameter is refused, the body is of a
  declared type and no longer than declared, and is never read further than that.
- Bodies of all requests together take no more memory than the desk's budget.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from cityward.errors import LinkError
from cityward.place.roles import Right
from cityward.watch.events import EventKind
from cityward.web.desk import Desk
from cityward.web.identity import DEVICE, PERSON, Caller, refuse_cross_site, unauthorized
from cityward.web.problems import Dialect, Problem, unavailable
from cityward.web.told import tell

JSON = "application/json"
BODY_S = 30.0  # a body of 1 MiB at 280 kbit/s, the slowest link a gateway may have
LINGER_S, LINGER_BYTES = 2.0, 16 << 20  # PRECEDENT: nginx lingers for 5 s between two reads
MOST_QUERY_FIELDS = 32
SHOWN_END = "/api/me/as/end"
"""The one thing that is done while the city is shown as a role; signing out is the other."""
LEAVING = frozenset({SHOWN_END, "/sign-out"})
FRESH_US = 5 * 60 * 1_000_000
"""So old at most may a proof be for what is dangerous."""

_log = structlog.get_logger("cityward.web")


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No query parameters; no body."""


Q = TypeVar("Q")


@dataclass(frozen=True, slots=True)
class Call(Generic[Q]):
    """One request, checked. `body` is what was sent, within its bounds and of a declared `media` type."""

    desk: Desk
    request: Request
    query: Q
    caller: Caller | None = None
    body: bytes = b""
    media: str = ""

    @property
    def who(self) -> str:
        """The caller's id; "": nobody's."""
        return self.caller.id if self.caller else ""

    def path(self, name: str) -> str:
        """A path parameter."""
        value: str = self.request.path_params[name]
        return value


Handler = Callable[[Call[Q]], Awaitable[object]]
"""Answers a struct or mapping (encoded as JSON with the declared status), or a response of its own."""


@dataclass(frozen=True, slots=True)
class Route(Generic[Q]):
    """A declared route."""

    method: str
    path: str
    summary: str
    scopes: frozenset[str]  # callers that are no people
    right: Right | None  # what a person needs
    signed_in: bool  # a person needs no right
    fresh: bool  # a person must have proved who they are lately
    query: type[Q]
    media: tuple[str, ...]  # content types of the body; empty: there is none
    limit: int  # of the body, in bytes
    answer: Any  # the type of the answer; None: the handler's own
    answer_media: str
    status: int
    dialect: Dialect
    hidden: bool  # not in OpenAPI
    handler: Handler[Q] = field(repr=False)


def route(
    method: str,
    path: str,
    *,
    summary: str,
    scopes: set[str] | None = None,
    right: Right | None = None,
    signed_in: bool = False,
    fresh: bool = False,
    public: bool = False,
    query: type[Q] = Nothing,
    media: Sequence[str] = (),
    limit: int = 0,
    answer: Any = None,
    answer_media: str = JSON,
    status: int = 200,
    dialect: Dialect = "problem",
    hidden: bool = False,
) -> Callable[[Handler[Q]], Route[Q]]:
    """Declare a route; the decorated handler becomes the declaration.

    Raises:
        TypeError: it says of nobody that they may, or public and somebody; or a body without a limit.
    """
    closed = bool(scopes) or right is not None or signed_in
    if closed == public:
        raise TypeError(f"{method} {path} declares {'both' if public else 'neither'} a right and public: declare one")
    if right is not None and signed_in:
        raise TypeError(f"{method} {path} needs {right.value} and nothing: declare one")
    if bool(media) != bool(limit):
        raise TypeError(f"{method} {path} has a body of {media} and a limit of {limit}: declare both or neither")

    def declare(handler: Handler[Q]) -> Route[Q]:
        return Route(
            method=method,
            path=path,
            summary=summary,
            scopes=frozenset(scopes or ()),
            right=right,
            signed_in=signed_in,
            fresh=fresh,
            query=query,
            media=tuple(media),
            limit=limit,
            answer=answer,
            answer_media=answer_media,
            status=status,
            dialect=dialect,
            hidden=hidden,
            handler=handler,
        )

    return declare


def mount(declared: Route[Any], desk: Desk) -> StarletteRoute:
    """The declaration as a route of Starlette's."""
    return StarletteRoute(declared.path, Endpoint(declared, desk), methods=[declared.method], name=declared.path)


class Endpoint:
    """Serves one declared route, as an ASGI application."""

    def __init__(self, declared: Route[Any], desk: Desk) -> None:
        self.route, self._desk = declared, desk
        self._counts_refusals = declared.scopes == frozenset({DEVICE}) and declared.right is None
        self._people = declared.signed_in or declared.right is not None
        self._closed = self._people or bool(declared.scopes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        request = Request(scope, receive)
        held = Held(self._desk)
        try:
            response = await self._answer(request, held)
        except Problem as problem:
            if self._counts_refusals:
                self._desk.meters.turned_away(problem.word)
            response = problem.response(self.route.dialect)
            if problem.word == "too-large":
                response = Lingering(response)
        except LinkError as error:
            response = unavailable("link", error.what).response(self.route.dialect)
        except Exception:
            # the one place where a fault of ours ends: it is told to the log and to nobody else
            _log.exception("a fault while answering", route=self.route.path)
            response = Problem(500, "fault", "something is wrong here; it has been logged").response(self.route.dialect)
        finally:
            held.release()
        status: int = getattr(response, "status_code", 200)
        self._desk.meters.answered(self.route.path, request.method, status, time.perf_counter() - began)
        await response(scope, receive, send)

    async def _answer(self, request: Request, held: Held) -> ASGIApp:
        declared = self.route
        if "\x00" in request.scope["path"]:
            raise Problem(404, "not-found", "no name holds a NUL")
        caller = await self._admit(request) if self._closed else None
        query = read_query(request, declared.query)
        media, body = "", b""
        if declared.media:
            media = _media(request, declared.media)
            body = await read_body(request, declared.limit, held)
        call = Call(desk=self._desk, request=request, query=query, caller=caller, body=body, media=media)
        answer = await declared.handler(call)
        if callable(answer):
            return answer  # pyright: ignore[reportReturnType]
        return Response(msgspec.json.encode(answer), status_code=declared.status, media_type=declared.answer_media)

    async def _admit(self, request: Request) -> Caller:
        caller = await self._desk.reception.caller(request)
        if caller is None:
            raise unauthorized("sign in, or send a device key")
        if caller.scope == PERSON and self._people:
            self._admit_person(request, caller)
        elif caller.scope not in self.route.scopes:
            raise Problem(403, "wrong-scope", f"this is not for a {caller.scope}")
        return caller

    def _admit_person(self, request: Request, caller: Caller) -> None:
        if request.method != "GET":
            refuse_cross_site(request)
        held, right, desk = caller.held, self.route.right, self._desk
        # SECURITY: who looks as somebody else changes nothing, or it would be unclear who did it
        if held.shown is not None and request.method != "GET" and self.route.path not in LEAVING:
            raise Problem(403, "shown-as", f"you look as `{held.shown.role}` sees: nothing is changed; end that first")
        if right is not None and right not in held.rights:
            why = f"; {', '.join(held.elsewhere)} is not for this address" if held.elsewhere else ""
            detail = {"door": "http", "why": "elsewhere" if held.elsewhere else "no-right", "count": "1"}
            tell(desk.doors, EventKind.TURNED_AWAY, request, caller.id, detail)
            raise Problem(403, "no-right", f"this needs the right `{right.value}`{why}")
        if self.route.fresh and caller.ways and caller.proved_at < desk.doors.machine_us() - FRESH_US:
            raise Problem(403, "prove-again", "prove again who you are: your last proof is older than five minutes")
        if held.just_in_time or held.shown is not None:
            desk.reads.note(caller, f"{request.method} {request.url.path}", 1)


class Lingering:
    """An answer to a body that is not read to its end, after which the connection closes.

    Closing at once would reset the connection while the client still sends, and most would never see the answer. So it is sent,
    then what comes is thrown away for a moment, within bounds.
    """

    def __init__(self, answer: Response) -> None:
        self._answer, self.status_code = answer, answer.status_code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self._answer.raw_headers})
        await send({"type": "http.response.body", "body": self._answer.body, "more_body": True})
        left = LINGER_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while left > 0 and (message := await receive()).get("more_body", False):
                    left -= len(message["body"])
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Held:
    """What one request holds of the desk's body budget."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._bytes = desk, 0

    def take(self, count: int) -> None:
        """Hold more.

        Raises:
            Problem: 503, all requests together hold too much.
        """
        if not self._desk.budget.take(count):
            raise unavailable("busy", "too many bodies at a time; send again shortly")
        self._bytes += count

    def release(self) -> None:
        """Give all of it back."""
        self._desk.budget.give_back(self._bytes)
        self._bytes = 0


def read_query(request: Request, kind: type[Q]) -> Q:
    """The query as its declared struct: numbers and booleans as their words, everything else refused.

    Raises:
        Problem: 400.
    """
    raw: bytes = request.scope.get("query_string", b"")
    if not raw:
        pairs: list[tuple[str, str]] = []
    else:
        try:
            pairs = parse_qsl(
                raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_QUERY_FIELDS,
                errors="strict",
            )  # fmt: skip
        except ValueError as error:
            raise Problem(400, "bad-request", "the query is not a list of name=value") from error
    if any("\x00" in text for pair in pairs for text in pair):
        raise Problem(400, "bad-request", "a query holds no NUL")  # PostgreSQL has no such text
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Problem(400, "bad-request", "a query parameter is given twice")
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Problem(400, "bad-request", f"the query: {error}") from error


def _media(request: Request, allowed: tuple[str, ...]) -> str:
    """The body's content type, without parameters."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in allowed:
        raise Problem(415, "unsupported-media", f"send {' or '.join(allowed)}, not {media[:80] or 'nothing'}")
    # SECURITY: a compressed body is larger than its length says; nobody needs it here
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported-media", "send the body without Content-Encoding")
    return media


_LENGTH = re.compile(r"[0-9]{1,18}")


async def read_body(request: Request, limit: int, held: Held) -> bytes:
    """The whole body, or a refusal as soon as it is known to be too long: by its announced length before any of it is read.

    Raises:
        Problem: 413, and the connection is closed so that the rest is never read; 408; 400.
    """
    announced = request.headers.get("content-length")
    if announced is not None:
        if not _LENGTH.fullmatch(announced):
            raise Problem(400, "bad-request", "Content-Length is not a number")
        if int(announced) > limit:
            raise too_large(limit)
    chunks: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                length += len(chunk)
                if length > limit:
                    raise too_large(limit)
                held.take(len(chunk))
                chunks.append(chunk)
    except TimeoutError as error:
        close = {"connection": "close"}
        raise Problem(408, "too-slow", f"the body did not come within {BODY_S:.0f} s", close) from error
    except ClientDisconnect as error:
        raise Problem(400, "bad-request", "the connection was lost amid the body") from error
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def too_large(limit: int) -> Problem:
    """413, after which the connection ends: the rest of the body is nobody's."""
    return Problem(
        413, "too-large", f"the body is longer than {limit} bytes; send less at a time", {"connection": "close"}
    )

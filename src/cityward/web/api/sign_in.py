"""Signing in by a passkey, and by the city's OpenID provider. Signing in by a link is in `pages`.

Before there is a session, a cookie of two minutes says which browser was asked: a proof made elsewhere is of no use. It is `Lax`,
because a provider sends the browser back from another site; the session's own cookie stays `Strict`, and so the page that comes
after the provider's answer goes on by itself instead of redirecting.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cityward.errors import LinkError
from cityward.runtime.people import Stance
from cityward.watch.events import EventKind
from cityward.web.accounts.proofs import SIGN_IN
from cityward.web.api.pages import PAGES, set_session, show_page
from cityward.web.identity import KEY_LENGTHS, digest, new_token, refuse_cross_site
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, Nothing, route
from cityward.web.told import tell

MOST_PROOF = 16 * 1024
TRY_S = 120
_TRY = "cityward-try"

Short = Annotated[str, Meta(max_length=4096)]


class BackQuery(msgspec.Struct, frozen=True):
    """What a provider sends back; it may send more, which is not looked at."""

    state: Short = ""
    code: Short = ""
    iss: Short = ""
    error: Short = ""
    error_description: Short = ""
    session_state: Short = ""
    scope: Short = ""


@route("POST", "/sign-in/passkey/ask", summary="What a passkey is to sign", public=True, hidden=True)
async def ask(call: Call[Nothing]) -> object:
    refuse_cross_site(call.request)
    call.desk.reception.limit(call.request, "passkey", 1_000_000, 30)
    token = new_token()
    options = call.desk.proofs.ask(call.request, SIGN_IN, digest(token))
    answer = Response(msgspec.json.encode(options), media_type=JSON)
    _set_try(call, answer, token)
    return answer


@route(
    "POST",
    "/sign-in/passkey",
    summary="Sign in by a passkey",
    public=True,
    media=(JSON,),
    limit=MOST_PROOF,
    hidden=True,
)
async def by_passkey(call: Call[Nothing]) -> object:
    refuse_cross_site(call.request)
    call.desk.reception.limit(call.request, "passkey", 1_000_000, 30)
    who = await call.desk.proofs.answer(call.request, SIGN_IN, _asker(call), proof_of(call.body))
    token = await call.desk.reception.begin(call.request, who, "passkey")
    answer = Response(b"{}", media_type=JSON)
    set_session(call, answer, token)
    answer.delete_cookie(_name(call), path="/", secure=call.desk.doors.secure, httponly=True, samesite="lax")
    return answer


@route("GET", "/sign-in/provider", summary="Go to the OpenID provider", public=True, hidden=True)
async def to_provider(call: Call[Nothing]) -> object:
    provider, reception = call.desk.provider, call.desk.reception
    if provider is None:
        raise Problem(404, "not-found", "this city has no OpenID provider")
    reception.limit(call.request, "provider", 1_000_000, 30)
    address, asked = await asyncio.to_thread(provider.ask, _back(call))
    token = new_token()
    call.desk.asked.put("provider", digest(token), asked)
    answer = RedirectResponse(address, 303)
    _set_try(call, answer, token)
    return answer


@route("GET", "/sign-in/provider/back", summary="The provider's answer", public=True, query=BackQuery, hidden=True)
async def from_provider(call: Call[BackQuery]) -> object:
    doors, provider = call.desk.doors, call.desk.provider
    asked = call.desk.asked.take("provider", _asker(call))
    if provider is None or doors.oidc is None or doors.people is None or asked is None:
        return _turned_away(call, "nothing-asked")
    query = call.query
    try:
        subject = await asyncio.to_thread(provider.subject, asked, query.state, query.code, query.iss)
    except (ValueError, LinkError):
        return _turned_away(call, "provider")
    person = await asyncio.to_thread(doors.people.person_of_subject, doors.oidc.issuer, subject)
    if person is None or person.state is not Stance.ACTIVE:
        return _turned_away(call, "unknown-subject")
    token = await call.desk.reception.begin(call.request, person.id, "oidc")
    answer = HTMLResponse(PAGES.get_template("signed_in.html").render(place=doors.place.name))
    set_session(call, answer, token)
    answer.delete_cookie(_name(call), path="/", secure=doors.secure, httponly=True, samesite="lax")
    return answer


def proof_of(body: bytes) -> dict[str, Any]:
    """A browser's answer as it sent it; `fido2` reads it further.

    Raises:
        Problem: 400.
    """
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "bad-request", "the body is no JSON object") from error


def _turned_away(call: Call[BackQuery], why: str) -> Response:
    tell(call.desk.doors, EventKind.SIGN_IN_FAILED, call.request, "", {"why": why, "way": "oidc"})
    return show_page(call, "not-known", "", 403)


def _asker(call: Call[Any]) -> bytes:
    token = call.request.cookies.get(_name(call), "")
    return digest(token) if len(token) in KEY_LENGTHS else b""


def _name(call: Call[Any]) -> str:
    return f"__Host-{_TRY}" if call.desk.doors.secure else _TRY


def _set_try(call: Call[Any], answer: Response, token: str) -> None:
    answer.set_cookie(
        _name(call), token, max_age=TRY_S, path="/", secure=call.desk.doors.secure, httponly=True, samesite="lax"
    )


def _back(call: Call[Any]) -> str:
    scheme = "https" if call.desk.doors.secure else "http"
    return f"{scheme}://{call.request.headers.get('host', '')}/sign-in/provider/back"


ROUTES = (ask, by_passkey, to_provider, from_provider)

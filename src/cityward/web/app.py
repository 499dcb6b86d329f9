"""The web door as one application: the desk, the routes, and the headers every answer carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cityward import __version__
from cityward.web.api import (
    assurance,
    cameras,
    city,
    datum,
    exercises,
    incidents,
    me,
    moments,
    networks,
    ngsi_ld,
    observations,
    overrides,
    pages,
    people,
    postures,
    reach,
    received,
    registering,
    releases,
    report,
    services,
    shown,
    sign_in,
    transport,
    watch,
    whatif,
)
from cityward.web.desk import Desk, set_up
from cityward.web.exercising import Marked
from cityward.web.openapi import describe
from cityward.web.ports import Doors
from cityward.web.problems import Dialect, Problem
from cityward.web.public import pages as public
from cityward.web.routes import Call, Nothing, Route, mount, route

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "worker-src 'self'; font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'; require-trusted-types-for 'script'; "
    "trusted-types svelte-trusted-html cityward-map-worker cityward-live-worker"
)

SECURITY_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # not no-referrer: browsers would then post forms with `Origin: null`
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cache-control": "no-store",
}


def build(doors: Doors, console: Traversable | None = None) -> Starlette:
    """The application. `console` holds the built console; by default the one that is shipped.

    Its `state.desk` is for `serve` and `admin`.
    """
    desk = set_up(doors)
    declared = (
        *observations.ROUTES,
        *networks.ROUTES,
        *ngsi_ld.ROUTES,
        *city.ROUTES,
        *registering.ROUTES,
        *datum.ROUTES,
        *moments.ROUTES,
        *reach.ROUTES,
        *whatif.ROUTES,
        *watch.ROUTES,
        *cameras.ROUTES,
        *releases.ROUTES,
        *overrides.ROUTES,
        *services.ROUTES,
        *postures.ROUTES,
        *received.ROUTES,
        *report.ROUTES,
        *assurance.ROUTES,
        *exercises.ROUTES,
        *incidents.ROUTES,
        *transport.ROUTES,
        *public.ROUTES,
        *me.ROUTES,
        *shown.ROUTES,
        *people.ROUTES,
        *sign_in.ROUTES,
        *pages.ROUTES,
        *pages.file_routes(console or files("cityward.web") / "console"),
    )
    app = Starlette(
        routes=[mount(one, desk) for one in (*declared, _openapi(declared))],
        middleware=[*_marked(doors), Middleware(SecureHeaders, secure=doors.secure)],
        exception_handlers={HTTPException: _http_problem},
        lifespan=lambda _: _running(desk),
    )
    app.router.redirect_slashes = False  # a redirected POST is sent again by some clients, without its body by others
    app.state.desk = desk
    return app


def _marked(doors: Doors) -> list[Middleware]:
    return [] if doors.exercise is None else [Middleware(Marked, exercise=doors.exercise)]


@asynccontextmanager
async def _running(desk: Desk) -> AsyncGenerator[None]:
    """Owns the tasks of the live feed and of the record of reads."""
    feed, reads = asyncio.create_task(desk.feed.run()), asyncio.create_task(desk.reads.run())
    try:
        yield
    finally:
        for turns in (desk.whatif, desk.lessening, desk.following, desk.moments, desk.drawing):
            await turns.close()
        desk.feed.close()
        await feed
        desk.reads.close()
        await reads


def _openapi(declared: tuple[Route[Any], ...]) -> Route[Any]:
    document = msgspec.json.encode(describe(declared, "Cityward", __version__))

    async def openapi(call: Call[Nothing]) -> object:
        return Response(document, media_type="application/json")

    return route("GET", "/api/openapi.json", summary="This API, as OpenAPI 3.1", public=True, hidden=True)(openapi)


def _dialect(request: Request) -> Dialect:
    return "ngsi-ld" if request.url.path.startswith("/ngsi-ld/") else "problem"


async def _http_problem(request: Request, error: Exception) -> Response:
    """What the router itself refuses: 404 and 405."""
    assert isinstance(error, HTTPException)
    word = {404: "not-found", 405: "wrong-method"}.get(error.status_code, "bad-request")
    return Problem(error.status_code, word, error.detail, error.headers).response(_dialect(request))


class SecureHeaders:
    """Adds the security headers to every answer that does not set its own."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self._app = app
        headers = dict(SECURITY_HEADERS)
        if secure:
            headers["strict-transport-security"] = "max-age=31536000"
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in self._headers if one[0] not in own)]
            await send(message)

        await self._app(scope, receive, with_headers)

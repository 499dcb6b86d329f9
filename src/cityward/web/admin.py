"""The admin port, for whoever supervises the process: `/livez`, `/readyz`, `/metrics`. Loopback only, without sign-in.

It says counts and flow names, never values, devices or people.
"""

from __future__ import annotations

import asyncio

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cityward.errors import LinkError
from cityward.web.desk import Desk
from cityward.web.meters import CityCollector
from cityward.web.ports import Doors

ANSWER_S = 2.0  # PRECEDENT: under the five seconds a supervisor waits


def build_admin(app: Starlette) -> Starlette:
    """The admin application beside `app` (made by `app.build`)."""
    desk: Desk = app.state.desk
    collector = CityCollector(desk.doors.state, desk.meters, lambda: desk.feed.clients, desk.doors.roles)
    desk.meters.registry.register(collector)

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        silent = await problems(desk.doors)
        return Response(msgspec.json.encode({"silent": silent}), 503 if silent else 200, media_type="application/json")

    async def metrics(_: Request) -> Response:
        collector.backlog = await _backlog(desk.doors)
        try:
            text = await asyncio.to_thread(desk.meters.text)
        except LinkError:
            return PlainTextResponse("the state store does not answer\n", 503)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])


async def problems(doors: Doors) -> list[str]:
    """Which parts of the world do not answer in time."""
    silent: list[str] = []
    try:
        async with asyncio.timeout(ANSWER_S):
            await asyncio.to_thread(doors.state.counts)
    except (LinkError, TimeoutError):
        silent.append("state")
    if doors.backlog is not None and await _backlog(doors) is None:
        silent.append("log")
    return silent


async def _backlog(doors: Doors) -> int | None:
    if doors.backlog is None:
        return None
    try:
        async with asyncio.timeout(ANSWER_S):
            return await doors.backlog()
    except (LinkError, TimeoutError):
        return None

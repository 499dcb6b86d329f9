"""Serves the web door and its admin port in one event loop, until told to stop.

Lives here: sockets, the bounds of a connection, the order of stopping. Does not live here: signals (the caller's `stop`).

INVARIANTS
- Nobody is served in plain text from beyond loopback, unless a proxy in front ends the TLS and the caller says so.
- Before its body, a request takes at most `MOST_HEADER` bytes of memory and `HEADER_S` of time.
- Stopping ends live feeds first, then waits `GRACE_S` for answers under way.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio.events import TimerHandle
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cityward.errors import LinkError, PlaceError
from cityward.web.desk import Desk

MOST_HEADER = 32 * 1024  # PRECEDENT: node.js 16 kB, nginx 4 x 8 kB
HEADER_S = 10.0
GRACE_S = 5.0
KEEP_ALIVE_S = 30  # a device that sends every ten seconds keeps its connection
MOST_CONNECTIONS = 4096


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate chain and key, as PEM files."""

    certificate: Path
    key: Path


async def serve(
    app: Starlette,
    admin: Starlette,
    host: str,
    port: int,
    admin_port: int,
    stop: asyncio.Event,
    *,
    tls: Tls | None = None,
    behind_proxy: bool = False,
    on_ready: Callable[[int, int], None] | None = None,
) -> None:
    """Serve until `stop` is set. Ports may be 0; `on_ready` is told the real ones, (door, admin).

    Raises:
        PlaceError: plain HTTP beyond loopback.
        LinkError: an address is taken, or not ours.
    """
    if tls is None and not behind_proxy and not _is_loopback(host):
        raise PlaceError(
            f"the web door would answer plain HTTP on {host}",
            mend="give it a certificate, or listen on 127.0.0.1, or say that a proxy in front of it ends the TLS",
        )
    door_socket, admin_socket = _listen(host, port), _listen("127.0.0.1", admin_port)
    door, side = _server(app, tls), _server(admin, None)
    running = [
        asyncio.create_task(door.serve(sockets=[door_socket])),
        asyncio.create_task(side.serve(sockets=[admin_socket])),
    ]
    stopped = asyncio.create_task(stop.wait())
    try:
        await _started([door, side], running)
        if on_ready is not None:
            on_ready(door_socket.getsockname()[1], admin_socket.getsockname()[1])
        await asyncio.wait([stopped, *running], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        desk: Desk = app.state.desk
        desk.feed.close()
        door.should_exit = side.should_exit = True
        await asyncio.gather(*running)
        for one in (door_socket, admin_socket):
            one.close()


async def _started(servers: list[_Server], running: list[asyncio.Task[None]]) -> None:
    while not all(server.started for server in servers):
        done = [task for task in running if task.done()]
        if done:
            await asyncio.gather(*done)
            raise LinkError("the web server ended while it started")
        await asyncio.sleep(0.01)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise LinkError(
            f"cannot listen on {host}:{port}: {error.strerror}", mend="stop what uses the port, or choose another"
        ) from error
    listening.set_inheritable(True)
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _server(app: Starlette, tls: Tls | None) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,  # a sign-in link's token stands in the request line
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(GRACE_S),
            ssl_certfile=str(tls.certificate) if tls else None,
            ssl_keyfile=str(tls.key) if tls else None,
        )
    )


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it runs in."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with a bound on what comes before a body: neither it nor httptools has one."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._header_bytes = self._waiting = 0
        self._in_header: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_header()

    def connection_lost(self, exc: Exception | None) -> None:
        self._header_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # a header line without an end is told to nobody: it waits, growing, in the parser
        if self._in_header is not None:
            self._waiting += len(data)
            if self._waiting > MOST_HEADER:
                self._give_up()

    def on_message_begin(self) -> None:
        self._header_bytes = self._waiting = 0
        if self._in_header is None:
            self._expect_header()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._header_came()
        super().on_headers_complete()

    def _count(self, more: int) -> None:
        self._header_bytes += more + 4
        if self._header_bytes > MOST_HEADER:
            raise ValueError("the header is too long")  # the parser stops, uvicorn answers 400 and closes

    def _expect_header(self) -> None:
        self._in_header = self.loop.call_later(HEADER_S, self._give_up)

    def _header_came(self) -> None:
        if self._in_header is not None:
            self._in_header.cancel()
            self._in_header = None

    def _give_up(self) -> None:
        self._header_came()
        self.transport.close()

"""Serves the web door and its admin port in one event loop, until told to stop.

Lives here: sockets, the bounds of a connection, the order of stopping. Does not live here: signals (the caller's `stop`).

INVARIANTS
- Nobody is served in plain text from beyond loopback, unless a proxy in front ends the TLS and the caller says so.
- Before its body, a request takes at most `MOST_HEADER` bytes of memory and `HEADER_S` of time; its body takes at most `BODY_S`.
- An answer that nobody takes for `TAKE_S`, and more than `MOST_PIPELINED` requests at once, end the connection.
- Connections are bounded, in all and by address (`sources`). What is ended here is counted under its word.
- Stopping ends live feeds first, then waits `GRACE_S` for answers under way.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from asyncio.events import TimerHandle
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cityward.errors import LinkError, PlaceError
from cityward.web.desk import Desk
from cityward.web.identity import CERTIFICATE
from cityward.web.sources import MOST_CONNECTIONS, MOST_PER_ADDRESS, Sources

MOST_HEADER = 32 * 1024  # PRECEDENT: node.js 16 kB, nginx 4 x 8 kB
HEADER_S = 10.0
BODY_S = (
    30.0  # PRECEDENT: nginx waits 60 s between two reads, which a byte a minute satisfies; this is for the whole body
)
TAKE_S = 60.0
MOST_PIPELINED = 16
GRACE_S = 5.0
KEEP_ALIVE_S = 30  # a device that sends every ten seconds keeps its connection


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate chain and key, as PEM files. clients: whose certificates clients are asked for; None: for none.

    Whoever has none comes in all the same. One that was shown stands in the scope, as `CERTIFICATE`.
    """

    certificate: Path
    key: Path
    clients: Path | None = None


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
    logging.getLogger("uvicorn.error").addFilter(CUT_OFF)
    desk: Desk = app.state.desk
    most = None if behind_proxy else MOST_PER_ADDRESS
    sources = Sources(desk.meters, desk.doors.clock, desk.doors.events, most)
    door = _server(app, tls, sources)
    side = _server(admin, None, Sources(desk.meters, desk.doors.clock))  # loopback only
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
        sources.tell()
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


class _CutOff(logging.Filter):
    """A request that is cut off when the door closes is counted in the server's own line: its traceback tells nobody anything."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


CUT_OFF = _CutOff()  # one for all servers of the process: a filter is added once


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _server(app: Starlette, tls: Tls | None, sources: Sources) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=_bounded_by(sources),
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
            ssl_ca_certs=str(tls.clients) if tls and tls.clients else None,
            ssl_cert_reqs=ssl.CERT_OPTIONAL if tls and tls.clients else ssl.CERT_NONE,
        )
    )


def _shown(link: ssl.SSLObject | None) -> bytes | None:
    """The SHA-256 of the certificate that the client proved to have; # SECURITY: only one that TLS verified is given out."""
    der = None if link is None else link.getpeercert(binary_form=True)
    return sha256(der).digest() if der else None


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it runs in."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _bounded_by(sources: Sources) -> type[BoundedProtocol]:
    """The protocol of one door: uvicorn makes the protocols itself, so what they share stands in the class."""
    return type("DoorProtocol", (BoundedProtocol,), {"sources": sources})


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with bounds on what a client may take: of memory, time and connections. It has none of these."""

    sources: Sources

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._header_bytes = self._waiting = 0
        self._timers: dict[str, TimerHandle] = {}
        self._address = ""
        self._certificate: bytes | None = None
        self._entered = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._certificate = _shown(transport.get_extra_info("ssl_object"))
        self._entered = self.sources.enters(self._address)
        if self._entered:
            self._within(HEADER_S, "slow-header")
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        for word in list(self._timers):
            self._came(word)
        if self._entered:
            self.sources.leaves(self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._entered:
            return
        super().data_received(data)
        # a header line without an end is told to nobody: it waits, growing, in the parser
        if "slow-header" in self._timers:
            self._waiting += len(data)
            if self._waiting > MOST_HEADER:
                self._give_up("long-header")

    def on_message_begin(self) -> None:
        self._header_bytes = self._waiting = 0
        self._within(HEADER_S, "slow-header")
        super().on_message_begin()
        if self._certificate is not None:
            self.scope[CERTIFICATE] = self._certificate  # type: ignore[typeddict-unknown-key]

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._came("slow-header")
        self._within(BODY_S, "slow-body")
        super().on_headers_complete()
        if len(self.pipeline) > MOST_PIPELINED:
            self._give_up("pipelining")

    def on_message_complete(self) -> None:
        self._came("slow-body")
        super().on_message_complete()

    def pause_writing(self) -> None:
        self._within(TAKE_S, "slow-taking")
        super().pause_writing()

    def resume_writing(self) -> None:
        self._came("slow-taking")
        super().resume_writing()

    def _count(self, more: int) -> None:
        self._header_bytes += more + 4
        if self._header_bytes > MOST_HEADER:
            self.sources.cut_off(self._address, "long-header")
            raise ValueError("the header is too long")  # the parser stops, uvicorn answers 400 and closes

    def _within(self, seconds: float, word: str) -> None:
        """End the connection, counted by the word, unless `_came` is told of it in time."""
        if word not in self._timers:
            self._timers[word] = self.loop.call_later(seconds, self._give_up, word)

    def _came(self, word: str) -> None:
        if (timer := self._timers.pop(word, None)) is not None:
            timer.cancel()

    def _give_up(self, word: str) -> None:
        self._came(word)
        if not self.transport.is_closing():
            self.sources.cut_off(self._address, word)
        if word == "slow-taking":
            self.transport.abort()  # what waits to be taken would be waited for
        else:
            self.transport.close()

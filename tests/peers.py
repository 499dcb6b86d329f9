"""Receivers that the tests start: certificates for names of the test's choice, servers that take, and servers that misbehave."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from cityward.adapters.keys.authority import open_authority, server_files


@dataclass(frozen=True)
class Certificates:
    server: ssl.SSLContext
    trust: ssl.SSLContext
    ca: Path


def certificates_for(folder: Path, *names: str) -> Certificates:
    """A server's certificate for these names, and whom to trust to accept it."""
    now = datetime.now(UTC)
    files = server_files(open_authority(folder, "test", now), list(names), now)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    return Certificates(server, ssl.create_default_context(cafile=str(files.ca)), Path(files.ca))


@dataclass
class Received:
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiver(status: int, context: ssl.SSLContext | None, location: str = "") -> Iterator[tuple[int, Received]]:
    """An HTTP server that answers everything alike; its port, and what it got."""
    got = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got.requests.append((self.path, dict(self.headers), body))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

        do_GET = do_PUT = do_POST  # noqa: N815 - the names that the server calls

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def behaving(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A server that does with each connection what it is told, until the event ends it; its port."""
    ended, threads = threading.Event(), list[threading.Thread]()

    def one(link: socket.socket) -> None:
        with link, suppress(OSError):
            answer(link, ended)

    def take(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                link, _ = listener.accept()
                threads.append(threading.Thread(target=one, args=(link,), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        taking = threading.Thread(target=take, args=(listener,), daemon=True)
        taking.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (taking, *threads):
                thread.join(10)


def trickles(link: socket.socket, ended: threading.Event) -> None:
    """Begins an answer, and adds a byte now and then for ever."""
    link.sendall(b"HTTP/1.1 2")
    while not ended.wait(0.02):
        link.sendall(b"0")


def is_silent(link: socket.socket, ended: threading.Event) -> None:
    """Takes the connection and says nothing."""
    ended.wait(60)


def floods(beginning: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Answers with this, and then more and more without end."""

    def answer(link: socket.socket, ended: threading.Event) -> None:
        link.recv(65_536)
        link.sendall(beginning)
        while not ended.is_set():
            link.sendall(b"x" * 65_536)

    return answer

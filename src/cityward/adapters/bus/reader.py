"""Reads the durable log in bulk.

Theory of operation
-------------------
The Python NATS client spends about 40 us on each message, ten times what decoding and judging cost, so the one hot path of the
product reads the wire itself: a blocking socket in a thread, frames cut out of one buffer. Only what reading needs is spoken:

    <- INFO      -> CONNECT, SUB      -> PUB $JS.API.CONSUMER.CREATE   <- MSG (the consumer)
    -> PUB $JS.API.CONSUMER.MSG.NEXT {"batch", "expires", "max_bytes"}
    <- MSG | HMSG (messages, their reply subject carries the sequences) ... <- HMSG with a status and our token: the request ended

A filter is dear: the broker hands out some 180,000 messages a second without, 40,000 to 70,000 with two to eight. So who wants
at least half of the log takes all of it, and `sift` passes over the rest here.

The consumer acknowledges nothing and starts by sequence. It numbers what it delivers; a gap there, a broken frame or a closed
connection makes the reader start anew behind the last message handed out.

INVARIANT: hands out every matching message from the start sequence on, once, in order.
INVARIANT: a fetch holds at most `MOST_BYTES` plus one message.

SPEC: NATS client protocol; JetStream ADR-13 (pull requests), ADR-15 (acknowledgement subjects).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from cityward.adapters.bus.config import LOG_STREAM, inbox_prefix
from cityward.adapters.bus.log import credentials_of
from cityward.errors import LinkError
from cityward.runtime.ports import LogMessage

MOST_BYTES = 16 << 20
CONNECT_S = 5.0
CLOSE_S = 4 * CONNECT_S  # a connection being made takes three answers
GRACE_S = 3.0  # how much longer than asked the server may take to say that a request ended
FORGET_CONSUMER_NS = 300 * 10**9


class LogReader:
    """Implements `runtime.ports.LogReader`."""

    def __init__(
        self,
        url: str,
        role: str,
        password: str | None,
        filters: Sequence[str],
        start_seq: int,
        *,
        stream: str = LOG_STREAM,
        sift: Sequence[str] = ("",),
    ) -> None:
        """`filters`: the subjects the broker hands out, none for all. `sift`: how the subjects begin that are handed on."""
        self._url, self._role, self._password, self._filters = url, role, password, list(filters)
        self._sift = tuple(sift)
        self._stream = stream
        self._next = max(1, start_seq)
        self._link: _Wire | None = None
        self._under_way: asyncio.Task[list[LogMessage]] | None = None
        self._closing = False
        self._delivered = 0
        self._request = 0
        self._inbox = self._consumer = ""
        self.pending = 0  # messages that pass the filters behind the last one handed out, as the log last said

    async def fetch(self, most: int, wait_s: float) -> Sequence[LogMessage]:
        """See the port. Returns as soon as `most` or `MOST_BYTES` are there, else after `wait_s`."""
        if self._under_way is None:
            self._under_way = asyncio.create_task(asyncio.to_thread(self._fetch, most, wait_s))
        fetching = self._under_way
        try:
            got = await asyncio.shield(fetching)
        except asyncio.CancelledError:
            raise  # the thread goes on: what it brings is the next caller's, and no second one reads beside it
        except BaseException:
            self._under_way = None
            raise
        self._under_way = None
        return got

    async def close(self) -> None:
        """Close the connection; the next fetch opens one."""
        self._closing = True  # a thread that is just connecting gives up when it has
        self._drop()
        try:
            if self._under_way is not None:
                with contextlib.suppress(LinkError, TimeoutError):
                    await asyncio.wait_for(self._under_way, CLOSE_S)
                self._under_way = None
        finally:
            self._drop()
            self._closing = False

    def _fetch(self, most: int, wait_s: float) -> list[LogMessage]:
        try:
            link = self._link or self._open()
            if self._closing:
                raise ConnectionError("closed meanwhile")
            return self._pull(link, most, wait_s)
        except (OSError, ValueError, IndexError, KeyError) as error:
            self._drop()
            raise LinkError(f"the log did not answer: {type(error).__name__} {error}") from error

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _open(self) -> _Wire:
        link = _Wire.connect(self._url, self._role, self._password)
        try:
            self._inbox = f"{inbox_prefix(self._role)}.{secrets.token_hex(8)}"
            self._consumer = f"{self._role}-{secrets.token_hex(6)}"
            link.send(f"SUB {self._inbox}.> 1\r\n".encode())
            config = {
                "name": self._consumer,
                "ack_policy": "none",
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": self._next,
                "inactive_threshold": FORGET_CONSUMER_NS,
                "mem_storage": True,
            } | ({"filter_subjects": self._filters} if self._filters else {})
            answer = link.ask(
                f"$JS.API.CONSUMER.CREATE.{self._stream}.{self._consumer}",
                f"{self._inbox}.create",
                {"stream_name": self._stream, "config": config, "action": "create"},
            )
            if "error" in answer:
                raise OSError(str(answer["error"].get("description", answer["error"])))
        except BaseException:
            link.close()
            raise
        self._link, self._delivered = link, 0
        return link

    def _pull(self, link: _Wire, most: int, wait_s: float) -> list[LogMessage]:
        self._request += 1
        token = f"{self._inbox}.{self._request}"
        ask = {"batch": most, "expires": max(1, int(wait_s * 1e9)), "max_bytes": MOST_BYTES}
        link.publish(f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}", token, ask)
        out: list[LogMessage] = []
        deadline = time.monotonic() + wait_s + GRACE_S
        came = last = 0
        while came < most:
            frame = link.frame(deadline)
            if frame.reply:
                message = self._numbered(frame)
                came, last = came + 1, message.seq
                if message.subject.startswith(self._sift):
                    out.append(message)
            elif frame.subject == token:
                break  # 404 nothing there, 408 waited long enough, 409 the bytes are full
        if came:
            # INVARIANT: only here. Where the link breaks before, what it brought is handed out to nobody and read again.
            self._next = last + 1
        else:
            self.pending = 0
        return out

    def _numbered(self, frame: _Frame) -> LogMessage:
        # $JS.ACK.<stream>.<consumer>.<times delivered>.<stream seq>.<consumer seq>.<time stamp ns>.<pending>
        tokens = frame.reply.rsplit(".", 5)
        if int(tokens[3]) != self._delivered + 1:
            raise ValueError(f"message {int(tokens[3])} came where {self._delivered + 1} should")
        self._delivered += 1
        self.pending = int(tokens[5])
        return LogMessage(frame.subject, frame.payload, int(tokens[2]), int(tokens[4]) // 1000)


class _Frame:
    """One message off the wire; `reply` is empty on a status."""

    __slots__ = ("payload", "reply", "subject")

    def __init__(self, subject: str, reply: str, payload: bytes) -> None:
        self.subject, self.reply, self.payload = subject, reply, payload


class _Wire:
    """One connection and its buffer."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = bytearray()
        self._at = 0

    @classmethod
    def connect(cls, url: str, role: str, password: str | None) -> _Wire:
        """Connect and say who we are."""
        parts = urlsplit(url)
        host = parts.hostname or "127.0.0.1"
        sock = socket.create_connection((host, parts.port or 4222), timeout=CONNECT_S)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire = cls(sock)
            info: dict[str, Any] = json.loads(wire._line(time.monotonic() + CONNECT_S).partition(b" ")[2])
            if parts.scheme == "tls" or info.get("tls_required"):
                wire._socket = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
            hello = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "lang": "python"}
            hello |= {"version": "1", "protocol": 1, "name": role}
            _, user, secret = credentials_of(url, role, password)
            if secret is not None:
                hello |= {"user": user, "pass": secret}
            wire.send(b"CONNECT " + json.dumps(hello).encode() + b"\r\nPING\r\n")
            while (line := wire._line(time.monotonic() + CONNECT_S)) != b"PONG":
                if line.startswith(b"-ERR"):
                    raise OSError(line[5:100].decode("ascii", "replace"))
        except BaseException:
            sock.close()
            raise
        return wire

    def close(self) -> None:
        """Close the connection, also under a thread that waits on it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def send(self, data: bytes) -> None:
        """All of it, within `CONNECT_S`."""
        self._socket.settimeout(CONNECT_S)
        self._socket.sendall(data)

    def publish(self, subject: str, reply: str, body: dict[str, Any]) -> None:
        """A request whose answers come later."""
        payload = json.dumps(body).encode()
        self.send(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")

    def ask(self, subject: str, reply: str, body: dict[str, Any]) -> dict[str, Any]:
        """A request with one answer."""
        self.publish(subject, reply, body)
        deadline = time.monotonic() + CONNECT_S
        while (frame := self.frame(deadline)).subject != reply:
            pass
        if not frame.payload:
            raise OSError("there is no log")  # a status: nobody answers for the stream
        return json.loads(frame.payload)

    def frame(self, deadline: float) -> _Frame:
        """The next message. Control lines on the way are answered."""
        while True:
            line = self._line(deadline)
            if line[:4] == b"HMSG":
                parts = line.split(b" ")
                head, size = int(parts[-2]), int(parts[-1])
                return _Frame(
                    parts[1].decode(), parts[3].decode() if len(parts) == 6 else "", self._body(size, deadline)[head:]
                )
            if line[:3] == b"MSG":
                parts = line.split(b" ")
                return _Frame(
                    parts[1].decode(),
                    parts[3].decode() if len(parts) == 5 else "",
                    self._body(int(parts[-1]), deadline),
                )
            if line == b"PING":
                self.send(b"PONG\r\n")
            elif line[:4] == b"-ERR":
                raise OSError(line[5:200].decode("ascii", "replace"))

    def _line(self, deadline: float) -> bytes:
        while (end := self._buffer.find(b"\r\n", self._at)) < 0:
            self._fill(deadline)
        line = bytes(self._buffer[self._at : end])
        self._at = end + 2
        return line

    def _body(self, size: int, deadline: float) -> bytes:
        if size > MOST_BYTES:
            raise ValueError(f"a message of {size} bytes")
        while len(self._buffer) < self._at + size + 2:
            self._fill(deadline)
        body = bytes(self._buffer[self._at : self._at + size])
        self._at += size + 2
        return body

    def _fill(self, deadline: float) -> None:
        if self._at:
            del self._buffer[: self._at]
            self._at = 0
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        data = self._socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the bus closed the connection")
        self._buffer += data

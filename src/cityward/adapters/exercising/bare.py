"""A bare MQTT 3.1.1 client on asyncio: it says exactly what it is told, whoever that is, and tells what came back.

An exercise's attackers use it, and nobody else: it takes no trouble to be understood, to come again, or to be honest.

INVARIANT: at most `WINDOW` messages are unacknowledged; every wait has a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from types import TracebackType

from cityward.adapters.bench.generator import publish_packet

CONNECT_S = 10.0
ACK_S = 5.0
WINDOW = 256
REFUSED = -1  # the connection ended instead of an answer


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def _connect_packet(client: str, user: str, password: str | None) -> bytes:
    """SPEC: MQTT 3.1.1 3.1, CONNECT with a clean session."""
    flags = 0x02 | (0x80 if user else 0) | (0x40 if password is not None else 0)
    body = _text("MQTT") + bytes([4, flags]) + struct.pack(">H", 600) + _text(client)
    body += (_text(user) if user else b"") + (_text(password) if password is not None else b"")
    return b"\x10" + _length(len(body)) + body


def _length(n: int) -> bytes:
    out = bytearray()
    while True:
        n, digit = n >> 7, n & 0x7F
        out.append(digit | (0x80 if n else 0))
        if not n:
            return bytes(out)


class BareLink:
    """One connection. `code` is the CONNACK return code: 0 accepted, 5 not authorised, `REFUSED` where there was none."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._room = asyncio.Semaphore(WINDOW)
        self._next = 0
        self._listening: asyncio.Task[None] | None = None
        self.code = REFUSED

    @classmethod
    async def to(cls, port: int, client: str, user: str, password: str | None, address: str = "") -> BareLink:
        """Connect to a broker on this machine, from another of its loopback addresses. `code` says what it answered.

        Raises:
            OSError: nobody listens there.
        """
        async with asyncio.timeout(CONNECT_S):
            source = (address, 0) if address else None
            link = cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=source))
        link._writer.write(_connect_packet(client, user, password))
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(CONNECT_S):
                link.code = (await link._reader.readexactly(4))[3]
        if link.code == 0:
            link._listening = asyncio.create_task(link._listen())
        return link

    async def publish(self, topic: str, payload: bytes) -> bool:
        """QoS 1; whether the broker acknowledged it in time."""
        if self.code != 0 or self._listening is None or self._listening.done():
            return False
        async with self._room:
            self._next = self._next % 65_535 + 1
            answered = self._waiting[self._next] = asyncio.get_running_loop().create_future()
            number = self._next
            try:
                self._writer.write(publish_packet(topic, number, payload))
                await self._writer.drain()
                async with asyncio.timeout(ACK_S):
                    return await answered
            except (OSError, TimeoutError):
                return False
            finally:
                self._waiting.pop(number, None)

    async def _listen(self) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await self._reader.readexactly(1)
                body = await self._reader.readexactly(await self._size())
                if head[0] == 0x40 and (one := self._waiting.get(struct.unpack(">H", body)[0])) and not one.done():
                    one.set_result(True)
        for one in self._waiting.values():
            if not one.done():
                one.set_result(False)

    async def _size(self) -> int:
        size = shift = 0
        while True:
            digit = (await self._reader.readexactly(1))[0]
            size |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return size

    async def close(self) -> None:
        """End it."""
        if self._listening is not None:
            self._listening.cancel()
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    async def __aenter__(self) -> BareLink:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

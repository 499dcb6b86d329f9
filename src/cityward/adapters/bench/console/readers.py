"""Consoles that only listen: `python -m cityward.adapters.bench.console.readers PORT`, the sessions on standard input.

One asyncio reader holds a real connection with a real live feed for each session that it is given, and parses nothing. A line
`tell` is answered by (open, bytes, ticks) so far, in one line; it ends with its input.

Loopback addresses are taken in turn: a door lets so many in from one.
"""

from __future__ import annotations

import asyncio
import json
import sys

TICK = b"event: health"
PER_ADDRESS = 200
AT_ONCE = 25  # that are on their way in


class Reader(asyncio.Protocol):
    """One connection."""

    def __init__(self, session: str, port: int) -> None:
        self._hello = (
            f"GET /api/live HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: cityward={session}\r\n"
            "accept: text/event-stream\r\naccept-encoding: gzip, br\r\n\r\n"
        ).encode()
        self.bytes = self.ticks = 0
        self.open = False
        self._tail = b""
        self.answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        if not self.answered.done():
            self.open = data.startswith(b"HTTP/1.1 200")
            self.answered.set_result(self.open)
        self.bytes += len(data)
        self.ticks += (self._tail + data[: len(TICK)]).count(TICK) + data.count(TICK) - data[: len(TICK)].count(TICK)
        self._tail = data[1 - len(TICK) :]

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if not self.answered.done():
            self.answered.set_result(False)


async def main(port: int) -> None:
    """Until the input ends."""
    loop, readers = asyncio.get_running_loop(), list[Reader]()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    slots = asyncio.Semaphore(AT_ONCE)
    opening = set[asyncio.Task[None]]()

    async def come_in(session: str, number: int) -> None:
        async with slots:
            source = (f"127.0.0.{1 + number // PER_ADDRESS}", 0)
            one = Reader(session, port)
            readers.append(one)
            await loop.create_connection(lambda: one, "127.0.0.1", port, local_addr=source)
            await one.answered

    while word := (await lines.readline()).decode().strip():
        if word != "tell":
            opening.add(asyncio.create_task(come_in(word, len(opening))))
            continue
        await asyncio.gather(*opening)
        told = {
            "open": sum(one.open for one in readers),
            "bytes": sum(one.bytes for one in readers),
            "ticks": sum(one.ticks for one in readers),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

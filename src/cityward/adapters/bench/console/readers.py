"""Open consoles, without their pages: `python -m cityward.adapters.bench.console.readers PORT`, the sessions on standard input.

For each session one asyncio reader holds a real connection with a real live feed, and parses nothing; and one asks what a
console that is looked at asks besides: once when it opens, when the feed tells that something moved, and now and then, as
`console/src/city/kept.ts` does. A line `tell` is answered by what they had so far, in one line; it ends with its input.

Loopback addresses are taken in turn: a door lets so many in from one.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

TICK = b"event: health"
MOVED = b"event: versions"
# how often each is asked for where nothing moved, in s
ASKED_S = {"/api/me": 300.0, "/api/watch": 300.0, "/api/refusals?limit=200": 300.0}
SPREAD_S = 3.0
PER_ADDRESS = 50  # each holds two connections
AT_ONCE = 25  # that are on their way in


class Reader(asyncio.Protocol):
    """One connection."""

    def __init__(self, session: str, port: int) -> None:
        self._hello = (
            f"GET /api/live?form=columns HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: cityward={session}\r\n"
            "accept: text/event-stream\r\naccept-encoding: gzip, br\r\n\r\n"
        ).encode()
        self.bytes = self.ticks = 0
        self.open = False
        self._tail = b""
        self.moved = asyncio.Event()
        self.answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        if not self.answered.done():
            self.open = data.startswith(b"HTTP/1.1 200")
            self.answered.set_result(self.open)
        self.bytes += len(data)
        if MOVED in data:  # one cut in two is missed, which is seldom
            self.moved.set()
        self.ticks += (self._tail + data[: len(TICK)]).count(TICK) + data.count(TICK) - data[: len(TICK)].count(TICK)
        self._tail = data[1 - len(TICK) :]

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if not self.answered.done():
            self.answered.set_result(False)


class Asker:
    """One console's questions. They are so far apart that the door has closed the connection of the one before."""

    def __init__(self, session: str, port: int, source: str, moved: asyncio.Event) -> None:
        self._session, self._port, self._source, self._moved = session, port, source, moved
        self._chance = random.Random(session)  # noqa: S311 - when a made console asks is no secret
        self.asked = self.failed = 0

    async def first(self) -> None:
        """All of it, as a console that opens."""
        for path in ASKED_S:
            await self._ask(path)

    async def go_on(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        # as if they had been opened one after the other long ago
        due = {path: loop.time() + self._chance.uniform(0, every) for path, every in ASKED_S.items()}
        while True:
            path = min(due, key=lambda one: due[one])
            try:
                async with asyncio.timeout_at(due[path]):
                    await self._moved.wait()
            except TimeoutError:
                await self._ask(path)
                due[path] = loop.time() + ASKED_S[path]
            else:
                self._moved.clear()
                at = loop.time() + self._chance.uniform(0, SPREAD_S)
                due |= {one: min(due[one], at) for one in ("/api/me", "/api/watch")}

    async def _ask(self, path: str) -> None:
        self.asked += 1
        try:
            status = await self._answered(path)
        except (OSError, EOFError):
            status = b""
        self.failed += not status.startswith(b"HTTP/1.1 200")

    async def _answered(self, path: str) -> bytes:
        """All of an answer is taken; the head of it."""
        address = (self._source, 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=address)
        words = (f"GET {path} HTTP/1.1", f"host: 127.0.0.1:{self._port}", f"cookie: cityward={self._session}")
        writer.write(("\r\n".join((*words, "connection: close")) + "\r\n\r\n").encode())
        try:
            return (await reader.read(-1))[:64]
        finally:
            writer.close()


async def main(port: int) -> None:
    """Until the input ends."""
    loop, readers = asyncio.get_running_loop(), list[Reader]()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    slots = asyncio.Semaphore(AT_ONCE)
    opening, going = set[asyncio.Task[None]](), set[asyncio.Task[None]]()
    askers = list[Asker]()

    async def come_in(session: str, number: int) -> None:
        async with slots:
            source = f"127.0.0.{1 + number // PER_ADDRESS}"
            one = Reader(session, port)
            readers.append(one)
            await loop.create_connection(lambda: one, "127.0.0.1", port, local_addr=(source, 0))
            await one.answered
            asker = Asker(session, port, source, one.moved)
            askers.append(asker)
            await asker.first()
        one.moved.clear()  # of the first tick: that is what was just asked for
        going.add(asyncio.create_task(asker.go_on()))

    while word := (await lines.readline()).decode().strip():
        if word != "tell":
            opening.add(asyncio.create_task(come_in(word, len(opening))))
            continue
        await asyncio.gather(*opening)
        told = {
            "open": sum(one.open for one in readers),
            "bytes": sum(one.bytes for one in readers),
            "ticks": sum(one.ticks for one in readers),
            "asked": sum(one.asked for one in askers),
            "failed": sum(one.failed for one in askers),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

"""What roles tell, over the real broker: nothing blocks, nothing is lost silently, and what was read is not read again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import bcrypt
import pytest

from cityward.adapters.bus.config import EVENT_STREAM, ROLES, BrokerSettings, compile_config
from cityward.adapters.bus.events import EventReader, NatsEvents, make_event_stream
from cityward.adapters.bus.log import connect, disconnect
from cityward.adapters.bus.server import BrokerServer, find_binary, free_port
from cityward.watch.events import Event, EventKind

PASSWORD = "correct horse battery staple"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


class Bus:
    def __init__(self, folder: Path) -> None:
        self.settings = BrokerSettings(store=folder / "js", nats_port=free_port(), mqtt_port=free_port())
        self.server = BrokerServer(find_binary(), folder)
        self.url = f"nats://127.0.0.1:{self.settings.nats_port}"

    def config(self) -> str:
        return compile_config(dict.fromkeys(ROLES, HASH), self.settings)

    async def start(self) -> None:
        await self.server.start(self.config(), self.settings.nats_port)


def on_bus(folder: Path, body: Callable[[Bus], Awaitable[None]]) -> None:
    async def main() -> None:
        bus = Bus(folder)
        await bus.start()
        try:
            steward = await connect(bus.url, "steward", PASSWORD)
            await make_event_stream(steward)
            await make_event_stream(steward)  # again changes nothing
            await body(bus)
            await disconnect(steward)
        finally:
            await bus.server.stop()

    asyncio.run(main())


def event(n: int) -> Event:
    return Event(at=n, kind=EventKind.READ, by="web", subject="person:operator", detail={"rows": str(n)})


async def read_from(bus: Bus, after: int, most: int = 100) -> tuple[list[int], int, int, bool]:
    """(times, upto, missed, began anew)."""
    client = await connect(bus.url, "watch", PASSWORD)
    reader = EventReader(client, bus.url, "watch", PASSWORD)
    told = await reader.fetch(after, most, 0.5)
    await reader.close()
    await disconnect(client)
    return [e.at for e in told.events], told.upto, told.missed, told.began_anew


def test_what_was_told_is_read_in_order_and_from_a_sequence_on(tmp_path: Path) -> None:
    async def body(bus: Bus) -> None:
        web = await connect(bus.url, "web", PASSWORD)
        async with NatsEvents(web, "web", lambda: 0) as events:
            for n in range(300):
                events.tell(event(n))
        assert (events.published, events.shed, events.queued) == (300, 0, 0)
        times, upto, missed, _ = await read_from(bus, 0, 1000)
        assert sorted(times) == list(range(300)) and (upto, missed) == (300, 0)
        assert len((await read_from(bus, 290))[0]) == 10
        assert (await read_from(bus, 300))[:3] == ([], 300, 0)
        await disconnect(web)

    on_bus(tmp_path, body)


def test_what_finds_the_queue_full_is_counted_and_the_count_is_told(tmp_path: Path) -> None:
    async def body(bus: Bus) -> None:
        web = await connect(bus.url, "web", PASSWORD)
        events = NatsEvents(web, "web", lambda: 77, queued=10)
        for n in range(25):
            events.tell(event(n))
        assert (events.queued, events.shed) == (10, 15)
        async with events:
            pass
        client = await connect(bus.url, "watch", PASSWORD)
        reader = EventReader(client, bus.url, "watch", PASSWORD)
        told = await reader.fetch(0, 100, 0.5)
        (shed,) = [e for e in told.events if e.kind is EventKind.SHED]
        assert (shed.at, shed.by, shed.subject) == (77, "web", "role:web")
        assert shed.detail == {"budget": "events", "count": "15"}
        assert len(told.events) == 11
        await reader.close()
        await disconnect(client)
        await disconnect(web)

    on_bus(tmp_path, body)


def test_what_was_told_while_the_broker_was_away_comes_once_it_is_back(tmp_path: Path) -> None:
    async def body(bus: Bus) -> None:
        web = await connect(bus.url, "web", PASSWORD)
        async with NatsEvents(web, "web", lambda: 0) as events:
            events.tell(event(1))
            await bus.server.stop()
            for n in range(2, 6):
                events.tell(event(n))
            await bus.start()
            async with asyncio.timeout(30):
                while events.published < 5:
                    await asyncio.sleep(0.05)
        assert sorted((await read_from(bus, 0))[0]) == [1, 2, 3, 4, 5]
        await disconnect(web)

    on_bus(tmp_path, body)


def test_events_that_the_stream_forgot_are_counted_as_missed(tmp_path: Path) -> None:
    async def body(bus: Bus) -> None:
        web = await connect(bus.url, "web", PASSWORD)
        async with NatsEvents(web, "web", lambda: 0) as events:
            for n in range(20):
                events.tell(event(n))
        steward = await connect(bus.url, "steward", PASSWORD)
        await steward.jetstream().purge_stream(EVENT_STREAM, seq=16)
        times, upto, missed, _ = await read_from(bus, 5)
        assert (len(times), upto, missed) == (5, 20, 10)  # 6 to 15 are gone
        await disconnect(steward)
        await disconnect(web)

    on_bus(tmp_path, body)


def test_a_stream_that_was_made_anew_is_read_from_its_beginning_and_said_so(tmp_path: Path) -> None:
    async def body(bus: Bus) -> None:
        web = await connect(bus.url, "web", PASSWORD)
        async with NatsEvents(web, "web", lambda: 0) as events:
            events.tell(event(1))
        times, upto, missed, anew = await read_from(bus, 5000)
        assert (times, upto, missed, anew) == ([1], 1, 0, True)
        await disconnect(web)

    on_bus(tmp_path, body)


def test_only_the_watch_reads_events(tmp_path: Path) -> None:
    async def body(bus: Bus) -> None:
        web = await connect(bus.url, "web", PASSWORD)
        watch = await connect(bus.url, "watch", PASSWORD)
        async with NatsEvents(web, "web", lambda: 0) as events:
            events.tell(event(1))
        reader = EventReader(watch, bus.url, "web", PASSWORD)  # the stream is asked as web
        try:
            told = await reader.fetch(0, 10, 0.5)
        except Exception as error:
            assert "Violation" in str(error) or "did not answer" in str(error)
        else:
            assert told.events == ()
        await reader.close()
        await disconnect(web)
        await disconnect(watch)

    on_bus(tmp_path, body)


@pytest.mark.parametrize("text", ["x" * 300, "y" * 60_000, "\ud800"], ids=["long", "longer than a message", "no text"])
def test_an_event_that_nobody_could_read_is_counted_and_holds_up_no_other(tmp_path: Path, text: str) -> None:
    async def body(bus: Bus) -> None:
        web = await connect(bus.url, "web", PASSWORD)
        async with NatsEvents(web, "web", lambda: 7) as events:
            events.tell(Event(at=1, kind=EventKind.READ, by="web", detail={"client_id": text}))
            events.tell(event(2))
        assert (events.shed, events.queued) == (1, 0)
        assert sorted((await read_from(bus, 0))[0]) == [2, 7]  # the second says that one was shed
        await disconnect(web)

    on_bus(tmp_path, body)

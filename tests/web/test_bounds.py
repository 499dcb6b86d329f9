"""The HTTP door under attack: slow clients, storms, long headers. Each is ended, counted and told; others are served."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import httpx
import pytest

from cityward.time import CityClock
from cityward.watch.events import Event, EventKind
from cityward.web import serve as serving
from cityward.web import sources as standing
from cityward.web.admin import build_admin
from cityward.web.app import build
from cityward.web.meters import Meters
from cityward.web.serve import serve
from cityward.web.sources import OTHERS, Sources
from web.house import house

KEY = "key-of-counter-1-0123456789abcdef"
POST = f"POST /v1/observations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n".encode()


class Told:
    """An event sink that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)


def at_the_door(play: Callable[[int, Meters], Awaitable[None]], *, behind_proxy: bool = False) -> None:
    """Serve, and play against it; then a lawful request must be answered."""
    app = build(house().doors)
    meters: Meters = app.state.desk.meters

    async def run() -> None:
        stop = asyncio.Event()
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        told = lambda port, _: ready.set_result(port)  # noqa: E731
        running = asyncio.create_task(
            serve(app, build_admin(app), "127.0.0.1", 0, 0, stop, behind_proxy=behind_proxy, on_ready=told)
        )
        port = await ready
        await play(port, meters)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as device:
            headers = {"authorization": f"Bearer {KEY}"}
            assert (await device.post("/v1/observations", json=[], headers=headers)).status_code == 202
        stop.set()
        await asyncio.wait_for(running, 10)

    asyncio.run(run())


async def ended(port: int, *parts: bytes) -> bytes:
    """What the door answers until it ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
    answer = b""
    with suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


SLOW = {
    "says nothing": ("slow-header", (b"",)),
    "half a header": ("slow-header", (b"GET / HTTP/1.1\r\nHost: x\r\n",)),
    "a body that does not come": ("slow-body", (POST + b"Content-Length: 100\r\n\r\n[",)),
    "a chunk that does not end": ("slow-body", (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n[",)),
}


@pytest.mark.parametrize(("word", "parts"), SLOW.values(), ids=SLOW)
def test_who_is_slow_is_ended_and_counted(monkeypatch: pytest.MonkeyPatch, word: str, parts: tuple[bytes, ...]) -> None:
    monkeypatch.setattr(serving, "HEADER_S", 0.1)
    monkeypatch.setattr(serving, "BODY_S", 0.1)

    async def play(port: int, meters: Meters) -> None:
        await ended(port, *parts)
        assert meters.door[word] == 1

    at_the_door(play)


LONG = {
    "a header line without an end": b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000,
    "many headers": b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(5000)) + b"\r\n",
    "a path without an end": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("opening", LONG.values(), ids=LONG)
def test_a_header_that_is_too_long_is_cut_off_and_counted(opening: bytes) -> None:
    async def play(port: int, meters: Meters) -> None:
        await ended(port, opening)
        assert meters.door["long-header"] >= 1

    at_the_door(play)


def test_a_storm_from_one_address_leaves_room_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_PER_ADDRESS", 20)

    async def play(port: int, meters: Meters) -> None:
        links = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
        await until(lambda: meters.door["too-many-connections-of-one"] == 40)
        for _, writer in links:
            writer.close()

    at_the_door(play)


def test_behind_a_proxy_all_come_from_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_PER_ADDRESS", 2)

    async def play(port: int, meters: Meters) -> None:
        links = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        assert not meters.door["too-many-connections-of-one"]
        for _, writer in links:
            writer.close()

    at_the_door(play, behind_proxy=True)


def test_of_connections_in_all_only_so_many_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST_CONNECTIONS", 5)
    meters = Meters()
    door = Sources(meters, CityClock())
    assert [door.enters(f"192.0.2.{n}") for n in range(7)] == [True] * 5 + [False] * 2
    door.leaves("192.0.2.0")
    assert door.enters("192.0.2.9")
    assert meters.door["too-many-connections"] == 2
    assert "192.0.2.0" not in door.open


def test_requests_sent_ahead_are_bounded() -> None:
    ahead = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 500

    async def play(port: int, meters: Meters) -> None:
        answer = await ended(port, ahead)
        assert meters.door["pipelining"] >= 1
        assert answer.count(b"HTTP/1.1 404") < 500

    at_the_door(play)


def test_the_watch_is_told_once_for_an_address_and_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST_TOLD", 3)
    told = Told()

    async def play() -> None:
        door = Sources(Meters(), CityClock(), told)
        for n in range(9):
            door.cut_off(f"192.0.2.{n % 5}", "slow-header")
        door.tell()
        door.tell()

    asyncio.run(play())
    assert [(e.source, e.detail["count"]) for e in told.events] == [
        ("192.0.2.0", "2"),
        ("192.0.2.1", "2"),
        ("192.0.2.2", "2"),
        (OTHERS, "3"),
    ]
    assert {(e.kind, e.by, e.detail["why"]) for e in told.events} == {(EventKind.TURNED_AWAY, "web", "slow-header")}

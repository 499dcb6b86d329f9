"""The live feed: one poll for all, nobody waits for a slow one."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from cityward.errors import LinkError
from cityward.runtime.people import SessionRow
from cityward.runtime.ports import CommandRow, FlowCount, Latest
from cityward.time import HOUR
from cityward.web import live
from cityward.web.accounts.reads import Reads
from cityward.web.accounts.sight import Sight, Sights
from cityward.web.identity import Caller, Reception
from cityward.web.live import Feed, Listener, LiveStream
from cityward.web.ports import Doors
from cityward.web.problems import Problem
from web.house import NOON, House, house

Events = dict[str, list[Any]]


def events_of(data: bytes) -> Events:
    """name -> the data of each event of that name, in order."""
    found: Events = {}
    for block in data.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            found.setdefault(fields["event"], []).append(json.loads(fields["data"]))
    return found


def value(seq: int, reading: float, device: str = "counter-1", prop: str = "vehicle-speed") -> Latest:
    return Latest(device, prop, reading, NOON + seq, NOON + seq, seq)


def a_feed(doors: Doors) -> Feed:
    return Feed(doors, Reception(doors), Sights(doors.place, doors.registry), Reads(doors))


def somebody(feed: Feed) -> Caller:
    """Somebody who is signed in and listens."""
    doors, now = feed._doors, feed._doors.machine_us()
    row = SessionRow(f"{time.monotonic_ns()}".encode(), "operator", now + HOUR, now, now)
    doors.sessions.open(row)
    caller = feed._reception.caller_of(row, "127.0.0.1")
    assert caller is not None
    return caller


async def all_of(listener: Listener) -> Events:
    parts = []
    while listener._queue:
        parts.append(await listener.get(1) or b"")
    return events_of(b"".join(parts))


def test_a_newcomer_is_sent_the_whole_picture() -> None:
    async def play() -> None:
        feed = a_feed(house().doors)
        listener = feed.join(somebody(feed))
        await feed.tick()
        events = await all_of(listener)
        assert events["counts"] == [
            {
                "totals": {"received": 14, "admitted": 11, "refused": 2, "shed": 1},
                "flows": [
                    {"flow": "counts", "received": 10, "admitted": 7, "refused": 2, "shed": 1},
                    {"flow": "weather-reports", "received": 4, "admitted": 4, "refused": 0, "shed": 0},
                ],
                "rate_per_s": 0.0,
            }
        ]
        assert {(v["device"], v["value"]) for v in events["latest"][0]} == {
            ("counter-1", 12.5),
            ("weather-1", 9.0),
            ("air-1", 11.0),
        }
        assert events["commands"][0][0]["id"] == "c-1"
        assert events["clock"] == [{"now_ms": NOON // 1000, "speed": 1.0}]
        assert events["health"] == [{"status": "ok", "backlog": None, "clients": 1, "dropped": 0, "dropped_values": 0}]

    asyncio.run(play())


def test_afterwards_only_what_changed_is_sent() -> None:
    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        listener = feed.join(somebody(feed))
        await feed.tick()
        await all_of(listener)
        built.state.rows[0] = value(7, 20.0)
        built.state.issued.append(CommandRow("c-2", "lighting", "lamp-02", "dim", 20.0, {}, "", "sent", NOON))
        await feed.tick()
        events = await all_of(listener)
        assert [v["value"] for v in events["latest"][0]] == [20.0]
        assert [c["id"] for c in events["commands"][0]] == ["c-2"]
        await feed.tick()
        quiet = await all_of(listener)
        assert set(quiet) == {"counts", "clock", "health"}

    asyncio.run(play())


def test_columns_tell_what_rows_tell() -> None:
    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        rows, columns = feed.join(somebody(feed)), feed.join(somebody(feed), columns=True)
        names: list[Any] = []
        flows: list[str] = []
        for tick in range(3):
            built.state.rows[0] = value(7 + tick, 20.0 + tick)
            await feed.tick()
            told, inside = await all_of(rows), await all_of(columns)
            assert "latest" not in inside
            names = inside["channels"][0] if tick == 0 else names
            assert ("channels" in inside) == (tick == 0)
            [one] = inside["readings"]
            found = {
                (*names[channel], number, one["at_ms"] - ago)
                for channel, number, ago in zip(one["channel"], one["value"], one["ago_ms"], strict=True)
            }
            assert found == {(v["device"], v["property"], v["value"], v["observed_at_ms"]) for v in told["latest"][0]}
            [counts], [by_row] = inside["counts"], told["counts"]
            assert ("flows" in counts) == (tick == 0)
            flows = counts.get("flows", flows)
            assert counts["totals"] == by_row["totals"]
            assert flows == [row["flow"] for row in by_row["flows"]]
            assert counts["numbers"] == [
                row[n] for row in by_row["flows"] for n in ("received", "admitted", "refused", "shed")
            ]

    asyncio.run(play())


def test_columns_name_a_flow_that_is_new() -> None:
    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        listener = feed.join(somebody(feed), columns=True)
        await feed.tick()
        await all_of(listener)
        built.state.counted = [*built.state.counted, FlowCount("air-reports", 1, 1, 0, 0)]
        await feed.tick()
        [counts] = (await all_of(listener))["counts"]
        assert counts["flows"] == ["counts", "weather-reports", "air-reports"]

    asyncio.run(play())


def test_one_poll_serves_all() -> None:
    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        listeners = [feed.join(somebody(feed)) for _ in range(50)]
        await feed.tick()
        assert built.state.polls == 1
        assert all([(await all_of(one))["counts"] for one in listeners])

    asyncio.run(play())


def test_a_tick_is_encoded_once_for_all_of_one_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        listeners = [feed.join(somebody(feed)) for _ in range(50)]
        for one in listeners[:2]:
            one.dropped = 7  # what was lost is told to each
        asked: list[str] = []
        real = live.event
        monkeypatch.setattr(live, "event", lambda name, data: asked.append(name) or real(name, data))
        await feed.tick()
        assert sorted(asked) == ["clock", "commands", "counts", "health", "health", "latest", *["versions"] * 50]
        assert len({id(one._queue[0][1]) for one in listeners}) == 2
        healths = [(await all_of(one))["health"][0]["dropped"] for one in listeners]
        assert healths == [7, 7] + [0] * 48

    asyncio.run(play())


def test_sessions_are_asked_for_in_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        listeners = [feed.join(somebody(feed)) for _ in range(20)]
        asked: list[int] = []
        real = built.sessions.find_all
        monkeypatch.setattr(built.sessions, "find_all", lambda those, now: asked.append(len(those)) or real(those, now))
        built.sessions.close(listeners[0].caller.session)
        await feed.tick()
        assert asked == [20]
        assert [one.closed for one in listeners] == [True] + [False] * 19

    asyncio.run(play())


def test_a_value_whose_sequence_came_late_is_found_by_the_sweep() -> None:
    """Two workers: the one with the lower sequence commits after the other."""

    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        listener = feed.join(somebody(feed))
        await feed.tick()
        built.state.rows.append(value(2, 33.0, "counter-2"))
        found = []
        for _ in range(live.SWEEP_TICKS):
            await feed.tick()
            found += [v for part in (await all_of(listener)).get("latest", []) for v in part]
        assert [v["value"] for v in found if v["device"] == "counter-2"] == [33.0]

    asyncio.run(play())


def test_a_slow_listener_loses_the_oldest_and_is_then_sent_everything() -> None:
    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        slow, quick = feed.join(somebody(feed)), feed.join(somebody(feed))
        for n in range(live.QUEUE + 5):
            built.state.rows[0] = value(10 + n, float(n))
            await feed.tick()
            assert len((await all_of(quick))["latest"]) == 1
        assert len(slow._queue) == live.QUEUE
        assert slow.dropped > 0
        assert quick.dropped == 0
        kept = await all_of(slow)
        assert kept["latest"][-1][0]["value"] == float(live.QUEUE + 4)
        await feed.tick()
        whole = await all_of(slow)
        assert len(whole["latest"][0]) == 3
        assert whole["health"][0]["dropped"] == slow.dropped

    asyncio.run(play())


def test_a_flood_of_values_is_cut_to_the_newest_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_VALUES", 10)
    monkeypatch.setattr(live, "PAGE", 7)
    monkeypatch.setattr(Sight, "latest", lambda _, rows: list(rows))  # the tiny town has too few channels

    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        listener = feed.join(somebody(feed))
        await feed.tick()
        await all_of(listener)
        built.state.rows += [value(100 + n, float(n), f"d-{n}") for n in range(25)]
        await feed.tick()
        events = await all_of(listener)
        assert [v["value"] for v in events["latest"][0]] == [float(n) for n in range(15, 25)]
        assert events["health"][0]["dropped_values"] == 15

    asyncio.run(play())


def test_while_the_store_is_silent_the_last_numbers_stand_marked_stale() -> None:
    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        listener = feed.join(somebody(feed))
        await feed.tick()
        await all_of(listener)
        built.state.silent = True
        await feed.tick()
        events = await all_of(listener)
        assert events["health"][0]["status"] == "stale"
        assert events["counts"][0]["totals"]["received"] == 14
        built.state.silent = False
        await feed.tick()
        assert (await all_of(listener))["health"][0]["status"] == "ok"

    asyncio.run(play())


def test_a_store_that_was_never_heard_gives_no_invented_zeros() -> None:
    async def play() -> None:
        built = house()
        built.state.silent = True
        feed = a_feed(built.doors)
        listener = feed.join(somebody(feed))
        await feed.tick()
        assert set(await all_of(listener)) == {"health"}

    asyncio.run(play())


def test_a_poll_that_hangs_is_not_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_S", 0.01)

    async def play() -> None:
        built = house()
        hanging, calls = threading.Event(), []
        count = built.state.counts

        def hang() -> Any:
            calls.append(1)
            hanging.wait(10)
            return count()

        built.state.counts = hang  # type: ignore[method-assign]
        feed = a_feed(built.doors)
        listener = feed.join(somebody(feed))
        for _ in range(3):
            await feed.tick()
        assert len(calls) == 1
        assert (await all_of(listener))["health"][-1]["status"] == "stale"
        hanging.set()
        monkeypatch.setattr(live, "POLL_S", 10.0)
        await feed.tick()
        assert (await all_of(listener))["health"][-1]["status"] == "ok"

    asyncio.run(play())


def test_the_rate_is_rows_per_second_of_the_last_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])

    async def play() -> None:
        built = house()
        feed = a_feed(built.doors)
        listener = feed.join(somebody(feed))
        for n in range(21):
            built.state.counted = [FlowCount("counts", 50 * n, 50 * n, 0, 0)]
            feed._take(feed._read())
            now[0] += 1.0
        assert feed._rate_per_s() == 50.0
        assert len(feed._received) <= 11
        feed.leave(listener)

    asyncio.run(play())


def test_the_backlog_is_told_where_it_is_known() -> None:
    async def known() -> int:
        return 42

    async def unknown() -> int:
        raise LinkError("no answer")

    async def play() -> None:
        for ask, told in ((known, (42, "ok")), (unknown, (None, "stale"))):
            feed = a_feed(house(backlog=ask).doors)
            listener = feed.join(somebody(feed))
            await feed.tick()
            (health,) = (await all_of(listener))["health"]
            assert (health["backlog"], health["status"]) == told

    asyncio.run(play())


def test_listeners_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_LISTENERS", 2)

    async def play() -> None:
        feed = a_feed(house().doors)
        first, _ = (feed.join(replace(somebody(feed), id=who)) for who in ("ada", "bob"))
        with pytest.raises(Problem) as caught:
            feed.join(somebody(feed))
        assert caught.value.status == 503
        feed.leave(first)
        feed.join(somebody(feed))

    asyncio.run(play())


def test_a_silent_listener_hears_a_heartbeat() -> None:
    async def play() -> None:
        assert (await Listener(b"").get(0.001)) == b": still here\n\n"

    asyncio.run(play())


def test_a_client_that_reads_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SEND_S", 0.01)

    async def play() -> None:
        feed = a_feed(house().doors)
        stream = LiveStream(feed, feed.join(somebody(feed)))

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        await asyncio.wait_for(stream({"type": "http"}, receive, send), 5)
        assert feed.clients == 0

    asyncio.run(play())


def test_a_fault_of_one_tick_does_not_end_the_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "TICK_S", 0.01)

    async def play() -> None:
        built = house()
        good = built.state.commands
        built.state.commands = lambda *_: 1 / 0  # type: ignore[assignment, method-assign]
        feed = a_feed(built.doors)
        listener = feed.join(somebody(feed))
        running = asyncio.create_task(feed.run())
        await until(lambda: feed._stale)
        built.state.commands = good  # type: ignore[method-assign]
        await until(lambda: bool(listener._queue))
        feed.close()
        await asyncio.wait_for(running, 5)

    asyncio.run(play())


async def until(holds: Callable[[], bool]) -> None:
    """Wait for it, at most ten seconds."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


# -- through the real server --------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(door: House) -> AsyncIterator[AsyncIterator[bytes]]:
    """A stream of the live feed, by a browser that is signed in."""
    async with (
        httpx.AsyncClient(base_url=door.url, cookies=door.session(), timeout=10) as person,
        person.stream("GET", "/api/live") as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        yield stream.aiter_bytes()


async def first_with(stream: AsyncIterator[bytes], name: str) -> Any:
    """The first event of that name."""
    held = b""
    async for part in stream:
        held += part
        found = events_of(held.rpartition(b"\n\n")[0]).get(name)
        if found:
            return found[0]
    raise AssertionError(f"the stream ended before a {name} event")


def test_the_feed_runs_over_the_wire(door: House) -> None:
    async def play() -> None:
        async with listening(door) as stream:
            assert (await first_with(stream, "counts"))["totals"]["received"] == 14
            door.state.rows.append(value(50, 77.0))
            held = b""
            async for part in stream:
                held += part
                if b"77.0" in held:
                    break

    asyncio.run(asyncio.wait_for(play(), 20))


def test_a_client_that_stops_reading_does_not_hold_the_others(door: House) -> None:
    """The slow one's socket fills up with a large city's values; the quick one goes on hearing of news."""

    async def play() -> None:
        door.state.rows += [value(100 + n, float(n), f"device-{n:06d}") for n in range(20_000)]
        async with listening(door), listening(door) as quick:
            news = 200_000.0
            for _ in range(3):
                news += 1
                door.state.rows.append(value(int(news), news, "counter-2"))
                held = b""
                async for part in quick:
                    held = held[-64:] + part
                    if str(news).encode() in held:
                        break

    asyncio.run(asyncio.wait_for(play(), 30))


def test_signing_out_ends_the_streams_of_that_session(door: House) -> None:
    async def play() -> None:
        async with httpx.AsyncClient(base_url=door.url, cookies=door.session(), timeout=10) as person:
            async with listening(door) as other, person.stream("GET", "/api/live") as mine:
                parts = mine.aiter_bytes()
                await first_with(parts, "counts")
                assert (await person.post("/sign-out")).status_code == 303
                async for _ in parts:
                    pass
                await first_with(other, "counts")
            await until(lambda: door.app.state.desk.feed.clients == 0)

    asyncio.run(asyncio.wait_for(play(), 20))


def test_who_leaves_is_forgotten(door: House) -> None:
    async def play() -> None:
        async with listening(door) as stream:
            await first_with(stream, "health")
        await until(lambda: door.app.state.desk.feed.clients == 0)

    asyncio.run(asyncio.wait_for(play(), 20))


def test_stopping_ends_open_streams_cleanly(door: House) -> None:
    async def play() -> None:
        async with listening(door) as stream:
            await first_with(stream, "health")
            door.app.state.desk.feed.close()
            async for _ in stream:
                pass

    asyncio.run(asyncio.wait_for(play(), 20))

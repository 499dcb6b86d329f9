"""The whole street against the real broker: what was recorded arrives, at its time, each device under its own name."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from cityward.adapters.recordings import read_folder
from cityward.adapters.street.door_http import UPSERT, HttpDoor
from cityward.adapters.street.player import sources
from cityward.adapters.street.run import StreetSettings, run_street
from cityward.runtime.commands import Command, signed
from cityward.time import DAY, HOUR, SECOND, CityClock, from_us
from signing import CITY
from streets import PASSWORD, QUAY, StreetCity, device_of, in_street, street_place

RECORDINGS = Path("examples/doggerford/recordings")


class Taken:
    """What an HTTP door was given, and what it answers next."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, list[dict[str, object]]]] = []
        self.answers: list[int] = []


@contextmanager
def http_door(taken: Taken) -> Generator[HttpDoor]:
    class Door(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = taken.answers.pop(0) if taken.answers else 204
            if status == 204:
                taken.requests.append((self.path, self.headers["Authorization"], body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield HttpDoor(f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def clock_at(city_us: int, speed: float = 1.0) -> CityClock:
    return CityClock(machine_base_us=time.time_ns() // 1000, city_base_us=city_us, speed=speed)


WEDNESDAY_NOON = int(datetime.fromisoformat("2026-11-18T12:00:00+00:00").timestamp()) * SECOND


def settings_of(city: StreetCity, folder: Path, http: HttpDoor | None, **changes: object) -> StreetSettings:
    given = {
        "registry": city.registry,
        "clock": clock_at(WEDNESDAY_NOON),
        "position": QUAY,
        "recordings": RECORDINGS,
        "credentials": city.credentials,
        "mqtt": city.door,
        "http": http,
        "memory": folder / "street.json",
        "backfill_days": 2.0,
    }
    return StreetSettings(**{**given, **changes})  # type: ignore[arg-type]


def expected_rows(city: StreetCity, after: int, upto: int) -> Counter[str]:
    playing = sources(read_folder(RECORDINGS), city.registry, QUAY, 0)
    return Counter(
        {d: sum(len(r.readings) for r in source.due(after, upto, 10_000)) for d, (source, _) in playing.items()}
    )


async def rows_in_log(city: StreetCity) -> Counter[str]:
    rows: Counter[str] = Counter()
    for message in await city.log():
        body = json.loads(message.payload)
        rows[device_of(message)] += len(body) if isinstance(body, list) else 1
    return rows


async def until(condition: object) -> None:
    while not await condition():  # type: ignore[operator]
        await asyncio.sleep(0.05)


def test_at_first_start_the_street_sends_the_last_days_and_remembers(tmp_path: Path) -> None:
    taken = Taken()

    async def body(city: StreetCity) -> None:
        stop = asyncio.Event()
        taken.answers += [503, 429, 401]
        expected = expected_rows(city, WEDNESDAY_NOON - 2 * DAY, WEDNESDAY_NOON)
        assert expected["ring-road-loops-01"] == 2 * 288
        with http_door(taken) as door:
            street = asyncio.create_task(run_street(settings_of(city, tmp_path, door), stop))

            async def all_there() -> bool:
                rows = await rows_in_log(city)
                rows.update(str(e["id"]).rsplit(":", 1)[1] for _, _, b in taken.requests for e in b)
                return all(rows[d] >= n for d, n in expected.items())

            await until(all_there)
            stop.set()
            await street
        rows = await rows_in_log(city)
        assert {d: rows[d] for d in expected if not d.startswith("car-parks")} == {
            d: n for d, n in expected.items() if not d.startswith("car-parks")
        }
        assert {(p, a) for p, a, _ in taken.requests} == {(UPSERT, f"Bearer key-of-car-parks-{n:02d}") for n in (1, 2)}
        # a second start sends nothing again
        before = sum((await rows_in_log(city)).values())
        stop, seen = asyncio.Event(), len(taken.requests)
        with http_door(taken) as door:
            again = settings_of(city, tmp_path, door, registry=no_lamps(city))
            street = asyncio.create_task(run_street(again, stop))
            await asyncio.sleep(0.3)
            stop.set()
            await street
        assert sum((await rows_in_log(city)).values()) == before
        assert len(taken.requests) == seen

    in_street(tmp_path, body)


def no_lamps(city: StreetCity):  # type: ignore[no-untyped-def]
    import dataclasses

    units = tuple(u for u in city.registry.units if "lamps" not in u.id)
    return dataclasses.replace(city.registry, units=units)


def test_sends_nothing_that_its_flow_would_refuse_as_too_old(tmp_path: Path) -> None:
    registry = street_place(max_age_s=6 * 3600)

    async def body(city: StreetCity) -> None:
        stop = asyncio.Event()
        street = asyncio.create_task(run_street(settings_of(city, tmp_path, None), stop))

        async def loops_live() -> bool:
            return (await rows_in_log(city))["ring-road-loops-02"] > 60

        await until(loops_live)
        stop.set()
        await street
        times = [
            r["t"] for m in await city.log() if "loops" in m.subject for r in json.loads(m.payload)
        ]  # fmt: skip
        assert min(times) * SECOND >= WEDNESDAY_NOON - 6 * HOUR

    in_street(tmp_path, body, registry)


def test_in_a_fast_city_the_readings_come_as_their_time_comes(tmp_path: Path) -> None:
    async def body(city: StreetCity) -> None:
        stop = asyncio.Event()
        fast = settings_of(city, tmp_path, None, clock=clock_at(WEDNESDAY_NOON, 3600.0), backfill_days=0.0)
        street = asyncio.create_task(run_street(fast, stop))

        async def an_hour_later() -> bool:
            return (await rows_in_log(city))["ring-road-loops-01"] >= 12

        await until(an_hour_later)
        stop.set()
        await street
        for message in await city.log():
            if "loops" in message.subject:
                stamped = fast.clock.to_city_us(message.stamped_us)
                newest = max(r["t"] for r in json.loads(message.payload)) * SECOND
                assert newest <= stamped, "a reading came before its time"

    in_street(tmp_path, body)


def test_a_lamp_obeys_its_command_answers_and_reports(tmp_path: Path) -> None:
    async def body(city: StreetCity) -> None:
        from cityward.adapters.bus.log import connect

        stop = asyncio.Event()
        settings = settings_of(city, tmp_path, None, backfill_days=0.0)
        street = asyncio.create_task(run_street(settings, stop))
        service = await connect(city.url, "service", PASSWORD)
        now = settings.clock.to_city_us(time.time_ns() // 1000)
        command = Command(
            id="c-1",
            device="quay-street-lamps-01",
            command="dim",
            set={"lamp-level": 40.0},
            issued_at=from_us(now),
            expires_at=from_us(now) + timedelta(hours=1),
            nonce="AAAAAAAAAAAAAAAA",
        )

        async def obeyed() -> bool:
            await service.publish("cmd.quay-street-lamps-01", signed(msgspec.json.encode(command), CITY.sign))
            await service.flush()
            levels = [
                r["v"]
                for m in await city.log()
                if device_of(m) == "quay-street-lamps-01"
                for r in json.loads(m.payload)
                if r["n"] == "lamp-level"
            ]
            return levels[-1:] == [40.0]

        await until(obeyed)
        stop.set()
        await street
        await service.close()

    in_street(tmp_path, body)

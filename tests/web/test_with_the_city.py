"""The door over the real broker, the real database and the real history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import bcrypt
import httpx

from brokers import config_with_devices
from cityward.adapters.bus.config import PARTITIONS, ROLES, BrokerSettings
from cityward.adapters.bus.log import LogWriter, connect, log_state, make_log, observation_filters
from cityward.adapters.bus.reader import LogReader
from cityward.adapters.bus.server import BrokerServer, find_binary, free_port
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.ids import partition_of
from cityward.place.registry import number
from cityward.runtime.people import SessionRow
from cityward.runtime.ports import BatchEffects, CredentialRow, DeviceSeen, FlowCount, Latest, Quarantined
from cityward.time import CityClock
from cityward.web.admin import build_admin
from cityward.web.app import build
from cityward.web.identity import digest, new_token
from cityward.web.ports import Doors
from cityward.web.serve import serve
from places import tiny_place
from web.house import KEYS, NOON, entities_of, operators

PASSWORD = "correct horse battery staple"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
SENML = {"content-type": "application/senml+json"}


class City:
    """Everything behind and before the door."""

    def __init__(self, doors: Doors, state: SqlState, broker: BrokerServer, url: str, bus: str) -> None:
        self.doors, self.state, self.broker, self.url, self.bus = doors, state, broker, url, bus

    def device(self, name: str) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {KEYS[name]}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20)

    async def read(self) -> list[tuple[str, bytes, int]]:
        reader = LogReader(self.bus, "worker", PASSWORD, observation_filters(range(PARTITIONS)), 1)
        found = [(m.subject, m.payload, m.seq) for m in await reader.fetch(100, 0.5)]
        await reader.close()
        return found


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[City]:
    """The city, all of it real."""
    place = tiny_place()
    registry = number(place)
    rows = [CredentialRow(name, HASH, digest(key), None, "active", NOON) for name, key in KEYS.items()]
    state = SqlState(f"sqlite:///{folder / 'state.db'}")
    state.issue(rows)
    settings = BrokerSettings(store=folder / "js", nats_port=free_port(), mqtt_port=free_port())
    broker, bus = BrokerServer(find_binary(), folder), f"nats://127.0.0.1:{settings.nats_port}"
    await broker.start(config_with_devices(KEYS, HASH, dict.fromkeys(ROLES, HASH), settings), settings.nats_port)
    try:
        steward = await connect(bus, "steward", PASSWORD)
        await make_log(steward, 64 << 20)
        await steward.close()
        client = await connect(bus, "web", PASSWORD)

        async def backlog() -> int:
            held = await asyncio.to_thread(state.committed)
            return (await log_state(client)).last_seq - max(held.values(), default=0)

        doors = Doors(
            place=place,
            registry=registry,
            clock=CityClock(),
            state=state,
            history=DeltaHistory(str(folder / "history"), registry),
            credentials=state,
            sessions=state,
            people=operators(),
            intake=LogWriter(client, within_s=2.0),
            entities=entities_of(registry),
            backlog=backlog,
            machine_us=lambda: NOON,
        )
        try:
            async with served(doors) as url:
                yield City(doors, state, broker, url, bus)
        finally:
            with suppress(ConnectionError):  # one test ends the broker first
                await client.close()
    finally:
        await broker.stop()
        state.dispose()


@asynccontextmanager
async def served(doors: Doors) -> AsyncIterator[str]:
    app, stop = build(doors), asyncio.Event()
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    door = asyncio.create_task(
        serve(app, build_admin(app), "127.0.0.1", 0, 0, stop, on_ready=lambda port, _: ready.set_result(port))
    )
    try:
        yield f"http://127.0.0.1:{await ready}"
    finally:
        stop.set()
        await asyncio.wait_for(door, 20)


def in_city(folder: Path, play: Callable[[City], Awaitable[None]]) -> None:
    async def main() -> None:
        async with running(folder) as city:
            await play(city)

    asyncio.run(main())


def test_what_was_accepted_stands_in_the_log_under_the_devices_name(tmp_path: Path) -> None:
    async def play(city: City) -> None:
        async with city.device("counter-1") as counter, city.device("weather-1") as weather:
            first = await counter.post("/v1/observations", content=b'[{"n":"speed","v":50}]', headers=SENML)
            batch = await weather.post(
                "/v1/observations/batch", content=b"{}\n{}\n{}", headers={"content-type": "application/x-ndjson"}
            )
        assert (first.status_code, batch.status_code) == (202, 202)
        log = await city.read()
        assert log[0][0] == f"intake.{partition_of('counter-1', PARTITIONS)}.counter-1.senml"
        assert [seq for _, _, seq in log] == [first.json()["first_seq"], *range(2, 5)]
        assert (batch.json()["first_seq"], batch.json()["last_seq"]) == (2, 4)
        assert {subject.rsplit(".", 1)[1] for subject, _, _ in log[1:]} == {"json"}

    in_city(tmp_path, play)


def test_a_megabyte_that_the_flow_allows_passes_the_broker(tmp_path: Path) -> None:
    """The door's limit and the broker's agree: what the one takes the other takes."""

    async def play(city: City) -> None:
        limits = city.doors.registry.flow_limits
        wide = replace(
            city.doors,
            registry=replace(
                city.doors.registry, flow_limits=tuple(type(one)(max_message_bytes=1 << 20) for one in limits)
            ),
        )
        async with served(wide) as url:
            headers = {**SENML, "authorization": f"Bearer {KEYS['counter-1']}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as device:
                taken = await device.post("/v1/observations", content=b" " * (1 << 20))
                refused = await device.post("/v1/observations", content=b" " * ((1 << 20) + 1))
        assert (taken.status_code, refused.status_code) == (202, 413)

    in_city(tmp_path, play)


def test_without_the_broker_nothing_is_accepted(tmp_path: Path) -> None:
    async def play(city: City) -> None:
        async with city.device("counter-1") as counter:
            assert (await counter.post("/v1/observations", content=b"[]", headers=SENML)).status_code == 202
            await city.broker.stop()
            answer = await counter.post("/v1/observations", content=b"[]", headers=SENML)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]

    in_city(tmp_path, play)


def test_a_revoked_key_is_refused_within_the_recheck(tmp_path: Path) -> None:
    async def play(city: City) -> None:
        async with city.device("counter-1") as counter, asyncio.timeout(20):
            status = (await counter.post("/v1/observations", content=b"[]", headers=SENML)).status_code
            assert status == 202
            city.state.revoke("counter-1", NOON)
            while status == 202:
                status = (await counter.post("/v1/observations", content=b"[]", headers=SENML)).status_code
            assert status == 401

    in_city(tmp_path, play)


def test_a_link_of_the_real_store_works_once_also_at_once(tmp_path: Path) -> None:
    async def play(city: City) -> None:
        token = new_token()
        city.state.add_link(digest(token), "operator", NOON + 1)
        async with httpx.AsyncClient(base_url=city.url, timeout=20) as browser:
            headers = {"content-type": "application/x-www-form-urlencoded"}
            tries = [browser.post("/sign-in", content=f"token={token}", headers=headers) for _ in range(8)]
            answers = await asyncio.gather(*tries)
            assert sorted(answer.status_code for answer in answers) == [303] + [403] * 7
            assert (await browser.get("/api/place")).status_code == 200
            assert (await browser.post("/sign-out")).status_code == 303
            assert (await browser.get("/api/place")).status_code == 401

    in_city(tmp_path, play)


def test_the_console_reads_what_the_worker_committed(tmp_path: Path) -> None:
    async def play(city: City) -> None:
        token = new_token()
        city.state.open(SessionRow(digest(token), "operator", NOON + 1, NOON, NOON))
        city.state.apply(
            BatchEffects(
                upto=dict.fromkeys(range(PARTITIONS), 9),
                counts=[FlowCount("counts", 3, 1, 1, 1)],
                reasons={("counts", "out-of-range"): 1},
                quarantine=[
                    Quarantined(8, 0, "counter-1", "counts", "vehicle-speed", "out-of-range", 900.0, None, NOON, b"x")
                ],
                latest=[Latest("counter-1", "vehicle-speed", 12.5, NOON, NOON, 9)],
                seen=[DeviceSeen("counter-1", NOON, 0, 3)],
            )
        )
        async with httpx.AsyncClient(base_url=city.url, cookies={"cityward": token}, timeout=20) as person:
            page = (await person.get("/api/devices/counter-1")).json()
            refusals = (await person.get("/api/refusals")).json()
            window = await person.get("/api/devices/counter-1/window")
            entity = await person.get("/ngsi-ld/v1/entities/urn:ngsi-ld:Device:counter-1?options=keyValues")
            async with person.stream("GET", "/api/live") as stream:
                held = ""
                async for part in stream.aiter_text():
                    held += part
                    if "event: health" in held:
                        break
        assert page["latest"][0]["value"] == 12.5
        assert page["credential"]["state"] == "active"
        assert refusals["reasons"][0]["count"] == 1
        assert window.status_code == 200
        assert entity.json()["speed"] == 12.5
        assert '"received":3,"admitted":1,"refused":1,"shed":1' in held

    in_city(tmp_path, play)

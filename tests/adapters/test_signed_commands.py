"""Attacks on commands, through a real broker: whoever gets hold of the way to a lamp does not thereby command it.

The attacker here has the bus credentials of the role `service`, and has recorded what was sent; the command key they have not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import msgspec
from nats.aio.client import Client

from adapters.test_street_run import settings_of, until
from cityward.adapters.bus.log import connect
from cityward.adapters.bus.reader import LogReader
from cityward.adapters.street.run import run_street
from cityward.evidence.checkpoint import Signer
from cityward.runtime.commands import ACK_PREFIX, ACKNOWLEDGEMENTS, Command, decode_acknowledgement, signed
from cityward.time import from_us
from signing import CITY, STRANGER
from streets import PASSWORD, StreetCity, in_street

LAMP, OTHER = "quay-street-lamps-01", "quay-street-lamps-02"


class Wire:
    """What the attacker has: a connection that may publish commands, and the answers in the log."""

    def __init__(self, client: Client, log: LogReader, now_us: Callable[[], int]) -> None:
        self.client, self.log, self.now_us = client, log, now_us
        self.heard: list[tuple[str, str, str]] = []

    def command(self, name: str, device: str = LAMP, by: Signer = CITY, late_s: int = 0, level: float = 40.0) -> bytes:
        """A command as the city would send it, or as somebody else would like to."""
        issued = from_us(self.now_us()) - timedelta(seconds=late_s)
        made = Command(
            id=name,
            device=device,
            command="dim",
            set={"lamp-level": level},
            issued_at=issued,
            expires_at=issued + timedelta(minutes=20),
            nonce=f"nonce-of-{name:a<16}",
        )
        return signed(msgspec.json.encode(made), by.sign)

    async def answered(self, payload: bytes, device: str = LAMP) -> tuple[str, str, str]:
        """(id, outcome, reason) of what the lamp says to these bytes; sent once, on its own subject."""
        before = len(self.heard)
        await self.client.publish(f"cmd.{device}", payload)
        await self.client.flush()

        async def heard() -> bool:
            for message in await self.log.fetch(100, 0.2):
                if message.subject == ACK_PREFIX + device:
                    said = decode_acknowledgement(message.payload)
                    self.heard.append((said.id, said.outcome, said.reason))
            return len(self.heard) > before

        await until(heard)
        return self.heard[before]

    async def listening(self) -> None:
        """Until both lamps answer: to a command for nobody, which changes nothing in them."""
        answered: set[str] = set()

        async def listens() -> bool:
            for device in {LAMP, OTHER} - answered:
                await self.client.publish(f"cmd.{device}", self.command("hello", device="nobody"))
            answered.update(m.subject.removeprefix(ACK_PREFIX) for m in await self.log.fetch(100, 0.3))
            return answered == {LAMP, OTHER}

        await until(listens)
        while await self.log.fetch(100, 0.3):
            pass


def attacked(folder: Path, attack: Callable[[Wire], Awaitable[None]]) -> None:
    async def body(city: StreetCity) -> None:
        stop = asyncio.Event()
        settings = settings_of(city, folder, None, backfill_days=0.0)
        street = asyncio.create_task(run_street(settings, stop))
        client = await connect(city.url, "service", PASSWORD)
        log = LogReader(city.url, "service", PASSWORD, ACKNOWLEDGEMENTS, 1)
        try:
            wire = Wire(client, log, lambda: settings.clock.to_city_us(time.time_ns() // 1000))
            await wire.listening()
            await attack(wire)
        finally:
            stop.set()
            await street
            await log.close()
            await client.close()

    in_street(folder, body)


def test_recorded_forged_expired_and_redirected_commands_move_no_lamp(tmp_path: Path) -> None:
    async def attack(wire: Wire) -> None:
        good = wire.command("c-1")
        assert await wire.answered(good) == ("c-1", "done", "")
        assert await wire.answered(good) == ("c-1", "rejected", "repeated")
        id_, outcome, reason = await wire.answered(wire.command("c-2", by=STRANGER, level=10.0))
        assert (outcome, reason, id_.startswith("unsigned.")) == ("rejected", "bad-signature", True)
        assert await wire.answered(wire.command("c-3", late_s=3600)) == ("c-3", "rejected", "overtaken")
        for_other = wire.command("c-4", device=OTHER, level=10.0)
        assert await wire.answered(for_other) == ("c-4", "rejected", "wrong-device")
        assert await wire.answered(for_other, OTHER) == ("c-4", "done", "")
        assert await wire.answered(wire.command("c-5", OTHER, late_s=-1), OTHER) == ("c-5", "done", "")

    attacked(tmp_path, attack)


def test_a_lamp_that_heard_nothing_yet_refuses_what_is_expired(tmp_path: Path) -> None:
    async def attack(wire: Wire) -> None:
        old = wire.command("c-1", device=OTHER, late_s=3600)
        assert await wire.answered(old, OTHER) == ("c-1", "rejected", "expired")

    attacked(tmp_path, attack)


def test_plain_commands_are_not_even_answered(tmp_path: Path) -> None:
    async def attack(wire: Wire) -> None:
        await wire.client.publish(f"cmd.{LAMP}", b'{"id":"c-1","command":"dim","set":{"lamp-level":10}}')
        assert await wire.answered(wire.command("c-2")) == ("c-2", "done", "")
        assert [id_ for id_, _, _ in wire.heard] == ["c-2"]

    attacked(tmp_path, attack)

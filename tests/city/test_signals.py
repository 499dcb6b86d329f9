"""A corridor in a running city: SUMO, broker, gates and signatures for real."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cityward.adapters.bus.log import connect, disconnect
from cityward.adapters.stores.state import SqlState
from cityward.compose.home import Home, read_city_file
from corridors import write_corridor
from towns import Town

pytest.importorskip("libsumo")

JUNCTIONS = ("corridor-signals-01", "corridor-signals-02", "corridor-signals-03")


class Corridor:
    """A running town, and what it says of its junctions."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "state")
        self.town = Town(write_corridor(folder / "place"), folder / "state", "--simulate", "--backfill-days", "0")
        self.state = SqlState(self.home.state_url)

    def progress(self) -> dict[str, Any]:
        try:
            return json.loads((self.home.root / "signals.progress.json").read_bytes())
        except (OSError, ValueError):
            return {}

    def said(self, name: str) -> list[float]:
        """What each junction said last of a property."""
        rows = {row.device: row.value for row in self.state.latest_of(list(JUNCTIONS)) if row.property == name}
        return [rows[device] for device in JUNCTIONS if device in rows]

    def until(self, happens: Callable[[], Any], within_s: float = 45.0) -> Any:
        deadline = time.monotonic() + within_s
        while not (found := happens()):
            assert time.monotonic() < deadline, (self.progress(), self.said("signal-own-plan"), self.town.notes)
            time.sleep(0.2)
        return found

    def forged(self, device: str) -> None:
        """A command in the city's form, signed by somebody else, from within the bus."""

        async def send() -> None:
            city = read_city_file(self.home)
            client = await connect(city.bus_url, "service", city.passwords["service"])
            await client.publish(f"cmd.{device}", b"e30.e30.e30")
            await client.flush()
            await disconnect(client)

        asyncio.run(send())

    def stop(self, pid: int) -> None:
        """A process stands still, and not in the middle of a write: SQLite lets nobody else write then."""
        for _ in range(50):
            os.kill(pid, signal.SIGSTOP)
            try:
                with closing(sqlite3.connect(self.home.root / "state.db", timeout=2)) as beside:
                    beside.execute("begin immediate")
                    beside.rollback()
                return
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
        raise AssertionError("it is always writing")


def test_a_corridor_is_controlled_goes_by_itself_when_the_centre_is_silent_and_obeys_nobody_else(tmp_path: Path):
    corridor = Corridor(tmp_path)
    try:
        # no more than two leave their plans within half a minute
        corridor.until(lambda: corridor.progress().get("acknowledged", 0) >= 2)
        corridor.until(lambda: corridor.said("signal-own-plan").count(0) == 2)

        corridor.forged("corridor-signals-01")
        corridor.until(lambda: corridor.progress()["acks_stray"] >= 1)

        pid = corridor.town.counts()["pids"]["signals"]
        corridor.stop(pid)
        corridor.until(lambda: corridor.said("signal-own-plan") == [2, 2, 2])  # by their own detectors
        os.kill(pid, signal.SIGCONT)
        corridor.until(lambda: 0 in corridor.said("signal-own-plan"))
        assert corridor.said("signal-breaches") == [0, 0, 0]
    finally:
        corridor.town.stop()
    assert corridor.progress()["service_errors"] == 0

"""A city in a temporary folder, to be measured: its declaration is made here, everything else is the city anyone runs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from cityward.adapters.bench.city import PROPERTY, BenchCity, BenchDevice
from cityward.adapters.bench.ingest import bench_ingest, devices_needed
from cityward.adapters.bench.measure import Measurement
from cityward.adapters.bench.reach import ReachMeasurement, bench_reach
from cityward.adapters.bench.soak import Sample, growth_mb_per_hour, rates, soak
from cityward.adapters.bench.taint import measure_taint
from cityward.adapters.bus.server import free_port
from cityward.adapters.stores.state import SqlState
from cityward.compose.city import Running, run_city
from cityward.compose.entering.credentials import issue_for
from cityward.compose.home import Home
from cityward.compose.starting.options import RunOptions
from cityward.errors import LinkError
from cityward.runtime.ports import FlowCount, Latest

__all__ = [
    "BenchCity",
    "Measurement",
    "ReachMeasurement",
    "Sample",
    "bench_city",
    "bench_reach",
    "devices_needed",
    "growth_mb_per_hour",
    "measure_taint",
    "rates",
    "run_bench_ingest",
    "run_soak",
]

START_S = 60.0
STOP_S = 60.0


def run_bench_ingest(
    folder: Path, *, devices: int, observations: int, rounds: int, tell: Callable[[str], None]
) -> list[Measurement]:
    """`cityward bench ingest` in this folder. See `adapters.bench.ingest`."""
    return bench_ingest(folder, bench_city, devices=devices, observations=observations, rounds=rounds, tell=tell)


def run_soak(folder: Path, *, devices: int, minutes: float, tell: Callable[[Sample], None]) -> Sequence[Sample]:
    """`cityward bench soak` in this folder. See `adapters.bench.soak`."""
    return soak(folder, bench_city, devices=devices, minutes=minutes, tell=tell)


@contextmanager
def bench_city(folder: Path, devices: int, gate: bool) -> Generator[BenchCity]:
    """A running city of so many devices, ended at the end. See `BenchCity`.

    Raises:
        LinkError: it did not start.
    """
    with measured_city(folder, _declaration(devices), member_names("bench", devices), gate) as city:
        yield city


def member_names(group: str, count: int) -> list[str]:
    """The members of a group of so many."""
    width = max(2, len(str(count)))
    return [f"{group}-{n:0{width}d}" for n in range(1, count + 1)]


@contextmanager
def measured_city(
    folder: Path, declaration: dict[str, object], names: Sequence[str], gate: bool
) -> Generator[Measured]:
    """A running city of this declaration, with a credential for each of the devices named; ended at the end.

    Raises:
        LinkError: it did not start.
    """
    folder.mkdir(parents=True)
    place = folder / "place.yaml"
    place.write_bytes(msgspec.yaml.encode(declaration))
    home = Home(folder / "state")
    home.prepare()
    issued = issue_for(home, SqlState(home.state_url), names, time.time_ns() // 1000)
    known = [BenchDevice(s.device, s.password or "", s.http_key or "") for s in issued]
    options = RunOptions(
        place=place,
        state=home.root,
        web_port=free_port(),
        admin_port=free_port(),
        mqtt_port=free_port(),
        nats_port=free_port(),
        plain_mqtt=True,
        gated=gate,
    )
    city = Measured(home, known)
    with _running(options, city):
        city.await_roles()
        yield city


def _declaration(devices: int) -> dict[str, object]:
    """One group of devices that observe one property, and the flow that carries it. Rates are not what is measured."""
    return {
        "place": "bench",
        "name": "The city under measurement",
        "position": [2.3, 54.9],
        "responsible": "council",
        "platform": "cityward",
        "parties": {"council": {"kind": "public-body", "incorporated_in": "xa"}},
        "jurisdictions": {"xa": {"code": "XA", "kind": "state"}},
        "purposes": {"measuring": {}},
        "sites": {"street": {"jurisdiction": "xa", "operator": "council", "tags": ["street"]}},
        "systems": {"cityward": {"kind": "platform", "site": "street", "operator": "council"}},
        "device_models": {"meter": {"maker": "council", "format": "senml", "properties": {PROPERTY: {}}}},
        "datasets": {
            "speeds": {"personal": False, "sensitivity": "public", "retention_days": 1, "properties": [PROPERTY]}
        },
        "devices": {
            "bench": {
                "model": "meter",
                "site": "street",
                "owner": "council",
                "positions": [[2.3, 54.9]] * devices,
            }
        },
        "flows": {
            "speeds-in": {
                "from": "bench",
                "to": "cityward",
                "datasets": ["speeds"],
                "purpose": "measuring",
                "protocol": "mqtt",
                "observability": "enforced",
                "limits": {
                    "max_age_s": 86_400,
                    "messages_per_minute": 10_000_000,
                    "max_message_bytes": 1_048_576,
                },
            }
        },
    }


@dataclass(slots=True)
class Measured:
    """The city as the bench sees it, and the screen that it is started with."""

    home: Home
    known: Sequence[BenchDevice]
    running: Running | None = None
    said: list[str] = field(default_factory=list[str])
    ready: threading.Event = field(default_factory=threading.Event)

    def say(self, text: str) -> None:
        """What the city says of itself; its last words when it fails."""
        self.said.append(text)

    def started(self, running: Running) -> None:
        """It begins."""
        self.running = running
        self.ready.set()

    def tick(self, running: Running) -> None:
        """Nothing is shown."""

    @property
    def devices(self) -> Sequence[BenchDevice]:
        """All of them."""
        return self.known

    @property
    def mqtt_port(self) -> int:
        """See `BenchCity`."""
        return self._running.setting.city.mqtt_port

    @property
    def http_port(self) -> int:
        """See `BenchCity`."""
        return self._running.setting.city.web_port

    @property
    def processes(self) -> Mapping[str, int]:
        """See `BenchCity`."""
        return self._running.pids()

    @property
    def _running(self) -> Running:
        assert self.running is not None
        return self.running

    def counts(self) -> Sequence[FlowCount]:
        """See `BenchCity`."""
        return self._running.setting.state.counts()

    def latest_of(self, devices: Sequence[str]) -> Sequence[Latest]:
        """The newest held values."""
        return self._running.setting.state.latest_of(devices)

    def room_seconds(self) -> Mapping[str, float]:
        """See `BenchCity`."""
        total: dict[str, float] = {}
        for path in self.home.root.glob("worker-*.progress.json"):
            told = msgspec.json.decode(path.read_bytes(), type=_Told)
            for room, seconds in told.cpu.items():
                total[room] = total.get(room, 0.0) + seconds
        return total

    def await_roles(self) -> None:
        """Until worker and web run.

        Raises:
            LinkError: they do not come up.
        """
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            progress = list(self.home.root.glob("worker-*.progress.json"))
            if progress and "web" in self.processes and _accepts(self.http_port):
                return
            time.sleep(0.05)
        raise LinkError(f"the city did not come up: {' | '.join(self.said[-3:])}")


class _Told(msgspec.Struct, frozen=True):
    """What of a worker's progress file is read here."""

    cpu: dict[str, float] = {}


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def _running(options: RunOptions, city: Measured) -> Generator[None]:
    """The city in an event loop of its own, on a thread; its processes are processes as ever."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    failed: list[BaseException] = []

    def main() -> None:
        try:
            loop.run_until_complete(run_city(options, city, stop))
        except BaseException as error:
            failed.append(error)
        finally:
            city.ready.set()

    thread = threading.Thread(target=main, name="city")
    thread.start()
    try:
        city.ready.wait(START_S)
        if failed or city.running is None:
            raise LinkError(f"the city did not start: {failed[0] if failed else 'too slow'}")
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(STOP_S)
        loop.close()

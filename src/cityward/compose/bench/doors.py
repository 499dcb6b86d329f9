"""The town at whose doors `cityward bench doors` measures: made here, everything else is the city anyone runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cityward.adapters.bench.city import BenchCity, BenchDevice
from cityward.adapters.bench.doors import Shut, bench_doors
from cityward.adapters.stores.state import SqlState
from cityward.compose.bars import ISOLATED, bar_units
from cityward.compose.bench.town import bench_city
from cityward.compose.home import Home
from cityward.runtime.ports import FlowCount

__all__ = ["Shut", "run_bench_doors"]


def run_bench_doors(folder: Path, devices: int, revocations: int, tell: Callable[[str], None]) -> Shut:
    """`cityward bench doors` in this folder. See `adapters.bench.doors`.

    Raises:
        LinkError: the city did not start, or a device was not cut off.
    """
    at = folder / "doors"
    with bench_city(at, devices + revocations, True) as city:
        return bench_doors(_Barring(city, SqlState(Home(at / "state").state_url)), revocations, tell)


@dataclass(frozen=True, slots=True)
class _Barring:
    """A city under measurement whose devices can be shut out."""

    city: BenchCity
    state: SqlState

    @property
    def mqtt_port(self) -> int:
        return self.city.mqtt_port

    @property
    def http_port(self) -> int:
        return self.city.http_port

    @property
    def devices(self) -> Sequence[BenchDevice]:
        return self.city.devices

    @property
    def processes(self) -> Mapping[str, int]:
        return self.city.processes

    def counts(self) -> Sequence[FlowCount]:
        return self.city.counts()

    def room_seconds(self) -> Mapping[str, float]:
        return self.city.room_seconds()

    def revoke(self, device: str) -> None:
        self.state.revoke(device, time.time_ns() // 1000)

    def isolate(self, devices: Sequence[str]) -> None:
        bar_units(self.state, devices, ISOLATED, time.time_ns() // 1000, None, "bench")

"""A long run at full speed: does any process keep growing?

Rounds of SenML packs, one after the other, each awaited until it is held; between rounds the resident memory of every process
and the size of what is on disk are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import psutil

from cityward.adapters.bench.city import PROPERTY, SENML_UNIT, BenchCity, StartCity
from cityward.adapters.bench.generator import Load, Sender
from cityward.adapters.bench.measure import Held, measure
from cityward.errors import LinkError

SENDERS, ROWS, MESSAGES, STEP_US = 20, 50, 500, 100
"""Half a million observations a round; a sender's readings span 2.5 s, less than a round lasts, so that time only rises."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """After a round: seconds since the start, observations held so far, resident MB by process, MB on disk."""

    at_s: float
    held: int
    resident_mb: dict[str, float]
    disk_mb: float


def soak(
    folder: Path, start_city: StartCity, *, devices: int, minutes: float, tell: Callable[[Sample], None]
) -> Sequence[Sample]:
    """Run for so many minutes.

    Raises:
        LinkError: a round was not acknowledged or not held, or not all of it was admitted.
    """
    samples: list[Sample] = []
    with start_city(folder / "soaked", devices, True) as city:
        began = time.monotonic()
        for held in _rounds(city, lambda: time.monotonic() - began < minutes * 60):
            samples.append(_sample(city, folder, time.monotonic() - began, held))
            tell(samples[-1])
    return samples


def growth_mb_per_hour(samples: Sequence[Sample], role: str) -> float:
    """The slope of a process's resident memory over the second half of the run, by least squares."""
    half = samples[len(samples) // 2 :]
    if len(half) < 2:
        return 0.0
    at, mb = [s.at_s / 3600 for s in half], [s.resident_mb.get(role, 0.0) for s in half]
    mean_at, mean_mb = sum(at) / len(at), sum(mb) / len(mb)
    spread = sum((t - mean_at) ** 2 for t in at)
    return sum((t - mean_at) * (m - mean_mb) for t, m in zip(at, mb, strict=True)) / spread


def rates(samples: Sequence[Sample]) -> Sequence[float]:
    """Observations held per second, from each sample to the next."""
    return [(b.held - a.held) / (b.at_s - a.at_s) for a, b in pairwise(samples)]


def _rounds(city: BenchCity, go_on: Callable[[], bool]) -> Iterator[int]:
    def held() -> Held:
        counts = city.counts()
        return Held(
            received=sum(c.received for c in counts),
            admitted=sum(c.admitted for c in counts),
            refused=sum(c.refused for c in counts),
            shed=sum(c.shed for c in counts),
        )

    senders = tuple(Sender(d.id, d.password, d.http_key) for d in city.devices[:SENDERS])
    until, span = 0, MESSAGES * ROWS * STEP_US
    while go_on():
        until = max(time.time_ns() // 1000, until + span)
        load = Load(
            door="mqtt",
            port=city.mqtt_port,
            senders=senders,
            messages=MESSAGES,
            rows=ROWS,
            property=PROPERTY,
            unit=SENML_UNIT,
            until_us=until,
            step_us=STEP_US,
        )
        came = measure("cityward", "soak", load, city.processes, held).held
        if came.admitted != came.received:
            raise LinkError(f"of {came.received} observations {came.admitted} were admitted")
        yield held().received


def _sample(city: BenchCity, folder: Path, at_s: float, held: int) -> Sample:
    resident = {role: psutil.Process(pid).memory_info().rss / 2**20 for role, pid in city.processes.items()}
    disk = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    return Sample(at_s=at_s, held=held, resident_mb=resident, disk_mb=disk / 2**20)

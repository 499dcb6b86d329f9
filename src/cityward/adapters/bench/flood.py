"""`cityward bench flood`: what becomes of critical devices while a hundred others flood, in one running town.

The town has three groups: critical devices (an essential function needs them), routine ones that keep to their limits, and
those that flood. The critical and the routine ones send alike all the time. First nobody floods: that is the norm. Then each
flood in turn: single messages as fast as they are taken, big packs as fast as they are taken. What is told of each phase: how
many of the steady devices' readings were held, how long an acknowledgement and the holding took, the memory of every
process, and what became of the flood. Capacity is measured in the same town: what it holds of single messages from devices
without limits.

Everything runs on one machine, the flood included: the flooders use processor time that a broker under attack from outside
would have for itself.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec
import numpy as np
import psutil

from cityward.adapters.bench.city import PROPERTY, SENML_UNIT, BenchCity, BenchDevice
from cityward.adapters.bench.flooder import Task, Told
from cityward.adapters.bench.generator import Sender
from cityward.errors import LinkError
from cityward.runtime.ports import Latest

CRITICAL, ROUTINE, FLOOD, PACKS, FREE = "critical", "routine", "flood", "packs", "free"
"""The groups of the town. `packs` flood as `flood` does, in packs: others, for those of `flood` may be barred by then.
`free`: without limits, to measure capacity; they do not flood."""

POLL_S = 0.02
SETTLE_S = 120.0
STILL_S = 3.0  # longer than two batches of a worker take


class FloodCity(BenchCity, Protocol):
    """A bench city with the four groups; `devices` of a group are named `<group>-...`."""

    def latest_of(self, devices: Sequence[str]) -> Sequence[Latest]:
        """The newest held values."""
        ...


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, in seconds: of `count`, the median, the 99th percentile and the longest."""

    count: int
    p50: float
    p99: float
    longest: float


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a steady group. `held`: of those sent. Latencies from sending on."""

    group: str
    sent: int
    acknowledged: int
    held: int
    cut_off: int
    puback: Times
    holding: Times

    @property
    def held_share(self) -> float:
        """Of what was sent."""
        return self.held / self.sent if self.sent else 0.0


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """One phase. `offered`: messages of the flood; `capacity_s` what the town holds a second when nobody floods."""

    name: str
    seconds: float
    sides: tuple[Side, ...]
    offered: int
    offered_readings: int
    acknowledged: int
    cut_off: int
    turned_away: int
    shed: int
    admitted_of_flood: int
    behind_s: float  # how long after the end the last of it was judged
    resident_mb: dict[str, float]  # the most of each process
    cpu_s: dict[str, float]


class Flooded(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run."""

    capacity_s: float
    phases: tuple[Phase, ...]


T = TypeVar("T")
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how many, how fast."""

    seconds: float = 20.0
    critical: int = 20
    routine: int = 20
    flooders: int = 100
    per_second: float = 5.0  # of each steady device
    rows_in_a_pack: int = 900  # some 54 kB: just below what a message may weigh by default


def bench_flood(city: FloodCity, plan: Plan, tell: Tell) -> Flooded:
    """All phases, in one town.

    Raises:
        LinkError: a load did not start, or what was sent is not accounted for.
    """
    capacity = _capacity(city, plan)
    tell(f"capacity: {capacity:,.0f} single messages a second are held when nobody floods")
    phases: list[Phase] = []
    for name, rows in (
        ("nobody floods", 0),
        ("single messages", 1),
        (f"packs of {plan.rows_in_a_pack}", plan.rows_in_a_pack),
    ):
        phases.append(_phase(city, plan, name, rows))
        tell(_sentence(phases[-1], capacity))
    return Flooded(capacity_s=capacity, phases=tuple(phases))


def _sentence(phase: Phase, capacity: float) -> str:
    critical = phase.sides[0]
    offered = phase.offered_readings / phase.seconds
    return (
        f"{phase.name}: {offered:,.0f} readings/s offered ({offered / capacity:.1f} x capacity), "
        f"critical {critical.held_share:.1%} held, in {critical.holding.p50:.2f} s"
    )


def _capacity(city: FloodCity, plan: Plan) -> float:
    """Single messages held a second, from devices without limits."""
    before = _received(city, FREE)
    seconds = min(8.0, plan.seconds)
    with _program(_task(city, FREE, "flood", seconds, 0.0, 1)) as finish:
        began = time.monotonic()
        told = finish()
    _await(lambda: _received(city, FREE) - before >= told.acknowledged, "capacity")
    return told.acknowledged / (time.monotonic() - began)


def _phase(city: FloodCity, plan: Plan, name: str, rows: int) -> Phase:
    processes = {role: psutil.Process(pid) for role, pid in city.processes.items()}
    before, flood_before = _counts(city), _used(processes)
    watch = _Watch(city, [CRITICAL, ROUTINE], processes)
    lead, group = 1.0 if rows else 0.0, FLOOD if rows == 1 else PACKS
    tasks = [_task(city, steadily, "steady", plan.seconds, plan.per_second, 1) for steadily in (CRITICAL, ROUTINE)]
    with _programs(tasks) as steady, watch.watching():
        if rows:
            with _program(_task(city, group, "flood", plan.seconds + lead, 0.0, rows)) as flood:
                flooding = _in_background(flood)
                time.sleep(lead)  # the flood stands before the measuring starts
                tolds = steady()
                fell = flooding()
        else:
            tolds, fell = steady(), Told(sent=0, acknowledged=0, bytes_sent=0, cut_off=0, turned_away=0)
        ended = time.monotonic()
        steady_acknowledged = {g: t.acknowledged for g, t in zip((CRITICAL, ROUTINE), tolds, strict=True)}
        _await(_Settled(city, before, steady_acknowledged), name)
        behind = max(0.0, time.monotonic() - ended - STILL_S)
        watch.look()
    after = _counts(city)
    came = {flow: [b - a for a, b in zip(before.get(flow, (0,) * 4), row, strict=True)] for flow, row in after.items()}
    flow = came.get(f"{group}-in", [0, 0, 0, 0])
    return Phase(
        name=name,
        seconds=plan.seconds,
        sides=tuple(watch.side(group, told) for group, told in zip((CRITICAL, ROUTINE), tolds, strict=True)),
        offered=fell.sent,
        offered_readings=fell.sent * rows,
        acknowledged=fell.acknowledged,
        cut_off=fell.cut_off,
        turned_away=fell.turned_away,
        shed=flow[3],
        admitted_of_flood=flow[1],
        behind_s=behind,
        resident_mb=watch.most_mb,
        cpu_s={role: used - flood_before[role] for role, used in _used(processes).items()},
    )


class _Settled:
    """Whether all is judged: every acknowledged message of the steady groups, and of the flood nothing came for a while.

    A pack is one row where it is shed and many where it is read, so that of the flood no number tells when all is there.
    """

    def __init__(self, city: FloodCity, before: Mapping[str, Sequence[int]], steady: Mapping[str, int]) -> None:
        self._city, self._before, self._steady = city, before, steady
        self._newest, self._since = -1, time.monotonic()

    def __call__(self) -> bool:
        after = _counts(self._city)
        in_all = sum(row[0] for row in after.values())
        if in_all != self._newest:
            self._newest, self._since = in_all, time.monotonic()
        came = {flow: row[0] - self._before.get(flow, (0,))[0] for flow, row in after.items()}
        heard = all(came.get(f"{group}-in", 0) >= count for group, count in self._steady.items())
        return heard and time.monotonic() - self._since > STILL_S


def _counts(city: FloodCity) -> dict[str, tuple[int, int, int, int]]:
    return {c.flow: (c.received, c.admitted, c.refused, c.shed) for c in city.counts()}


def _received(city: FloodCity, group: str) -> int:
    return _counts(city).get(f"{group}-in", (0, 0, 0, 0))[0]


def _await(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SETTLE_S
    while not true():
        if time.monotonic() > end:
            raise LinkError(f"{what}: not everything that was acknowledged is held after {SETTLE_S:.0f} s")
        time.sleep(POLL_S)


def _used(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    times = {role: process.cpu_times() for role, process in processes.items()}
    return {role: t.user + t.system for role, t in times.items()}


class _Watch:
    """Looks at what is held, and at memory, all the time."""

    def __init__(self, city: FloodCity, groups: Sequence[str], processes: Mapping[str, psutil.Process]) -> None:
        self._city, self._processes = city, processes
        self._devices = [d.id for group in groups for d in _of(city, group)]
        self._seen: dict[str, list[tuple[float, int]]] = {device: [] for device in self._devices}
        self.most_mb: dict[str, float] = {}

    def look(self) -> None:
        """Once."""
        rows = self._city.latest_of(self._devices)
        now = time.time()
        for row in rows:
            mine = self._seen[row.device]
            if not mine or mine[-1][1] < row.observed_at:
                mine.append((now, row.observed_at))
        for role, process in self._processes.items():
            self.most_mb[role] = max(self.most_mb.get(role, 0.0), process.memory_info().rss / 1e6)

    @contextmanager
    def watching(self) -> Generator[None]:
        """In a thread of its own."""
        stop = threading.Event()

        def main() -> None:
            while not stop.wait(POLL_S):
                self.look()

        thread = threading.Thread(target=main, name="watching")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def side(self, group: str, told: Told) -> Side:
        """What became of a group: a message is held from when its time, or a later one, is the newest held."""
        puback: list[float] = []
        holding: list[float] = []
        for device, sent in told.sent_at.items():
            acknowledged = told.acknowledged_at[device]
            puback += [b - a for a, b in zip(sent, acknowledged, strict=False)]
            holding += self._holding(device, sent)
        return Side(
            group=group,
            sent=told.sent,
            acknowledged=told.acknowledged,
            held=len(holding),
            cut_off=told.cut_off,
            puback=_times(puback),
            holding=_times(holding),
        )

    def _holding(self, device: str, sent: Sequence[float]) -> list[float]:
        seen = self._seen[device]
        newest = np.array([at for _, at in seen], dtype=np.int64)
        which = np.searchsorted(newest, np.array([int(at * 1e6) - 1 for at in sent], dtype=np.int64))
        return [seen[i][0] - at for i, at in zip(which.tolist(), sent, strict=True) if i < len(seen)]


def _times(took: Sequence[float]) -> Times:
    if not took:
        return Times(count=0, p50=0.0, p99=0.0, longest=0.0)
    p50, p99 = np.percentile(took, [50, 99]).tolist()
    return Times(count=len(took), p50=p50, p99=p99, longest=max(took))


def _of(city: FloodCity, group: str) -> list[BenchDevice]:
    return [device for device in city.devices if device.id.startswith(f"{group}-")]


def _task(city: FloodCity, group: str, kind: str, seconds: float, per_second: float, rows: int) -> Task:
    return Task(
        kind="flood" if kind == "flood" else "steady",
        port=city.mqtt_port,
        senders=tuple(Sender(d.id, d.password, d.http_key) for d in _of(city, group)),
        seconds=seconds,
        per_second=per_second,
        rows=rows,
        property=PROPERTY,
        unit=SENML_UNIT,
    )


@contextmanager
def _program(task: Task) -> Generator[Callable[[], Told]]:
    """The program, ready. Calling the result starts it and waits for what it tells."""
    command = [sys.executable, "-m", "cityward.adapters.bench.flooder"]
    pipe = subprocess.PIPE
    # the command is ours: no shell, no text from outside
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)  # noqa: S603
    assert process.stdin is not None and process.stdout is not None
    stdin, stdout = process.stdin, process.stdout
    try:
        stdin.write(msgspec.json.encode(task).decode() + "\n")
        stdin.flush()
        if stdout.readline() != "ready\n":
            raise LinkError("the load did not start")

        def finish() -> Told:
            stdin.write("go\n")
            stdin.flush()
            line = stdout.readline()
            if not line:
                raise LinkError("the load failed")
            return msgspec.json.decode(line.encode(), type=Told)

        yield finish
    finally:
        process.kill()
        process.wait()
        stdin.close()
        stdout.close()


@contextmanager
def _programs(tasks: Sequence[Task]) -> Generator[Callable[[], list[Told]]]:
    """Several programs that start together."""
    if not tasks:
        yield list
        return
    with _program(tasks[0]) as first, _programs(tasks[1:]) as rest:

        def finish() -> list[Told]:
            others = _in_background(rest)
            return [first(), *others()]

        yield finish


def _in_background(work: Callable[[], T]) -> Callable[[], T]:
    """Start it on a thread; calling the result waits for it."""
    out: list[T] = []
    failed: list[BaseException] = []

    def main() -> None:
        try:
            out.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=main)
    thread.start()

    def wait() -> T:
        thread.join()
        if failed:
            raise failed[0]
        return out[0]

    return wait

"""`cityward bench doors`: how fast devices come in at the broker, and how fast they are out again.

All devices connect by MQTT and stay. Then some are revoked one by one, and the rest are barred at once, as in the isolation of a
supplier. What is measured is what a device sees: from the moment the state store is told, until its connection is closed; and
whether it is turned away when it comes again. Everything runs on this one machine, the devices included.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec
import psutil

from cityward.adapters.bench.city import BenchCity, BenchDevice
from cityward.adapters.bench.generator import connect_packet
from cityward.errors import LinkError

AT_ONCE = 64  # that are on their way in: more wait in line, as a street does behind its gateway
AGAIN = 100  # of those barred at once come again
WITHIN_S = 120.0
LET_IN = b"\x20\x02\x00\x00"

T = TypeVar("T")
Tell = Callable[[str], None]


class BarringCity(BenchCity, Protocol):
    """A running city whose devices can be shut out."""

    def revoke(self, device: str) -> None:
        """Take its credential away, as `cityward device revoke` does."""
        ...

    def isolate(self, devices: Sequence[str]) -> None:
        """Bar them all in one step."""
        ...


class Shut(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, in seconds.

    entered_s: until all were in; entry_ms: (median, 99th percentile, largest) of one. revoked_s: (median, largest) from the order
    to the closed connection, one device at a time. isolated_s: from the order until the last of `isolated` was cut off,
    and stored_s of it the order itself. refused: of `again` that came again at once, how many were turned away.
    cpu_s: processor seconds that each process used for the isolation: they say more where other work runs on the machine.
    """

    devices: int
    entered_s: float
    entry_ms: tuple[float, float, float]
    revocations: int
    revoked_s: tuple[float, float]
    isolated: int
    isolated_s: float
    stored_s: float
    cpu_s: dict[str, float]
    again: int
    refused: int


@dataclass(slots=True)
class _Inside:
    """One device's connection, which does nothing but stay."""

    device: BenchDevice
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


def bench_doors(city: BarringCity, revocations: int, tell: Tell) -> Shut:
    """Measure; see the module.

    Raises:
        LinkError: a device that should be in is not let in, or one that should be out is never cut off.
    """
    _allow_files(len(city.devices) + 512)
    return asyncio.run(_measured(city, revocations, tell))


async def _measured(city: BarringCity, revocations: int, tell: Tell) -> Shut:
    devices = city.devices
    tell(f"{len(devices):,} devices come in")
    began = time.perf_counter()
    slots = asyncio.Semaphore(AT_ONCE)
    took: list[float] = []
    inside = await asyncio.gather(*(_come_in(city.mqtt_port, device, slots, took) for device in devices))
    entered_s = time.perf_counter() - began
    tell(f"{revocations} are revoked, one by one")
    cut = [await _until_out([one], lambda one=one: city.revoke(one.device.id)) for one in inside[:revocations]]
    rest = inside[revocations:]
    tell(f"{len(rest):,} are barred at once")
    before = _cpu(city)
    stored_s, isolated_s = await _until_out(rest, lambda: city.isolate([one.device.id for one in rest]))
    used = {role: seconds - before.get(role, 0.0) for role, seconds in _cpu(city).items()}
    again = rest[:AGAIN]
    answers = await asyncio.gather(*(_answer(city.mqtt_port, one.device, slots) for one in again))
    took.sort()
    total = sorted(out for _, out in cut)
    return Shut(
        devices=len(devices),
        entered_s=entered_s,
        entry_ms=(1e3 * took[len(took) // 2], 1e3 * took[int(0.99 * (len(took) - 1))], 1e3 * took[-1]),
        revocations=revocations,
        revoked_s=(total[len(total) // 2], total[-1]),
        isolated=len(rest),
        isolated_s=isolated_s,
        stored_s=stored_s,
        cpu_s={role: round(seconds, 2) for role, seconds in used.items() if seconds >= 0.005},
        again=len(again),
        refused=sum(answer != LET_IN for answer in answers),
    )


async def _come_in(port: int, device: BenchDevice, slots: asyncio.Semaphore, took: list[float]) -> _Inside:
    async with slots:
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(connect_packet(device.id, device.password))
        answer = await _in_time(reader.readexactly(4))
        took.append(time.perf_counter() - began)
    if answer != LET_IN:
        raise LinkError(f"{device.id} was not let in: {answer.hex()}")
    return _Inside(device, reader, writer)


async def _answer(port: int, device: BenchDevice, slots: asyncio.Semaphore) -> bytes:
    """What the broker says to one who comes; nothing when it hangs up."""
    async with slots:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(connect_packet(device.id, device.password))
            return await _in_time(reader.read(4))
        except ConnectionError:
            return b""
        finally:
            writer.close()


async def _until_out(those: Sequence[_Inside], order: Callable[[], None]) -> tuple[float, float]:
    """(seconds until the order was given, until the last connection was closed)."""
    began = time.perf_counter()

    def ordering() -> float:
        order()
        return time.perf_counter() - began

    ordered = asyncio.create_task(asyncio.to_thread(ordering))
    await _in_time(asyncio.gather(*(_closed(one) for one in those)))
    out = time.perf_counter() - began
    return await ordered, out


async def _closed(one: _Inside) -> None:
    try:
        await one.reader.read()
    except ConnectionError:
        pass
    finally:
        one.writer.close()


async def _in_time(work: Awaitable[T]) -> T:
    async with asyncio.timeout(WITHIN_S):
        return await work


def _cpu(city: BenchCity) -> dict[str, float]:
    """Processor seconds of each process by now."""
    times = {role: psutil.Process(pid).cpu_times() for role, pid in city.processes.items()}
    return {"bench": time.process_time()} | {role: t.user + t.system for role, t in times.items()}


def _allow_files(count: int) -> None:
    """Room for so many sockets.

    Raises:
        LinkError: the system does not allow it.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in {resource.RLIM_INFINITY} and hard < count:
        raise LinkError(f"{count:,} open files are needed, the system allows {hard:,}", mend="name fewer --devices")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else hard, hard))

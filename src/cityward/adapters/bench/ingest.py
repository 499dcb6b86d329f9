"""`cityward bench ingest`: the three ways in, with the gate on and off, and the peer, one after another in one run.

Each case sends from devices of its own (times must rise), all connections stand and all bodies are encoded before the clock
starts, and a small load goes first to warm everything up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cityward.adapters.bench.city import PROPERTY, SENML_UNIT, BenchCity, BenchDevice, StartCity
from cityward.adapters.bench.generator import Load, Sender
from cityward.adapters.bench.measure import Held, Measurement, measure
from cityward.adapters.bench.peer import find_mosquitto, running_peer
from cityward.errors import LinkError

GATED, UNGATED, PEER = "cityward, gate on", "cityward, gate off", "mosquitto + paho + SQLite"


@dataclass(frozen=True, slots=True)
class Case:
    """One way in: `senders` devices send together `observations`, `rows` to a message."""

    name: str
    door: Literal["mqtt", "http"]
    rows: int
    senders: int
    observations: int

    def load(self, port: int, devices: Sequence[BenchDevice], window: int = 200) -> Load:
        """The load, its times ending now."""
        return Load(
            door=self.door,
            port=port,
            senders=tuple(Sender(d.id, d.password, d.http_key) for d in devices),
            messages=max(1, self.observations // (self.rows * len(devices))),
            rows=self.rows,
            property=PROPERTY,
            unit=SENML_UNIT,
            until_us=time.time_ns() // 1000,
            window=window,
        )


def cases(observations: int) -> tuple[Case, ...]:
    """The three ways in; `observations` for the single messages, ten times that for packs and batches."""
    return (
        Case("MQTT, single messages", "mqtt", 1, 100, observations),
        Case("MQTT, SenML packs of 50", "mqtt", 50, 100, observations * 10),
        Case("HTTP, batches of 100", "http", 100, 32, observations * 10),
    )


WARM_UP = Case("warm-up", "mqtt", 10, 10, 5_000)
Tell = Callable[[str], None]


def bench_ingest(
    folder: Path, start_city: StartCity, *, devices: int, observations: int, tell: Tell
) -> list[Measurement]:
    """Run all of it. `tell` hears what goes on, and what was skipped.

    Raises:
        LinkError: something did not start, or the counts do not balance.
    """
    found: list[Measurement] = []
    for name, gate in ((GATED, True), (UNGATED, False)):
        tell(f"{name}: starting a city of {devices} devices")
        with start_city(folder / ("gated" if gate else "ungated"), devices, gate) as city:
            found.extend(_measure_city(name, city, cases(observations), tell))
    found.extend(_measure_peer(folder, cases(observations), tell))
    return found


def _measure_city(name: str, city: BenchCity, wanted: Sequence[Case], tell: Tell) -> list[Measurement]:
    found: list[Measurement] = []
    spare = list(city.devices)
    for case in (WARM_UP, *wanted):
        chosen, spare = spare[: case.senders], spare[case.senders :]
        if len(chosen) < case.senders:
            raise LinkError(f"the city has too few devices for {case.name}", mend="give --devices 300 or more")
        port = city.mqtt_port if case.door == "mqtt" else city.http_port
        one = measure(name, case.name, case.load(port, chosen), city.processes, lambda: _held(city), city.room_seconds)
        _check(one)
        if case is not WARM_UP:
            tell(f"{name}: {case.name}: {one.rate:,.0f}/s")
            found.append(one)
    return found


def _held(city: BenchCity) -> Held:
    counts = city.counts()
    return Held(
        received=sum(c.received for c in counts),
        admitted=sum(c.admitted for c in counts),
        refused=sum(c.refused for c in counts),
        shed=sum(c.shed for c in counts),
    )


def _check(one: Measurement) -> None:
    """# INVARIANT: every observation sent was admitted, once: what the rate counts is held."""
    if one.held.admitted != one.observations or one.held.received != one.observations:
        raise LinkError(
            f"{one.system}, {one.case}: sent {one.observations}, received {one.held.received}, "
            f"admitted {one.held.admitted}, refused {one.held.refused}, shed {one.held.shed}"
        )


def _measure_peer(folder: Path, wanted: Sequence[Case], tell: Tell) -> list[Measurement]:
    binary = find_mosquitto()
    if binary is None:
        tell("SKIPPED: the peer. Mosquitto is not installed (Debian: apt install mosquitto)")
        return []
    found: list[Measurement] = []
    anyone = [BenchDevice(f"bench-{n:04d}", "-", "-") for n in range(100)]
    for nth, case in enumerate(c for c in wanted if c.door == "mqtt"):
        tell(f"{PEER}: {case.name}")
        with running_peer(binary, folder / f"peer-{nth}") as peer:

            def rows(held: Callable[[], int] = peer.held) -> Held:
                return Held(received=(n := held()), admitted=n)

            warm = WARM_UP.load(peer.mqtt_port, anyone[: WARM_UP.senders])
            measure(PEER, WARM_UP.name, warm, peer.processes, rows)
            load = case.load(peer.mqtt_port, anyone[: case.senders])
            one = measure(PEER, case.name, load, peer.processes, rows)
        _check(one)
        tell(f"{PEER}: {case.name}: {one.rate:,.0f}/s")
        found.append(one)
    return found

"""`cityward bench ingest`: the three ways in, with the gate on and off, and the peer, in turns, in one run.

Each measurement sends from devices of its own (times must rise), all connections stand and all bodies are encoded before the
clock starts, and a small load goes first to warm everything up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from cityward.adapters.bench.city import PROPERTY, SENML_UNIT, BenchCity, BenchDevice, StartCity
from cityward.adapters.bench.generator import Load, Sender
from cityward.adapters.bench.measure import Held, Measurement, measure
from cityward.adapters.bench.peer import Peer, find_mosquitto, running_peer
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


class Target(Protocol):
    """What is measured: a city with its gate on or off, or the peer."""

    name: str

    def takes(self, case: Case) -> bool:
        """Whether it has this way in."""
        ...

    def measure(self, case: Case) -> Measurement: ...


def bench_ingest(
    folder: Path, start_city: StartCity, *, devices: int, observations: int, rounds: int, tell: Tell
) -> list[Measurement]:
    """Run all of it, `rounds` times. Everything measured stands at once and takes turns, case by case, so that what else the
    machine does meanwhile meets all alike. `tell` hears what goes on, and what was skipped.

    Raises:
        LinkError: something did not start, or the counts do not balance.
    """
    found: list[Measurement] = []
    with ExitStack() as stack:
        targets = _targets(folder, start_city, devices, stack, tell)
        for target in targets:
            target.measure(WARM_UP)
        for case in cases(observations):
            for nth in range(1, rounds + 1):
                for target in (t for t in targets if t.takes(case)):
                    one = target.measure(case)
                    tell(f"{case.name}, round {nth} of {rounds}, {target.name}: {one.rate:,.0f}/s")
                    found.append(one)
    return found


def _targets(folder: Path, start_city: StartCity, devices: int, stack: ExitStack, tell: Tell) -> list[Target]:
    targets: list[Target] = []
    for name, gate in ((GATED, True), (UNGATED, False)):
        tell(f"{name}: starting a city of {devices} devices")
        city = stack.enter_context(start_city(folder / ("gated" if gate else "ungated"), devices, gate))
        targets.append(_CityTarget(name, city))
    if (binary := find_mosquitto()) is None:
        tell("SKIPPED: the peer. Mosquitto is not installed (Debian: apt install mosquitto)")
    else:
        targets.append(_PeerTarget(stack.enter_context(running_peer(binary, folder / "peer"))))
    return targets


class _CityTarget:
    """A city. Each measurement has devices that did not speak before, for their times must rise."""

    def __init__(self, name: str, city: BenchCity) -> None:
        self.name, self._city, self._spare = name, city, list(city.devices)

    def takes(self, case: Case) -> bool:
        """See `Target`."""
        return True

    def measure(self, case: Case) -> Measurement:
        """See `Target`."""
        city, chosen = self._city, self._spare[: case.senders]
        self._spare = self._spare[case.senders :]
        if len(chosen) < case.senders:
            raise LinkError(f"too few devices are left for {case.name}", mend="more --devices, or fewer --rounds")
        port = city.mqtt_port if case.door == "mqtt" else city.http_port
        load = case.load(port, chosen)
        return _checked(measure(self.name, case.name, load, city.processes, self._held, city.room_seconds))

    def _held(self) -> Held:
        counts = self._city.counts()
        return Held(
            received=sum(c.received for c in counts),
            admitted=sum(c.admitted for c in counts),
            refused=sum(c.refused for c in counts),
            shed=sum(c.shed for c in counts),
        )


class _PeerTarget:
    """The peer knows no devices, so that any will do; and no HTTP."""

    name = PEER

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def takes(self, case: Case) -> bool:
        """See `Target`."""
        return case.door == "mqtt"

    def measure(self, case: Case) -> Measurement:
        """See `Target`."""
        anyone = [BenchDevice(f"bench-{n:04d}", "-", "-") for n in range(case.senders)]
        load = case.load(self._peer.mqtt_port, anyone)
        return _checked(measure(PEER, case.name, load, self._peer.processes, self._held))

    def _held(self) -> Held:
        return Held(received=(n := self._peer.held()), admitted=n)


def _checked(one: Measurement) -> Measurement:
    """# INVARIANT: every observation sent was admitted, once: what the rate counts is held."""
    if one.held.admitted != one.observations or one.held.received != one.observations:
        raise LinkError(
            f"{one.system}, {one.case}: sent {one.observations}, received {one.held.received}, "
            f"admitted {one.held.admitted}, refused {one.held.refused}, shed {one.held.shed}"
        )
    return one


def devices_needed(rounds: int) -> int:
    """How many devices so many rounds use up."""
    return WARM_UP.senders + rounds * sum(case.senders for case in cases(1))

"""The place whose console is measured, and its changes: made here, from a seed; nothing of it is recorded.

Devices stand anywhere on the map of the demonstration city. Every tenth group are lamps, whose glow on the map changes with their
level; of the others only values change. The changes of a second come in four commits, as workers gather them.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cityward.errors import LinkError
from cityward.runtime.ports import BatchEffects, FlowCount, Latest, State

IN_GROUP = 50
LAMPS_EVERY = 10  # every tenth group
COMMITS_PER_S = 4
SPREAD = (0.09, 0.05)  # degrees east-west and north-south, half of the whole
KINDS = (
    ("counter", "vehicle-count", 0.0, 60.0),
    ("speed", "vehicle-speed", 2.0, 25.0),
    ("weather", "air-temperature", 2.0, 14.0),
    ("air", "pm2-5", 3.0, 40.0),
)
LAMP = ("lamp", "lamp-level", 10.0, 100.0)


@dataclass(frozen=True, slots=True)
class Channel:
    """One device's one property: what it may read, and the flow it comes by."""

    device: str
    property: str
    low: float
    high: float
    flow: str


def groups_of(devices: int) -> list[tuple[str, tuple[str, str, float, float], int]]:
    """(group, its kind, how many members); at least one of lamps."""
    sizes = [min(IN_GROUP, devices - at) for at in range(0, devices, IN_GROUP)]
    kinds = [LAMP if n % LAMPS_EVERY == 0 else KINDS[n % len(KINDS)] for n in range(len(sizes))]
    return [(f"{kind[0]}-{n:03d}", kind, size) for n, (kind, size) in enumerate(zip(kinds, sizes, strict=True))]


def declaration(devices: int, centre: tuple[float, float]) -> dict[str, object]:
    """A place of so many devices around a point (lon, lat)."""
    groups = groups_of(devices)
    kinds = {kind[0]: kind for _, kind, _ in groups}
    chance = random.Random(1)  # noqa: S311 - where lamps stand is no secret
    return {
        "place": "bench",
        "name": "The city under measurement",
        "position": list(centre),
        "responsible": "council",
        "platform": "cityward",
        "parties": {"council": {"kind": "public-body", "incorporated_in": "xa"}},
        "jurisdictions": {"xa": {"code": "XA", "kind": "state"}},
        "purposes": {"measuring": {}},
        "sites": {"street": {"jurisdiction": "xa", "operator": "council", "tags": ["street"]}},
        "systems": {"cityward": {"kind": "platform", "site": "street", "operator": "council"}},
        "device_models": {name: _model(kind) for name, kind in kinds.items()},
        "datasets": {
            "readings": {
                "personal": False,
                "sensitivity": "public",
                "retention_days": 1,
                "properties": sorted({kind[1] for kind in kinds.values()}),
            }
        },
        "devices": {group: _group(kind, size, centre, chance) for group, kind, size in groups},
        "flows": {f"from-{group}": _flow(group) for group, _, _ in groups},
    }


def _model(kind: tuple[str, str, float, float]) -> dict[str, object]:
    model: dict[str, object] = {"maker": "council", "format": "senml", "properties": {kind[1]: {}}}
    if kind is LAMP:
        model["commands"] = {"dim": {"sets": kind[1], "low": 10, "high": 100, "per_hour": 30, "fail_safe": 100}}
    return model


def _group(
    kind: tuple[str, str, float, float], size: int, centre: tuple[float, float], chance: random.Random
) -> dict[str, object]:
    where = [
        [
            round(centre[0] + chance.uniform(-1, 1) * SPREAD[0], 6),
            round(centre[1] + chance.uniform(-1, 1) * SPREAD[1], 6),
        ]
        for _ in range(size)
    ]
    return {"model": kind[0], "site": "street", "owner": "council", "positions": where}


def _flow(group: str) -> dict[str, object]:
    return {
        "from": group,
        "to": "cityward",
        "datasets": ["readings"],
        "purpose": "measuring",
        "protocol": "mqtt",
        "observability": "enforced",
    }


class Changing:
    """Values of the channels, a new one for each in turn. `sent`: how many until now."""

    def __init__(self, state: State, channels: Sequence[Channel], per_s: int) -> None:
        self._state, self._channels, self._per_s = state, channels, per_s
        self._chance = random.Random(2)  # noqa: S311
        self._order = list(range(len(channels)))
        self._chance.shuffle(self._order)
        self.sent = 0
        self.late = 0  # commits that came later than their time

    def fill(self) -> None:
        """A first value of every channel, so that all devices are heard."""
        for at in range(0, len(self._channels), 1000):
            self._commit(self._channels[at : at + 1000])

    @contextmanager
    def going_on(self) -> Generator[None]:
        """So many changes a second, from a thread, until the end.

        Raises:
            LinkError: the store did not take them.
        """
        stop = threading.Event()
        failed: list[BaseException] = []

        def write() -> None:
            try:
                self._until(stop)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=write, name="changing")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if failed:
            raise LinkError(f"the changes ended early: {failed[0]}")

    def _until(self, stop: threading.Event) -> None:
        due, at = time.monotonic(), 0
        count = max(1, self._per_s // COMMITS_PER_S)
        while not stop.is_set():
            chosen = [self._channels[self._order[(at + n) % len(self._order)]] for n in range(count)]
            at = (at + count) % len(self._order)
            self._commit(chosen)
            due += 1 / COMMITS_PER_S
            left = due - time.monotonic()
            self.late += left < 0
            stop.wait(max(0.0, left))

    def _commit(self, channels: Sequence[Channel]) -> None:
        now = time.time_ns() // 1000
        rows, flows = list[Latest](), dict[str, int]()
        for channel in channels:
            self.sent += 1
            reading = round(self._chance.uniform(channel.low, channel.high), 2)
            rows.append(Latest(channel.device, channel.property, reading, now, now, self.sent))
            flows[channel.flow] = flows.get(channel.flow, 0) + 1
        counts = [FlowCount(flow, n, n, 0, 0) for flow, n in flows.items()]
        self._state.apply(BatchEffects(upto={0: self.sent}, counts=counts, latest=rows))

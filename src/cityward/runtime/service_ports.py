"""What the service runner needs of the world, how often it turns, and what it counts.

Each port that may be None is a part the city runs without. Every method that touches the world raises `LinkError` when the world
does not answer, and nothing else on purpose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cityward.insight.marks import Mark
from cityward.runtime.ports import CommandLink, EventSink, Ledger, LogReader, ServiceBook, StateReader
from cityward.time import HOUR, MINUTE, SECOND
from cityward.watch.findings import DeviceStanding


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long, in city us; deadlines of calls in real seconds.

    speed: city seconds in a real second. tick_us: between two turns of the services. answer_us: how long an actuator may take.
    expected_us: between two refreshes of the expected ranges.
    """

    speed: float = 1.0
    tick_us: int = MINUTE
    answer_us: int = 30 * SECOND
    expected_us: int = 6 * HOUR
    longest_wait_s: float = 1.0
    call_s: float = 5.0
    refresh_s: float = 600.0

    @classmethod
    def at_speed(cls, speed: float) -> Pace:
        """For a city clock `speed` times as fast: never quicker than a turn a real second, and five real seconds to answer."""
        return cls(
            speed=speed,
            tick_us=max(MINUTE, round(speed * SECOND)),
            answer_us=max(30 * SECOND, round(speed * 5 * SECOND)),
        )


class Memories(Protocol):
    """What the services remember, as JSON."""

    def memories(self) -> Mapping[str, bytes]:
        """Service -> its memory as it was kept last."""
        ...

    def keep_memories(self, memories: Mapping[str, bytes], at_us: int) -> None:
        """In one transaction, in the place of what was kept before."""
        ...


@dataclass(frozen=True, slots=True)
class RunnerPorts:
    """What the runner needs of the world. `now_us` is the city's clock; `refresh_expected` renews the expected ranges."""

    reader: StateReader
    book: ServiceBook
    ledger: Ledger
    link: CommandLink
    acks: LogReader
    now_us: Callable[[], int]
    refresh_expected: Callable[[int], None] | None = None
    standings: Callable[[], Sequence[DeviceStanding]] | None = None
    marks: Callable[[], Sequence[Mark]] | None = None
    barred: Callable[[], frozenset[str]] | None = None
    one_source: Callable[[], frozenset[frozenset[str]]] | None = None  # pairs of devices that the watch saw to be one
    events: EventSink | None = None  # the watch is told there what was commanded and what was answered
    memories: Memories | None = None


@dataclass(slots=True)
class RunnerProgress:
    """What was done since the start, for metrics. `refused` by reason word; `left_out` readings of the last turn, by reason.

    faults: service -> how often it failed, or its memory could not be kept or read.
    """

    turns: int = 0
    proposed: int = 0
    shed: int = 0
    sent: int = 0
    acknowledged: int = 0
    rejected: int = 0
    timed_out: int = 0
    acks_unreadable: int = 0
    acks_stray: int = 0
    link_errors: int = 0
    service_errors: int = 0
    refreshes: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    left_out: Counter[str] = field(default_factory=Counter[str])
    made_safe: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])

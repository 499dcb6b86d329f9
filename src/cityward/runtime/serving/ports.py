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
from cityward.runtime.overriding import Overrides
from cityward.runtime.ports import CommandLink, EventSink, Ledger, LogReader, ServiceBook, StateReader
from cityward.runtime.serving.jobs import Works
from cityward.runtime.serving.kept import ServiceKeeper
from cityward.runtime.serving.notices import AlertRows
from cityward.time import HOUR, MINUTE, SECOND
from cityward.watch.findings import DeviceStanding


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long, in city us; deadlines of calls in real seconds.

    speed: city seconds in a real second. tick_us: between two turns of the services. answer_us: how long an actuator may take.
    expected_us: between two refreshes of the expected ranges. windows_us: between two readings of the past that a service asks
    for; windows_apart_s: and no more often than that in real seconds, however fast the city's clock is.
    """

    speed: float = 1.0
    tick_us: int = MINUTE
    answer_us: int = 30 * SECOND
    expected_us: int = 6 * HOUR
    longest_wait_s: float = 1.0
    call_s: float = 5.0
    refresh_s: float = 600.0
    windows_us: int = HOUR
    windows_apart_s: float = 20.0

    @classmethod
    def at_speed(cls, speed: float) -> Pace:
        """For a city clock `speed` times as fast: never quicker than a turn a real second, and five real seconds to answer."""
        return cls(
            speed=speed,
            tick_us=max(MINUTE, round(speed * SECOND)),
            answer_us=max(30 * SECOND, round(speed * 5 * SECOND)),
        )


class Pasts(Protocol):
    """Where the past is held (`runtime.ports.History`)."""

    def window(
        self, device: str, properties: Sequence[str], since_us: int, until_us: int, most: int
    ) -> Sequence[tuple[str, int, float]]:
        """(property, observed_at, value) of one device, oldest first; the newest `most` if there are more."""
        ...


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """The newest admitted body of a flow that carries documents. `received_at` in city us."""

    body: bytes
    received_at: int


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
    keeper: ServiceKeeper | None = None
    pasts: Pasts | None = None
    works: Works | None = None
    overrides: Overrides | None = None  # what persons hold at a value, and what waits for them
    documents: Callable[[Sequence[str]], Mapping[str, HeldDocument]] | None = None  # by flow, of those named
    alert_rows: AlertRows | None = None


@dataclass(slots=True)
class RunnerProgress:
    """What was done since the start, for metrics. `refused` by reason word; `left_out` readings of the last turn, by reason.

    faults: service -> how often it failed, or its memory could not be kept or read. plans: `issued`, and how they ended. jobs:
    `done`, `failed`, `shed`. notices: service -> how many stand. turn_shed: part of a turn -> how much of it was malformed or
    too much.
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
    plans: Counter[str] = field(default_factory=Counter[str])
    plans_refused: Counter[str] = field(default_factory=Counter[str])
    jobs: Counter[str] = field(default_factory=Counter[str])
    notices: dict[str, int] = field(default_factory=dict[str, int])
    memory_bytes: dict[str, int] = field(default_factory=dict[str, int])
    turn_shed: Counter[str] = field(default_factory=Counter[str])

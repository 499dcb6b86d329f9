"""What is going on at one moment, as the service makes it of a view: what it shows, tells and proposes is made of this alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cityward.services.transport.fleet import Ignored, Spot, Standstill
from cityward.services.transport.headways import Headway
from cityward.services.transport.memory import Learned
from cityward.services.transport.runs import Arrival, Run
from cityward.transit.realtime import Feed, VehiclePosition
from cityward.transit.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Picture:
    """Times POSIX s. feeds: the fresh ones; none: nothing is known but the timetable. at_s: when they were made.

    aimed: (trip, stop) -> when it should leave by the timetable. troubles: why a document is not used.
    """

    now_s: int
    table: Timetable | None = None
    troubles: tuple[str, ...] = ()
    feeds: tuple[Feed, ...] = ()
    at_s: int = 0
    runs: tuple[Run, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    aimed: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    cancelled: frozenset[str] = frozenset()
    headways: tuple[Headway, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    standstills: tuple[Standstill, ...] = ()
    believed: Mapping[str, VehiclePosition] = field(default_factory=dict[str, VehiclePosition])
    spots: Mapping[str, Spot] = field(default_factory=dict[str, Spot])
    learned: Learned = field(default_factory=Learned)

    @property
    def live(self) -> bool:
        """Whether there is a fresh feed."""
        return bool(self.feeds)

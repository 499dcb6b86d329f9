"""What one running web door keeps: its doors, and what was built over them once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock

from cityward.reach.chains import FlowGraph, flow_graph
from cityward.reach.exposure.compile import place_on
from cityward.reach.notices import Notices, notices_of
from cityward.reach.picture import Picture, layout
from cityward.reach.questions import Reach
from cityward.reach.regrown import layout_after
from cityward.time import MINUTE, from_us
from cityward.watch.suppliers import Suppliers
from cityward.web.accounts.challenges import Challenges
from cityward.web.accounts.oidc import Asked, Provider
from cityward.web.accounts.proofs import Proofs
from cityward.web.accounts.reads import Reads
from cityward.web.accounts.sight import Sights
from cityward.web.gcra import Gcra
from cityward.web.glances import Glances
from cityward.web.identity import Reception
from cityward.web.live import Feed
from cityward.web.meters import Meters
from cityward.web.ports import Doors
from cityward.web.shares import Shares
from cityward.web.speakers import Speakers
from cityward.web.turns import Turns

BODY_BUDGET = 64 << 20  # bytes of request bodies held at one time, by all callers together
MOST_DEVICES = 200_000


class Budget:
    """Bytes that may still be held."""

    def __init__(self, total: int) -> None:
        self.left = total

    def take(self, count: int) -> bool:
        """False when there is not that much left."""
        if count > self.left:
            return False
        self.left -= count
        return True

    def give_back(self, count: int) -> None:
        """What was taken."""
        self.left += count


class DeviceRates:
    """Messages per minute of each device, in city time.

    The limit is the gate's own (`messages_per_minute` in fixed minutes) with two minutes' worth at once: whatever the gate
    would take passes here, and a flood ends at the door instead of in the log.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._taken = Gcra(MOST_DEVICES)

    def take(self, device: str, per_minute: int, messages: int) -> int:
        """0 when let through, else the machine's microseconds to wait."""
        now_us = round(time.monotonic_ns() / 1000 * self._speed)
        wait = self._taken.take(device, now_us, max(1, MINUTE // per_minute), 2 * per_minute, messages)
        return round(wait / self._speed)


class ReachToday:
    """Who can reach what, as declared for the city's day. Closed when first asked on a day, in the asker's thread."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._lock = Lock()
        self._closed: tuple[date, Reach] | None = None

    def __call__(self) -> Reach:
        """The closed place."""
        doors, today = self._doors, from_us(self._doors.city_now_us()).date()
        with self._lock:
            if self._closed is None or self._closed[0] != today:
                self._closed = (today, Reach(place_on(doors.place, today), doors.digest, doors.where))
            return self._closed[1]


class NoticesToday:
    """What anybody may know of what is sensed here; made again when the place is closed anew."""

    def __init__(self, reach: ReachToday) -> None:
        self._reach = reach
        self._made: tuple[Reach, Notices] | None = None

    def __call__(self) -> Notices:
        """All of the place."""
        reach = self._reach()
        made = self._made
        if made is None or made[0] is not reach:
            made = self._made = reach, notices_of(reach.place, reach.exposure, reach.digest)
        return made[1]


class SuppliersToday:
    """Who answers for what, by the agreements in force on the city's day."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._made: tuple[date, Suppliers] | None = None

    def __call__(self) -> Suppliers:
        """All of the place."""
        today, made = from_us(self._doors.city_now_us()).date(), self._made
        if made is None or made[0] != today:
            made = self._made = today, Suppliers(self._doors.place, today)
        return made[1]


class ChainDrawn:
    """The chain picture: laid out when it is first asked for, so that what was drawn before keeps its place.

    What was added since may stand where there was room. `tidy` is the same laid out as if nothing had been drawn before: it is
    kept for who asks again, never as the picture that the next one follows.
    """

    def __init__(self, doors: Doors, graph: FlowGraph) -> None:
        self._doors, self._graph = doors, graph
        self._lock = Lock()
        self._made: Picture | None = None
        self._tidy: Picture | None = None

    def __call__(self, tidy: bool = False) -> Picture:
        """All of it. In a thread."""
        with self._lock:
            if tidy:
                self._tidy = self._tidy or layout(self._graph)
                return self._tidy
            if self._made is None:
                kept = self._doors.drawn
                before = kept.before() if kept else None
                made = self._made = layout(self._graph) if before is None else layout_after(self._graph, before)
                if kept is not None and made != before:
                    kept.keep(made)
            return self._made


@dataclass(frozen=True, slots=True)
class Desk:
    """One per app."""

    doors: Doors
    reception: Reception
    feed: Feed
    meters: Meters
    budget: Budget
    rates: DeviceRates
    graph: FlowGraph
    drawn: ChainDrawn
    suppliers: SuppliersToday
    reach: ReachToday
    notices: NoticesToday
    groups: dict[str, Sequence[int]]  # declared device -> its units
    sights: Sights
    reads: Reads
    proofs: Proofs
    provider: Provider | None
    asked: Challenges[Asked]  # of the OpenID provider
    speakers: Speakers
    whatif: Turns
    lessening: Turns
    following: Turns
    moments: Turns
    drawing: Turns
    filing: Shares
    exports: Shares
    glances: Glances


def set_up(doors: Doors) -> Desk:
    """The desk for these doors."""
    groups: dict[str, list[int]] = {}
    for number, unit in enumerate(doors.registry.units):
        groups.setdefault(unit.group, []).append(number)
    reception, sights, reads = Reception(doors), Sights(doors.place, doors.registry), Reads(doors)
    feed, reach = Feed(doors, reception, sights, reads), ReachToday(doors)
    reception.on_end = feed.end_session
    graph = flow_graph(doors.place)
    return Desk(
        doors=doors,
        reception=reception,
        feed=feed,
        meters=Meters(),
        budget=Budget(BODY_BUDGET),
        rates=DeviceRates(doors.clock.speed),
        graph=graph,
        drawn=ChainDrawn(doors, graph),
        suppliers=SuppliersToday(doors),
        reach=reach,
        notices=NoticesToday(reach),
        groups={group: tuple(units) for group, units in groups.items()},
        sights=sights,
        reads=reads,
        proofs=Proofs(doors),
        provider=None if doors.oidc is None else Provider(doors.oidc),
        asked=Challenges(),
        speakers=Speakers(doors.place, doors.registry),
        whatif=Turns(),
        lessening=Turns(waiting=4),
        following=Turns(kept=1),
        moments=Turns(running=2, waiting=6, kept=0),  # what is erased is told no more: no answer is kept
        drawing=Turns(kept=8),
        filing=Shares("steps of incident files", places=5, share=2),
        exports=Shares("archives", places=2, share=1),
        glances=Glances(),
    )

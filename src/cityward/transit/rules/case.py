"""What a rule is, what it is shown, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from cityward.transit.realtime import Alert, Feed, Trip, TripUpdate, VehiclePosition
from cityward.transit.timetable import Timetable


class Severity(Enum):
    """As the published rules have it."""

    ERROR = "error"
    WARNING = "warning"


class Need(Enum):
    """What a rule must be shown beside the feed; a rule whose need is not met is not checked."""

    TIMETABLE = "a timetable"
    BEFORE = "the feed before"
    NOW = "the time of day"
    RECEIVED = "the moment it was received"
    BOTH = "trip updates and vehicle positions"


@dataclass(frozen=True, slots=True)
class Memory:
    """What the next feed is held against. timestamp: of its header, POSIX s, 0 where not said. content: digest of its entities.

    received: POSIX s when it came, None where that is not known.
    """

    timestamp: int
    content: str
    received: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One feed and what is known around it.

    beside: the feed of the other kind (vehicle positions beside trip updates) where they come apart. now: POSIX s, a moment at
    which the feed was already there. received: when it came; None for a file that nobody knows the age of.
    """

    feed: Feed
    timetable: Timetable | None = None
    before: Memory | None = None
    beside: Feed | None = None
    now: int | None = None
    received: int | None = None
    seen: dict[str, object] = field(default_factory=dict[str, object])  # what rules worked out for one another

    @property
    def plan(self) -> Timetable:
        """The timetable; only for rules that need one."""
        assert self.timetable is not None
        return self.timetable

    def trips(self) -> Iterator[tuple[int, str, Trip]]:
        """Every trip that a trip update or a vehicle names: (entity, path of it, trip)."""
        for i, update in self.feed.trip_updates():
            yield i, "trip_update.trip", update.trip
        for i, vehicle in self.feed.vehicles():
            if vehicle.trip is not None:
                yield i, "vehicle.trip", vehicle.trip

    def informed_trips(self) -> Iterator[tuple[int, str, Trip]]:
        """Every trip that an alert names."""
        for i, alert in self.feed.alerts():
            for n, one in enumerate(alert.informed):
                if one.trip is not None:
                    yield i, f"alert.informed_entity[{n}].trip", one.trip

    def planned(self) -> Iterator[tuple[int, TripUpdate, int]]:
        """The trip updates of trips that are in the timetable: (entity, update, trip's number)."""
        for i, update in self.feed.trip_updates():
            number = self.plan.trip_of.get(update.trip.trip_id or "", -1)
            if number >= 0:
                yield i, update, number

    def all_updates(self) -> Iterator[TripUpdate]:
        """Of both feeds."""
        for feed in (self.feed, self.beside):
            yield from (update for _, update in feed.trip_updates()) if feed is not None else ()

    def all_vehicles(self) -> Iterator[VehiclePosition]:
        """Of both feeds."""
        for feed in (self.feed, self.beside):
            yield from (vehicle for _, vehicle in feed.vehicles()) if feed is not None else ()

    def all_alerts(self) -> Iterator[Alert]:
        """Of both feeds."""
        for feed in (self.feed, self.beside):
            yield from (alert for _, alert in feed.alerts()) if feed is not None else ()


@dataclass(frozen=True, slots=True)
class Breach:
    """One place in a feed that breaks one rule. entity: its number, -1 for the header and for what concerns the whole feed."""

    rule: str
    what: str
    path: str
    entity: int = -1


Found = Iterable[tuple[int, str, str]]
"""What a rule's function gives: (entity or -1, path, what)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One published rule."""

    id: str
    title: str
    severity: Severity
    find: Callable[[Case], Found]
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What the rules say of one case.

    breaches: in the order of rules, then of the feed; at most `MOST_TOLD` of each rule. counts: of all, told or not.
    not_checked: rule -> what it lacked.
    """

    breaches: tuple[Breach, ...]
    counts: Mapping[str, int]
    not_checked: Mapping[str, str]

    def of(self, *rules: str) -> list[Breach]:
        """What these rules found."""
        return [b for b in self.breaches if b.rule in rules]


def error(rule: str, title: str, *needs: Need) -> Callable[[Callable[[Case], Found]], Rule]:
    """Make an error of a function."""
    return lambda find: Rule(rule, title, Severity.ERROR, find, needs)


def warning(rule: str, title: str, *needs: Need) -> Callable[[Callable[[Case], Found]], Rule]:
    """Make a warning of a function."""
    return lambda find: Rule(rule, title, Severity.WARNING, find, needs)

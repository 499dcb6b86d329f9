"""A trip under way as the arrival model sees it: the calls ahead, and where its vehicle was seen. Made by `sightings`.

INVARIANT: calls are in the order of the trip, each stop once; times are POSIX seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Where the vehicle of a trip is."""

    AHEAD = "ahead"  # it has not begun
    STANDING = "standing"  # at one of the calls ahead
    BETWEEN = "between"  # it left a stop and is not seen at the next
    UNSEEN = "unseen"  # nobody says where


@dataclass(frozen=True, slots=True)
class Call:
    """A stop that the trip has still to leave. expected: by the agency's prediction, else by the timetable and its delay."""

    stop: str
    expected: int


@dataclass(frozen=True, slots=True)
class Run:
    """One trip; `trip`: what it is called here. at: where its vehicle stands or was last; seen_at: when that was reported."""

    trip: str
    route: str
    direction: str
    calls: tuple[Call, ...]
    stage: Stage = Stage.UNSEEN
    at: str = ""
    seen_at: int = 0
    vehicle: str = ""
    trip_id: str = ""
    start_date: str = ""

    @property
    def standing(self) -> int:
        """The number of the call at which the vehicle stands; -1 where it stands at none."""
        if self.stage is not Stage.STANDING:
            return -1
        return next((n for n, call in enumerate(self.calls) if call.stop == self.at), -1)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is expected at one stop of one trip, POSIX s. leaves within low..high with the declared coverage.

    agency: what the feed (or else the timetable with its delay) expects. learned: share of the value that is ours, 0 to 1.
    """

    trip: str
    stop: str
    arrives: float
    leaves: float
    low: float
    high: float
    agency: int
    learned: float

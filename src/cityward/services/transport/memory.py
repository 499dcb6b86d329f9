"""What the transport service remembers, as small structs that JSON holds; every part has a bound.

Lives here: the types, the bounds, and the pools of recent values with their shrunken median. Times are POSIX seconds.
INVARIANT: a struct is never changed once it is in a turn; whoever learns works on copies (`Notes`) and seals them.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec

# with these bounds the whole is under 1 MiB even where a sender makes every name as long as it may be
MOST_TRIPS = 250  # remembered at a time
MOST_AHEAD = 12  # calls of one trip whose predictions are judged when it has left them
MOST_WAITING = 5  # predictions of one call that wait to be judged
MOST_LEGS = 2000  # stop-to-stop travel times
MOST_DWELLS = 1000
MOST_POOLS = 100
LONGEST_NAME, LONGEST_STOP = 64, 40  # characters of a trip and of a stop
RECENT = 6  # times of one leg
OLDEST_LEG_S = 2 * 86_400
SAMPLES = 200  # of one pool


class Waiting(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A prediction that waits for what comes. bucket: of like ones; ours, agency: seconds after `made`."""

    bucket: str
    made: int
    ours: int
    agency: int


class Ahead(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A call still to be left. planned: seconds from leaving the stop before it, by the agency; -1 where it is not known."""

    stop: str
    expected: int
    planned: int = -1
    waiting: tuple[Waiting, ...] = ()


class Trail(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What is remembered of one trip. left: (stop, when), the last two; at, since: where it was seen first, and when."""

    ahead: tuple[Ahead, ...]
    left: tuple[tuple[str, int], ...] = ()
    at: str = ""
    since: int = 0
    seen: int = 0


class Leg(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Recent travel times between two stops, less what was planned. newest: when the last was measured."""

    beyond: tuple[int, ...]
    newest: int


class Skill(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Running mean absolute errors, seconds: of our own model, and of the agency's prediction less its bias."""

    ours: float
    agency: float


class Learned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the arrival model remembers.

    waits: what was left to wait, by stage and how long it had stood or should have come; bias: agency's error by bucket;
    missed: our published error by bucket, for the interval. dwell: seconds at a stop, of all stops ("") and of each.
    """

    trails: dict[str, Trail] = {}
    legs: dict[str, Leg] = {}
    waits: dict[str, tuple[int, ...]] = {}
    held: dict[str, tuple[int, ...]] = {}
    bias: dict[str, tuple[int, ...]] = {}
    late: dict[str, tuple[int, ...]] = {}
    missed: dict[str, tuple[int, ...]] = {}
    dwell: dict[str, tuple[int, ...]] = {}
    skill: dict[str, Skill] = {}
    read: str = ""  # the head of the feed that was learned from last
    judged: int = 0
    dropped: int = 0  # trips that were not remembered for want of room


def shrunk(values: Sequence[int], prior: float, weight: float) -> float:
    """The median of recent values, drawn to `prior` as if `weight` values lay there.

    Example:
        >>> shrunk([30, 30, 30], 0.0, 1.0)
        22.5
    """
    if not values:
        return prior
    return (len(values) * median(values) + weight * prior) / (len(values) + weight)


def added(values: Sequence[int], value: float, most: int) -> tuple[int, ...]:
    """The newest `most` values with one more."""
    return (*values[-(most - 1) :], round(value))

"""What must not be seen at a junction: the faults, a breach, and the declaration as the monitor reads it.

Does not live here: finding them (`monitor`, one look at a time; `monitor_columns`, many at once).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cityward.place.junctions import Junction

MOST_BETWEEN_LOOKS_S = 1.0
MOST_TOLD = 10_000  # breaches told one by one by one `see_many`
MOST_CLOCK_S = 1e12  # a clock that says more is none
TINY_S = 1e-6  # what adding up looks may lose
NO_COLOUR = -1


class Fault(StrEnum):
    """What a breach is."""

    CONFLICT = "conflicting-greens"
    AMBER_CONFLICT = "amber-against-green"
    INTERGREEN = "short-intergreen"
    GREEN = "short-green"
    AMBER = "short-amber"
    NO_AMBER = "green-without-amber"
    RED = "red-too-long"
    UNKNOWN = "unknown-group"
    COLOUR = "impossible-colour"


LATCHING = frozenset({Fault.CONFLICT, Fault.AMBER_CONFLICT})


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """One thing that must not be. look: counted from 0. group: who is at fault; other: against whom, if anybody.

    was_s, least_s: how long it was and how long it had to be (of a red: at most); 0 where it is no matter of time.
    """

    look: int
    fault: Fault
    group: str
    other: str = ""
    was_s: float = 0.0
    least_s: float = 0.0


# from the last colour to the next one: what may follow. Rows and columns as `Colour`; NO_COLOUR is told by itself
MAY_FOLLOW: NDArray[np.bool_] = np.array(
    [
        [1, 1, 0, 1, 1],  # red
        [0, 1, 0, 1, 1],  # red and amber
        [1, 0, 1, 0, 1],  # amber
        [1, 0, 1, 1, 1],  # green; whether red may follow at once is a matter of its amber
        [1, 0, 1, 0, 1],  # flashing
    ],
    dtype=np.bool_,
)


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """The declaration as the monitor reads it."""

    groups: tuple[str, ...]
    pairs: tuple[tuple[int, int, float], ...]  # (first, then, seconds between), each conflict both ways
    min_green: NDArray[np.float64]
    amber: NDArray[np.float64]
    max_red: NDArray[np.float64]


def tables_of(junction: Junction) -> Tables:
    """The declaration, read."""
    groups = tuple(junction.groups)
    between: dict[tuple[str, str], float] = {}
    for conflict in junction.conflicts:
        there, back = (conflict.first, conflict.then), (conflict.then, conflict.first)
        back_s = conflict.intergreen_s if conflict.back_s is None else conflict.back_s
        between[there] = max(between.get(there, 0.0), conflict.intergreen_s)
        between[back] = max(between.get(back, 0.0), back_s)
    made = junction.groups.values()
    return Tables(
        groups,
        tuple((groups.index(first), groups.index(then), seconds) for (first, then), seconds in between.items()),
        np.array([group.min_green_s for group in made]),
        np.array([group.amber_s for group in made]),
        np.array([group.max_red_s for group in made]),
    )

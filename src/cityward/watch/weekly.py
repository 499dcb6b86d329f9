"""What a channel said a week ago: a deviation that was there at the same half-hour of the week before is a habit, not news.

A profile of weekdays, weekends and all days knows no Mondays. What a week has of its own (a market, a works' shift, a bus that
does not run) would be called every week anew, however often it comes.

INVARIANTS
- It only takes away from a deviation: never adds, never turns its sign.
- What is ordinary takes away nothing: a week ago counts only by what it was beyond one usual deviation.
- Bounded: (WEEK, C) numbers. What is suspect is not remembered: the reading of the week before it stays.

Fails when: the same was done a week ago at the same hours and was not noticed: then it hides its like, for these hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.watch.residual import Remains
from cityward.watch.season import SLOT_US, SLOTS, Floats

WEEK = 7 * SLOTS
ORDINARY = 1.0


@dataclass(slots=True)
class Weekly:
    """past: (WEEK, C) float32, the mean of each half-hour of the week, NaN where none is known."""

    past: NDArray[np.float32]


def begin_weekly(channels: int) -> Weekly:
    """Nothing is known."""
    return Weekly(np.full((WEEK, channels), np.nan, dtype=np.float32))


def unlike_last_week(weekly: Weekly, remains: Remains) -> Floats:
    """(C,) what remains unexplained (`Remains.u`), less what a week ago would leave unexplained today."""
    with np.errstate(all="ignore"):
        per_unit = remains.u / (remains.slot.mean - remains.repaired)
    return _less_habit(weekly, remains, remains.u, per_unit, ORDINARY)


def left_unlike_last_week(weekly: Weekly, remains: Remains, ordinary: Floats) -> Floats:
    """(C,) the same of `Remains.left`, in the catalogue's unit; `ordinary`: (C,) what is one usual deviation, in that unit."""
    with np.errstate(all="ignore"):
        per_unit = remains.left / (remains.slot.mean - remains.repaired)
    return _less_habit(weekly, remains, remains.left, per_unit, ORDINARY * ordinary)


def _less_habit(weekly: Weekly, remains: Remains, what: Floats, per_unit: Floats, ordinary: Floats | float) -> Floats:
    then = weekly.past[_place(remains)].astype(np.float64)
    with np.errstate(all="ignore"):
        habit = np.nan_to_num((then - remains.repaired) * per_unit, nan=0.0, posinf=0.0, neginf=0.0)
    same_side = np.sign(habit) == np.sign(what)
    taken = np.where(same_side, np.maximum(np.abs(habit) - ordinary, 0.0), 0.0)
    return np.sign(what) * np.maximum(np.abs(what) - taken, 0.0)


def remember(weekly: Weekly, remains: Remains, held: NDArray[np.bool_]) -> None:
    """Keep this half-hour for a week, but of channels that are `held`."""
    mean = remains.slot.mean
    kept = np.isfinite(mean) & ~held
    row = weekly.past[_place(remains)]
    row[kept] = mean[kept]


def forget_week(weekly: Weekly, channel: int) -> None:
    """What a channel said is no measure any more."""
    weekly.past[:, channel] = np.nan


def _place(remains: Remains) -> int:
    return remains.slot.at // SLOT_US % WEEK

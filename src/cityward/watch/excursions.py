"""A persistent change in any standardised column: two-sided clipped sums whose heights follow from the column's own past.

Theory of operation
-------------------
Each column has two sums (Page's CUSUM): what it is up, or down, beyond an `allowance`, added up and never below nought. A value
counts at most `clip`, so that no single reading raises an alarm. How high such a sum runs when nothing is wrong depends on how
long the column's ordinary deviations last, which no table knows: so the `KEPT` highest runs of each column's own past are kept.
The height of an alarm is one that the past would have passed at most once in `once_in_days`, and a margin that shrinks as it
grows.

An episode begins at that height, with the beginning of the run as its onset; goes on, told at each doubling of the score and once
a day; and ends when the sum has run dry. A sum is bounded above the height, so that an end is seen within `tail` of its due time.

INVARIANTS
- Missing values (NaN) neither add nor subtract. While the past is read again, and in the first `settled_days` of a column, there
  are no episodes, only runs.
- Where there are `POOLED` columns or more, a height is at most `MOST` times the median of the pool: whoever poisons the past of a
  few makes them blunter, not blind.
- A run that was an episode teaches the height it passed, not what it rose to.

Source: Page, Continuous inspection schemes, Biometrika 41 (1954).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY
from cityward.watch.contract import Phase
from cityward.watch.season import Floats, middle_of

KEPT = 4
FORGET_DAYS = 180.0
POOLED = 5
MOST = 3.0
UP, DOWN = 0, 1


@dataclass(frozen=True, slots=True)
class Rule:
    """allowance, clip: in the column's own deviations. least: the lowest height there is. per_day: values a day.

    once_in_days: see the module. margin: over the highest run of a long past, `young` more over that of none. tail: how far above
    the height a sum may run. settled_days: of a column's own past, before it may have an episode.
    """

    allowance: float
    clip: float
    least: float
    per_day: float
    once_in_days: float = 90.0
    margin: float = 1.3
    young: float = 0.4
    tail: float = 12.0
    settled_days: float = 0.9


@dataclass(slots=True)
class Excursions:
    """sum, peak, since, told, told_at: (2, N); open: (2, N). top: (KEPT, N) highest runs, lowest first. days: (N,) of past.

    peak: the highest of the run so far. since: when it began (city us). judged: (N,) whether it may have an episode.
    height: (N,) as it was at the last value, infinite before the first.
    """

    sum: Floats
    peak: Floats
    since: NDArray[np.int64]
    open: NDArray[np.bool_]
    told: Floats
    told_at: NDArray[np.int64]
    top: Floats
    days: Floats
    judged: NDArray[np.bool_]
    height: Floats


@dataclass(frozen=True, slots=True)
class Turn:
    """An episode of column `index` began, went on or ended. side: `UP` or `DOWN`."""

    index: int
    side: int
    phase: Phase
    began_at: int
    at: int
    score: float


def begin_excursions(columns: int) -> Excursions:
    """Before the first value."""
    two = (2, columns)
    return Excursions(
        sum=np.zeros(two),
        peak=np.zeros(two),
        since=np.zeros(two, np.int64),
        open=np.zeros(two, np.bool_),
        told=np.zeros(two),
        told_at=np.zeros(two, np.int64),
        top=np.zeros((KEPT, columns)),
        days=np.zeros(columns),
        judged=np.zeros(columns, np.bool_),
        height=np.full(columns, np.inf),
    )


def heights(state: Excursions, rule: Rule, pool: NDArray[np.int32]) -> Floats:
    """(N,) the height of each column. pool: (N,) which columns are of one kind."""
    rank = np.minimum(state.days // rule.once_in_days, KEPT - 1).astype(np.int64)
    run = np.take_along_axis(state.top, (KEPT - 1 - rank)[None, :], axis=0)[0]
    height = np.maximum(run * (rule.margin + rule.young / (1 + state.days / 7)), rule.least)
    for members in range(int(pool.max(initial=-1)) + 1):
        mine = pool == members
        if mine.sum() >= POOLED:
            height[mine] = np.minimum(height[mine], MOST * middle_of(height[mine]))
    return height


def feed(state: Excursions, x: Floats, at: int, rule: Rule, pool: NDArray[np.int32], *, learning: bool) -> list[Turn]:
    """Add one value of every column. x: (N,), NaN where missing; at: its time (city us)."""
    seen = np.isfinite(x)
    judged = (state.days >= rule.settled_days) & (not learning)
    _settle(state, judged & ~state.judged)
    state.judged = judged
    state.height = height = heights(state, rule, pool)
    value = np.where(seen, np.clip(np.where(seen, x, 0.0), -rule.clip, rule.clip), 0.0)
    added = np.where(seen, np.stack([value, -value]) - rule.allowance, 0.0)
    state.since[(state.sum == 0.0) & (added > 0)] = at
    state.sum = np.clip(state.sum + added, 0.0, np.where(judged, height + rule.tail, np.inf))
    state.peak = np.maximum(state.peak, state.sum)
    turns = [] if learning else list(_turns(state, height, at, judged))
    _teach(state, height, seen, rule, judged)
    return turns


def running(state: Excursions, share: float) -> NDArray[np.bool_]:
    """(N,) which columns' sums were above this share of their height, or in an episode, at the last value."""
    return np.bitwise_or.reduce((state.sum >= share * state.height) | state.open, axis=0)


def forget(state: Excursions, index: int) -> None:
    """Begin a column's sums anew; its past stays."""
    state.sum[:, index] = 0.0
    state.peak[:, index] = 0.0
    state.open[:, index] = False


def _settle(state: Excursions, fresh: NDArray[np.bool_]) -> None:
    """What still runs when a column begins to be judged belongs to its past."""
    if not fresh.any():
        return
    state.top[:, fresh] = np.sort(np.concatenate([state.top[:, fresh], state.peak[:, fresh]]), axis=0)[2:]
    state.sum[:, fresh] = 0.0
    state.peak[:, fresh] = 0.0


def _turns(state: Excursions, height: Floats, at: int, judged: NDArray[np.bool_]) -> Iterator[Turn]:
    crossed = ~state.open & (state.sum >= height) & judged
    dry = state.open & (state.sum <= 0.0)
    score = state.sum / height
    more = state.open & ~dry & ((score >= 2 * state.told) | (at - state.told_at >= DAY))
    for mask, phase in ((dry, Phase.ENDED), (more, Phase.GOES_ON), (crossed, Phase.BEGAN)):
        for side, index in np.argwhere(mask).tolist() if mask.any() else ():
            yield Turn(index, side, phase, int(state.since[side, index]), at, float(score[side, index]))
    state.open = (state.open & ~dry) | crossed
    say = crossed | more
    state.told[say] = score[say]
    state.told_at[say] = at


def _teach(state: Excursions, height: Floats, seen: NDArray[np.bool_], rule: Rule, judged: NDArray[np.bool_]) -> None:
    """Runs that have ended join the highest of the past."""
    day = seen / rule.per_day
    state.days += day
    state.top *= 1 - day / FORGET_DAYS
    ended = (state.sum <= 0.0) & (state.peak > 0.0)
    run = np.where(ended, np.where(judged, np.minimum(state.peak, height), state.peak), 0.0)
    state.peak[ended] = 0.0
    higher = (run > state.top[0]).any(axis=0)
    if higher.any():
        state.top[:, higher] = np.sort(np.concatenate([state.top[:, higher], run[:, higher]]), axis=0)[2:]

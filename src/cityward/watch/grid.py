"""The grid: rows of whenever become steps of five minutes, one dense vector each for all channels at once.

Theory of operation
-------------------
A row belongs to the step in which it was *observed*: the one that ends at the next multiple of `STEP_US`. A step is due when
`now` has passed its end by `lateness_us` (what a reading may take on its way) and `skew_us` (how far the commits of two workers
may lie apart). It then becomes a `Step`, and never changes again.

INVARIANTS
- Steps come in order, none left out, also those in which nobody spoke; where nobody spoke for more than `most_empty` steps, so
  many are given, and then one jump.
- Independent of batching: whether a row is late follows from the row alone (it was received more than `lateness_us` after the
  end of its step), or, where that was not enough, from its step being gone. Each row is in one step, or in `late` or `early`.
- Bounded: `most_open` steps are open at a time. A row for a step beyond them is counted in `early`.

Fails when: a worker commits more than `skew_us` behind another; its rows then come too late for their step, and are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import MINUTE, SECOND
from cityward.watch.contract import STEP_US, Held, Step


@dataclass(frozen=True, slots=True)
class GridRules:
    """How long a step waits for its rows, in city us, and how much is held. A city whose clock runs faster waits longer."""

    lateness_us: int = 2 * MINUTE
    skew_us: int = 10 * SECOND
    most_open: int = 16
    most_empty: int = 288  # a day

    @classmethod
    def at_speed(cls, speed: float) -> GridRules:
        """For a city clock `speed` times as fast: a commit of history takes its real second or two however fast the city goes."""
        lateness = max(2 * MINUTE, round(3 * speed * SECOND))
        skew = max(10 * SECOND, round(3 * speed * SECOND))
        return cls(lateness, skew, most_open=max(16, 4 + (lateness + skew) // STEP_US))

    @property
    def waits_us(self) -> int:
        """From a step's end until it is due."""
        return self.lateness_us + self.skew_us


@dataclass(slots=True)
class Grid:
    """closed: the end of the last step given (city us). The open ones in rings of K = `most_open`, by the step's number modulo K:

    total: (K, C) float64. count: (K, C) int32. newest: (K, C) float64 and when, newest_at: (K, C) int64 us, it was observed.
    late, early, jumps: counted since the beginning.
    """

    closed: int
    total: NDArray[np.float64]
    count: NDArray[np.int32]
    newest: NDArray[np.float64]
    newest_at: NDArray[np.int64]
    late: int = 0
    early: int = 0
    jumps: int = 0


def new_grid(channels: int, at: int, rules: GridRules) -> Grid:
    """A grid whose first step begins at the last multiple of `STEP_US` up to `at`."""
    shape = (rules.most_open, channels)
    return Grid(
        closed=at // STEP_US * STEP_US,
        total=np.zeros(shape),
        count=np.zeros(shape, dtype=np.int32),
        newest=np.full(shape, np.nan),
        newest_at=np.full(shape, np.iinfo(np.int64).min, dtype=np.int64),
    )


def take(grid: Grid, held: Held, now: int, rules: GridRules) -> Iterator[Step]:
    """Put rows in; the steps that are due at `now`, in order. Run it to its end."""
    due = (now - rules.waits_us) // STEP_US * STEP_US  # the last end that is due
    for end, rows in _by_step(held):
        timely = rows[held.received_at[rows] <= end + rules.lateness_us]
        if end <= grid.closed or not len(timely):
            grid.late += len(rows)
            continue
        grid.late += len(rows) - len(timely)
        yield from _close(grid, min(due, end - STEP_US), rules)
        if end > grid.closed + rules.most_open * STEP_US:
            grid.early += len(timely)
            continue
        _add(grid, end, held, timely)
    yield from _close(grid, due, rules)


def open_steps(grid: Grid) -> int:
    """In how many open steps somebody spoke."""
    return int((grid.count.sum(axis=1) > 0).sum())


def ends_of(observed_at: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) the end of the step that each row belongs to. A row at the very end of one belongs to the next."""
    return observed_at // STEP_US * STEP_US + STEP_US


def _by_step(held: Held) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """The rows of each step, earliest step first; within a step in the order they came: by channel, time, seq."""
    if not len(held):
        return
    ends = ends_of(held.observed_at)
    order = np.argsort(ends, kind="stable")
    first = np.flatnonzero(np.diff(ends[order], prepend=ends[order[0]] - 1))
    for start, stop in zip(first.tolist(), [*first[1:].tolist(), len(order)], strict=True):
        yield int(ends[order[start]]), order[start:stop]


def _add(grid: Grid, end: int, held: Held, rows: NDArray[np.intp]) -> None:
    slot = end // STEP_US % len(grid.total)
    channel, value = held.channel[rows], held.value[rows]
    last = np.flatnonzero(np.diff(channel, append=-1))  # the newest of each channel: rows are sorted
    if len(last) == len(channel):  # one of each channel: no sum is touched twice
        grid.total[slot, channel] += value
        grid.count[slot, channel] += 1
    else:
        np.add.at(grid.total[slot], channel, value)  # one after the other, so that batches do not matter
        np.add.at(grid.count[slot], channel, 1)
    of, at = channel[last], held.observed_at[rows][last]
    newer = at >= grid.newest_at[slot][of]
    grid.newest[slot][of[newer]] = value[last][newer]
    grid.newest_at[slot][of[newer]] = at[newer]


def _close(grid: Grid, upto: int, rules: GridRules) -> Iterator[Step]:
    """Every step that ends up to `upto`."""
    empty = 0
    while grid.closed < upto:
        end = grid.closed + STEP_US
        step = _step(grid, end)
        empty = 0 if step.count.any() else empty + 1
        if empty > rules.most_empty and not grid.count.any():
            grid.jumps += 1
            grid.closed = upto
            return
        grid.closed = end
        _clear(grid, end)
        yield step


def _step(grid: Grid, end: int) -> Step:
    slot = end // STEP_US % len(grid.total)
    count = grid.count[slot].copy()
    with np.errstate(invalid="ignore", over="ignore"):
        mean = np.where(count > 0, grid.total[slot] / np.maximum(count, 1), np.nan)
    return Step(at=end, mean=mean, newest=grid.newest[slot].copy(), count=count)


def _clear(grid: Grid, end: int) -> None:
    slot = end // STEP_US % len(grid.total)
    grid.total[slot] = 0
    grid.count[slot] = 0
    grid.newest[slot] = np.nan
    grid.newest_at[slot] = np.iinfo(np.int64).min

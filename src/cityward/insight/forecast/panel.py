"""A panel: several series on one grid of time, with gaps that stay gaps.

INVARIANTS
- A step without a believed reading is NaN; nothing is filled in here.
- Of several readings in a step the last one given stays: a repeated hour counts once.
- Steps are counted from 1970 UTC: no day has 23 or 25 hours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY

MOST_SERIES = 500
MOST_STEPS = 50_000  # PRECEDENT: half a year at 5 minutes
STUCK_AT_LEAST = 6  # equal readings in a row
STUCK_TIMES = 3  # as long as the longest run but few


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """`value` (T, S), NaN where there is none; row `t` is the step `first + t` since 1970 UTC, each `pace_us` long.

    `zone_us` moves the bounds of days and weeks to the place's usual ones; it never changes within a year.
    """

    first: int
    pace_us: int
    value: NDArray[np.float64]
    zone_us: int = 0

    def __post_init__(self) -> None:
        if self.pace_us <= 0 or DAY % self.pace_us:
            raise ValueError(f"a day is a whole number of steps, and {self.pace_us} us does not divide it")
        if self.value.ndim != 2 or self.value.shape[0] > MOST_STEPS or self.value.shape[1] > MOST_SERIES:
            raise ValueError(f"a panel has at most {MOST_STEPS} steps of {MOST_SERIES} series: {self.value.shape}")

    @property
    def per_day(self) -> int:
        """Steps a day."""
        return DAY // self.pace_us

    @property
    def local_first(self) -> int:
        """The first step, counted so that days begin at the place's usual midnight."""
        return self.first + self.zone_us // self.pace_us

    def until(self, row: int) -> Panel:
        """The rows before `row`."""
        return replace(self, value=self.value[:row])


def panel_of(
    series: NDArray[np.int32],
    at: NDArray[np.int64],
    value: NDArray[np.float64],
    *,
    count: int,
    begin: int,
    end: int,
    pace_us: int,
    zone_us: int = 0,
) -> Panel:
    """Readings on a grid from the step of `begin` to that before `end`'s.

    Args:
        series: (N,) 0 to `count` - 1. at: (N,) us since 1970 UTC, in any order. value: (N,); what is not finite is left out.

    >>> panel_of(np.zeros(2, np.int32), np.array([0, 9]), np.array([1.0, 2.0]), count=1, begin=0, end=20, pace_us=5).value.T
    array([[ 1.,  2., nan, nan]])
    """
    first, last = begin // pace_us, end // pace_us
    if last - first > MOST_STEPS:
        raise ValueError(f"a panel has at most {MOST_STEPS} steps: {last - first}")
    made = np.full((max(last - first, 0), count), np.nan)
    row = at // pace_us - first
    kept = np.flatnonzero((row >= 0) & (row < len(made)) & np.isfinite(value))
    kept = kept[np.argsort(at[kept], kind="stable")]
    made[row[kept], series[kept]] = value[kept]
    return Panel(first, pace_us, made, zone_us)


def without_stuck(panel: Panel) -> Panel:
    """The panel without runs of one value that are far longer than such runs are in that series.

    Fails when: a series usually stands still for long, and a fault is no longer than that.
    """
    value = panel.value.copy()
    for s in range(value.shape[1]):
        value[_stuck(value[:, s]), s] = np.nan
    return replace(panel, value=value)


def _stuck(column: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(T,) whether a step is within a stuck run, but for the run's first reading."""
    rows = np.flatnonzero(np.isfinite(column))
    out = np.zeros(len(column), dtype=np.bool_)
    if len(rows) < STUCK_AT_LEAST:
        return out
    starts = np.flatnonzero(np.concatenate([[True], np.diff(column[rows]) != 0]))
    length = np.diff(np.append(starts, len(rows)))
    usual = max(STUCK_AT_LEAST, STUCK_TIMES * float(np.quantile(length, 0.99, method="lower")))
    for start, run in zip(starts[length > usual].tolist(), length[length > usual].tolist(), strict=True):
        out[rows[start + 1 : start + run]] = True
    return out

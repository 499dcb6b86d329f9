"""A recorded series, what is done to it, and the unit of every size.

A size is in sigma: the standard deviation, over the part of the series that is learned from, of the readings less their own
season (the median of their half-hour of day, on weekdays and on weekends). Recorded data have heavy tails, so one sigma is far
more than a usual deviation: `sigma_of` is the one place that says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY

Floats = NDArray[np.float64]

SLOTS = 48
FLATTEST = 1e-3
"""Sigma is at least so much of the readings' largest size: a constant series has no deviation to measure by."""


@dataclass(frozen=True, slots=True)
class Series:
    """Readings on a grid.

    at: (T,) int64 city us, evenly spaced. value: (T, C), NaN where missing. zone_us: local time less UTC.
    """

    at: NDArray[np.int64]
    value: Floats
    zone_us: int = 0

    @property
    def pace_us(self) -> int:
        """The grid's step."""
        return int(self.at[1] - self.at[0])

    def steps(self, us: int) -> int:
        """So long is how many steps of this grid, at least one."""
        return max(1, round(us / self.pace_us))


@dataclass(frozen=True, slots=True)
class Attack:
    """targets: channels. [begin, end): rows of the series. size: see the recipe; ramp_us: how long it takes to grow."""

    kind: str
    size: float
    targets: tuple[int, ...]
    begin: int
    end: int
    ramp_us: int = 0


@dataclass(frozen=True, slots=True)
class Attacked:
    """What came of it.

    value: (T, C). moved: (T, C) int64, how far `observed_at` was moved (us). copies: (T, C) int8, how often each reading was sent
    once more. full_at: (C,) row from which the attack has its whole size, T for who is not attacked.
    """

    value: Floats
    moved: NDArray[np.int64]
    copies: NDArray[np.int8]
    full_at: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Known:
    """What the attacker knows. sigma: (C,). expected: (T, C), the season. neighbours: (C, K) channels, -1 for none."""

    sigma: Floats
    expected: Floats
    neighbours: NDArray[np.int32]


def profile_of(series: Series, learned: int) -> Floats:
    """(T, C): the median of each half-hour of day, on weekdays and on weekends, over the first `learned` rows.

    A half-hour not seen on such a day takes that of all days; one never seen the channel's median.
    """
    local = series.at + series.zone_us
    slot = (local % DAY) // (DAY // SLOTS)
    weekend = ((local // DAY + 3) % 7 >= 5).astype(np.int64)  # 1 January 1970 was a Thursday
    out = np.empty_like(series.value)
    whole = median(series.value[:learned])
    for s in range(SLOTS):
        rows = slot == s
        if not rows.any():
            continue
        any_day = or_else(median(series.value[:learned][rows[:learned]]), whole)
        for w in (0, 1):
            mine = rows & (weekend == w)
            out[mine] = or_else(median(series.value[:learned][mine[:learned]]), any_day)
    return out


def sigma_of(series: Series, expected: Floats, learned: int) -> Floats:
    """(C,) the standard deviation of readings less season over the first `learned` rows: the unit of every size."""
    rest = series.value[:learned] - expected[:learned]
    seen = np.isfinite(rest)
    count = np.maximum(seen.sum(axis=0), 1)
    spread = np.sqrt(np.square(np.where(seen, rest, 0.0)).sum(axis=0) / count)
    largest = np.max(np.abs(np.where(np.isfinite(series.value), series.value, 0.0)), axis=0)
    return np.maximum(spread, FLATTEST * np.maximum(largest, FLATTEST))


def median(value: Floats) -> Floats:
    """Of each column's numbers; NaN where it has none."""
    ordered = np.sort(value, axis=0)  # NaN last
    count = np.isfinite(value).sum(axis=0)
    if not len(value):
        return np.full(value.shape[1], np.nan)
    columns = np.arange(value.shape[1])
    low, high = (
        ordered[np.maximum(count - 1, 0) // 2, columns],
        ordered[np.minimum(count // 2, len(value) - 1), columns],
    )
    return np.where(count > 0, (low + high) / 2, np.nan)


def or_else(value: Floats, other: Floats) -> Floats:
    """The values, and the other's where there is none."""
    return np.where(np.isfinite(value), value, other)

"""Expected ranges: where a device's property usually lies at each hour of day, told from its own past.

Method: Tukey's fences. Of a channel's readings at an hour of day, the quartiles Q1 and Q3 (linear interpolation, type 7 of
Hyndman & Fan 1996); the range is [Q1 - 1.5 IQR, Q3 + 1.5 IQR], of which a normal variable lies outside in 0.7 % of readings.
Where the quartiles are equal (a lamp that is off, a street nobody walks at night) the fences would be one value; then the
2nd and 98th percentiles stand for them. The range never leaves the channel's own limits.

The quartiles do not move when less than a quarter of the past is replaced by anything at all: who wants to widen a range
must own a quarter of the readings of that hour.

Fails when
- the past is not like the present: the first warm week of spring, the day the clocks change (hours are UTC), a new timetable;
- a property has two humps within one hour of day (weekdays and weekends): the range is as wide as both;
- more than 98 in 100 readings of an hour are equal: the range is one value, and any other is outside;
- a quarter of the past was poisoned: it then describes the poison.

Source: J. W. Tukey, Exploratory Data Analysis (1977), section 2C.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.place.registry import Registry
from cityward.time import DAY, HOUR

LEAST_READINGS = 12  # PRECEDENT: three readings in each quarter; below it quartiles are single readings
LEAST_DAYS = 4  # one odd day must not be half of what is usual
HOURS = 24
REACH = 1.5
TAILS = (0.02, 0.98)


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """The range a device's property usually lies in at this hour of day (UTC), from its own past; `count` readings behind it."""

    device: str
    property: str
    hour: int
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Ranges:
    """Expected ranges in columns of length G, sorted by channel, then hour. An hour that cannot be told is absent."""

    channel: NDArray[np.int32]
    hour: NDArray[np.int32]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.int64]


def expected_ranges(
    channel: NDArray[np.int32], observed_at: NDArray[np.int64], value: NDArray[np.float64], registry: Registry
) -> Sequence[ExpectedRow]:
    """Every device's ranges, by name, within the limits of its channels.

    Args:
        channel, observed_at, value: (N,) the past, in any order; us since 1970 UTC.
    """
    ranges = ranges_by_hour(channel, observed_at, value)
    low = np.maximum(ranges.low, registry.channel_low[ranges.channel])
    high = np.minimum(ranges.high, registry.channel_high[ranges.channel])
    return [
        ExpectedRow(registry.units[registry.channel_unit[c]].id, registry.channel_property[c], hour, lo, hi, count)
        for c, hour, lo, hi, count in zip(
            ranges.channel.tolist(),
            ranges.hour.tolist(),
            low.tolist(),
            high.tolist(),
            ranges.count.tolist(),
            strict=True,
        )
    ]


def ranges_by_hour(
    channel: NDArray[np.int32],
    observed_at: NDArray[np.int64],
    value: NDArray[np.float64],
    *,
    least_readings: int = LEAST_READINGS,
    least_days: int = LEAST_DAYS,
) -> Ranges:
    """The range of each channel at each hour of day, where `least_readings` on `least_days` stand behind it.

    Args:
        channel: (N,) numbers of channels, not negative. observed_at: (N,) us since 1970 UTC. value: (N,) finite.

    >>> week = np.arange(7) * DAY
    >>> at = np.concatenate([week, week + 60_000_000])
    >>> found = ranges_by_hour(np.zeros(14, dtype=np.int32), at, np.tile(np.arange(7.0), 2))
    >>> found.hour.tolist(), found.low.tolist(), found.high.tolist(), found.count.tolist()
    ([0], [-4.0], [10.0], [14])
    """
    slot = channel.astype(np.int64) * HOURS + observed_at // HOUR % HOURS
    enough = _often_enough(slot, observed_at // DAY, least_readings, least_days)
    rows = np.flatnonzero(enough[slot]) if len(slot) else np.empty(0, dtype=np.intp)
    order = rows[np.lexsort((value[rows], slot[rows]))]
    slot, value = slot[order], value[order]
    starts = np.flatnonzero(np.diff(slot, prepend=-1))
    count = np.diff(np.append(starts, len(slot)))
    low, high = _fences(value, starts, count)
    return Ranges(
        channel=(slot[starts] // HOURS).astype(np.int32),
        hour=(slot[starts] % HOURS).astype(np.int32),
        low=low,
        high=high,
        count=count,
    )


def _often_enough(slot: NDArray[np.int64], day: NDArray[np.int64], readings: int, days: int) -> NDArray[np.bool_]:
    """(S,) whether each slot has enough readings on enough days."""
    if not len(slot):
        return np.empty(0, dtype=np.bool_)
    first = int(day.min())
    span = int(day.max()) - first + 1
    met = np.unique(slot * span + (day - first)) // span
    return (np.bincount(slot) >= readings) & (np.bincount(met) >= days)


def _fences(
    value: NDArray[np.float64], starts: NDArray[np.intp], count: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    q1, q3 = (_quantile(value, starts, count, q) for q in (0.25, 0.75))
    low_tail, high_tail = (_quantile(value, starts, count, q) for q in TAILS)
    reach = REACH * (q3 - q1)
    flat = q1 == q3
    return np.where(flat, low_tail, q1 - reach), np.where(flat, high_tail, q3 + reach)


def _quantile(
    value: NDArray[np.float64], starts: NDArray[np.intp], count: NDArray[np.intp], q: float
) -> NDArray[np.float64]:
    """The quantile of each run of `value`, which is sorted within runs."""
    at = q * (count - 1)
    below = np.floor(at).astype(np.intp)
    above = np.minimum(below + 1, count - 1)
    lower, upper = value[starts + below], value[starts + above]
    return lower + (at - below) * (upper - lower)

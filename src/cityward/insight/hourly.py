"""Hourly indicators: what one property read in one area in one hour, as sums that add up.

An hour's row is made of one batch and added to what other batches made of the same hour: count and total add, the lowest
and highest widen. So the mean of an hour is exact however its readings were batched; quantiles are not to be had this way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.place.registry import Registry
from cityward.time import HOUR

NO_AREA = ""
"""The area of a device that stands in none."""


@dataclass(frozen=True, slots=True)
class HourlyRow:
    """An hour of one property in one area, to be added to what is there. `hour_us` is the hour's beginning."""

    property: str
    area: str
    hour_us: int
    count: int
    total: float
    low: float
    high: float


def by_hour(
    channel: NDArray[np.int32], value: NDArray[np.float64], observed_at: NDArray[np.int64], registry: Registry
) -> Sequence[HourlyRow]:
    """The hours that these readings fall into, sorted by property, area and hour.

    Args:
        channel, value, observed_at: (N,) columns in any order; us since 1970 UTC.

    Readings of one property have one unit, the catalogue's. `total / count` is the mean of the readings, not of the time.
    """
    if not len(channel):
        return []
    kinds, kind = _kinds(channel, registry)
    hour = observed_at // HOUR
    first = int(hour.min())
    key = kind * (int(hour.max()) - first + 1) + (hour - first)
    order = np.argsort(key, kind="stable")
    key, value = key[order], value[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    return [
        HourlyRow(kinds[of][0], kinds[of][1], at * HOUR, count, total, low, high)
        for of, at, count, total, low, high in zip(
            kind[order][starts].tolist(),
            hour[order][starts].tolist(),
            np.diff(np.append(starts, len(key))).tolist(),
            np.add.reduceat(value, starts).tolist(),
            np.minimum.reduceat(value, starts).tolist(),
            np.maximum.reduceat(value, starts).tolist(),
            strict=True,
        )
    ]


def added_up(rows: Iterable[HourlyRow]) -> Sequence[HourlyRow]:
    """One row for each hour of many, sorted by property, area and hour.

    >>> [(row.count, row.total, row.low, row.high) for row in added_up([HourlyRow("p", "a", 0, 2, 5.0, 1.0, 4.0)] * 2)]
    [(4, 10.0, 1.0, 4.0)]
    """
    out: dict[tuple[str, str, int], HourlyRow] = {}
    for row in rows:
        key = (row.property, row.area, row.hour_us)
        out[key] = _added(out[key], row) if key in out else row
    return [out[key] for key in sorted(out)]


def _added(a: HourlyRow, b: HourlyRow) -> HourlyRow:
    low, high = min(a.low, b.low), max(a.high, b.high)
    return HourlyRow(a.property, a.area, a.hour_us, a.count + b.count, a.total + b.total, low, high)


def _kinds(channel: NDArray[np.int32], registry: Registry) -> tuple[list[tuple[str, str]], NDArray[np.int64]]:
    """The (property, area) pairs met, sorted, and each row's place among them."""
    met, row = np.unique(channel, return_inverse=True)
    pair = [(registry.channel_property[c], registry.channel_area[c] or NO_AREA) for c in met.tolist()]
    kinds = sorted(set(pair))
    place = {kind: i for i, kind in enumerate(kinds)}
    return kinds, np.array([place[p] for p in pair], dtype=np.int64)[row]

"""What is usual at a time of day and of week.

Method: the mean of a slot of the day over all days, moved towards the mean of its kind of day (Monday to Friday, or the weekend)
and of its day of the week as far as there are such days: with n of them by n / (n + 2). Slots are averaged over half an hour to
each side. Before, values are drawn in to three interquartile ranges around their slot's quartiles: who owns less than a
quarter of the days moves a mean by a bounded amount only.

`left_out` tells each day what the other days say: a model that learns from deviations must not see a day explained by itself.

Fails when: the calendar changes (holidays, a new timetable); there are fewer than three days; a quarter of the past is poisoned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.insight.forecast.panel import Panel

DAYS = 7
THURSDAY = 3  # 1 January 1970, counted from Monday
WEEKEND = (5, 6)
TRUST = 2.0  # PRECEDENT: two days of a kind weigh as much as all days together
SMOOTH_PER_DAY = 48  # half an hour to each side
REACH = 3.0

Levels = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Seasons:
    """`level` (7, per_day, S): Monday first. NaN where the series never had a reading."""

    level: Levels

    def at(self, step: NDArray[np.int64]) -> NDArray[np.float64]:
        """(N, S) at these steps, in the place's usual time."""
        per_day = self.level.shape[1]
        return self.level[(step // per_day + THURSDAY) % DAYS, step % per_day]


@dataclass(frozen=True, slots=True, eq=False)
class _Days:
    """Whole days: `total` and `count` (days, per_day, S), smoothed; `weekday` (days,)."""

    total: Levels
    count: Levels
    weekday: NDArray[np.int64]
    fallback: NDArray[np.float64]
    before: int


def seasons_of(panel: Panel) -> Seasons:
    """Of everything in the panel."""
    days = _days_of(panel)
    return Seasons(np.stack([_level(days, weekday, without=None) for weekday in range(DAYS)]))


def left_out(panel: Panel) -> NDArray[np.float64]:
    """(T, S) the level at each step as the other days tell it."""
    days = _days_of(panel)
    told = [_level(days, int(weekday), without=d) for d, weekday in enumerate(days.weekday)]
    flat = np.concatenate(told) if told else np.empty((0, panel.value.shape[1]))
    return flat[days.before : days.before + len(panel.value)]


def _days_of(panel: Panel) -> _Days:
    steps, series = panel.value.shape
    per_day, before = panel.per_day, panel.local_first % panel.per_day
    count = -(-(before + steps) // per_day) if steps else 0
    padded = np.full((count * per_day, series), np.nan)
    padded[before : before + steps] = panel.value
    cube = _drawn_in(padded.reshape(count, per_day, series))
    there = np.isfinite(cube)
    weekday = (panel.local_first // per_day + np.arange(count) + THURSDAY) % DAYS
    half = per_day // SMOOTH_PER_DAY
    total, n = _smooth(np.where(there, cube, 0.0), half), _smooth(there.astype(np.float64), half)
    return _Days(total, n, weekday, _middle(panel.value), before)


def _drawn_in(cube: Levels) -> Levels:
    """Values drawn in to the fences of the hour around them, over all days."""
    out = cube.copy()
    per_hour = max(cube.shape[1] // 24, 1)
    for begin in range(0, cube.shape[1], per_hour):
        part = cube[:, begin : begin + per_hour]
        for s in range(cube.shape[2]):
            seen = part[:, :, s][np.isfinite(part[:, :, s])]
            if len(seen) >= 4 and (fences := _fences(seen)):
                out[:, begin : begin + per_hour, s] = np.clip(part[:, :, s], *fences)
    return out


def _fences(seen: NDArray[np.float64]) -> tuple[float, float] | None:
    q1, q3 = np.quantile(seen, (0.25, 0.75))
    return (float(q1 - REACH * (q3 - q1)), float(q3 + REACH * (q3 - q1))) if q3 > q1 else None


def _smooth(cube: Levels, half: int) -> Levels:
    """Sums over `half` slots to each side, around midnight within the same day."""
    if not half or not cube.size:
        return cube
    around = np.concatenate([cube[:, -half:], cube, cube[:, :half]], axis=1)
    sums = np.cumsum(np.concatenate([np.zeros_like(around[:, :1]), around], axis=1), axis=1)
    return sums[:, 2 * half + 1 :] - sums[:, : -2 * half - 1]


def _middle(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S,) the median; NaN without any value."""
    columns = [column[np.isfinite(column)] for column in value.T]
    return np.array([np.median(c) if len(c) else np.nan for c in columns], dtype=np.float64)


def _level(days: _Days, weekday: int, without: int | None) -> NDArray[np.float64]:
    """(per_day, S) of one day of the week, from all days but `without`."""
    kept = np.arange(len(days.weekday)) != (-1 if without is None else without)
    alike = np.isin(days.weekday, WEEKEND) == (weekday in WEEKEND)
    level = np.broadcast_to(days.fallback, days.total.shape[1:]).copy()
    for chosen, trust in ((kept, 0.0), (kept & alike, TRUST), (kept & (days.weekday == weekday), TRUST)):
        level = _towards(level, days.total[chosen].sum(axis=0), days.count[chosen].sum(axis=0), days, trust)
    return level


def _towards(level: Levels, total: Levels, count: Levels, days: _Days, trust: float) -> Levels:
    """`level`, moved towards the mean as far as there are days behind it."""
    wide = 2 * (days.total.shape[1] // SMOOTH_PER_DAY) + 1
    n = count / wide
    mean = total / np.where(count > 0.5, count, 1.0)
    share = np.where(count > 0.5, n / (n + trust), 0.0) if trust else (count > 0.5).astype(np.float64)
    return np.where(share > 0, (1 - share) * level + share * mean, level)

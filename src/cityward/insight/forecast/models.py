"""The models: each is fitted to a panel and then says, from any row of a panel, what comes at each horizon.

| name | what it says |
|---|---|
| `last-value` | what was last read: the yardstick |
| `seasonal` | what was read at the same time a week before, a day before where that is missing |
| `profile-ar` | what is usual then, and the present deviation from it, dying out (an AR(1) of the deviation) |
| `pooled` | `profile-ar`, and a ridge regression of what that leaves, per series and horizon (below) |

The regression reads a series' own recent deviations, those of the eight series most like it, the mean of all, and how the usual
level changes until then, and the deviations at that time a day and a week before. Drawn to nothing, it is `profile-ar`.

A row is an origin: all that is read is at or before it. Gaps are bridged by the deviation dying out as the AR(1) says, so after
a long gap a model says what is usual. Deviations are drawn in to twenty interquartile ranges: a bounded share of absurd
values moves a forecast by a bounded amount.

Fails when: what comes was never seen (an accident ahead); a neighbour is poisoned within its usual range; the past has under
three days.

Source: `profile-ar` is the usual seasonal yardstick; direct multi-step ridge: Hastie, Tibshirani & Friedman, The Elements of
Statistical Learning (2009), 3.4.1; Taieb et al., A review and comparison of strategies for multi-step ahead forecasting (2012).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.insight.forecast.panel import Panel
from cityward.insight.forecast.seasons import DAYS, Seasons, left_out, seasons_of

OWN_LAGS, THEIR_LAGS, NEIGHBOURS = 6, 3, 8
RIDGE = (
    300.0  # PRECEDENT: some 300 steps say nothing against the last value; chosen on the first 1,289 rows of LOS-loop
)
REACH = 20.0  # PRECEDENT: at 6 a road that jams is drawn in as well, and the error at 15 minutes is 4 % greater
LEAST_ROWS = 24
MOST_HORIZONS = 96

Floats = NDArray[np.float64]


class Model(Protocol):
    """A fitted model."""

    @property
    def horizons(self) -> tuple[int, ...]:
        """In steps, rising."""
        ...

    def predict(self, panel: Panel, origins: NDArray[np.int64]) -> Floats:
        """(O, H, S) from these rows of the panel; NaN where nothing can be said."""
        ...


Fit = Callable[[Panel, Sequence[int]], Model]


@dataclass(frozen=True, slots=True, eq=False)
class LastValue:
    """See the module."""

    horizons: tuple[int, ...]

    def predict(self, panel: Panel, origins: NDArray[np.int64]) -> Floats:
        now = carried(panel.value)[origins]
        return np.repeat(now[:, None], len(self.horizons), axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Seasonal:
    """See the module."""

    horizons: tuple[int, ...]

    def predict(self, panel: Panel, origins: NDArray[np.int64]) -> Floats:
        out = np.full((len(origins), len(self.horizons), panel.value.shape[1]), np.nan)
        for days in (DAYS, 1, 2, 3):
            for h, horizon in enumerate(self.horizons):
                row = origins + horizon - panel.per_day * days
                usable = (row >= 0) & (row <= origins)
                then = panel.value[np.where(usable, row, 0)]
                out[:, h] = np.where(np.isnan(out[:, h]) & usable[:, None], then, out[:, h])
        return out


@dataclass(frozen=True, slots=True, eq=False)
class ProfileAr:
    """See the module. `keeps` (S,): the share of a deviation that is left a step later."""

    horizons: tuple[int, ...]
    seasons: Seasons
    keeps: Floats
    fence: tuple[Floats, Floats]

    def predict(self, panel: Panel, origins: NDArray[np.int64]) -> Floats:
        now = _deviations(panel, self.seasons, self.keeps, self.fence)[origins]
        steps = panel.local_first + origins
        ahead = [self.seasons.at(steps + h) + self.keeps**h * now for h in self.horizons]
        return np.stack(ahead, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A ridge line of one series at one horizon: features less `centre` over `spread`, times `slope` (F,), plus `start`."""

    centre: Floats
    spread: Floats
    slope: Floats
    start: float


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """See the module. `near` (S, K); `lines`: by series, then horizon; none where too little was learned."""

    profile: ProfileAr
    near: NDArray[np.int64]
    lines: tuple[tuple[_Line | None, ...], ...]

    @property
    def horizons(self) -> tuple[int, ...]:
        """In steps."""
        return self.profile.horizons

    def predict(self, panel: Panel, origins: NDArray[np.int64]) -> Floats:
        profile = self.profile
        out = profile.predict(panel, origins)
        deviation = _deviations(panel, profile.seasons, profile.keeps, profile.fence)
        steps = panel.local_first + np.arange(len(panel.value) + max(self.horizons), dtype=np.int64)
        usual = profile.seasons.at(steps)
        for s, lines in enumerate(self.lines):
            shared = _shared(deviation, s, self.near[s], origins)
            for h, line in enumerate(lines):
                if line is not None:
                    ahead = _ahead(deviation, usual, s, origins, self.horizons[h], panel.per_day)
                    x = (np.concatenate([shared, ahead], axis=1) - line.centre) / line.spread
                    out[:, h, s] += line.start + x @ line.slope
        return out


def fit_last_value(panel: Panel, horizons: Sequence[int]) -> Model:
    """Nothing is learned."""
    return LastValue(_horizons(horizons))


def fit_seasonal(panel: Panel, horizons: Sequence[int]) -> Model:
    """Nothing is learned."""
    return Seasonal(_horizons(horizons))


def fit_profile_ar(panel: Panel, horizons: Sequence[int]) -> ProfileAr:
    """Seasons, and per series how deviations die out."""
    return _fit_profile(panel, horizons, left_out(panel))


def fit_pooled(panel: Panel, horizons: Sequence[int]) -> Pooled:
    """A line per series; a series of fewer than `LEAST_ROWS` usable rows has none, and `profile-ar` speaks for it."""
    usual = left_out(panel)
    profile = _fit_profile(panel, horizons, usual)
    deviation = _filled(_clipped(panel.value - usual, profile.fence), profile.keeps)
    ahead = panel.local_first + len(panel.value) + np.arange(max(profile.horizons), dtype=np.int64)
    longer = np.concatenate([usual, profile.seasons.at(ahead)])
    near = _nearest(deviation)
    lines = [
        _fit_lines(panel, deviation, longer, s, near[s], profile.keeps[s], profile.horizons)
        for s in range(panel.value.shape[1])
    ]
    return Pooled(profile, near, tuple(lines))


MODELS: Mapping[str, Fit] = {
    "last-value": fit_last_value,
    "seasonal": fit_seasonal,
    "profile-ar": fit_profile_ar,
    "pooled": fit_pooled,
}


def carried(value: Floats) -> Floats:
    """(T, S) the last reading at or before each row; NaN before the first.

    >>> carried(np.array([[np.nan], [1.0], [np.nan]])).ravel().tolist()
    [nan, 1.0, 1.0]
    """
    row = np.where(np.isfinite(value), np.arange(len(value))[:, None], -1)
    last = np.maximum.accumulate(row, axis=0) if len(value) else row
    return np.where(last >= 0, np.take_along_axis(value, np.maximum(last, 0), axis=0), np.nan)


def _horizons(horizons: Sequence[int]) -> tuple[int, ...]:
    out = tuple(horizons)
    if not out or len(out) > MOST_HORIZONS or out[0] < 1 or list(out) != sorted(set(out)):
        raise ValueError(f"horizons are 1 to {MOST_HORIZONS} rising numbers of steps: {out}")
    return out


def _fit_profile(panel: Panel, horizons: Sequence[int], usual: Floats) -> ProfileAr:
    deviation = panel.value - usual
    fence = _fence_of(deviation)
    deviation = _clipped(deviation, fence)
    before, after = deviation[:-1], deviation[1:]
    both = np.isfinite(before) & np.isfinite(after)
    square = np.where(both, before * before, 0.0).sum(axis=0)
    product = np.where(both, before * after, 0.0).sum(axis=0)
    keeps = np.clip(product / np.where(square > 0, square, 1.0), 0.0, 0.999)
    return ProfileAr(_horizons(horizons), seasons_of(panel), keeps, fence)


def _deviations(panel: Panel, seasons: Seasons, keeps: Floats, fence: tuple[Floats, Floats]) -> Floats:
    steps = panel.local_first + np.arange(len(panel.value), dtype=np.int64)
    return _filled(_clipped(panel.value - seasons.at(steps), fence), keeps)


def _filled(deviation: Floats, keeps: Floats) -> Floats:
    """Gaps bridged: what was there last, dying out; nothing before the first reading."""
    row = np.where(np.isfinite(deviation), np.arange(len(deviation))[:, None], -1)
    last = np.maximum.accumulate(row, axis=0) if len(deviation) else row
    age = np.arange(len(deviation))[:, None] - last
    return np.where(last >= 0, carried(deviation) * keeps**age, 0.0)


def _fence_of(deviation: Floats) -> tuple[Floats, Floats]:
    low, high = np.full(deviation.shape[1], -np.inf), np.full(deviation.shape[1], np.inf)
    for s, column in enumerate(deviation.T):
        seen = column[np.isfinite(column)]
        if len(seen) < 4:
            continue
        q1, q3 = np.quantile(seen, (0.25, 0.75))
        if q3 > q1:
            low[s], high[s] = q1 - REACH * (q3 - q1), q3 + REACH * (q3 - q1)
    return low, high


def _clipped(deviation: Floats, fence: tuple[Floats, Floats]) -> Floats:
    return np.clip(deviation, *fence)


def _nearest(deviation: Floats) -> NDArray[np.int64]:
    """(S, K) the series whose deviations go most with each one's, either way; ties by number."""
    centred = deviation - deviation.mean(axis=0) if len(deviation) else deviation
    length = np.sqrt((centred * centred).sum(axis=0))
    alike = np.abs(centred.T @ centred) / np.maximum(np.outer(length, length), 1e-12)
    np.fill_diagonal(alike, -1.0)
    order = np.argsort(-np.round(alike, 9), axis=1, kind="stable")
    return order[:, : min(NEIGHBOURS, max(deviation.shape[1] - 1, 0))].astype(np.int64)


def _shared(deviation: Floats, s: int, near: NDArray[np.int64], rows: NDArray[np.int64]) -> Floats:
    """(N, F) what every horizon reads; before the first row a deviation is none."""
    columns = [_lagged(deviation[:, s], rows, lag) for lag in range(OWN_LAGS)]
    columns += [_lagged(deviation[:, n], rows, lag) for n in near for lag in range(THEIR_LAGS)]
    columns.append(deviation[rows].mean(axis=1))
    return np.stack(columns, axis=1)


def _ahead(deviation: Floats, usual: Floats, s: int, rows: NDArray[np.int64], horizon: int, per_day: int) -> Floats:
    """(N, 3) how the usual level changes until then, and the deviations at that time a day and a week before."""
    columns = [usual[rows + horizon, s] - usual[rows, s]]
    for before in (per_day, DAYS * per_day):
        lag = before * -(-horizon // before) - horizon
        columns.append(_lagged(deviation[:, s], rows, lag))
    return np.stack(columns, axis=1)


def _lagged(column: Floats, rows: NDArray[np.int64], lag: int) -> Floats:
    return np.where(rows >= lag, column[np.maximum(rows - lag, 0)], 0.0)


def _fit_lines(
    panel: Panel,
    deviation: Floats,
    usual: Floats,
    s: int,
    near: NDArray[np.int64],
    keeps: float,
    horizons: tuple[int, ...],
) -> tuple[_Line | None, ...]:
    rows = np.arange(OWN_LAGS, len(deviation) - horizons[-1], dtype=np.int64)
    rows = rows[np.isfinite(panel.value[rows, s])]
    if len(rows) < LEAST_ROWS:
        return (None,) * len(horizons)
    shared, out = _shared(deviation, s, near, rows), list[_Line | None]()
    for h in horizons:
        y = panel.value[rows + h, s] - usual[rows + h, s] - keeps**h * deviation[rows, s]
        there = np.isfinite(y)
        x = np.concatenate([shared, _ahead(deviation, usual, s, rows, h, panel.per_day)], axis=1)
        out.append(_ridge(x[there], y[there]) if there.sum() >= LEAST_ROWS else None)
    return tuple(out)


def _ridge(x: Floats, y: Floats) -> _Line:
    """Outcomes are drawn in as deviations are. A feature that never changed says nothing."""
    low, high = _fence_of(y[:, None])
    y = np.clip(y, low[0], high[0])
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 1e-9, spread, np.inf)
    x = (x - centre) / spread
    start = float(y.mean())
    slope = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (y - start))
    return _Line(centre, spread, np.asarray(slope, dtype=np.float64), start)

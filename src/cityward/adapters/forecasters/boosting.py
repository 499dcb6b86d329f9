"""Gradient-boosted trees of scikit-learn, behind the same door as our own models (ADR 15).

One forest of trees for all series and each horizon: what a series does ahead of its last value, from its recent deviations, the
usual level, how that changes, the time of day, and the mean deviation of all. Seeded; rows are thinned evenly to `MOST_ROWS`.

Fails when: a series is unlike all others (the trees are shared); what comes lies beyond what was ever seen (trees do not
extrapolate). Needs the extra `forecast`.

INVARIANT: it works in one thread. The library's own wait for each other by spinning: beside one other busy process, two on two
cores took fifty times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.errors import LinkError
from cityward.insight.forecast.models import ProfileAr, carried, fit_profile_ar
from cityward.insight.forecast.panel import Panel
from cityward.insight.forecast.seasons import left_out

LAGS = 6
MOST_ROWS = 100_000
TREES, LEAVES, RATE = 150, 31, 0.06

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Boosted:
    """`spread` (S,): outcomes are learned in it, for series of other units share the trees."""

    profile: ProfileAr
    spread: Floats
    trees: tuple[Any, ...]

    @property
    def horizons(self) -> tuple[int, ...]:
        """In steps."""
        return self.profile.horizons

    def predict(self, panel: Panel, origins: NDArray[np.int64]) -> Floats:
        """See `Model`."""
        out = np.full((len(origins), len(self.horizons), panel.value.shape[1]), np.nan)
        now = carried(panel.value)[origins]
        steps = panel.local_first + np.arange(len(panel.value) + max(self.horizons), dtype=np.int64)
        usual = self.profile.seasons.at(steps)
        for h, (horizon, trees) in enumerate(zip(self.horizons, self.trees, strict=True)):
            x = _features(panel, usual, self.spread, origins, horizon)
            with _one_thread():
                ahead = np.asarray(trees.predict(x.reshape(-1, x.shape[-1]))).reshape(now.shape)
            out[:, h] = now + ahead * self.spread
        return out


def fit_boosted(panel: Panel, horizons: Sequence[int]) -> Boosted:
    """See the module.

    Raises:
        LinkError: scikit-learn is not installed.
        ValueError: there is nothing to learn from.
    """
    regressor = _regressor()
    profile = fit_profile_ar(panel, horizons)
    spread = np.array([_spread(column) for column in panel.value.T])
    ahead = panel.local_first + len(panel.value) + np.arange(max(profile.horizons), dtype=np.int64)
    usual = np.concatenate([left_out(panel), profile.seasons.at(ahead)])
    now = carried(panel.value)
    trees: list[Any] = []
    for horizon in profile.horizons:
        rows = np.arange(LAGS, len(panel.value) - horizon, dtype=np.int64)
        rows = rows[:: max(1, -(-len(rows) * panel.value.shape[1] // MOST_ROWS))]
        x = _features(panel, usual, spread, rows, horizon)
        y = (panel.value[rows + horizon] - now[rows]) / spread
        there = np.isfinite(y)
        forest = regressor(max_iter=TREES, max_leaf_nodes=LEAVES, learning_rate=RATE, random_state=1)
        with _one_thread():
            trees.append(forest.fit(x[there], y[there]))
    return Boosted(profile, spread, tuple(trees))


def _spread(column: Floats) -> float:
    seen = column[np.isfinite(column)]
    return max(float(seen.std()), 1e-9) if len(seen) else 1.0


def _one_thread() -> AbstractContextManager[Any]:
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - comes with the extra

    return threadpool_limits(limits=1, user_api="openmp")


def _regressor() -> Any:
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise LinkError(
            "scikit-learn is not installed", where="adapters/forecasters", mend="pip install cityward[forecast]"
        ) from None
    return HistGradientBoostingRegressor


def _features(
    panel: Panel, usual: Floats, spread: Floats, rows: NDArray[np.int64], horizon: int
) -> NDArray[np.float64]:
    """(N, S, F); a missing reading stays NaN: the trees know what to do with it. `usual` reaches beyond the panel."""
    deviation = panel.value - usual[: len(panel.value)]
    columns = [np.where((rows >= lag)[:, None], deviation[np.maximum(rows - lag, 0)], np.nan) for lag in range(LAGS)]
    columns += [usual[rows + horizon] - usual[rows], usual[rows]]
    columns.append(np.repeat(np.nan_to_num(deviation[rows]).mean(axis=1)[:, None], len(spread), axis=1))
    scaled = [column / spread for column in columns]
    hour = ((panel.local_first + rows) % panel.per_day) / panel.per_day
    return np.stack([*scaled, np.repeat(hour[:, None], len(spread), axis=1)], axis=-1)

"""Intervals around forecasts, made of a model's own past errors.

Theory of operation
-------------------
A model is fitted to the first part of the past and forecasts the rest, which it has not seen. The quantiles of those errors, per
series and horizon, are the first band (split conformal: of n errors the ceil((n + 1) q)-th). Then it is steered: each time
an error becomes known, the upper bound is raised by `RATE * scale * q` where the error lay above it and lowered by
`RATE * scale * (1 - q)` where not, and the lower bound likewise. In the long run the share outside is right whatever
the errors do; `scale` is the band's first width.

INVARIANTS
- low <= 0 <= high: the forecast lies within its interval.
- A series with fewer than `LEAST_ERRORS` errors at a horizon has no band there: NaN, never a guess.

Fails when: errors are large at some hours and small at others: the share is right over the day, not at each hour.

Source: Papadopoulos et al. (2002) and Vovk, Gammerman & Shafer (2005), split conformal; Angelopoulos, Candes & Tibshirani,
Conformal PID control (2023), the quantile tracker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cityward.insight.forecast.models import Fit, Model
from cityward.insight.forecast.panel import Panel

COVERAGE = 0.8
LEAST_ERRORS = 30
MOST_ORIGINS = 2000
KEPT_TO_LEARN = 0.7
RATE = 0.05

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """`low` <= 0 <= `high`, each (H, S), to be added to a forecast; `scale` (H, S) how far one step of steering goes."""

    low: Floats
    high: Floats
    scale: Floats
    coverage: float = COVERAGE


def bands_of(errors: Floats, coverage: float = COVERAGE) -> Bands:
    """From errors (O, H, S): what came less what was said; NaN where it is not known.

    >>> band = bands_of(np.arange(-49.0, 50.0).reshape(-1, 1, 1))
    >>> band.low.item(), band.high.item()
    (-40.0, 40.0)
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage lies between 0 and 1: {coverage}")
    ordered = np.sort(errors, axis=0)  # NaN last
    count = np.isfinite(errors).sum(axis=0)
    rank = np.ceil(np.round((count + 1) * (1 + coverage) / 2, 9))
    high, low = _ranked(ordered, count, rank), _ranked(ordered, count, count + 1 - rank)
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    return Bands(low, high, high - low, coverage)


def steered(bands: Bands, error: Floats) -> Bands:
    """After errors (H, S) became known; NaN ones say nothing."""
    tail = (1 - bands.coverage) / 2
    step = RATE * bands.scale
    above = np.where(error > bands.high, 1 - tail, -tail)
    below = np.where(error < bands.low, 1 - tail, -tail)
    known = np.isfinite(error)
    high = np.where(known, np.maximum(bands.high + step * above, 0.0), bands.high)
    low = np.where(known, np.minimum(bands.low - step * below, 0.0), bands.low)
    return replace(bands, low=low, high=high)


def rehearsed(fit: Fit, panel: Panel, horizons: Sequence[int]) -> tuple[Model, Floats]:
    """The model fitted to the first part of the panel, and its errors (O, H, S) on the rest."""
    learned = int(len(panel.value) * KEPT_TO_LEARN)
    model = fit(panel.until(learned), horizons)
    origins = np.arange(learned, len(panel.value) - min(horizons), dtype=np.int64)[-MOST_ORIGINS:]
    return model, errors_of(model, panel, origins)


def errors_of(model: Model, panel: Panel, origins: NDArray[np.int64]) -> Floats:
    """(O, H, S) what came less what was said; NaN beyond the panel's end and where either is missing."""
    said = model.predict(panel, origins)
    for h, horizon in enumerate(model.horizons):
        row = origins + horizon
        there = row < len(panel.value)
        came = np.where(there[:, None], panel.value[np.where(there, row, 0)], np.nan)
        said[:, h] = came - said[:, h]
    return said


def _ranked(ordered: Floats, count: NDArray[np.int64], rank: Floats) -> Floats:
    """The `rank`-th of each column's sorted errors, counted from one; NaN of too few."""
    at = np.clip(rank, 1, np.maximum(count, 1)).astype(np.int64) - 1
    if not len(ordered):
        return np.full(count.shape, np.nan)
    found = np.take_along_axis(ordered, at[None], axis=0)[0]
    return np.where(count >= LEAST_ERRORS, found, np.nan)

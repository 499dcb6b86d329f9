"""A device's forecast as the console draws it. Times ending in `_ms` are city time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from cityward.insight.accuracy import Score, so_far
from cityward.runtime.forecast_told import ToldSeries
from cityward.web.api.views import View


class SoFarView(View, frozen=True, kw_only=True):
    """How good the model that speaks was: over all horizons that are scored, or at one of them.

    mae: mean absolute error, in the series' unit. skill: 1 less its ratio to that of the last value. coverage: share of readings
    within the interval. count: forecasts that were held against what came.
    """

    count: int
    mae: float
    skill: float
    coverage: float


class HorizonView(View, frozen=True, kw_only=True):
    """Accuracy so many ms ahead."""

    ahead_ms: int
    so_far: SoFarView


class ForecastSeriesView(View, frozen=True, kw_only=True):
    """What comes of one property: `points` (at_ms, value, low, high); none, and `why`, where nothing is said.

    coverage: of low to high. missing: share of its newest past that was not there. so_far None: nothing came yet to hold it to.
    """

    property: str
    unit: str
    made_at_ms: int | None
    model: str
    coverage: float
    missing: float
    points: tuple[tuple[int, float, float, float], ...]
    so_far: SoFarView | None
    horizons: tuple[HorizonView, ...]
    why: str


class ForecastView(View, frozen=True, kw_only=True):
    """Of each property that is forecast."""

    now_ms: int
    series: tuple[ForecastSeriesView, ...]


def forecast_view(units: Mapping[str, str], told: Sequence[ToldSeries], now_us: int) -> ForecastView:
    """`units`: property -> its unit, of what may be seen."""
    seen = (one for one in told if one.property in units)
    return ForecastView(now_ms=now_us // 1000, series=tuple(_forecast_series(one, units[one.property]) for one in seen))


def _forecast_series(told: ToldSeries, unit: str) -> ForecastSeriesView:
    first = told.estimates[0] if told.estimates else None
    return ForecastSeriesView(
        property=told.property,
        unit=unit,
        made_at_ms=None if first is None else first.made_at // 1000,
        model="" if first is None else first.model,
        coverage=0.8 if first is None else first.coverage,
        missing=0.0 if first is None else first.missing,
        points=tuple((one.at // 1000, one.value, one.low, one.high) for one in told.estimates),
        so_far=_so_far(told.scores),
        horizons=tuple(
            HorizonView(ahead_ms=score.horizon_us // 1000, so_far=found)
            for score in told.scores
            if (found := _so_far([score])) is not None
        ),
        why=told.why,
    )


def _so_far(scores: Sequence[Score]) -> SoFarView | None:
    found = so_far(scores)
    return None if found is None else msgspec.convert(found, SoFarView, from_attributes=True)

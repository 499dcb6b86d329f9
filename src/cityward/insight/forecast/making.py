"""From a panel to estimates: the models learn, rehearse for their intervals, and say what comes, or why they do not.

INVARIANTS
- What cannot be told honestly is not told: each series and horizon is an estimate or a `Silence` with its reason.
- The same panel and names give the same estimates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cityward.insight.estimate import Estimate
from cityward.insight.forecast.bands import COVERAGE, Bands, bands_of, rehearsed
from cityward.insight.forecast.models import MODELS, Model
from cityward.insight.forecast.panel import Panel, without_stuck

LEAST_DAYS = 3
LEAST_SHARE = 0.3  # of the steps of the past; below it the profile is a guess
RECENT_STEPS = 6  # what a forecast leans on most


@dataclass(frozen=True, slots=True)
class Series:
    """What a column of the panel is: a property of a unit, with the limits that its model declares."""

    unit: str
    property: str
    low: float = -np.inf
    high: float = np.inf


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is said of a series, and why, as a person reads it."""

    series: Series
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A model with its bands, fitted to a panel of these series."""

    name: str
    series: tuple[Series, ...]
    model: Model
    bands: Bands
    silent: tuple[Silence, ...]


def learn(
    name: str, panel: Panel, series: Sequence[Series], horizons: Sequence[int], coverage: float = COVERAGE
) -> Learned:
    """Fit the model of that name, on what is not stuck.

    Raises:
        KeyError: no such model.
    """
    panel = without_stuck(panel)
    fit = MODELS[name]
    silent = tuple(Silence(one, why) for s, one in enumerate(series) if (why := _too_little(panel, s)))
    _, errors = rehearsed(fit, panel, horizons)
    return Learned(name, tuple(series), fit(panel, horizons), bands_of(errors, coverage), silent)


def say(learned: Learned, panel: Panel) -> tuple[Sequence[Estimate], Sequence[Silence]]:
    """What comes after the last row of the panel, of every series; made at the step of that row.

    `missing` is the greater of the share of gaps in the past day and in the newest steps.
    """
    panel = without_stuck(panel)
    silent = {id(silence.series): silence for silence in learned.silent}
    if not len(panel.value):
        return (), [Silence(one, "there is no past") for one in learned.series]
    said = learned.model.predict(panel, np.array([len(panel.value) - 1]))[0]
    estimates: list[Estimate] = []
    for s, one in enumerate(learned.series):
        if id(one) in silent:
            continue
        found = _of_one(learned, panel, s, said[:, s])
        estimates += found
        if not found:
            silent[id(one)] = Silence(one, "too few of its own past forecasts could be checked to say how sure this is")
    return estimates, list(silent.values())


def _too_little(panel: Panel, s: int) -> str:
    """Why nothing is said of the series; empty where enough is there."""
    there = np.isfinite(panel.value[:, s])
    days = len(np.unique((panel.local_first + np.flatnonzero(there)) // panel.per_day))
    if days < LEAST_DAYS:
        return f"it was read on {days} days, and {LEAST_DAYS} are needed"
    if (share := float(there.mean())) < LEAST_SHARE:
        return f"{share:.0%} of its past is there, and {LEAST_SHARE:.0%} are needed"
    return ""


def _of_one(learned: Learned, panel: Panel, s: int, said: Sequence[float]) -> list[Estimate]:
    one, bands = learned.series[s], learned.bands
    made_at = (panel.first + len(panel.value) - 1) * panel.pace_us
    out: list[Estimate] = []
    for h, horizon in enumerate(learned.model.horizons):
        bounds = np.array([bands.low[h, s], 0.0, bands.high[h, s]]) + said[h]
        if not np.isfinite(bounds).all():
            continue
        low, value, high = np.clip(bounds, one.low, one.high).tolist()
        out.append(
            Estimate(
                subject=one.unit,
                property=one.property,
                at=made_at + horizon * panel.pace_us,
                made_at=made_at,
                value=value,
                low=low,
                high=high,
                coverage=bands.coverage,
                model=learned.name,
                sources=(one.unit,),
                missing=_missing(panel, s),
            )
        )
    return out


def _missing(panel: Panel, s: int) -> float:
    gap = np.isnan(panel.value[:, s])
    return float(max(gap[-panel.per_day :].mean(), gap[-RECENT_STEPS:].mean()))


def by_subject(estimates: Sequence[Estimate]) -> Mapping[str, Sequence[Estimate]]:
    """The estimates of each unit, in the order given."""
    out: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        out.setdefault(estimate.subject, []).append(estimate)
    return out

"""Forecasts of one device, made of the past of its place: each property with those of other devices as neighbours.

The model is the one that erred least in a rehearsal on the newest third of the past, if by `MARGIN` less than `profile-ar`.
Does not live here: where the past is read from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.insight.estimate import Estimate
from cityward.insight.forecast.bands import rehearsed
from cityward.insight.forecast.making import Series, Silence, learn, say
from cityward.insight.forecast.models import MODELS
from cityward.insight.forecast.panel import Panel, panel_of, without_stuck
from cityward.place.registry import Registry
from cityward.time import DAY, HOUR, MINUTE

PAST_DAYS = 28
PACES_US = (5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR)
HORIZONS = (1, 2, 3, 4, 6, 12, 24)
MOST_NEIGHBOURS = 40
FIRST = "profile-ar"
TRIED = ("profile-ar", "pooled", "last-value")
MARGIN = 0.05

Past = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a model's errors were on the part of the past it had not seen. `skill`: 1 less the ratio to the last value's;
    `coverage`: share within the interval, where it was counted."""

    property: str
    model: str
    horizon_us: int
    count: int
    mae: float
    skill: float
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceForecast:
    """Estimates by property and moment; silences; the errors so far of the models that speak."""

    estimates: tuple[Estimate, ...]
    silent: tuple[Silence, ...]
    rehearsed: tuple[Rehearsed, ...]


def forecast_device(registry: Registry, device: str, past: Past, now_us: int) -> DeviceForecast:
    """Every property of the device.

    Args:
        past: (channel, observed_at, value) of the place, without what is marked, in any order.

    Raises:
        KeyError: no such device.
    """
    estimates: list[Estimate] = []
    silent: list[Silence] = []
    known: list[Rehearsed] = []
    for channel in registry.channels_of(registry.unit_index[device]):
        found = _of_channel(registry, channel, past, now_us)
        estimates += found.estimates
        silent += found.silent
        known += found.rehearsed
    return DeviceForecast(tuple(estimates), tuple(silent), tuple(known))


def _of_channel(registry: Registry, channel: int, past: Past, now_us: int) -> DeviceForecast:
    alike = [c for c, name in enumerate(registry.channel_property) if name == registry.channel_property[channel]]
    near = sorted((c for c in alike if c != channel), key=lambda c: (abs(c - channel), c))[:MOST_NEIGHBOURS]
    chosen = [channel, *near]
    series = [series_of(registry, c) for c in chosen]
    panel = _panel(past, chosen, now_us)
    if not np.isfinite(panel.value[:, 0]).any():
        return DeviceForecast((), (Silence(series[0], f"nothing was read in {PAST_DAYS} days"),), ())
    model, known = _best(panel, series[0])
    estimates, silent = say(learn(model, panel, series, HORIZONS), panel)
    mine = tuple(e for e in estimates if e.subject == series[0].unit)
    return DeviceForecast(mine, tuple(s for s in silent if s.series is series[0]), known if mine else ())


def series_of(registry: Registry, channel: int) -> Series:
    """What a channel is, with the limits that its model declares."""
    low, high = float(registry.channel_low[channel]), float(registry.channel_high[channel])
    return Series(registry.units[registry.channel_unit[channel]].id, registry.channel_property[channel], low, high)


def _panel(past: Past, chosen: Sequence[int], now_us: int) -> Panel:
    """The chosen channels on the finest grid that the first one's usual pace fills, from its first reading on."""
    channel, at, value = past
    mine = np.unique(at[channel == chosen[0]])
    usual = float(np.median(np.diff(mine))) if len(mine) > 1 else HOUR
    pace = next((p for p in PACES_US if p >= usual), PACES_US[-1])
    number = {c: n for n, c in enumerate(chosen)}
    rows = np.flatnonzero(np.isin(channel, chosen))
    columns = np.array([number[c] for c in channel[rows].tolist()], dtype=np.int32)
    begin = max(now_us - PAST_DAYS * DAY, int(mine[0]) if len(mine) else 0)
    return panel_of(columns, at[rows], value[rows], count=len(chosen), begin=begin, end=now_us, pace_us=pace)


def _best(panel: Panel, series: Series) -> tuple[str, tuple[Rehearsed, ...]]:
    """The model that speaks for the panel's first series, and its errors."""
    clean = without_stuck(panel)
    errors = {name: np.abs(rehearsed(MODELS[name], clean, HORIZONS)[1][:, :, 0]) for name in TRIED}
    counted = np.all([np.isfinite(one) for one in errors.values()], axis=0)
    if not counted.any():
        return FIRST, ()
    mean = {name: float(one[counted].mean()) for name, one in errors.items()}
    best = min(TRIED, key=lambda name: (mean[name], name))
    if mean[best] >= (1 - MARGIN) * mean[FIRST]:
        best = FIRST
    rows = [
        _row(series, best, horizon * panel.pace_us, errors[best][at, h], errors["last-value"][at, h])
        for h, horizon in enumerate(HORIZONS)
        if (at := counted[:, h]).any()
    ]
    return best, tuple(rows)


def _row(
    series: Series, model: str, horizon_us: int, error: NDArray[np.float64], last: NDArray[np.float64]
) -> Rehearsed:
    mae, yardstick = float(error.mean()), float(last.mean())
    skill = 1 - mae / yardstick if yardstick > 0 else 0.0
    return Rehearsed(series.property, model, horizon_us, len(error), mae, skill)

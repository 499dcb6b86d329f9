"""Forecasts: made beside the running services, and the answer of `cityward forecast`.

The answer is the kept forecast where the city made one that is not over; else one is made of the held past without what is
marked, and nothing is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cityward.compose.bars import barred_now
from cityward.compose.home import Home
from cityward.compose.progress import FORECASTS_PROGRESS, told_each_second
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.insight.accuracy import Score
from cityward.insight.forecast.device import PAST_DAYS, DeviceForecast, Rehearsed, forecast_device
from cityward.insight.forecast.making import Series, Silence
from cityward.insight.forecast.running import forecasts_of
from cityward.runtime.forecast_told import ToldSeries, told_forecasts
from cityward.runtime.forecasting import Forecasting, ForecastPorts
from cityward.time import DAY

MOST_ROWS = 5_000_000


@asynccontextmanager
async def forecasting_beside(setting: Setting, stop: asyncio.Event) -> AsyncGenerator[None]:
    """Make the declared forecasts for as long as this is open."""
    history, state = setting.history(), setting.state
    ports = ForecastPorts(
        now_us=setting.now_us,
        past=history.past,
        marks=state.marks,
        standings=lambda: tuple(state.watch.standings().values()),
        barred=lambda: barred_now(state),
        keeper=state.services,
    )
    making = Forecasting(forecasts_of(setting.loaded.place, setting.registry), ports)
    async with told_each_second(setting.home.root / FORECASTS_PROGRESS, lambda: making.progress):
        task = asyncio.create_task(making.run(stop))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """now: city us. kept: whether the running city made it; then `rehearsed` is what became of its earlier forecasts."""

    now: int
    kept: bool
    found: DeviceForecast


def forecast(state: Path, device: str) -> Answer:
    """What comes of the device.

    Raises:
        CitywardError: no city ran there, a store did not answer, or no such device is declared.
    """
    setting = open_setting(Home(state))
    try:
        if device not in setting.registry.unit_index:
            raise PlaceError(f"no device `{device}` is declared", mend="`cityward device list` names them")
        now = setting.now_us()
        told = told_forecasts(setting.state.services, device, now)
        if any(one.estimates for one in told):
            return Answer(now, True, _kept(device, told))
        past = setting.history().past(now - PAST_DAYS * DAY, now, MOST_ROWS)
        return Answer(now, False, forecast_device(setting.registry, device, past, now))
    finally:
        setting.state.dispose()


def _kept(device: str, told: tuple[ToldSeries, ...]) -> DeviceForecast:
    return DeviceForecast(
        estimates=tuple(estimate for one in told for estimate in one.estimates),
        silent=tuple(Silence(Series(device, one.property), one.why) for one in told if one.why),
        rehearsed=tuple(_row(score) for one in told for score in one.scores),
    )


def _row(score: Score) -> Rehearsed:
    return Rehearsed(score.property, score.model, score.horizon_us, score.count, score.mae, score.skill, score.coverage)

"""The answer of `cityward forecast`: made when it is asked for, of the held past without what is marked; nothing is kept."""

from __future__ import annotations

from pathlib import Path

from cityward.compose.home import Home
from cityward.compose.setting import open_setting
from cityward.errors import PlaceError
from cityward.insight.forecast.device import PAST_DAYS, DeviceForecast, forecast_device
from cityward.time import DAY

MOST_ROWS = 5_000_000


def forecast(state: Path, device: str) -> tuple[int, DeviceForecast]:
    """The city's time, and what comes of the device.

    Raises:
        CitywardError: no city ran there, a store did not answer, or no such device is declared.
    """
    setting = open_setting(Home(state))
    try:
        if device not in setting.registry.unit_index:
            raise PlaceError(f"no device `{device}` is declared", mend="`cityward device list` names them")
        now = setting.now_us()
        past = setting.history().past(now - PAST_DAYS * DAY, now, MOST_ROWS)
        return now, forecast_device(setting.registry, device, past, now)
    finally:
        setting.state.dispose()

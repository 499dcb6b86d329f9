"""Forecasts: that what is to be forecast is observed, is said once, and is not more than an hour bears."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.place.checks.whole import Problem, Whole, member_ids
from cityward.place.hints import listed
from cityward.place.services import Forecast

MOST_FORECAST_SERIES = 200  # an hour of the city learns and says them all


def forecasts_can_be_made(whole: Whole) -> Iterator[Problem]:
    """Each series is observed by its device's model, and belongs to one forecast; there are not too many."""
    said: dict[tuple[str, str], str] = {}
    for name, forecast in whole.place.forecasts.items():
        path = f"forecasts.{name}"
        for nth, device in enumerate(forecast.devices):
            yield from _observed(whole, f"{path}.devices[{nth}]", device, forecast)
            for unit in _units(whole, device):
                key = (unit, forecast.property)
                if key in said:
                    what = f"`{forecast.property}` of `{unit}` is already in the forecast `{said[key]}`"
                    yield Problem(f"{path}.devices[{nth}]", what, "name each series once")
                    break
                said[key] = name
    if len(said) > MOST_FORECAST_SERIES:
        what = f"{len(said)} series are to be forecast, and {MOST_FORECAST_SERIES} are the most"
        yield Problem("forecasts", what, "name fewer devices")


def _observed(whole: Whole, path: str, device: str, forecast: Forecast) -> Iterator[Problem]:
    model = whole.model(device)
    if model is None or forecast.property in model.properties:
        return
    what = f"`{device}` does not observe `{forecast.property}`"
    mend = f"name one of {listed(model.properties)}" if model.properties else "name a device that observes something"
    yield Problem(path, what, mend)


def _units(whole: Whole, device: str) -> list[str]:
    declared = whole.place.devices.get(device)
    return (member_ids(device, declared) if declared is not None else []) or [device]

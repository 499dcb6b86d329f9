"""What is said of forecasts that cannot be made as they are declared."""

from __future__ import annotations

import pytest

from cityward.errors import PlaceErrors
from cityward.place.checks import forecasts as limits
from declarations import loaded, town


def forecast(text: str) -> str:
    return town(("\nflows:\n", f"\nforecasts:\n{text}\nflows:\n"))


def wrong(text: str) -> list[str]:
    with pytest.raises(PlaceErrors) as found:
        loaded(forecast(text))
    return [error.what for error in found.value.errors]


def test_a_group_and_a_member_of_another_may_be_forecast() -> None:
    place = loaded(forecast("  levels: {devices: [lamps], property: lamp-level, horizon_hours: 12}\n")).place
    assert place.forecasts["levels"].horizon_hours == 12


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("  a: {devices: [lamps], property: vehicle-count}\n", "`lamps` does not observe `vehicle-count`"),
        ("  a: {devices: [lamp], property: lamp-level}\n", "`lamp`"),
        ("  a: {devices: [lamps], property: brightness}\n", "`brightness`"),
        ("  a: {devices: [], property: lamp-level}\n", "found an empty list"),
        ("  a: {devices: [lamps], property: lamp-level, horizon_hours: 49}\n", "49"),
        (
            "  a: {devices: [lamps], property: lamp-level}\n  b: {devices: [lamps-01], property: lamp-level}\n",
            "`lamp-level` of `lamps-01` is already in the forecast `a`",
        ),
    ],
)
def test_what_cannot_be_forecast_is_told(text: str, what: str) -> None:
    assert any(what in one for one in wrong(text)), wrong(text)


def test_more_series_than_an_hour_bears_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_FORECAST_SERIES", 1)
    (what,) = wrong("  a: {devices: [lamps], property: lamp-level}\n")
    assert "series are to be forecast, and 1 are the most" in what

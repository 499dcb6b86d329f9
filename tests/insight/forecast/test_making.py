"""From a panel to estimates, or to the reason why there is none."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.insight.forecast.making import Series, learn, say
from cityward.insight.forecast.panel import Panel
from cityward.time import HOUR

MONDAY = 4 * 24
ONE, TWO = Series("quay-counter", "pedestrian-count", low=0.0), Series("gate-counter", "pedestrian-count", low=0.0)


def town(days: int) -> Panel:
    rng = np.random.default_rng(1)
    wave = 20 + 15 * np.sin(2 * np.pi * np.arange(days * 24) / 24)
    return Panel(MONDAY, HOUR, np.maximum(wave[:, None] + rng.normal(0, 3, (days * 24, 2)), 0))


def test_estimates_are_for_the_steps_after_the_last_row() -> None:
    panel = town(20)
    estimates, silent = say(learn("pooled", panel, (ONE, TWO), (1, 6)), panel)
    assert not silent
    made = (MONDAY + 20 * 24 - 1) * HOUR
    assert [(e.subject, (e.at - e.made_at) // HOUR) for e in estimates] == [
        ("quay-counter", 1),
        ("quay-counter", 6),
        ("gate-counter", 1),
        ("gate-counter", 6),
    ]
    assert {e.made_at for e in estimates} == {made}
    assert all(0 <= e.low <= e.value <= e.high and e.missing == 0 and e.model == "pooled" for e in estimates)


def test_missing_says_how_much_of_the_newest_steps_was_not_there() -> None:
    panel = town(20)
    learned = learn("pooled", panel, (ONE, TWO), (1,))
    panel.value[-3:, 0] = np.nan
    estimates, _ = say(learned, panel)
    assert [e.missing for e in estimates] == [0.5, 0.0]  # 3 of the newest 6; 3 of 24 is less


def test_two_days_are_too_little_and_it_is_said() -> None:
    panel = town(2)
    estimates, silent = say(learn("pooled", panel, (ONE, TWO), (1,)), panel)
    assert not estimates
    assert {s.why for s in silent} == {"it was read on 2 days, and 3 are needed"}


def test_a_series_with_too_many_gaps_is_silent_and_the_other_speaks() -> None:
    panel = town(20)
    panel.value[np.arange(480) % 5 > 0, 0] = np.nan
    estimates, silent = say(learn("pooled", panel, (ONE, TWO), (1,)), panel)
    assert [(s.series.unit, s.why) for s in silent] == [
        ("quay-counter", "20% of its past is there, and 30% are needed")
    ]
    assert [e.subject for e in estimates] == ["gate-counter"]


def test_a_forecast_stays_within_the_declared_limits() -> None:
    panel = town(20)
    tight = Series("quay-counter", "pedestrian-count", low=0.0, high=4.0)
    estimates, _ = say(learn("pooled", panel, (tight, TWO), (1, 6, 12)), panel)
    assert all(0 <= e.low <= e.value <= e.high <= 4 for e in estimates if e.subject == "quay-counter")


def test_an_empty_panel_is_silence() -> None:
    panel = Panel(MONDAY, HOUR, np.empty((0, 1)))
    estimates, silent = say(learn("pooled", panel, (ONE,), (1,)), panel)
    assert not estimates
    assert [s.why for s in silent] == ["there is no past"]


def test_a_model_that_is_not_there_is_no_model() -> None:
    with pytest.raises(KeyError):
        learn("oracle", town(5), (ONE, TWO), (1,))

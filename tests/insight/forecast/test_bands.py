"""Intervals: the ranks worked by hand, the share held over a change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.insight.forecast.bands import LEAST_ERRORS, RATE, Bands, bands_of, errors_of, steered
from cityward.insight.forecast.models import fit_last_value
from cityward.insight.forecast.panel import Panel
from cityward.time import HOUR


def test_the_bounds_are_the_ranks_of_split_conformal() -> None:
    """Of 49 errors -24 ... 24, ceil(50 * 0.9) = 45th is 20, floor(50 * 0.1) = 5th is -20."""
    found = bands_of(np.arange(-24.0, 25.0)[::-1].reshape(-1, 1, 1))
    assert (found.low.item(), found.high.item()) == (-20.0, 20.0)


def test_too_few_errors_make_no_band_and_missing_ones_do_not_count() -> None:
    errors = np.full((100, 1, 2), np.nan)
    errors[: LEAST_ERRORS - 1, 0, 0] = 1.0
    errors[:LEAST_ERRORS, 0, 1] = 1.0
    found = bands_of(errors)
    assert np.isnan(found.high[0, 0])
    assert found.high[0, 1] == 1.0
    assert np.isnan(bands_of(np.empty((0, 1, 1))).high).all()


def test_a_band_always_holds_the_forecast_itself() -> None:
    found = bands_of(np.full((50, 1, 1), 3.0))
    assert (found.low.item(), found.high.item()) == (0.0, 3.0)


def test_one_step_of_steering_worked_by_hand() -> None:
    """Band -1 to 1, 80 %, width 2, error 5: above, so high + 0.05 * 2 * 0.9; not below, so low is raised by 0.05 * 2 * 0.1."""
    one = np.ones((1, 1))
    found = steered(Bands(-one, one, 2 * one), 5 * one)
    assert found.high.item() == pytest.approx(1 + RATE * 2 * 0.9)
    assert found.low.item() == pytest.approx(-1 + RATE * 2 * 0.1)


def test_an_unknown_error_steers_nothing() -> None:
    one = np.ones((1, 1))
    found = steered(Bands(-one, one, 2 * one), np.full((1, 1), np.nan))
    assert (found.low.item(), found.high.item()) == (-1.0, 1.0)


def test_steering_holds_the_share_when_errors_become_three_times_as_large() -> None:
    rng = np.random.default_rng(1)
    band = bands_of(rng.normal(0, 1, (500, 1, 1)))
    inside = 0
    for error in rng.normal(0, 3, 4000):
        inside += band.low.item() <= error <= band.high.item()
        band = steered(band, np.array([[error]]))
    assert 0.77 < inside / 4000 < 0.83


@given(errors=st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=200))
@settings(max_examples=50, deadline=None)
def test_bounds_never_cross_the_forecast(errors: list[float]) -> None:
    band = bands_of(np.array(errors, dtype=np.float64).reshape(-1, 1, 1))
    for error in [*errors, 1e9, -1e9]:
        band = steered(band, np.array([[error]]))
        if np.isfinite(band.low.item()):
            assert band.low.item() <= 0 <= band.high.item()


def test_errors_beyond_the_end_are_not_known() -> None:
    panel = Panel(0, HOUR, np.array([[1.0], [2.0], [4.0]]))
    found = errors_of(fit_last_value(panel, (1, 2)), panel, np.array([0, 1]))
    np.testing.assert_array_equal(found[:, :, 0], [[1.0, 3.0], [2.0, np.nan]])

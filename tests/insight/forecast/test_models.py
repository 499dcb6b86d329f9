"""Models: worked by hand where that can be done, held to laws where not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.insight.forecast.models import LEAST_ROWS, MODELS, Pooled, fit_pooled, fit_profile_ar
from cityward.insight.forecast.panel import Panel
from cityward.time import HOUR

MONDAY = 4 * 24
ALL = sorted(MODELS)


def days(count: int, series: int = 3, seed: int = 1) -> Panel:
    """A day's wave, and deviations of an AR(1) that all series share in part."""
    rng = np.random.default_rng(seed)
    steps = count * 24
    shared, own = rng.normal(0, 1, steps), rng.normal(0, 0.5, (steps, series))
    noise = np.zeros((steps, series))
    for t in range(1, steps):
        noise[t] = 0.8 * noise[t - 1] + shared[t] + own[t]
    wave = 10 * np.sin(2 * np.pi * np.arange(steps) / 24)
    return Panel(MONDAY, HOUR, 50 + wave[:, None] + noise)


def last(panel: Panel) -> np.ndarray:
    return np.array([len(panel.value) - 1])


def test_the_last_value_is_the_last_reading_over_a_gap() -> None:
    panel = Panel(MONDAY, HOUR, np.array([[3.0], [4.0], [np.nan]]))
    np.testing.assert_array_equal(MODELS["last-value"](panel, (1, 2)).predict(panel, last(panel))[0, :, 0], [4.0, 4.0])


def test_seasonal_says_what_was_a_week_before_or_else_a_day_before() -> None:
    value = np.arange(24.0 * 8)[:, None]
    value[24 * 7 - 166 + 24 : 24 * 7 - 166 + 25] = value[24 * 7 - 166 + 24 : 24 * 7 - 166 + 25]
    panel = Panel(MONDAY, HOUR, value)
    said = MODELS["seasonal"](panel, (1, 2)).predict(panel, last(panel))[0, :, 0]
    np.testing.assert_array_equal(said, [24.0, 25.0])  # row 191 + 1 - 168
    panel.value[24] = np.nan
    said = MODELS["seasonal"](panel, (1, 2)).predict(panel, last(panel))[0, :, 0]
    np.testing.assert_array_equal(said, [168.0, 25.0])  # row 191 + 1 - 24


def test_profile_ar_lets_the_present_deviation_die_out() -> None:
    """A wave that repeats each day but for a deviation at the end: the profile plus `keeps ** h` of it."""
    panel = days(20, series=1)
    model = fit_profile_ar(panel, (1, 3))
    now = MONDAY + len(panel.value) - 1
    usual = model.seasons.at(np.array([now, now + 1, now + 3]))[:, 0]
    keeps = float(model.keeps[0])
    deviation = panel.value[-1, 0] - usual[0]
    said = model.predict(panel, last(panel))[0, :, 0]
    np.testing.assert_allclose(said, [usual[1] + keeps * deviation, usual[2] + keeps**3 * deviation])
    assert 0.6 < keeps < 0.9  # made with 0.8


def test_after_a_long_gap_every_learned_model_says_what_is_usual() -> None:
    panel = days(20, series=1)
    model = fit_profile_ar(panel, (1,))
    panel.value[-72:] = np.nan
    usual = model.seasons.at(np.array([MONDAY + len(panel.value)]))
    np.testing.assert_allclose(model.predict(panel, last(panel))[0], usual, atol=1e-3)


def test_pooled_learns_from_a_neighbour_that_is_an_hour_ahead() -> None:
    rng = np.random.default_rng(3)
    lead = rng.normal(0, 1, 24 * 40)
    panel = Panel(MONDAY, HOUR, np.stack([np.roll(lead, 1), lead], axis=1))
    learned = 24 * 30
    origins = np.arange(learned, len(lead) - 1)
    errors = {}
    for name in ("profile-ar", "pooled"):
        said = MODELS[name](panel.until(learned), (1,)).predict(panel, origins)[:, 0, 0]
        errors[name] = float(np.sqrt(np.mean((said - panel.value[origins + 1, 0]) ** 2)))
    assert errors["pooled"] < 0.6 * errors["profile-ar"]


def test_a_series_with_too_few_rows_is_spoken_for_by_its_profile() -> None:
    panel = days(20, series=2)
    panel.value[: -LEAST_ROWS // 2, 1] = np.nan
    model = fit_pooled(panel, (1, 2))
    assert isinstance(model, Pooled)
    assert model.lines[1] == (None, None)
    assert model.lines[0][0] is not None
    said = model.predict(panel, last(panel))
    np.testing.assert_array_equal(said[:, :, 1], model.profile.predict(panel, last(panel))[:, :, 1])


@pytest.mark.parametrize("name", ALL)
def test_a_constant_series_is_said_to_stay_so(name: str) -> None:
    panel = Panel(MONDAY, HOUR, np.full((24 * 10, 2), 7.0))
    np.testing.assert_allclose(MODELS[name](panel, (1, 24)).predict(panel, last(panel)), 7.0)


@pytest.mark.parametrize("name", ALL)
def test_what_comes_after_an_origin_changes_nothing_that_was_said(name: str) -> None:
    panel = days(20)
    model = MODELS[name](panel.until(300), (1, 6))
    before = model.predict(panel, np.array([310]))
    changed = Panel(panel.first, HOUR, panel.value.copy())
    changed.value[311:] = 1e6
    np.testing.assert_array_equal(before, model.predict(changed, np.array([310])))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("steps", [0, 1, 5, 24])
def test_hardly_any_past_is_borne(name: str, steps: int) -> None:
    panel = Panel(MONDAY, HOUR, np.ones((steps, 2)))
    model = MODELS[name](panel, (1, 3))
    assert model.predict(panel, np.arange(steps)).shape == (steps, 2, 2)


@pytest.mark.parametrize("horizons", [(), (0,), (2, 1), (1, 1)])
def test_horizons_that_do_not_rise_from_one_are_refused(horizons: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rising"):
        fit_profile_ar(days(4), horizons)


@given(
    seed=st.integers(0, 10_000),
    gaps=st.floats(0, 1),
    poison=st.floats(0, 0.1),
    name=st.sampled_from(ALL),
    huge=st.sampled_from([0.0, -1e9, 1e12]),
)
@settings(max_examples=25, deadline=None)
def test_gaps_and_absurd_values_give_finite_words_that_are_the_same_each_time(
    seed: int, gaps: float, poison: float, name: str, huge: float
) -> None:
    panel = days(8, series=2, seed=seed)
    rng = np.random.default_rng(seed)
    panel.value[rng.random(panel.value.shape) < poison] = huge
    panel.value[rng.random(panel.value.shape) < gaps] = np.nan
    said = [MODELS[name](panel, (1, 6, 24)).predict(panel, last(panel)) for _ in range(2)]
    np.testing.assert_array_equal(*said)
    seen = np.isfinite(panel.value).any(axis=0)
    if name in ("profile-ar", "pooled"):
        assert np.isfinite(said[0][:, :, seen]).all()


def test_a_few_absurd_values_in_the_past_move_a_forecast_by_a_bounded_amount() -> None:
    panel = days(30, series=2)
    poisoned = Panel(panel.first, HOUR, panel.value.copy())
    rng = np.random.default_rng(2)
    rows = rng.choice(24 * 29, 36, replace=False)  # 5 in 100, none in the newest day
    poisoned.value[rows, 0] = 1e9
    said = [fit_pooled(one, (1, 6)).predict(one, last(one)) for one in (panel, poisoned)]
    assert np.abs(said[0] - said[1]).max() < 30  # the series' own range is some 30

"""The library's model keeps to the laws of our own; without the library it says so."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from cityward.adapters.forecasters.boosting import fit_boosted
from cityward.errors import LinkError
from cityward.insight.forecast.panel import Panel
from cityward.time import HOUR

MONDAY = 4 * 24


def town() -> Panel:
    rng = np.random.default_rng(1)
    wave = 20 + 15 * np.sin(2 * np.pi * np.arange(15 * 24) / 24)
    return Panel(MONDAY, HOUR, wave[:, None] + rng.normal(0, 1, (15 * 24, 2)))


def test_it_is_the_same_each_time_bridges_gaps_and_does_not_look_ahead() -> None:
    pytest.importorskip("sklearn")
    panel = town()
    panel.value[40:60, 0] = np.nan
    model, again = (fit_boosted(panel.until(300), (1, 6)) for _ in range(2))
    said = model.predict(panel, np.array([310]))
    np.testing.assert_array_equal(said, again.predict(panel, np.array([310])))
    changed = Panel(panel.first, HOUR, panel.value.copy())
    changed.value[311:] = 1e6
    np.testing.assert_array_equal(said, model.predict(changed, np.array([310])))
    assert np.abs(said[0] - panel.value[[311, 316]]).max() < 6  # the noise is 1


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(LinkError, match="scikit-learn is not installed") as told:
        fit_boosted(town(), (1,))
    assert "cityward[forecast]" in told.value.mend

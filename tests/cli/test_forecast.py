"""`cityward forecast` on a city that does not run."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from cityward.adapters.stores.history import DeltaHistory
from cityward.cli.forecast import command
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import open_setting
from cityward.errors import PlaceError
from cityward.insight.accuracy import KeptAccuracy, Score
from cityward.insight.estimate import Estimate
from cityward.insight.forecast.device import Past
from cityward.runtime.forecasting import FORECASTS, KeptForecasts
from cityward.runtime.serving.kept import ServiceEffects
from cityward.time import HOUR
from towns import stopped_city, write_town


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_town(tmp_path / "town", 3)))
    return home


def told(home: Home, *words: str) -> Result:
    return CliRunner().invoke(command, [*words, "--state", str(home.root)], catch_exceptions=False)


def device_of(home: Home) -> str:
    setting = open_setting(home)
    setting.state.dispose()
    return setting.registry.units[int(setting.registry.channel_unit[0])].id


def test_a_city_without_a_past_says_why_nothing_is_said(home: Home) -> None:
    said = told(home, device_of(home))
    assert said.exit_code == 1
    assert "nothing is said; nothing was read in 28 days" in " ".join(said.stdout.split())


def test_a_device_that_is_not_declared_is_named(home: Home) -> None:
    with pytest.raises(PlaceError, match="no device `nobody` is declared"):
        told(home, "nobody")


def test_estimates_come_with_their_interval_and_the_errors_so_far(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def past(_: DeltaHistory, since_us: int, until_us: int, most: int) -> Past:
        at = np.arange(since_us, until_us, HOUR, dtype=np.int64)
        level = 5 + 4 * (at // HOUR % 24 >= 12) + np.random.default_rng(1).normal(0, 0.1, len(at))
        return np.zeros(len(at), np.int32), at, level

    monkeypatch.setattr(DeltaHistory, "past", past)
    device = device_of(home)
    said = told(home, device)
    assert said.exit_code == 0
    assert "60 min ahead it was" in " ".join(said.stdout.split())
    document = json.loads(told(home, device, "--json").stdout)
    first = document["estimates"][0]
    assert first["low"] <= first["value"] <= first["high"]
    assert document["rehearsed"][0]["count"] > 100


def test_what_the_running_city_made_is_told_with_what_became_of_earlier_ones(home: Home) -> None:
    setting = open_setting(home)
    device, now = setting.registry.units[0].id, setting.now_us()
    name = setting.registry.channel_property[0]
    made_at = now - now % HOUR
    score = Score(
        subject=device, property=name, model="pooled", horizon_us=HOUR, count=20, weight=20.0,
        absolute=30.0, covered=15.0, last=40.0,
    )  # fmt: skip
    body = msgspec.json.encode(KeptForecasts(at=now, accuracy={"all": KeptAccuracy(scores=(score,))}))
    said = Estimate(device, name, made_at + HOUR, made_at, 5.0, 4.0, 6.5, model="pooled")
    setting.state.services.keep(ServiceEffects(at=now, memories={FORECASTS: body}, estimates=[(FORECASTS, said)]))
    setting.state.dispose()
    words = " ".join(told(home, device).stdout.split())
    assert "1 estimates, as the city made it" in words
    assert "5 (4 to 6.5) by pooled" in words
    assert "60 min ahead it was 1.5 off on average, 25% less than the last value; 75% of 20 lay within" in words
    document = json.loads(told(home, device, "--json").stdout)
    assert document["kept"] is True
    assert document["rehearsed"][0]["coverage"] == 0.75

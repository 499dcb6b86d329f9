"""The duty of a worker: what is due goes by the city's clock, without anybody asking."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aged import aged_city
from cityward.compose import roles
from cityward.compose.home import Home
from cityward.compose.keeping import erasure
from cityward.compose.keeping.datasets import dataset_of_channels, due_of
from cityward.compose.keeping.retention import Keeper, retention
from cityward.compose.places import load_place
from cityward.compose.setting import open_setting
from cityward.place.registry import number
from towns import write_town


def test_a_worker_erases_what_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(roles, "RETAIN_LOOK_S", 0.0)
    monkeypatch.setattr(erasure, "PAUSE_S", 0.0)
    state = aged_city(tmp_path)
    setting = open_setting(Home(state))
    assert [one.state for one in retention(state)[1]] == ["late"]
    told: list[int] = []

    async def until_done() -> None:
        stop = asyncio.Event()

        def look() -> int | None:
            rows = Keeper(setting).look()
            if rows is not None:
                told.append(rows)
                stop.set()
            return rows

        async with asyncio.timeout(60):
            await roles._retain(look, stop)

    asyncio.run(until_done())
    setting.state.dispose()
    assert told == [12] and [one.state for one in retention(state)[1]] == ["ok"]


def test_a_channel_of_two_datasets_is_kept_as_long_as_the_longer(tmp_path: Path):
    place = write_town(tmp_path / "town", 1) / "place.yaml"
    text = place.read_text()
    short = "\n  heat: {personal: true, sensitivity: internal, retention_days: 7, properties: [air-temperature]}"
    text = text.replace(
        "properties: [illuminance, air-temperature]}", "properties: [illuminance, air-temperature]}" + short
    )
    place.write_text(text.replace("datasets: [light]", "datasets: [light, heat]"))
    loaded = load_place(place.parent).place
    registry = number(loaded)
    assert set(dataset_of_channels(loaded, registry)) == {"light"}
    light, heat = due_of(loaded, registry)
    assert light.channels.all() and not heat.channels.any()
    # a refused message may hold both: it goes with what goes first, and so do the hours of what is personal alone
    assert (light.scope.flows, heat.scope.flows) == ([], ["meter-light"])
    assert (light.scope.hourly, heat.scope.hourly) == ((), [])

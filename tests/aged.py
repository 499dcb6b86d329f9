"""A city of two meters that ran for long and stopped: readings of six days, and every other copy of them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.compose.home import CityFile, Home, write_city_file
from cityward.compose.places import load_place
from cityward.guard.admit import Judged
from cityward.insight.expected import ExpectedRow
from cityward.insight.hourly import by_hour
from cityward.insight.marks import Mark, MarkState
from cityward.place.registry import Registry, number
from cityward.runtime.ports import BatchEffects, Latest, Quarantined
from cityward.time import DAY, HOUR, SECOND
from towns import write_town

NOW = 1_760_011_200 * SECOND  # a noon, UTC
AGES = (34, 33, 31, 29, 2, 1)  # days, oldest first
MINE, OTHER = 4242.4242, 700.0
EXCERPT = b'[{"n":"lux","v":4242.4242}]'


def aged_city(folder: Path) -> Path:
    """Its state directory. `meter-02` says `MINE` and `meter-01` says `OTHER`, at six and at noon of each day.

    The dataset is personal and kept for 30 days.
    """
    place = write_town(folder / "town", 2)
    text = (place / "place.yaml").read_text()
    (place / "place.yaml").write_text(text.replace("personal: false", "personal: true, basis: consent", 1))
    home = Home(folder / "state")
    home.prepare()
    write_city_file(home, _city_file(place))
    registry = number(load_place(place).place)
    fill(home, registry)
    return home.root


def fill(home: Home, registry: Registry) -> None:
    """History and the state database, as a worker leaves them."""
    begins = NOW - np.array(AGES) * DAY
    at = np.tile(np.sort(np.concatenate([begins - 6 * HOUR, begins])), 2).astype(np.int64)
    n = 2 * len(AGES)
    channel = np.repeat([registry.channel_by_property[u, "illuminance"] for u in (0, 1)], n).astype(np.int32)
    rows = Judged(
        message=np.arange(2 * n, dtype=np.int32),
        unit=registry.channel_unit[channel],
        channel=channel,
        value=np.repeat([OTHER, MINE], n),
        observed_at=at,
        received_at=at + SECOND,
        seq=np.arange(1, 2 * n + 1),
        flow=np.zeros(2 * n, dtype=np.int32),
        reason=np.zeros(2 * n, dtype=np.uint8),
    )
    upto = dict.fromkeys(range(4), 2 * n)
    DeltaHistory(str(home.history), registry).append(rows.seal("worker-0:0"), upto)
    store = SqlState(home.state_url)
    newest = int(at.max())
    latest = [
        Latest(d, "illuminance", v, newest, newest, n * (i + 1))
        for i, (d, v) in enumerate([("meter-01", OTHER), ("meter-02", MINE)])
    ]
    hourly = by_hour(channel, rows.value, at, registry)
    refused = [
        Quarantined(
            seq=200 + i, row=0, device="meter-02", flow="meter-light", property="illuminance", reason="range", value=MINE,
            observed_at=when, received_at=when, excerpt=EXCERPT,
        )
        for i, when in enumerate((NOW - 33 * DAY, NOW - DAY))
    ]  # fmt: skip
    store.apply(BatchEffects(upto, latest=latest, hourly=hourly, quarantine=refused))
    store.set_expected([ExpectedRow("meter-02", "illuminance", 12, MINE, MINE, 30)])
    old = Mark(
        id="old", device="meter-02", since=NOW - 34 * DAY, until=NOW - 33 * DAY, state=MarkState.SUSPECT, why="odd",
        person="ada", made_at=NOW,
    )  # fmt: skip
    store.put_suspects([old])
    store.dispose()


def _city_file(place: Path) -> CityFile:
    return CityFile(
        place=str(place), declaration="", bus_url="nats://127.0.0.1:1", passwords={}, mqtt_host="127.0.0.1", mqtt_port=1,
        mqtt_ca=None, web_host="127.0.0.1", web_port=1, admin_port=1, clock=(time.time_ns() // 1000, NOW, 1.0),
    )  # fmt: skip

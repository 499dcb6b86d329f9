"""A lie on the real town, found by the grid: a learned past, a sensor that stops moving, quarantine, readings kept and marked."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np
import pytest

from city.test_watch import progress, until
from cityward.adapters.stores.state import SqlState
from cityward.time import DAY, MINUTE, SECOND, CityClock
from mqtt import Mqtt
from towns import Town, running_town, write_town

SPEED = 1200.0
METERS = 4
STEP = 5 * MINUTE
DAYS = 3


def place_with_a_past(folder: Path) -> Path:
    """Meters that may bring some days with them."""
    place = write_town(folder, METERS)
    file = place / "place.yaml"
    file.write_text(file.read_text().replace("max_age_s: 86400", f"max_age_s: {10 * 86400}"))
    return place


def temperature(meter: int, at: int) -> float:
    """A day's course and noise: the same for the same meter and time."""
    noise = np.random.default_rng([meter, at // STEP]).normal(0, 0.4)
    return round(float(10 + 4 * np.sin(2 * np.pi * at / DAY) + noise), 2)


def pack(meter: int, times: range, frozen: float | None = None) -> bytes:
    rows = [
        {"n": "temp", "t": at / SECOND, "u": "Cel", "v": temperature(meter, at) if frozen is None else frozen}
        for at in times
    ]
    return json.dumps(rows).encode()


def clock_of(town: Town) -> CityClock:
    base, city, speed = msgspec.json.decode((town.state / "clock.json").read_bytes())
    return CityClock(int(base), int(city), float(speed))


def learned_the_past(state: Path) -> bool:
    """Once the days before came in, late as they were."""
    told = progress(state)
    return told is not None and told.lessons > 0


@pytest.mark.slow
def test_a_meter_that_freezes_is_found_by_the_grid_and_its_readings_are_kept_and_marked(tmp_path: Path) -> None:
    place, state = place_with_a_past(tmp_path / "town"), tmp_path / "state"
    with running_town(place, state, "--plain-mqtt", "--speed", str(SPEED)) as town, ExitStack() as open_:
        clock = clock_of(town)
        names = [f"meter-0{n}" for n in range(1, METERS + 1)]
        links = [open_.enter_context(Mqtt(town.mqtt_port, name, town.secret(name))) for name in names]
        sent = (clock.to_city_us(time.time_ns() // 1000) // STEP) * STEP
        for n, link in enumerate(links, 1):
            for start in range(sent - DAYS * DAY, sent, 100 * STEP):
                link.publish(f"in/meter-0{n}", pack(n, range(start, min(sent, start + 100 * STEP), STEP)))
        watch = SqlState(f"sqlite:///{state / 'state.db'}").watch
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and "meter-02" not in watch.standings():
            now = clock.to_city_us(time.time_ns() // 1000)
            frozen = 9.5 if learned_the_past(state) else None
            for at in range(sent + STEP, now + 1, STEP):
                for n, link in enumerate(links, 1):
                    link.publish(f"in/meter-0{n}", pack(n, range(at, at + 1), frozen if n == 2 else None))
                sent = at
            time.sleep(0.02)
        assert [f.kind for f in watch.findings(device="meter-02")] == ["frozen"]
        assert watch.findings(device="meter-01") == []
        marks = until(lambda: SqlState(f"sqlite:///{state / 'state.db'}").marks("meter-02"), "its mark")
        assert [mark.state.value for mark in marks] == ["suspect"]

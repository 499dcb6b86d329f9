"""One worker, two, one again: each start takes over the partitions of the last, and nothing is lost or held twice."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from cityward.adapters.bus.config import PARTITIONS
from cityward.ids import partition_of
from mqtt import Mqtt
from towns import running_town, totals, write_town

METERS = [f"meter-{n:02d}" for n in range(1, 9)]
ROUND = 5


@pytest.mark.slow
def test_partitions_change_hands_with_the_number_of_workers(tmp_path: Path) -> None:
    assert {partition_of(m, PARTITIONS) for m in METERS} == set(range(PARTITIONS))
    place, state = write_town(tmp_path / "town", len(METERS)), tmp_path / "state"
    secrets: dict[str, str] = {}
    for nth, workers in enumerate([1, 2, 1], start=1):
        with running_town(place, state, "--plain-mqtt", "--workers", str(workers)) as town:
            secrets = secrets or {meter: town.secret(meter) for meter in METERS}
            for meter in METERS:
                say(town.mqtt_port, meter, secrets[meter])
            deadline = time.monotonic() + 60
            while totals(counts := town.counts())[0] < nth * ROUND * len(METERS):
                assert time.monotonic() < deadline, counts
            assert sum(name.startswith("worker-") for name in counts["pids"]) == workers
            assert totals(counts) == (nth * ROUND * len(METERS), nth * ROUND * len(METERS), 0, 0)
    held = pl.read_delta(str(state / "history"))
    assert Counter(held["device"].cast(str).to_list()) == dict.fromkeys(METERS, 3 * ROUND)
    assert held.select("device", "observed_at").n_unique() == len(held)


def say(port: int, meter: str, secret: str) -> None:
    """So many readings, each acknowledged; waits until the broker has taken up the device."""
    deadline = time.monotonic() + 30
    while True:
        with Mqtt(port, meter, secret) as link:
            if link.code == 0:
                for n in range(1, ROUND + 1):
                    body = json.dumps([{"n": "lux", "t": time.time_ns() / 1e9, "v": n}]).encode()
                    assert link.publish(f"in/{meter}", body, n)
                return
        assert time.monotonic() < deadline, f"{meter} was not let in"

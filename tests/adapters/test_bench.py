"""The load generator and the peer, against the real brokers: every rate rests on counts that balance."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from cityward.adapters.bench.generator import Load, Sender, bodies, publish_packet
from cityward.adapters.bench.ingest import PEER, cases
from cityward.adapters.bench.measure import Held, measure
from cityward.adapters.bench.peer import find_mosquitto, running_peer
from cityward.errors import LinkError
from cityward.time import DAY, SECOND
from streets import PASSWORD, StreetCity, device_of, in_street

UNTIL = 1_790_000_000 * SECOND


def load_of(port: int, devices: list[str], **changes: object) -> Load:
    given = {
        "door": "mqtt",
        "port": port,
        "senders": tuple(Sender(d, PASSWORD, "-") for d in devices),
        "messages": 300,
        "rows": 1,
        "property": "speed",
        "unit": "m/s",
        "until_us": UNTIL,
    }
    return Load(**{**given, **changes})  # type: ignore[arg-type]


def test_bodies_are_packs_with_rising_times_up_to_the_end() -> None:
    load = load_of(1, ["a"], messages=3, rows=4)
    packs = [json.loads(b) for b in bodies(load, 0)]
    assert [len(p) for p in packs] == [4, 4, 4]
    times = [r["t"] for p in packs for r in p]
    assert times == sorted(set(times))
    assert times[-1] == UNTIL / SECOND
    assert {(r["n"], r["u"]) for p in packs for r in p} == {("speed", "m/s")}
    assert all(0 < r["v"] < 40 for p in packs for r in p)


def test_packet_is_as_the_standard_writes_it() -> None:
    assert publish_packet("in/a", 7, b"x" * 200) == b"\x32\xd0\x01\x00\x04in/a\x00\x07" + b"x" * 200


def test_all_that_was_acknowledged_is_in_the_real_brokers_log(tmp_path: Path) -> None:
    devices = ["ring-road-loops-01", "ring-road-loops-02", "air-station"]

    async def body(city: StreetCity) -> None:
        load = load_of(city.settings.mqtt_port, devices, rows=2)
        assert city.server.pid is not None
        # what is "held" here is what the broker acknowledged: the count comes from nobody else
        counted = iter([0, *[900 * 2] * 10_000])
        one = await asyncio.to_thread(
            measure,
            "nats",
            "packs of two",
            load,
            {"broker": city.server.pid},
            lambda: Held(received=(n := next(counted)), admitted=n),
        )
        assert (one.messages, one.observations) == (900, 1800)
        assert Counter(device_of(m) for m in await city.log()) == Counter(dict.fromkeys(devices, 300))

    in_street(tmp_path, body)


def test_a_wrong_password_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    async def body(city: StreetCity) -> None:
        load = load_of(city.settings.mqtt_port, ["air-station"])
        wrong = Load(
            **{f: getattr(load, f) for f in load.__struct_fields__} | {"senders": (Sender("air-station", "x", "-"),)}
        )
        with pytest.raises(LinkError, match="did not let air-station in"):
            await asyncio.to_thread(measure, "nats", "-", wrong, {}, lambda: Held(received=0, admitted=0))

    in_street(tmp_path, body)


@pytest.mark.skipif(
    find_mosquitto() is None, reason="SKIPPED LOUDLY: mosquitto is not installed, there is no peer to measure"
)
def test_the_peer_holds_every_observation_it_acknowledged(tmp_path: Path) -> None:
    binary = find_mosquitto()
    assert binary is not None
    with running_peer(binary, tmp_path / "peer") as peer:
        load = load_of(peer.mqtt_port, [f"d-{n}" for n in range(10)], rows=5)
        one = measure(PEER, "packs", load, peer.processes, lambda: Held(received=(n := peer.held()), admitted=n))
    assert one.held == Held(received=15_000, admitted=15_000)
    assert one.worker_s > 0
    assert set(one.cpu_s) == {"broker", "worker-0", "generator"}


def test_the_cases_are_the_three_ways_in_and_fit_the_age_limit() -> None:
    assert [(c.door, c.rows) for c in cases(100_000)] == [("mqtt", 1), ("mqtt", 50), ("http", 100)]
    for case in cases(10_000_000):
        assert case.observations // case.senders * 1000 < DAY

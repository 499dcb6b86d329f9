"""`kill -9` of any process under load, again and again: nothing acknowledged is lost, nothing is held twice."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cityward.cli import main
from mqtt import Mqtt
from towns import Town, running_town, totals, write_town

VICTIMS = ("broker", "worker-0", "web")
STILL_S = 60.0
SEED = 20261122


class Sender(threading.Thread):
    """Sends numbered readings, each again until it is acknowledged; remembers which were."""

    def __init__(self, device: str, secret: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.device, self.secret, self.stop = device, secret, stop
        self.acknowledged: list[int] = []
        self.sent = 0

    def body(self) -> tuple[int, bytes]:
        """A reading no other has the time of."""
        at = time.time_ns() // 1000
        return at, json.dumps([{"n": "lux", "t": at / 1e6, "v": self.sent % 1000}]).encode()

    def run(self) -> None:
        try:
            self.send_on()
        finally:
            self.forget()

    def send_on(self) -> None:
        while not self.stop.is_set():
            at, body = self.body()
            self.sent += 1
            while not self.stop.is_set():
                try:
                    if self.send(body):
                        self.acknowledged.append(at)
                        break
                except (OSError, http.client.HTTPException):
                    self.forget()


class MqttSender(Sender):
    def __init__(self, town: Town, device: str, secret: str, stop: threading.Event) -> None:
        super().__init__(device, secret, stop)
        self.port, self.link = town.mqtt_port, None

    def send(self, body: bytes) -> bool:
        if self.link is None:
            link = Mqtt(self.port, self.device, self.secret, wait_s=3)
            if link.code != 0:
                link.socket.close()
                raise ConnectionError("not let in")
            self.link = link
        if not self.link.publish(f"in/{self.device}", body, self.sent % 60_000 + 1):
            raise ConnectionError("not acknowledged")
        return True

    def forget(self) -> None:
        if self.link is not None:
            self.link.socket.close()
        self.link = None
        self.stop.wait(0.05)


class HttpSender(Sender):
    def __init__(self, town: Town, device: str, secret: str, stop: threading.Event) -> None:
        super().__init__(device, secret, stop)
        self.host = town.web.removeprefix("http://")
        self.link: http.client.HTTPConnection | None = None

    def send(self, body: bytes) -> bool:
        self.link = self.link or http.client.HTTPConnection(self.host, timeout=3)
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/senml+json"}
        self.link.request("POST", "/v1/observations", body, headers)
        answer = self.link.getresponse()
        answer.read()
        if answer.status != 202:
            raise ConnectionError(str(answer.status))
        return True

    def forget(self) -> None:
        if self.link is not None:
            self.link.close()
        self.link = None
        self.stop.wait(0.05)


def kill_again_and_again(town: Town, senders: list[Sender], chance: random.Random, kills: int) -> Counter[str]:
    """Kill one of the city's processes, each of them at least once, wait until every door acknowledges something, again."""
    killed: Counter[str] = Counter()
    while sum(killed.values()) < kills:
        pids = town.counts()["pids"]
        victim = chance.choice([v for v in VICTIMS if not killed[v]] or [*VICTIMS, "worker-0"])
        if victim not in pids:
            continue
        before = [len(s.acknowledged) for s in senders]
        os.kill(pids[victim], signal.SIGKILL)
        killed[victim] += 1
        deadline = time.monotonic() + 60
        while any(len(s.acknowledged) <= b for s, b in zip(senders, before, strict=True)):
            assert time.monotonic() < deadline, f"no door opened again after {victim} was killed"
            town.counts()
    return killed


def settled(town: Town, expected: int) -> dict[str, Any]:
    """The counts, once as many are admitted, or nothing moves any more."""
    counts, moved = town.counts(), time.monotonic()
    while totals(counts)[1] < expected and time.monotonic() - moved < STILL_S:
        later = town.counts()
        moved = time.monotonic() if totals(later) != totals(counts) else moved
        counts = later
    return counts


def missing(acknowledged: set[tuple[str, int]], held: Counter[tuple[str, int]]) -> dict[str, tuple[int, int, int]]:
    """device -> (how many, first, last) of what was acknowledged and is not held."""
    lost: dict[str, list[int]] = {}
    for device, at in sorted(acknowledged - set(held)):
        lost.setdefault(device, []).append(at)
    return {device: (len(times), times[0], times[-1]) for device, times in lost.items()}


@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_loses_nothing_acknowledged_and_holds_nothing_twice(tmp_path: Path, kills: int) -> None:
    chance = random.Random(SEED)
    place = write_town(tmp_path / "town", 4)
    stop = threading.Event()
    with running_town(place, tmp_path / "state", "--plain-mqtt") as town:
        devices = [f"meter-0{n}" for n in range(1, 5)]
        secrets = {d: town.secret(d) for d in devices}
        senders: list[Sender] = [MqttSender(town, d, secrets[d], stop) for d in devices[:3]]
        senders.append(HttpSender(town, devices[3], secrets[devices[3]], stop))
        for sender in senders:
            sender.start()
        killed = kill_again_and_again(town, senders, chance, kills)
        stop.set()
        for sender in senders:
            sender.join(30)
        acknowledged = {(s.device, at) for s in senders for at in s.acknowledged}
        counts = settled(town, len(acknowledged))
        assert town.stop() == 0
    received, admitted, refused, shed = totals(counts)
    assert received == admitted + refused + shed
    rows = _held(tmp_path / "state" / "history")
    held = Counter(zip(rows["device"].to_list(), rows["at"].to_list(), strict=True))
    assert [k for k, n in held.items() if n > 1] == []
    assert missing(acknowledged, held) == {}, town.notes[-10:]
    assert len(acknowledged) > 10 * kills
    assert min(killed[v] for v in VICTIMS) > 0
    try:
        main(["verify", str(tmp_path / "state" / "ledger")])
    except SystemExit as end:
        assert end.code in (0, None)


def _held(folder: Path) -> pl.DataFrame:
    return pl.read_delta(str(folder)).select(
        pl.col("device").cast(str), pl.col("observed_at").dt.timestamp("us").alias("at")
    )

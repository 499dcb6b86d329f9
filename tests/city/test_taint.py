"""A poisoned device's whole story in a running town: readings, commands, taint, retraction beside a live intake, proof, trace."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.insight.hourly import by_hour
from cityward.insight.marks import covered
from cityward.runtime.ports import CommandRow
from cityward.time import MINUTE, SECOND, iso
from mqtt import Mqtt
from towns import Town, running_town

WITHIN_S = 60.0
SPEED = "10"  # of the city's clock: a turn of the services every six seconds
FOREVER = 4_000_000_000 * SECOND
PLACE = """place: dim-town
name: Dim Town
position: [2.3, 89.9]
responsible: council
platform: cityward
jurisdictions:
  gb: {code: GB, home: true}
parties:
  council: {name: Council, kind: public-body, incorporated_in: gb}
  planner: {name: Planner, kind: company, incorporated_in: gb}
purposes:
  traffic: {name: Traffic}
sites:
  hall: {jurisdiction: gb, area: quay}
areas:
  quay: {population: 100}
systems:
  cityward: {kind: platform, site: hall, operator: council}
agreements:
  plan: {kind: supply, parties: [council, planner], datasets: [speeds], purposes: [traffic], sites: [hall]}
datasets:
  speeds: {personal: false, sensitivity: public, retention_days: 30, properties: [vehicle-speed, illuminance]}
  levels: {personal: false, sensitivity: public, retention_days: 30, properties: [lamp-level]}
device_models:
  loop: {maker: council, format: senml, properties: {vehicle-speed: {key: speed}}}
  lux: {maker: council, format: senml, properties: {illuminance: {}}}
  lamp:
    maker: council
    format: senml
    properties: {lamp-level: {}}
    commands: {dim: {sets: lamp-level, low: 10, high: 100, per_hour: 60, fail_safe: 100}}
devices:
  loop: {model: loop, site: hall, zone: street, area: quay, owner: council, positions: [[2.3, 54.9], [2.301, 54.9]]}
  lux: {model: lux, site: hall, zone: street, area: quay, owner: council, position: [2.3, 54.9]}
  lamp: {model: lamp, site: hall, zone: street, area: quay, owner: council, position: [2.3, 54.9]}
zones:
  street: {trust: 1}
flows:
  speeds-in: {from: loop, to: cityward, datasets: [speeds], purpose: traffic, protocol: mqtt, observability: enforced,
    limits: {max_age_s: 86400, messages_per_minute: 1000000}}
  lux-in: {from: lux, to: cityward, datasets: [speeds], purpose: traffic, protocol: mqtt, observability: enforced}
  levels-in: {from: lamp, to: cityward, datasets: [levels], purpose: traffic, protocol: mqtt, observability: enforced}
  speeds-out: {from: cityward, to: planner, datasets: [speeds], purpose: traffic, protocol: http, observability: enforced,
    agreement: plan}
services:
  lights:
    kind: lighting
    operator: council
    actuators: [lamp]
    reads: [speeds]
    settings:
      streets: {quay: {lamps: [lamp], light: [lux], traffic: [loop]}}
      day_sun_deg: 30  # never reached so near the pole: the light sensor decides, or it is night
      dwell_s: 1
      retry_s: 1
"""


def cityward(state: Path, *words: str, code: int = 0) -> Any:
    argv = [sys.executable, "-m", "cityward", *words, "--state", str(state), "--json"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def wait_until(said: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not said():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        time.sleep(0.1)


def joined(town: Town, device: str, secret: str) -> Mqtt:
    """The device's link; a new credential takes force within a second."""
    deadline = time.monotonic() + WITHIN_S
    while (link := Mqtt(town.mqtt_port, device, secret, wait_s=20)).code != 0:
        link.socket.close()
        assert time.monotonic() < deadline, f"{device} is not let in: {link.code}"
        time.sleep(0.1)
    return link


class Street:
    """Two traffic loops and a light sensor over MQTT."""

    def __init__(self, town: Town) -> None:
        names = ("loop-01", "loop-02", "lux")
        self.links = {name: joined(town, name, town.secret(name)) for name in names}
        self.sent = 0

    def __enter__(self) -> Street:
        return self

    def __exit__(self, *_: object) -> None:
        for link in self.links.values():
            link.socket.close()

    def say(self, device: str, at_us: int, value: float) -> None:
        self.sent += 1
        named = {"n": "illuminance", "u": "lx"} if device == "lux" else {"n": "speed", "u": "m/s"}
        body = json.dumps([{**named, "t": at_us / 1e6, "v": value}]).encode()
        assert self.links[device].publish(f"in/{device}", body, self.sent)


def hourly_by_hand(setting: Setting) -> dict[tuple[str, str, int], tuple[int, float, float, float]]:
    """Every hour made from scratch of the rows held and not retracted."""
    history = DeltaHistory(str(setting.home.history), setting.registry)
    channel, at, value = history.past(0, FOREVER)
    keep = ~covered(channel, at, setting.state.marks(), setting.registry)
    rows = by_hour(channel[keep], value[keep], at[keep], setting.registry)
    return {(r.property, r.area, r.hour_us): (r.count, round(r.total, 6), r.low, r.high) for r in rows}


def hourly_held(state: SqlState) -> dict[tuple[str, str, int], tuple[int, float, float, float]]:
    rows = state.hourly(0, FOREVER)
    return {(r.property, r.area, r.hour_us): (r.count, round(r.total, 6), r.low, r.high) for r in rows}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_the_whole_story_of_a_poisoned_device(tmp_path: Path, state: Path):
    (tmp_path / "place.yaml").write_text(PLACE)
    with running_town(tmp_path / "place.yaml", state, "--speed", SPEED, "--plain-mqtt") as town, Street(town) as street:
        setting = open_setting(Home(state))
        book = setting.state
        begun = setting.now_us()
        for n in range(1, 61):  # an hour of both, minute by minute; loop-02 is poisoned from half an hour ago on
            street.say("loop-01", begun - n * MINUTE, 20.0 + n % 7)
            street.say("loop-02", begun - n * MINUTE, 35.0 if n <= 30 else 21.0)
        for device, value in (("loop-01", 29.0), ("loop-02", 29.0), ("lux", 0.0)):
            street.say(device, begun, value)
        wait_until(lambda: counted_in(book) == 123, "all readings in the indicators")
        wait_until(
            lambda: any("loop-02" in devices_of(row) for row in book.commands(10)), "a command that rests on loops"
        )

        # taint names the command, the indicators and who receives it
        since = "--since", iso(begun - 35 * MINUTE - 30 * SECOND), "--until", iso(begun + 30 * SECOND)
        touched = cityward(state, "taint", "loop-02", *since, code=1)["taint"]
        assert touched["commands"] and all("loop-02" in c["sources"] for c in touched["commands"])
        assert touched["acted"] == touched["shown"] == ["lights"]
        assert [r["party"] for r in touched["recipients"]] == ["planner"]
        hours = {(p["property"], p["area"]): sum(h["rows"] for h in p["hours"]) for p in touched["properties"]}
        assert hours == {("vehicle-speed", "quay"): touched["rows"]}
        assert touched["rows"] == 36  # 35 minutes, and now

        # retraction, while readings go on coming
        before = hourly_held(book)
        done = cityward(state, "taint", "loop-02", *since, "--retract", "--why", "it drifted", "--by", "ada")
        mark = done["mark"]["mark"]
        for n in range(20):
            street.say("loop-01", begun - n * MINUTE - 30 * SECOND, 22.5)
            street.say("loop-02", begun - n * MINUTE - 30 * SECOND, 36.0)  # late, into the marked span
        wait_until(lambda: held(setting) == 163, "the late readings in history")
        wait_until(lambda: hourly_held(book) == hourly_by_hand(setting), "indicators as from scratch")
        assert hourly_held(book) != before
        speeds = [high for (p, _, _), (_, _, _, high) in hourly_held(book).items() if p == "vehicle-speed"]
        assert max(speeds) < 35
        latest = {r.device: r for r in book.latest_of(["loop-02"])}
        assert latest["loop-02"].observed_at < mark["since"]

        # traced both ways
        command = touched["commands"][0]["command_id"]
        way = cityward(state, "trace", command)
        sources = {node["id"]: node for node in way["back"] if node["kind"] == "source"}
        kinds = [child["kind"] for child in sources["loop-02"]["children"]]
        assert kinds.count("reading") >= 1 and "mark" in kinds and "flow" in kinds
        assert sources["loop-02"]["children"][0]["id"].startswith("worker-0:")
        assert [node["id"] for node in way["forward"]][:1] == ["lamp"]
        way = cityward(state, "trace", mark["id"])
        assert command in [node["id"] for node in way["forward"]]
        assert [node["id"] for node in way["forward"] if node["kind"] == "party"] == ["planner"]
        assert way["back"][0]["id"] == "taint:0" and "ada" in way["back"][0]["words"]
        assert cityward(state, "trace", "taint:0")["back"][0]["id"] == mark["id"]
        assert cityward(state, "trace", "loop-02")["subject"]["kind"] == "device"

        # and undone
        cleared = cityward(state, "taint", "--clear", mark["id"], "--by", "bob")
        assert cleared["mark"]["phase"] == "cleared"
        assert hourly_held(book) == hourly_by_hand(setting)
        assert counted_in(book) == 163
        book.dispose()
    verify = [sys.executable, "-m", "cityward", "verify", str(state)]
    verified = subprocess.run(verify, check=False, capture_output=True, text=True)
    assert verified.returncode == 0, verified.stdout


def counted_in(state: SqlState) -> int:
    return sum(count for count, *_ in hourly_held(state).values())


def devices_of(row: CommandRow) -> list[str]:
    return [span.device for span in row.sources]


def held(setting: Setting) -> int:
    channel, _, _ = DeltaHistory(str(setting.home.history), setting.registry).past(0, FOREVER)
    return int(np.sum(channel >= 0))

"""The demonstration city as a newcomer meets it: one command, and a city lives on recorded data until its lamps come on."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from cityward.cli import main
from cityward.compose.places import demo_place
from towns import Town, running_town, totals

DUSK = "2026-11-22T14:50:00Z"  # the sun sets at Doggerford at about 15:25
FED = {"loops-in", "air-in", "car-parks-in", "quay-counts-in", "twilight-in", "lamps-in"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    state = tmp_path_factory.mktemp("demo") / "state"
    options = ["--simulate", "--speed", "60", "--city-time", DUSK, "--backfill-days", "2"]
    with running_town(demo_place(), state, *options) as town:
        yield town


@pytest.fixture(scope="module")
def console(town: Town) -> Iterator[Console]:
    with closing(Console(town)) as console:
        yield console


class Console:
    """A signed-in person, without a browser."""

    def __init__(self, town: Town) -> None:
        link = urlsplit(town.started["sign_in"])
        self.address = link.netloc
        self.link = http.client.HTTPConnection(link.netloc, timeout=20)
        deadline = time.monotonic() + 60
        while True:
            try:
                page = self.ask("GET", f"{link.path}?{link.query}")
                break
            except OSError:
                assert time.monotonic() < deadline, "the web door did not open"
                self.link.close()
                town.counts()
        assert page.status == 200
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{link.netloc}"}
        answer = self.ask("POST", "/sign-in", link.query, form)
        assert answer.status == 303, answer.status
        self.cookie = answer.headers["set-cookie"].split(";")[0]

    def ask(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None):
        self.link.request(method, path, body, headers or {})
        answer = self.link.getresponse()
        self.body = answer.read()
        return answer

    def get(self, path: str):
        assert self.ask("GET", path, headers={"Cookie": self.cookie}).status == 200, path
        return json.loads(self.body)

    def close(self) -> None:
        self.link.close()


def test_recorded_data_comes_in_through_every_door_and_balances(town: Town) -> None:
    deadline = time.monotonic() + 120
    fed: set[str] = set()
    received = 0
    while not fed >= FED or received <= 10_000:
        assert time.monotonic() < deadline, (fed, received)
        counts = town.counts()
        fed = {f["flow"] for f in counts["flows"] if f["admitted"]}
        received = totals(counts)[0]
    for flow in counts["flows"]:
        assert flow["received"] == flow["admitted"] + flow["refused"] + flow["shed"]
    received, _, refused, shed = totals(counts)
    assert received > 10_000
    assert (refused, shed) == (0, 0), counts


def test_the_lamps_come_on_at_dusk_with_a_cause_and_say_so(town: Town, console: Console) -> None:
    deadline = time.monotonic() + 180
    while True:
        commands = console.get("/api/commands")["commands"]
        lit = [c for c in commands if c["state"] == "acknowledged" and c["value"] >= 40]
        if lit:
            break
        assert time.monotonic() < deadline, commands[:3]
        town.counts()
    command = lit[0]
    assert command["device"].startswith("quay-street-lamps-")
    assert command["record"].startswith("service:")
    assert command["cause"]
    levels = {}
    while levels.get("lamp-level") != command["value"]:
        assert time.monotonic() < deadline, levels
        levels = {r["property"]: r["value"] for r in console.get(f"/api/devices/{command['device']}")["latest"]}
        town.counts()


def test_a_device_shows_its_last_day(town: Town, console: Console) -> None:
    [series] = console.get("/api/devices/ring-road-loops-01/window")["series"]
    assert series["property"] == "vehicle-speed"
    assert len(series["points"]) > 250
    assert all(0 <= value < 45 for _, value in series["points"])


def test_devices_read_back_as_ngsi_ld(town: Town, console: Console) -> None:
    entity = console.get("/ngsi-ld/v1/entities/urn:ngsi-ld:OffStreetParking:car-parks-01?options=keyValues")
    assert entity["type"] == "OffStreetParking"
    assert entity["occupiedSpotNumber"] >= 0


def test_departures_predicted_from_the_buses_feed_are_open_to_anybody(town: Town, console: Console) -> None:
    deadline = time.monotonic() + 120
    while True:
        answer = console.ask("GET", "/stops/market")
        if answer.status == 200 and b'class="predicted"' in console.body and b"planned" in console.body:
            break
        assert time.monotonic() < deadline, (answer.status, console.body)
        town.counts()
    assert b"<h1>Market</h1>" in console.body
    assert b"West End" in console.body


def test_waste_has_issued_a_round(town: Town, console: Console) -> None:
    deadline = time.monotonic() + 120
    while not (plans := console.get("/api/services/bin-collection/plans")["plans"]):
        assert time.monotonic() < deadline, console.get("/api/services/bin-collection")["status"]
        town.counts()
    assert {plan["state"] for plan in plans} == {"issued"}


def test_the_evidence_verifies_while_the_city_runs(town: Town) -> None:
    with pytest.raises(SystemExit) as end:
        main(["verify", str(town.state / "ledger")])
    assert end.value.code in (0, None)

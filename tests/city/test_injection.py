"""Hostile texts against a running town, by every door: they stay data in store, ledger, log and terminal, and the town goes on.

One town runs for all of it. What it logs goes to a file, and is read at the end line by line.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import towns
from city.test_bad_input import until
from cityward.adapters.ledgers.reading import ledgers_under, tail_of
from cityward.adapters.stores.state import SqlState
from cityward.compose.entering.credentials import issue_for
from cityward.compose.home import Home
from hostile import BYTES, FILE, TEXTS, drives
from mqtt import Mqtt, _text
from towns import Town, running_town, write_town

METERS, GAUGES = 4, 2
GOOD = 321.0
MQTT_TEXTS = {name: text for name, text in TEXTS.items() if len(text.encode()) < 2000}


@dataclass
class Struck:
    """The town, what its devices are known by, and its log."""

    town: Town
    state: SqlState
    secrets: dict[str, str]
    log: Path

    def say(self, device: str, *bodies: bytes) -> None:
        with Mqtt(self.town.mqtt_port, device, self.secrets[device], wait_s=20) as link:
            assert link.code == 0
            for n, body in enumerate(bodies):
                assert link.publish(f"in/{device}", body, n % 60_000 + 1)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        link = http.client.HTTPConnection(self.town.web.removeprefix("http://"), timeout=20)
        try:
            link.request(method, path, body or None, headers)
            answer = link.getresponse()
            return answer.status, answer.read()
        finally:
            link.close()

    def lives(self, device: str, value: float) -> None:
        """A good reading is held: neither the broker nor a worker has fallen."""
        self.say(device, json.dumps([{"n": "lux", "v": value}]).encode())
        until(
            lambda: [r.value for r in self.state.latest_of([device]) if r.property == "illuminance"] == [value],
            "a reading",
        )

    def tool(self, *arguments: str) -> str:
        argv = [sys.executable, "-m", "cityward", *arguments]
        done = subprocess.run(argv, capture_output=True, check=False, timeout=120)
        assert b"Traceback" not in done.stderr, done.stderr
        return (done.stdout + done.stderr).decode()


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Struck]:
    folder = tmp_path_factory.mktemp("injection")
    place = write_town(folder / "town", METERS, gauges=GAUGES)
    log = folder / "log"
    patch = pytest.MonkeyPatch()
    real = subprocess.Popen

    def to_file(*arguments: Any, **named: Any) -> Any:
        return real(*arguments, **named, stderr=file)

    with log.open("wb") as file:
        patch.setattr(towns.subprocess, "Popen", to_file)
        with running_town(place, folder / "state", "--plain-mqtt") as town:
            patch.undo()
            home = Home(folder / "state")
            state = SqlState(home.state_url)
            names = [f"meter-{n:02}" for n in range(1, METERS + 1)] + [f"gauge-{n:02}" for n in range(1, GAUGES + 1)]
            secrets = {s.device: s.password or "" for s in issue_for(home, state, names, 0)}
            one = Struck(town, state, secrets, log)
            try:
                until(lambda: _open(one), "doors that know the devices")
                yield one
            finally:
                state.dispose()


def _open(one: Struck) -> bool:
    try:
        with Mqtt(one.town.mqtt_port, "gauge-02", one.secrets["gauge-02"], wait_s=20) as link:
            return link.code == 0
    except ConnectionError:
        return False


def senml(text: str) -> list[bytes]:
    fields = (
        {"n": text},
        {"n": "lux", "u": text},
        {"bn": text, "n": "lux"},
        {"n": "lux", "vs": text},
        {text: 1},
        {"n": "lux", "t": text},
    )
    return [json.dumps([{"v": 1, **one}]).encode() for one in fields]


def plain(text: str) -> list[bytes]:
    return [
        json.dumps(one).encode()
        for one in ({"lux": text}, {text: 1}, {"at": text, "lux": 1}, {"lux": {text: text}}, text)
    ]


def received(struck: Struck, flow: str) -> int:
    return sum(row.received for row in struck.state.counts() if row.flow == flow)


def test_in_every_field_of_what_devices_send(struck: Struck) -> None:
    raw = [data for text in BYTES.values() for data in (text, b'[{"n":"%s","v":1}]' % text)]
    packs = [body for text in TEXTS.values() for body in senml(text)] + raw
    bodies = [body for text in TEXTS.values() for body in plain(text)] + raw
    struck.say("meter-01", *packs)
    struck.say("gauge-01", *bodies)
    until(lambda: received(struck, "gauge-light") >= len(bodies), "account of every plain body")
    until(lambda: received(struck, "meter-light") >= len(packs), "account of every pack")
    rows = struck.state.quarantine(10_000, "gauge-01")
    assert rows and {row.excerpt for row in rows} <= {body[:256] for body in bodies}
    assert struck.state.latest_of(["gauge-01"]) == []
    assert {row.property for row in struck.state.quarantine(10_000, "meter-01")} <= {
        "",
        "illuminance",
        "air-temperature",
    }
    struck.lives("meter-02", GOOD)


def test_as_names_client_ids_passwords_and_topics_of_mqtt(struck: Struck) -> None:
    secret = struck.secrets["meter-03"]
    for text in MQTT_TEXTS.values():
        for name, password, client in (
            (text, secret, "meter-03"),
            ("meter-03", text, "meter-03"),
            ("meter-03", secret, f"{text}!"),
        ):
            try:
                with Mqtt(struck.town.mqtt_port, name, password, client_id=client, wait_s=20) as link:
                    assert link.code != 0, (name, client)
            except ConnectionError:
                pass  # cut off: an answer as good
    for n, text in enumerate(MQTT_TEXTS.values()):
        with Mqtt(struck.town.mqtt_port, "meter-03", secret, client_id=f"meter-03:{n}", wait_s=20) as link:
            if link.code == 0:
                for topic in (text or "x", f"in/{text}"):
                    try:
                        link.publish(topic, b"[]")
                        assert link.subscribe(topic) in {0x80, -1}
                    except (ConnectionError, BrokenPipeError):
                        break
    struck.lives("meter-02", GOOD + 1)


def test_bytes_that_are_no_text_as_a_name(struck: Struck) -> None:
    for data in (*BYTES.values(), b"a\x00b"):
        with socket.create_connection(("127.0.0.1", struck.town.mqtt_port), timeout=20) as link:
            field = len(data).to_bytes(2, "big") + data
            body = _text("MQTT") + bytes([4, 0b11000010, 0, 60]) + field + field + field
            link.sendall(bytes([0x10, len(body)]) + body)
            answer = link.recv(4)
            assert answer == b"" or answer[3] != 0
    struck.lives("meter-02", GOOD + 2)


def test_at_the_door_of_http(struck: Struck) -> None:
    key = struck.secrets["meter-04"]
    for text in TEXTS.values():
        safe = quote(text, safe="")[:2000]
        for path in (
            f"/{safe}",
            f"/v1/observations?{safe}={safe}",
            f"/ngsi-ld/v1/entities/{safe}",
            f"/api/watch/incidents/{safe}",
        ):
            status, body = struck.ask("GET", path)
            assert status < 500, (path, body)
        entity = [{"id": f"urn:ngsi-ld:X:{text}", "type": text, text or "x": {"type": "Property", "value": text}}]
        status, body = struck.ask(
            "POST", "/ngsi-ld/v1/entityOperations/upsert", json.dumps(entity).encode(),
            **{"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )  # fmt: skip
        assert status < 500, body
    struck.lives("meter-02", GOOD + 3)


def test_what_the_commands_print_drives_no_terminal(struck: Struck) -> None:
    state = str(struck.town.state)
    for text in ("meter-01\u202e\x1b[2J\x9b1m\r\nok\u2028<script>",):
        for argv in (
            ["device", "revoke", text, "--state", state],
            ["contain", "preview", text, "--state", state],
            ["taint", text, "--since", "2026-01-01", "--state", state],
            ["trace", text, "--state", state],
            ["watch", "ack", text, "--note", text, "--state", state],
        ):
            assert drives(struck.tool(*argv)) == [], argv
    for argv in (
        ["device", "list", "--state", state],
        ["watch", "--state", state],
        ["watch", "--state", state, "--json"],
    ):
        assert drives(struck.tool(*argv)) == []


def test_afterwards_the_ledgers_verify_every_entry_reads_and_the_log_is_lines_of_ours(struck: Struck) -> None:
    deadline = time.monotonic() + 60
    while drives(said := struck.tool("verify", str(struck.town.state))) or "not as signed: 0" not in said:
        assert time.monotonic() < deadline, said
    for ledger in ledgers_under(struck.town.state):
        for _, record in tail_of(ledger, 10_000):
            assert record.by
    counts = struck.state.counts()
    assert all(row.received == row.admitted + row.refused + row.shed for row in counts) and counts
    log = struck.log.read_text()
    assert drives(log) == []
    for line in log.splitlines():
        assert re.match(r"timestamp=\S+ level=\w+ role=[\w-]+ event=|\[\d+\]|$", line), line
    assert not Path(FILE).exists()

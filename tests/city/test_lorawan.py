"""A LoRaWAN network server posts to a running town: bytes become readings by the vendor's script, for its own devices only."""

from __future__ import annotations

import hashlib
import http.client
import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cityward.adapters.stores.state import SqlState
from cityward.cli.device import command
from cityward.compose.home import Home
from cityward.watch.events import EventKind
from hearing import Events, until
from towns import Town, running_town, write_town

EUIS = ("0101010101010101", "0202020202020202")
SCRIPT = """
function decodeUplink(input) {
  if (input.bytes[0] === 255) while (true) {}
  return { data: { lux: input.bytes[0] * 256 + input.bytes[1], temp: Buffer.from(input.bytes).readInt16BE(2) / 10 } };
}
"""


def heard_town(folder: Path) -> Path:
    """Two meters that speak by radio, of bytes that only their vendor's script understands."""
    place = write_town(folder, 2, format_="lorawan")
    (place / "codecs").mkdir()
    (place / "codecs" / "meter.js").write_text(SCRIPT)
    digest = hashlib.sha256(SCRIPT.encode()).hexdigest()
    text = (place / "place.yaml").read_text().replace("{path: /lux, key: lux}", "{path: /object/lux}")
    text = text.replace("{path: /temp, key: temp}", "{path: /object/temp}").replace("    time_path: /at\\n", "")
    text = text.replace(
        "    format: lorawan\n", f"    format: lorawan\n    decoder: {{script: codecs/meter.js, sha256: {digest}}}\n"
    )
    text = text.replace("    credential: password\n", f"    hardware: [{{eui: '{EUIS[0]}'}}, {{eui: '{EUIS[1]}'}}]\n")
    network = "  radio: {kind: network, site: hall, operator: council, speaks_for: [meter]}\n"
    (place / "place.yaml").write_text(text.replace("datasets:\n", f"{network}datasets:\n", 1))
    return place


class Radio:
    """The network server of a running town."""

    def __init__(self, town: Town, home: Home) -> None:
        self.town, self.home = town, home
        self.state, self.events = SqlState(home.state_url), Events(home)
        self.key = json.loads(self.cityward("add", "radio", "--json"))["http_key"]

    def cityward(self, *words: str) -> str:
        done = CliRunner().invoke(command, [*words, "--state", str(self.home.root)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def post(self, body: dict[str, Any], event: str = "up") -> int:
        link = http.client.HTTPConnection(self.town.web.removeprefix("http://"), timeout=20)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            link.request("POST", f"/v1/lorawan?event={event}", json.dumps(body), headers)
            return link.getresponse().status
        except ConnectionRefusedError:
            return 0  # the door is not open yet
        finally:
            link.close()

    def says(self, eui: str, payload: bytes, counter: int) -> int:
        """An uplink as ChirpStack posts it."""
        said = {"devAddr": "01189440", "fCnt": counter, "fPort": 2, "data": b64encode(payload).decode()}
        return self.post({"deviceInfo": {"devEui": eui}, **said})

    def value(self, device: str, prop: str) -> float | None:
        return next((r.value for r in self.state.latest_of([device]) if r.property == prop), None)

    def refused(self, device: str) -> list[str]:
        return [row.reason for row in self.state.quarantine(50, device)]


@pytest.fixture(scope="module")
def radio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radio]:
    folder = tmp_path_factory.mktemp("radio")
    with running_town(heard_town(folder / "town"), folder / "state", "--plain-mqtt") as town:
        one = Radio(town, Home(folder / "state"))
        try:
            until(lambda: one.post({"deviceInfo": {"devEui": EUIS[0]}}, "status") == 202, "a door that knows the key")
            yield one
        finally:
            one.events.close()
            one.state.dispose()


def test_bytes_by_radio_become_readings_of_their_device(radio: Radio) -> None:
    assert radio.says(EUIS[0], bytes.fromhex("012cffce"), 1) == 202  # 0x012c = 300 lx, 0xffce = -50 tenths
    until(lambda: radio.value("meter-01", "air-temperature") == -5.0, "a temperature")
    assert radio.value("meter-01", "illuminance") == 300.0 and radio.value("meter-02", "illuminance") is None
    frame = radio.events.one(EventKind.FRAME, "meter-01", counter="1")
    assert frame.detail["eui"] == EUIS[0]


def test_a_payload_on_which_the_script_never_ends_is_refused_and_the_next_one_read(radio: Radio) -> None:
    assert radio.says(EUIS[1], b"\xff\x00\x00\x00", 1) == 202
    assert radio.says(EUIS[1], bytes.fromhex("00640000"), 2) == 202
    until(lambda: radio.value("meter-02", "illuminance") == 100.0, "the reading after it")
    assert radio.refused("meter-02") == ["undecodable"]


def test_what_the_network_server_says_of_the_radio_is_told(radio: Radio) -> None:
    said = {"deviceInfo": {"devEui": EUIS[0]}, "level": "ERROR", "code": "UPLINK_MIC", "description": "MIC is invalid"}
    assert radio.post(said, "log") == 202
    told = radio.events.one(EventKind.RADIO, "meter-01", what="bad-integrity")
    assert told.detail["network"] == "radio"


def test_a_network_server_whose_key_was_taken_away_is_shut_out(radio: Radio) -> None:
    rows = {row["device"]: row for row in json.loads(radio.cityward("list", "--json"))}
    assert (rows["radio"]["status"], rows["radio"]["credential"]) == ("speaks", "active")
    radio.cityward("revoke", "radio")
    until(lambda: radio.says(EUIS[0], bytes(4), 9) == 401, "a shut door")
    radio.key = json.loads(radio.cityward("add", "radio", "--json"))["http_key"]
    until(lambda: radio.says(EUIS[0], bytes(4), 10) == 202, "an open door, by another key")

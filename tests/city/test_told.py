"""What only a running city can tell its watch: who talks on the network, who shares its room at the broker, and so on.

One town runs for all of it; each case has devices of its own. What is told is followed through to the finding.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cityward.adapters.stores.state import SqlState
from cityward.cli import main
from cityward.compose.entering.credentials import issue_for
from cityward.compose.home import Home
from cityward.compose.people.rights import FILE as RIGHTS
from cityward.watch.events import EventKind
from cityward.watch.findings import Finding
from hearing import Events, until
from mqtt import Mqtt
from towns import Town, running_town, write_town

METERS = 12
ZEEK = "#fields\tts\tid.orig_h\tid.resp_h\tid.resp_p\tproto\tservice\tconn_state\n"
RADIO = """
  radio:
    maker: council
    format: lorawan
    properties:
      illuminance: {}
"""
MOTES = """
  mote: {model: radio, site: hall, owner: council, positions: [[2.3, 54.9], [2.3, 54.9]],
    hardware: [{eui: "0101010101010101"}, {}]}
"""
MOTE_FLOW = """
  mote-light: {from: mote, to: cityward, datasets: [light], purpose: environment, protocol: mqtt, observability: enforced,
    limits: {max_age_s: 86400}}
"""
MORE = """
accesses:
  care: {party: council, target: meter, modes: [update]}
budgets:
  few: {of: gauge, connections: 2}
"""


class Told:
    """The running town, its secrets, its events, and what the watch made of them."""

    def __init__(self, folder: Path, town: Town) -> None:
        self.folder, self.town = folder, town
        self.home = Home(folder / "state")
        self.state = SqlState(self.home.state_url)
        names = [
            *(f"meter-{n:02}" for n in range(1, METERS + 1)),
            "gauge-01",
            "gauge-02",
            "gauge-03",
            "mote-01",
            "mote-02",
        ]
        self.secrets = {s.device: s.password or "" for s in issue_for(self.home, self.state, names, 0)}
        self.events = Events(self.home)

    def enter(self, device: str) -> Mqtt:
        return Mqtt(self.town.mqtt_port, device, self.secrets[device], wait_s=20)

    def finding(self, kind: str, subject: str) -> Finding:
        """Wait until the watch has found it."""

        def found() -> list[Finding]:
            return [f for f in self.state.watch.findings(most=500) if f.kind == kind and f.subject == subject]

        until(lambda: bool(found()), f"finding {kind} of {subject}")
        return found()[0]

    def close(self) -> None:
        self.events.close()
        self.state.dispose()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    place = write_town(folder / "town", METERS, gauges=3)
    file = place / "place.yaml"
    text = file.read_text()
    text = text.replace("    owner: council\n", "    owner: council\n    addresses: [192.0.2.31]\n", 1)
    for kind, records in (("devices", RADIO), ("flows", MOTES)):  # each at the end of the part before this one
        text = text.replace(f"\n{kind}:\n", f"{records}{kind}:\n", 1)
    file.write_text(text + MOTE_FLOW + MORE)
    (folder / "state").mkdir()
    (folder / "state" / RIGHTS).write_text("[]")  # as a start left it by whose declaration nobody might do anything
    log = folder / "conn.log"
    log.write_text(ZEEK)
    with running_town(place, folder / "state", "--plain-mqtt", "--network-log", str(log)) as town:
        told = Told(folder, town)
        try:
            until(lambda: _enters(told, "meter-01"), "a door that knows the devices")
            yield told
        finally:
            told.close()


def _enters(told: Told, device: str) -> bool:
    with told.enter(device) as link:
        return link.code == 0


def test_a_shared_budget_of_connections_is_held_to_and_a_place_that_gets_free_is_taken(told: Told) -> None:
    with told.enter("gauge-01") as first, told.enter("gauge-02") as second:
        assert (first.code, second.code) == (0, 0)
        with told.enter("gauge-03") as third:
            assert third.code == 5
        with told.enter("gauge-02") as again:
            assert again.code == 0  # in place of its own
    event = told.events.one(EventKind.TURNED_AWAY, "gauge-03", why="no-room")
    assert event.detail["budget"] == "group:gauge"
    until(lambda: _enters(told, "gauge-03"), "room for the third")


def test_a_connection_that_no_flow_declares_is_found_in_a_network_log_while_it_grows(told: Told) -> None:
    now = time.time()
    lines = [
        f"{now:.6f}\t192.0.2.31\t203.0.113.99\t554\ttcp\t-\tSF\n",
        f"{now:.6f}\t198.51.100.1\t198.51.100.2\t443\ttcp\tssl\tSF\n",  # strangers
    ]
    with (told.folder / "conn.log").open("a") as log:
        log.writelines(lines)
    event = told.events.one(EventKind.DESTINATION, "meter", to="203.0.113.99")
    assert event.detail["declared"] == "no"
    assert event.detail["where"] == "conn.log:2"
    assert told.finding("undeclared-destination", "device:meter").facts["port"] == "554"
    assert [e.detail["to"] for e in told.events.seen if e.kind is EventKind.DESTINATION] == ["203.0.113.99"]


def test_a_log_that_is_reconciled_is_told_to_the_watch_where_that_is_asked_for(
    told: Told, tmp_path: Path, capfd: Any
) -> None:
    log = tmp_path / "fw.csv"
    log.write_text("src_ip,dst_ip,dst_port,proto,action\n192.0.2.31,203.0.113.50,22,tcp,deny\n")
    with pytest.raises(SystemExit):
        main(["reconcile", str(told.folder / "town"), "--state", str(told.home.root), "--log", str(log), "--tell"])
    assert "the watch was told: 1 events" in capfd.readouterr().err
    event = told.events.one(EventKind.DESTINATION, "meter", to="203.0.113.50")
    assert (event.by, event.detail["refused"]) == ("reconcile", "deny")


def uplink(counter: int, eui: str, **gateway: object) -> bytes:
    """As a network server passes it on."""
    heard = {"gatewayId": "0016c001f1000001", "rssi": -97, "location": {"longitude": 2.3, "latitude": 54.9}} | gateway
    body = {"deviceInfo": {"devEui": eui}, "devAddr": "01189440", "fCnt": counter, "rxInfo": [heard]}
    return json.dumps(body | {"object": {"illuminance": 100 + counter}}).encode()


def test_a_frame_that_was_recorded_and_is_sent_again_is_found(told: Told) -> None:
    with told.enter("mote-01") as link:
        for counter in (5, 6, 7, 3):
            assert link.publish("in/mote-01", uplink(counter, "0101010101010101"))
        assert link.publish("in/mote-01", uplink(8, "0202020202020202"))
    event = told.events.one(EventKind.FRAME, "mote-01", counter="5")
    assert event.detail["eui"] == "0101010101010101" and event.record.startswith("worker-0:")
    assert told.finding("counter-runs-back", "mote-01").facts["seen before"] == "7"
    assert told.finding("device-swapped", "mote-01").facts["said"] == "0202020202020202"
    until(lambda: told.state.reasons().get(("mote-light", "wrong-device")) == 1, "the refused uplink")


def test_a_device_that_is_heard_by_a_gateway_far_away_is_found(told: Told) -> None:
    with told.enter("mote-02") as link:
        assert link.publish("in/mote-02", uplink(1, "0303030303030303"))
        far = {"gatewayId": "0016c001f1000002", "location": {"longitude": 12.0, "latitude": 48.0}}
        assert link.publish("in/mote-02", uplink(2, "0303030303030303", **far))
    assert told.finding("too-fast", "mote-02").facts["heard by"] == "0016c001f1000001, then 0016c001f1000002"
    assert told.finding("another-place", "mote-02")


def test_a_modem_and_its_sim_card_that_change_are_found(told: Told) -> None:
    meter, card = "meter-02", "89490200001234567890"
    with told.enter(meter) as link:
        for imei, iccid in (("490154203237518", card), ("490154203237518", card[::-1])):
            pack = [{"bn": f"urn:imei:{imei}_", "n": "lux", "v": 3}, {"n": "iccid", "vs": iccid}]
            assert link.publish(f"in/{meter}", json.dumps(pack).encode())
            told.events.one(EventKind.FRAME, meter, iccid=iccid)
    assert told.finding("sim-swapped", meter).facts["before"] == card


def test_what_a_declaration_gives_that_the_last_start_did_not_is_found(told: Told) -> None:
    event = told.events.one(EventKind.PRIVILEGE, "party:council", what="update", to="meter")
    assert event.record.startswith("steward:")
    assert told.finding("right-given", "party:council").facts["given"] == "yes"


def test_whoever_asks_for_a_devices_secret_is_told_and_found(told: Told) -> None:
    told.town.add("meter-03", "--by", "engineer-7")
    event = told.events.one(EventKind.PRIVILEGE, "meter-03", what="credential")
    assert (event.detail["who"], event.by) == ("engineer-7", "cli")
    assert told.finding("right-given", "person:engineer-7")


def test_what_asks_for_no_acknowledgement_is_refused_and_counted_and_what_does_is_not(told: Told) -> None:
    quiet, proper = "meter-04", "meter-05"
    with told.enter(quiet) as link, told.enter(proper) as other:
        for n in range(7):
            link.publish_unacknowledged(f"in/{quiet}", b'[{"n":"lux","v":%d}]' % n)
            assert other.publish(f"in/{proper}", b'[{"n":"lux","v":%d}]' % n)
        event = told.events.one(EventKind.SHED, quiet, budget="not-acknowledged")
        assert event.detail["count"] == "7" and event.record.startswith("door:")
    until(lambda: ("meter-light", "not-acknowledged") in told.state.reasons(), "the count")
    assert told.state.reasons()["meter-light", "not-acknowledged"] == 7
    [row] = [row for row in told.state.counts() if row.flow == "meter-light"]
    assert row.received == row.admitted + row.refused + row.shed
    assert not told.events.of(EventKind.SHED, proper)

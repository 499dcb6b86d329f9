"""The door for network servers: uplinks and events in the shapes that ChirpStack 4 and The Things Stack 3 document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from cityward.place.model import Place
from cityward.place.things import Hardware, System
from cityward.watch.events import EventKind
from places import tiny_place
from web.house import House, house, opened
from web.staff import Told

EUI, OLD, OTHER = "0101010101010101", "0202020202020202", "0303030303030303"


def heard_place() -> Place:
    """The tiny town, whose counter and old counter are heard by a network server; the weather station speaks for itself."""
    place = tiny_place()
    euis = {"counter-1": EUI, "old-counter": OLD, "weather-1": OTHER}
    devices = {name: replace(place.devices[name], hardware=(Hardware(eui=eui),)) for name, eui in euis.items()}
    network = System(kind="network", site="street", operator="council", speaks_for=("counter-1", "old-counter"))
    return replace(place, devices={**place.devices, **devices}, systems={**place.systems, "radio-server": network})


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def door(told: Told) -> Iterator[House]:
    with opened(house(heard_place(), events=told)) as one:
        yield one


def chirpstack(**more: Any) -> dict[str, Any]:
    return {"deduplicationId": "3ac7", "time": "2026-08-01T12:00:00Z", "deviceInfo": {"devEui": EUI, "tags": {}}} | more


def things_stack(**more: Any) -> dict[str, Any]:
    return {"end_device_ids": {"device_id": "dev1", "dev_eui": EUI, "dev_addr": "01497ECC"}} | more


UPLINKS = {
    "chirpstack": ("?event=up", chirpstack(devAddr="00189440", fPort=1, data="qg==", rxInfo=[])),
    "things-stack": ("", things_stack(uplink_message={"f_port": 1, "frm_payload": "qg=="})),
    "things-stack capitals": ("", {"end_device_ids": {"dev_eui": EUI.upper()}, "uplink_message": {}}),
}


def post(door: House, address: str, body: Any, key: str = "radio-server") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with door.device(key) as server:
        return server.post(f"/v1/lorawan{address}", content=content, headers={"content-type": "application/json"})


@pytest.mark.parametrize(("address", "body"), UPLINKS.values(), ids=list(UPLINKS))
def test_an_uplink_goes_into_the_log_in_the_name_of_its_device(door: House, address: str, body: dict[str, Any]) -> None:
    answer = post(door, address, body)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert door.intake.log == [("counter-1", "lorawan", json.dumps(body).encode())]


@pytest.mark.parametrize(
    ("address", "body", "what"),
    [
        ("?event=join", chirpstack(devAddr="00189440"), "join"),
        ("", things_stack(join_accept={"session_key_id": "AXBS"}), "join"),
        ("?event=status", chirpstack(margin=10, batteryLevel=88.3), "status"),
        ("?event=log", chirpstack(level="ERROR", code="UPLINK_MIC", description="MIC is invalid"), "bad-integrity"),
        ("?event=log", chirpstack(level="WARNING", code="UPLINK_F_CNT_RESET"), "counter-reset"),
        ("?event=log", chirpstack(code="UPLINK_F_CNT_RETRANSMISSION"), "retransmission"),
        ("?event=log", chirpstack(code="OTAA", description="DevNonce has already been used"), "join-refused"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_uplink_is_told_to_the_watch(
    door: House, told: Told, address: str, body: dict[str, Any], what: str
) -> None:
    assert post(door, address, body).json()["accepted"] == 0
    [event] = told.events
    assert (event.kind, event.subject, event.detail["what"]) == (EventKind.RADIO, "counter-1", what)
    assert event.detail["network"] == "radio-server" and door.intake.log == []


@pytest.mark.parametrize("event", ["ack", "txack", "location", "integration", "log"])
def test_every_other_event_is_taken_and_disturbs_nobody(door: House, event: str) -> None:
    assert post(door, f"?event={event}", chirpstack(location={"latitude": 1.0})).status_code == 202
    assert door.intake.log == []


@pytest.mark.parametrize(
    ("key", "eui", "word"),
    [
        ("radio-server", OTHER, "unknown-device"),  # it is declared, and speaks for itself
        ("radio-server", "ffffffffffffffff", "unknown-device"),
        ("radio-server", OLD, "inactive-device"),
        ("counter-1", EUI, "wrong-device"),  # a device is no network server, not even for itself
        ("weather-1", EUI, "wrong-device"),
    ],
)
def test_nobody_speaks_for_a_device_that_is_not_declared_under_it(door: House, key: str, eui: str, word: str) -> None:
    answer = post(door, "?event=up", chirpstack(deviceInfo={"devEui": eui}), key)
    assert answer.status_code == 403 and answer.json()["type"].endswith(word)
    assert door.intake.log == []


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"{}", b'{"deviceInfo":{"devEui":"../../etc"}}', b'{"deviceInfo":{"devEui":7}}', b"[" * 5000,
     b'{"end_device_ids":{}}', b'{"end_device_ids":{"dev_eui":"0101010101010101\\u0000"}}', b"\xff"],
    ids=repr,
)  # fmt: skip
def test_what_is_no_message_of_a_network_server_is_refused(door: House, body: bytes) -> None:
    assert post(door, "?event=up", body).status_code == 400
    assert door.intake.log == []


def test_a_network_server_sends_nothing_as_a_device_of_its_own(door: House) -> None:
    with door.device("radio-server") as server:
        answer = server.post("/v1/observations", content=b"{}", headers={"content-type": "application/json"})
    assert answer.status_code == 403 and door.intake.log == []


NGSI = {"content-type": "application/json"}


def entity(device: str) -> dict[str, Any]:
    return {
        "id": f"urn:ngsi-ld:AirQualityObserved:{device}",
        "type": "AirQualityObserved",
        "pm25": {"type": "Property", "value": 3},
    }


def test_another_brokers_notification_goes_into_the_log_for_the_devices_it_speaks_for(told: Told) -> None:
    place = heard_place()
    broker = replace(place.systems["radio-server"], kind="broker", speaks_for=("air-1",))
    body = {
        "id": "urn:ngsi-ld:Notification:1",
        "type": "Notification",
        "subscriptionId": "urn:x",
        "data": [entity("air-1"), entity("weather-1")],
    }
    with opened(house(replace(place, systems={**place.systems, "radio-server": broker}), events=told)) as door:
        with door.device("radio-server") as server:
            answer = server.post("/ngsi-ld/v1/notifications", content=json.dumps(body).encode(), headers=NGSI)
            refused = server.post("/ngsi-ld/v1/notifications", content=b'{"type":"Other","data":[]}', headers=NGSI)
        assert answer.status_code == 200 and refused.status_code == 400
        assert answer.json()["success"] == [entity("air-1")["id"]] and len(answer.json()["errors"]) == 1
        assert [(device, codec) for device, codec, _ in door.intake.log] == [("air-1", "ngsi-ld")]

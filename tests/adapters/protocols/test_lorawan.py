"""Frames of LoRaWAN uplinks: what goes with the claims to the watch. The samples beside the codec have the claims."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from cityward.adapters.protocols.lorawan.codec import create
from cityward.errors import DecodeError
from cityward.guard.batch import Frame, Messages
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry, number
from cityward.place.things import Hardware, PayloadDecoder
from places import tiny_place

EUI, OTHER = "0101010101010101", "0202020202020202"
NEAR, FAR = "0016c001f1000001", "0016c001f1000002"


def registry(eui: str | None = EUI) -> Registry:
    """`counter-1` with a declared EUI, or with none."""
    place = tiny_place()
    counter = msgspec.structs.replace(place.devices["counter-1"], hardware=(Hardware(eui=eui),) if eui else ())
    return number(msgspec.structs.replace(place, devices={**place.devices, "counter-1": counter}))


def uplink(**changes: Any) -> dict[str, Any]:
    ready = {"deviceInfo": {"devEui": EUI}, "devAddr": "01189440", "fCnt": 41, "object": {"vehicle-count": 3}}
    return ready | changes


def decode(*bodies: Any, to: Registry | None = None):
    here = to or registry()
    unit = here.unit_index["counter-1"]
    messages = Messages(
        [unit] * len(bodies),
        [json.dumps(b).encode() for b in bodies],
        np.full(len(bodies), 1_000),  # type: ignore[arg-type]  # as the gate stamps them
        range(len(bodies)),
    )
    return create().decode(messages, here)


def test_a_frame_says_device_session_counter_and_who_heard_it_best() -> None:
    heard = [
        {"gatewayId": FAR, "rssi": -110, "location": {"latitude": 1.0, "longitude": 2.0}},
        {"gatewayId": NEAR, "rssi": -90, "location": {"latitude": 53.8, "longitude": -1.5}},
    ]
    claims = decode(uplink(rxInfo=heard))
    assert claims.frames == (Frame(0, counter=41, session="01189440", gateway=NEAR, gateway_at=(-1.5, 53.8), eui=EUI),)
    assert claims.fault.tolist() == [0]


def test_a_counter_that_is_left_out_is_zero() -> None:
    body = uplink()
    del body["fCnt"]
    assert decode(body).frames[0].counter == 0


@pytest.mark.parametrize(
    "location", [None, 7, {}, {"latitude": 91.0, "longitude": 0.5}, {"latitude": 1.0, "longitude": "x"}]
)
def test_a_gateway_that_stands_nowhere_is_still_a_gateway(location: Any) -> None:
    [frame] = decode(uplink(rxInfo=[{"gatewayId": NEAR, "rssi": -90, "location": location}])).frames
    assert (frame.gateway, frame.gateway_at) == (NEAR, None)


def test_an_uplink_of_another_device_is_refused_and_its_frame_is_told() -> None:
    claims = decode(uplink(deviceInfo={"devEui": OTHER}))
    assert [Reason(fault) for fault in claims.fault.tolist()] == [Reason.WRONG_DEVICE]
    assert claims.frames[0].eui == OTHER


def test_where_no_eui_is_declared_any_is_taken() -> None:
    claims = decode(uplink(deviceInfo={"devEui": OTHER}), to=registry(None))
    assert claims.fault.tolist() == [0]


def test_what_is_no_uplink_gives_no_frame() -> None:
    assert decode(uplink(devAddr="nowhere"), "text", []).frames == ()


def test_each_frame_names_its_message() -> None:
    claims = decode([uplink(), uplink(fCnt=42)], uplink(fCnt=43))
    assert [(frame.message, frame.counter) for frame in claims.frames] == [(0, 41), (0, 42), (1, 43)]


def things_stack(**changes: Any) -> dict[str, Any]:
    """As The Things Stack sends the same uplink: 0 left out, EUIs in capitals."""
    said = {"f_port": 5, "frm_payload": "AQI=", "decoded_payload": {"vehicle-count": 3}}
    heard = {"gateway_ids": {"eui": NEAR.upper()}, "rssi": -90, "location": {"latitude": 53.8, "longitude": -1.5}}
    ids = {"dev_eui": EUI.upper(), "dev_addr": "01189440"}
    return {"end_device_ids": ids, "uplink_message": {**said, "rx_metadata": [heard], **changes}}


def test_both_network_servers_say_the_same() -> None:
    mine, theirs = decode(uplink(fCnt=7, rxInfo=[{"gatewayId": NEAR, "rssi": -90}])), decode(things_stack(f_cnt=7))
    assert mine.value.tolist() == theirs.value.tolist() == [3.0]
    assert theirs.frames == (Frame(0, counter=7, session="01189440", gateway=NEAR, gateway_at=(-1.5, 53.8), eui=EUI),)
    assert decode(things_stack()).frames[0].counter == 0


class Script:
    """A decoder that gives the first byte as a count; `asked` as the codec asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, bytes, int]] = []

    def decode(self, name: str, port: int, payload: bytes, at_ms: int, sender: str) -> object:
        self.asked.append((name, port, payload, at_ms))
        if not payload:
            raise DecodeError(Reason.UNDECODABLE.name, "nothing to read")
        return {"vehicle-count": payload[0]}


def with_decoder() -> Registry:
    place = tiny_place()
    name = place.devices["counter-1"].model
    decoder = PayloadDecoder(script="codecs/counter.js", sha256="0" * 64)
    model = msgspec.structs.replace(place.device_models[name], format="lorawan", decoder=decoder)
    return number(msgspec.structs.replace(place, device_models={**place.device_models, name: model}))


def decoded(body: dict[str, Any], script: Script | None) -> tuple[list[float], list[Reason]]:
    here = with_decoder()
    messages = Messages([here.unit_index["counter-1"]], [json.dumps(body).encode()], np.full(1, 5_000_000), [0])  # type: ignore[arg-type]
    claims = create(script).decode(messages, here)
    assert len(claims.frames) == 1, "the frame is told, whatever becomes of the payload"
    return claims.value.tolist(), [Reason(fault) for fault in claims.fault.tolist()]


@pytest.mark.parametrize("body", [uplink(data="CQ==", fPort=5), things_stack(frm_payload="CQ==")], ids=["chirp", "tts"])
def test_where_the_model_has_a_decoder_the_bytes_count_and_not_what_the_network_server_made_of_them(
    body: dict[str, Any],
) -> None:
    script = Script()
    assert decoded(body, script) == ([9.0], [Reason.ADMITTED])
    [(name, port, payload, at_ms)] = script.asked
    assert (port, payload, at_ms) == (5, b"\x09", 5_000) and name in tiny_place().device_models


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (uplink(data="@@@@"), Reason.WRONG_SHAPE),
        (uplink(data=7), Reason.WRONG_SHAPE),
        (uplink(data="CQ==", fPort=256), Reason.WRONG_SHAPE),
        (uplink(data="CQ==", fPort=True), Reason.WRONG_SHAPE),
        (uplink(), Reason.UNDECODABLE),
    ],
    ids=["no base64", "a number", "port too high", "true", "empty"],
)
def test_a_payload_that_cannot_be_read_is_refused_with_its_reason(body: dict[str, Any], reason: Reason) -> None:
    assert decoded(body, Script())[1] == [reason]


def test_without_anybody_to_run_scripts_nothing_of_such_a_model_is_believed() -> None:
    assert decoded(uplink(data="CQ=="), None)[1] == [Reason.UNDECODABLE]

"""Frames of LoRaWAN uplinks: what goes with the claims to the watch. The samples beside the codec have the claims."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from cityward.adapters.protocols.lorawan.codec import create
from cityward.guard.batch import Frame, Messages
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry, number
from cityward.place.things import Hardware
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

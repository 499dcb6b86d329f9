"""What The Things Stack says, in the members that ChirpStack uses, so that one reader serves both.

SPEC: The Things Stack v3, data formats of uplink and join-accept messages: empty fields are left out (a frame counter of 0 is not
there), payloads are Base64, EUIs and addresses in capitals.
"""

from __future__ import annotations

from typing import cast

Object = dict[str, object]


def is_things_stack(body: Object) -> bool:
    """Whether it is a message of The Things Stack: it names its end device in its own way."""
    return "end_device_ids" in body


def as_chirpstack(body: Object) -> Object:
    """The same uplink as ChirpStack would have sent it. What is not there, or oddly shaped, is left out: the reader says so."""
    ids, uplink = _object(body, "end_device_ids"), _object(body, "uplink_message")
    out: Object = {"deviceInfo": {"devEui": ids.get("dev_eui")}, "devAddr": ids.get("dev_addr")}
    for theirs, ours in (
        ("f_cnt", "fCnt"),
        ("f_port", "fPort"),
        ("frm_payload", "data"),
        ("decoded_payload", "object"),
    ):
        if theirs in uplink:
            out[ours] = uplink[theirs]
    heard = uplink.get("rx_metadata", [])
    out["rxInfo"] = [_gateway(cast("Object", one)) if isinstance(one, dict) else one for one in _list(heard)]
    at = uplink.get("received_at", body.get("received_at"))
    return out if at is None else {**out, "time": at}


def _gateway(one: Object) -> Object:
    ids = _object(one, "gateway_ids")
    return {"gatewayId": ids.get("eui"), "rssi": one.get("rssi", 0), "location": one.get("location")}


def _object(body: Object, name: str) -> Object:
    found = body.get(name)
    return cast("Object", found) if isinstance(found, dict) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else [value]

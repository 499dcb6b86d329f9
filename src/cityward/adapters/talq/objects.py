"""TALQ-style objects: lamp controllers as devices with functions, and override commands. Bytes in, values out; no connection.

A gateway's devices may have functions and attributes that nobody here knows: they are passed over. What is needed and wrong is a
`DecodeError`. A level is a whole percent there: it is rounded *up*, so that a class that was just given still is.

INVARIANT: an override command always ends: it has an expiration, after which the lamp is back at its gateway's own programme.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import msgspec

from cityward.adapters.protocols.strict_json import parse
from cityward.errors import DecodeError
from cityward.place.things import Position

MOST_DEVICES = 1000  # of one answer; gateways page their devices
LONGEST_TEXT = 200
MOST_NUMBER = 1e6  # of what is read: percents and degrees; more may be no float at all
ACTUATOR, BASIC = "LampActuatorFunction", "BasicFunction"
_ADDRESS = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")  # SPEC: data model, Device.address
_FUNCTION = re.compile(r"[A-Za-z0-9_.\-]{1,64}")  # it becomes a part of an address: no slash


@dataclass(frozen=True, slots=True)
class LampController:
    """A device with a lamp actuator. address: its UUID. function: the actuator's id. level: percent; None: not said."""

    address: str
    name: str
    function: str
    level: float | None = None
    position: Position | None = None


def read_devices(body: bytes) -> list[LampController]:
    """The lamp controllers among a gateway's devices, one for each actuator.

    Raises:
        DecodeError: it is no list of devices.
    """
    found = parse(body)
    if not isinstance(found, list):
        raise DecodeError("NO_LIST", "a gateway's devices are a list")
    devices = cast("list[object]", found)
    if len(devices) > MOST_DEVICES:
        raise DecodeError("TOO_MANY", f"{len(devices)} devices are more than {MOST_DEVICES}")
    return [lamp for device in devices for lamp in _lamps(_mapping(device, "a device"))]


def _lamps(device: Mapping[str, Any]) -> list[LampController]:
    address, name = device.get("address"), device.get("name", "")
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise DecodeError("NO_ADDRESS", "a device's `address` is a UUID")
    functions = device.get("functions", [])
    if not isinstance(functions, list) or not isinstance(name, str):
        raise DecodeError("NO_DEVICE", f"`functions` of {address} is a list, `name` a text")
    known = [_mapping(function, "a function") for function in cast("list[object]", functions)]
    position = next((_position(one) for one in known if one.get("type") == BASIC), None)
    return [
        LampController(address.lower(), name[:LONGEST_TEXT], _function_id(one), _level(one), position)
        for one in known
        if one.get("type") == ACTUATOR
    ]


def _function_id(function: Mapping[str, Any]) -> str:
    found = function.get("id")
    if not isinstance(found, str) or not _FUNCTION.fullmatch(found):
        raise DecodeError("NO_FUNCTION", "a function's `id` is letters, digits, `_`, `.` and `-`")
    return found


def _level(function: Mapping[str, Any]) -> float | None:
    state = _value(function.get("actualLightState"))
    level = _number(cast("Mapping[str, Any]", state).get("value")) if isinstance(state, dict) else None
    return level if level is not None and 0 <= level <= 100 else None


def _position(function: Mapping[str, Any]) -> Position | None:
    found = _value(function.get("location"))
    if not isinstance(found, dict):
        return None
    location = cast("Mapping[str, Any]", found)
    lon, lat = _number(location.get("longitude")), _number(location.get("latitude"))
    if lon is None or lat is None or abs(lon) > 180 or abs(lat) > 90:
        return None
    return lon, lat


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > MOST_NUMBER:
        return None
    return float(value) if math.isfinite(value) else None


def _value(attribute: object) -> object:
    return cast("Mapping[str, object]", attribute).get("value") if isinstance(attribute, dict) else None


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise DecodeError("NO_OBJECT", f"{what} is an object")
    return cast("Mapping[str, Any]", value)


def encode_devices(lamps: Sequence[LampController], device_class: str = "cityward-lamp") -> bytes:
    """The lamps as TALQ-style devices, with where they stand, and full light as what they do without a command."""
    return msgspec.json.encode([_device(lamp, device_class) for lamp in lamps])


def _device(lamp: LampController, device_class: str) -> dict[str, Any]:
    actuator: dict[str, Any] = {"id": lamp.function, "type": ACTUATOR, "defaultLightState": _light(100)}
    if lamp.level is not None:
        actuator["actualLightState"] = _light(round(lamp.level))
    basic: dict[str, Any] = {
        "id": "basic",
        "type": BASIC,
        "displayName": {"type": "AttributeString", "value": lamp.name},
    }
    if lamp.position is not None:
        where = {"longitude": lamp.position[0], "latitude": lamp.position[1]}
        basic["location"] = {"type": "AttributeLocation", "value": where}
    return {"address": lamp.address, "name": lamp.name, "class": device_class, "functions": [basic, actuator]}


def _light(level: int) -> dict[str, Any]:
    return {"type": "AttributeLevelState", "value": {"name": "LevelState", "value": level}}


def encode_override(lamp: LampController, level: float, reference: str, expires_at: datetime) -> bytes:
    """An override command for one lamp.

    Args:
        lamp: whom it is for.
        level: percent, 0 to 100.
        reference: what the gateway's logs shall call it.
        expires_at: when the lamp is its gateway's again; aware.
    """
    return msgspec.json.encode(
        {
            "addresses": [{"resource": "devices", "address": f"{lamp.address}/{lamp.function}/targetLightCommand"}],
            "targetCommand": {
                "state": {"name": "LevelState", "value": min(100, max(0, math.ceil(level - 1e-9)))},
                "reason": "override",
                "cmsRefId": reference[:LONGEST_TEXT],
                "expiration": expires_at.isoformat(),
            },
        }
    )

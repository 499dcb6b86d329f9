"""What a network server says of the radio of one uplink, checked for its shape.

SPEC: the uplink event of ChirpStack 4 (`integration.UplinkEvent`) in the JSON mapping of Protocol Buffers: members in camel case,
a member with its default value (0, "", false) is left out, EUIs in 16 hexadecimal digits.
"""

from __future__ import annotations

import math
import re
from typing import cast

from cityward.adapters.protocols.strict_json import refusal
from cityward.errors import DecodeError
from cityward.guard.batch import Frame
from cityward.guard.reasons import Reason

MOST_GATEWAYS = 64  # PRECEDENT: a network server gathers what a dozen gateways hear within 200 ms
MOST_COUNTER = (1 << 32) - 1  # SPEC: LoRaWAN 1.0.4 4.3.1.5: counters are 32 bits wide, of which the air carries 16
_EUI = re.compile(r"[0-9a-f]{16}")
_ADDRESS = re.compile(r"[0-9a-f]{8}")


def frame_of(message: int, body: dict[str, object]) -> Frame:
    """The frame of an uplink: its device, session and counter, and the gateway that heard it best.

    Raises:
        DecodeError: WRONG_SHAPE: it is no uplink of a network server.
    """
    info = body.get("deviceInfo")
    eui = _hex(cast("dict[str, object]", info).get("devEui") if isinstance(info, dict) else None, _EUI, "devEui")
    session = _hex(body.get("devAddr"), _ADDRESS, "devAddr")
    counter = body.get("fCnt", 0)
    if type(counter) is not int or not 0 <= counter <= MOST_COUNTER:
        raise refusal(Reason.WRONG_SHAPE, "`fCnt` is no frame counter")
    gateway, where = _heard_best(body.get("rxInfo", []))
    return Frame(message, counter=counter, session=session, gateway=gateway, gateway_at=where, eui=eui)


def _hex(value: object, pattern: re.Pattern[str], name: str) -> str:
    text = value.lower() if isinstance(value, str) and len(value) <= 16 else ""
    if not pattern.fullmatch(text):
        raise refusal(Reason.WRONG_SHAPE, f"an uplink has a `{name}`")
    return text


def _heard_best(heard: object) -> tuple[str, tuple[float, float] | None]:
    """The gateway with the strongest signal, and where it stands. One that is told oddly is none: the device is not at fault."""
    if not isinstance(heard, list) or len(cast("list[object]", heard)) > MOST_GATEWAYS:
        raise refusal(Reason.WRONG_SHAPE, f"`rxInfo` is a list of at most {MOST_GATEWAYS}")
    best: tuple[float, str, tuple[float, float] | None] = (-math.inf, "", None)
    for one in cast("list[object]", heard):
        if isinstance(one, dict):
            said = cast("dict[str, object]", one)
            try:
                eui = _hex(said.get("gatewayId"), _EUI, "gatewayId")
            except DecodeError:
                continue
            strength = _finite(said.get("rssi", 0))
            if strength is not None and strength > best[0]:
                best = (strength, eui, _position(said.get("location")))
    return best[1], best[2]


def _position(value: object) -> tuple[float, float] | None:
    """(lon, lat) in degrees. 0, 0 is a gateway that was never told where it stands."""
    if not isinstance(value, dict):
        return None
    said = cast("dict[str, object]", value)
    lon, lat = _finite(said.get("longitude", 0)), _finite(said.get("latitude", 0))
    if lon is None or lat is None or not (-180 <= lon <= 180 and -90 <= lat <= 90) or (lon, lat) == (0, 0):
        return None
    return lon, lat


def _finite(value: object) -> float | None:
    if type(value) is not float and type(value) is not int:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None

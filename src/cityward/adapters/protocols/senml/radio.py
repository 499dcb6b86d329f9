"""What a SenML pack says of the modem and SIM card it came by: a base name of an IMEI, and records named `imei` and `iccid`.

A cellular device that names its records after its modem (`{"bn":"urn:imei:490154203237518_","n":"lux",...}`) is heard as the
device whose credential it has; the IMEI goes to the watch. Records `imei` and `iccid` with a text (`vs`) are no readings, and are
taken out.

# SPEC: RFC 7254 (`urn:gsma:imei:` 8-6-1 digits with hyphens); OMA LwM2M 1.1 6.2.1 (`urn:imei:` 15 digits). `urn:dev:imei:` is
# seen in the wild, in the manner of RFC 9039.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cityward.adapters.protocols.senml.resolve import Reading
from cityward.errors import DecodeError
from cityward.guard.batch import Frame

_NAME = re.compile(r"urn:(?:gsma:imei:|imei:|dev:imei:)([0-9]{15}|[0-9]{8}-[0-9]{6}-[0-9])(?:[_:/](.*))?", re.DOTALL)
_KNOWN = {"imei": re.compile(r"[0-9]{15}"), "iccid": re.compile(r"[0-9]{18,20}")}


def without_modem(name: str) -> tuple[str, str]:
    """(the name behind an IMEI, the IMEI); the name as it is and "" where it has none.

    Example:
        >>> without_modem("urn:imei:490154203237518_lux"), without_modem("lux")
        (('lux', '490154203237518'), ('lux', ''))
    """
    found = _NAME.fullmatch(name) if name.startswith("urn:") else None
    return (name, "") if found is None else (found[2] or "", found[1].replace("-", ""))


def take_out(message: int, found: Sequence[Reading]) -> tuple[list[Reading], Frame | None]:
    """The records that are readings, and what the others say of the radio. An IMEI that is none stays, and is refused."""
    said: dict[str, str] = {}
    left: list[Reading] = []
    for reading in found:
        try:
            name, imei = without_modem(reading.name())
        except DecodeError:  # it is refused as what it is
            left.append(reading)
            continue
        if imei:
            said.setdefault("imei", imei)
        text = reading.fields.get("vs")
        if name in _KNOWN and isinstance(text, str) and _KNOWN[name].fullmatch(text):
            said.setdefault(name, text)
        else:
            left.append(reading)
    return left, Frame(message, imei=said.get("imei", ""), iccid=said.get("iccid", "")) if said else None

"""Bodies as devices send them, for the steps of scenarios: a value in a unit's own format, at the time that it is sent.

Written with the marks of `steps.Send` (`{at}`, `{iso}`, `{at-300}`, `{n}`): a plan needs no clock. Values are given in the
catalogue's units and put into the one that the model sends. Does not live here: sending, or reading what came.

INVARIANT: what a body holds is what was asked for; a value that no device of the model could say honestly is said all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cityward.catalogue import PROPERTIES
from cityward.exercises.scene import Scene
from cityward.place.registry import Unit
from cityward.quantities import conversion

FORMATS = ("senml", "json", "ngsi-ld")
"""What can be written here; others need a network server's envelope, or a decoder of their maker's."""

_AT = re.compile(r'"(\{at[^}"]*\})"')


def reading(scene: Scene, unit: Unit, prop: str = "", value: float | None = None) -> bytes:
    """One observed property (the first that comes in, unless named), now; the value: unless given one that may well be."""
    known = scene.registry
    channels = [
        c for c in unit.channels if known.channel_flow[c] >= 0 and prop in ("", known.channel_property[c])
    ] or list(unit.channels)
    name, low, high = (
        known.channel_property[channels[0]],
        float(known.channel_low[channels[0]]),
        float(known.channel_high[channels[0]]),
    )
    return message(scene, unit, {name: low + (high - low) / 4 if value is None else value})


def message(scene: Scene, unit: Unit, values: Mapping[str, float], ago_s: float = 0.0) -> bytes:
    """One message of a unit: observed property -> value, observed so many city seconds before it is sent."""
    if unit.format == "json":
        return _dumped(_object(scene, unit, values, ago_s))
    if unit.format == "ngsi-ld":
        return _dumped([_entity(scene, unit, values, ago_s)])
    return _dumped(_records(scene, unit, values, ago_s))


def pack(scene: Scene, unit: Unit, rows: Sequence[tuple[float, Mapping[str, float]]]) -> bytes:
    """One SenML pack: (seconds ago, values), oldest first. Of `json` and `ngsi-ld` only the last row: they send one a message."""
    if unit.format != "senml":
        return message(scene, unit, rows[-1][1], rows[-1][0])
    return _dumped([record for ago_s, values in rows for record in _records(scene, unit, values, ago_s)])


def answer(command_id: str, level: float) -> bytes:
    """An actuator's answer to a command of that name: `runtime.commands`."""
    return _dumped({"id": command_id, "outcome": "done", "level": level, "at": "{iso}"})


def unsigned_command(device: str, command: str, sets: str, value: float) -> bytes:
    """What somebody would send who knows how commands look, and has not the city's key."""
    said = {
        "id": "exercise-{n}", "device": device, "command": command, "set": {sets: value}, "issued_at": "{iso}",
        "expires_at": "{iso+120}", "nonce": "exercise-{n}",
    }  # fmt: skip
    return _dumped(said)


def flow_line(source: str, destination: str, port: int = 443, protocol: str = "tcp") -> str:
    """One line of a firewall's log, seen now."""
    return f"{{iso}},{source},{destination},{port},{protocol}"


def _records(scene: Scene, unit: Unit, values: Mapping[str, float], ago_s: float) -> list[dict[str, Any]]:
    """SPEC: RFC 8428 section 4.3. The time stands as a text mark, and is put as a number by whoever sends."""
    mapped = scene.registry.models[unit.model].properties
    return [
        {
            "n": mapped[prop].key or prop,
            "u": _unit(scene, unit, prop),
            "t": _mark("at", ago_s),
            "v": _sent(scene, unit, prop, value),
        }
        for prop, value in values.items()
    ]


def _object(scene: Scene, unit: Unit, values: Mapping[str, float], ago_s: float) -> dict[str, Any]:
    model = scene.registry.models[unit.model]
    body: dict[str, Any] = {}
    _put(body, model.time_path or "/time", _mark("iso", ago_s))
    for prop, value in values.items():
        _put(body, model.properties[prop].path or f"/{prop}", _sent(scene, unit, prop, value))
    return body


def _entity(scene: Scene, unit: Unit, values: Mapping[str, float], ago_s: float) -> dict[str, Any]:
    """SPEC: ETSI GS CIM 009 4.5.2: normalized."""
    model = scene.registry.models[unit.model]
    kind = model.ngsi_type or "Device"
    entity: dict[str, Any] = {"id": f"urn:ngsi-ld:{kind}:{unit.id}", "type": kind}
    for prop, value in values.items():
        said = {"type": "Property", "value": _sent(scene, unit, prop, value), "observedAt": _mark("iso", ago_s)}
        entity[model.properties[prop].key or prop] = said
    return entity


def _unit(scene: Scene, unit: Unit, prop: str) -> str:
    return scene.registry.models[unit.model].properties[prop].unit or PROPERTIES[prop].unit


def _sent(scene: Scene, unit: Unit, prop: str, value: float) -> float:
    """In the unit that the model sends: what is declared converts."""
    factor, offset = conversion(_unit(scene, unit, prop), PROPERTIES[prop].unit) or (1.0, 0.0)
    return round((value - offset) / factor, 4)


def _mark(word: str, ago_s: float) -> str:
    if not ago_s:
        return f"{{{word}}}"
    return f"{{{word}{'-' if ago_s > 0 else '+'}{abs(round(ago_s))}}}"


def _dumped(body: object) -> bytes:
    """JSON in which a time of SenML is a number once it is put in."""
    return _AT.sub(r"\1", json.dumps(body, separators=(",", ":"))).encode()


def _put(body: dict[str, Any], pointer: str, value: object) -> None:
    """Set the value at a JSON Pointer (RFC 6901) into objects made on the way."""
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/"))
    for part in way:
        body = body.setdefault(part, {})
    body[last] = value

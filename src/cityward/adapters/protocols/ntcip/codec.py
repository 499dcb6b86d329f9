"""The objects of a signal controller as whoever asked it read them: one JSON object of varbinds.

```json
{"at": "2026-08-01T12:00:00Z", "objects": {"phaseStatusGroupGreens.1": 34, "1.3.6.1.4.1.1206.4.2.1.1.4.1.2.1": 221}}
```

Names or numbers, each with its row. How a property stands in them is the model's `path` (`place.controller_objects`). What is not
there, or contradicts itself (a phase both red and green), is refused for its property alone. Objects that no property asks for
are passed over; names that are no object of this standard too, for controllers have many of their own. Without `at` the
reading is of when it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from cityward.adapters.protocols.conversions import Conversions
from cityward.adapters.protocols.known import Known
from cityward.adapters.protocols.ntcip.objects import OBJECTS, instance_of
from cityward.adapters.protocols.rows import Rows
from cityward.adapters.protocols.strict_json import parse, refusal
from cityward.adapters.protocols.times import text_or_seconds_us
from cityward.errors import DecodeError
from cityward.guard.batch import Claims, Codec, Messages
from cityward.guard.reasons import Reason
from cityward.place.controller_objects import Instance, ObjectPath, read_object_path
from cityward.place.registry import Registry

ID = "ntcip"
MOST_OBJECTS = 1024  # PRECEDENT: 32 phase groups of 10 objects, 255 detectors of 2
Held = dict[Instance, int]


def create() -> Codec:
    """A codec with an empty memory."""
    return NtcipCodec()


@dataclass(frozen=True, slots=True)
class Mapping:
    """Of a unit: (path, channel) of each property; None where the path names no object."""

    properties: tuple[tuple[ObjectPath | None, int], ...]


class NtcipCodec:
    """Implements `guard.batch.Codec`. Remembers what it worked out about the last registry, never anything of a message."""

    def __init__(self) -> None:
        self._known = Known(_mapping)

    def decode(self, messages: Messages, registry: Registry) -> Claims:
        """The claims of these messages."""
        rows = Rows()
        for i, (unit, payload) in enumerate(zip(messages.unit, messages.payload, strict=True)):
            try:
                mapping, conversions = self._known.of(registry, unit)
                body = parse(payload)
                if not isinstance(body, dict):
                    raise refusal(Reason.WRONG_SHAPE, "what was read is an object")
                said = cast("dict[str, object]", body)
                held = held_of(said.get("objects"))
                at = text_or_seconds_us(said["at"]) if "at" in said else int(messages.received_at[i])
            except DecodeError as error:
                rows.refuse_for(i, error)
                continue
            _claim(rows, i, held, at, mapping, conversions)
        return rows.claims()


def held_of(objects: object) -> Held:
    """The known objects of a message with their values.

    Raises:
        DecodeError: it is no mapping of names to whole numbers within the objects' ranges, or one object is told twice.
    """
    if not isinstance(objects, dict) or not 0 < len(cast("dict[str, object]", objects)) <= MOST_OBJECTS:
        raise refusal(Reason.WRONG_SHAPE, f"`objects` is a mapping of 1 to {MOST_OBJECTS} names to numbers")
    found: Held = {}
    for name, value in cast("dict[str, object]", objects).items():
        if type(value) is not int:
            raise refusal(Reason.NOT_A_NUMBER, "an object's value is a whole number")
        try:
            instance = instance_of(name)
        except ValueError:
            continue
        if not 0 <= value <= OBJECTS[instance[0]].most:
            raise refusal(Reason.OUT_OF_RANGE, f"`{instance[0]}` is 0 to {OBJECTS[instance[0]].most}")
        if instance in found:
            raise refusal(Reason.DUPLICATE_KEY, f"`{instance[0]}` is told by its name and by its number")
        found[instance] = value
    return found


def _mapping(registry: Registry, unit: int) -> Mapping:
    model = registry.models[registry.units[unit].model]
    return Mapping(
        tuple((_path(how.path), registry.channel_by_property[unit, prop]) for prop, how in model.properties.items())
    )


def _path(path: str | None) -> ObjectPath | None:
    try:
        return read_object_path(path or "")
    except ValueError:
        return None


def _claim(rows: Rows, i: int, held: Held, at: int, mapping: Mapping, conversions: Conversions) -> None:
    for path, channel in mapping.properties:
        if path is None or any(instance not in held for instance in path.objects):
            rows.refuse(i, Reason.WRONG_SHAPE, channel)
            continue
        value = path.value([held[instance] for instance in path.objects])
        if value is None:
            rows.refuse(i, Reason.NOT_A_NUMBER, channel)
            continue
        try:
            rows.claim(i, channel, conversions.convert(channel, value), at)
        except DecodeError as error:
            rows.refuse_for(i, error, channel)
    if not mapping.properties:
        rows.refuse(i, Reason.WRONG_SHAPE)

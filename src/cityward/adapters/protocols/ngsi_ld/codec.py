"""One NGSI-LD entity per message, in normalized, concise or simplified form.

Each attribute that the model declares (by its `key`) is a reading, if it is a Property with a number. An undeclared attribute
with a number is refused as an unknown property; what describes the device instead of observing (Relationships, places, texts)
is left alone.

SPEC: ETSI GS CIM 009 V1.8.1 4.5.2 (normalized), 4.5.9 (concise), 4.5.4 (simplified), 4.8 (observedAt is UTC, with `Z`).
"""

from __future__ import annotations

import math
from typing import cast

from cityward.adapters.protocols.conversions import Conversions
from cityward.adapters.protocols.ngsi_ld import units
from cityward.adapters.protocols.ngsi_ld.identity import URN, device_of, entity_id, entity_type
from cityward.adapters.protocols.rows import NO_CHANNEL, Rows
from cityward.adapters.protocols.strict_json import parse, refusal
from cityward.adapters.protocols.times import rfc3339_us
from cityward.adapters.protocols.values import number
from cityward.errors import DecodeError
from cityward.guard.batch import Claims, Codec, Messages
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry

ID = "ngsi-ld"
MAX_ATTRIBUTES = 1000

_NOT_ATTRIBUTES = frozenset(("id", "type", "@context", "scope"))


def create() -> Codec:
    """A codec with an empty memory."""
    return NgsiLdCodec()


class NgsiLdCodec:
    """Implements `guard.batch.Codec`. Remembers what it worked out about the last registry, never anything of a message."""

    def __init__(self) -> None:
        self._known: tuple[Registry, Conversions] | None = None

    def decode(self, messages: Messages, registry: Registry) -> Claims:
        """The claims of these messages."""
        conversions = self._of(registry)
        rows = Rows()
        for i, (unit, payload) in enumerate(zip(messages.unit, messages.payload, strict=True)):
            before = len(rows)
            try:
                attributes = _attributes(unit, payload, registry)
            except DecodeError as error:
                rows.refuse_for(i, error)
                continue
            for name, attribute in attributes.items():
                channel = registry.channel_by_key.get((unit, name), NO_CHANNEL)
                _claim(rows, i, channel, attribute, messages.received_at[i], conversions)
            if len(rows) == before:
                rows.refuse(i, Reason.WRONG_SHAPE)
        return rows.claims()

    def _of(self, registry: Registry) -> Conversions:
        known = self._known
        if known is None or known[0] is not registry:
            known = self._known = (registry, Conversions(registry))
        return known[1]


def _attributes(unit: int, payload: bytes, registry: Registry) -> dict[str, object]:
    """What the subject's own entity says.

    Raises:
        DecodeError: the message as a whole is refused.
    """
    if unit < 0:
        raise refusal(Reason.UNKNOWN_DEVICE, "the subject names no declared device")
    entity = parse(payload)
    if not isinstance(entity, dict):
        raise refusal(Reason.WRONG_SHAPE, "an entity is an object")
    members = cast("dict[str, object]", entity)
    _check_identity(members.get("id"), members.get("type"), unit, registry)
    found = {name: value for name, value in members.items() if name not in _NOT_ATTRIBUTES}
    if len(found) > MAX_ATTRIBUTES:
        raise refusal(Reason.TOO_LARGE, f"{len(found)} attributes are more than {MAX_ATTRIBUTES}")
    return found


def _check_identity(entity: object, kind: object, unit: int, registry: Registry) -> None:
    if not isinstance(entity, str):
        raise refusal(Reason.WRONG_SHAPE, "an entity has an id, which is a URI")
    kinds = cast("list[object]", kind) if isinstance(kind, list) else [kind]
    wanted = entity_type(registry, unit)
    if entity != entity_id(registry, unit):
        if device_of(entity) not in (None, registry.units[unit].id):
            raise refusal(Reason.WRONG_DEVICE, "the entity is another device's")
        raise refusal(Reason.WRONG_SHAPE, f"the id is not {URN}{wanted}:<device>")
    if wanted not in kinds:
        raise refusal(Reason.WRONG_SHAPE, f"the type is not {wanted}")


def _claim(rows: Rows, i: int, channel: int, attribute: object, received_at: int, conversions: Conversions) -> None:
    prop = _property(attribute)
    if channel == NO_CHANNEL:
        if _observes(prop):
            rows.refuse(i, Reason.UNKNOWN_PROPERTY)
        return
    try:
        if prop is None:
            raise refusal(Reason.WRONG_SHAPE, "a declared property is not a Property")
        value = _value(prop, channel, conversions)
        rows.claim(i, channel, value, _observed_at(prop, received_at))
    except DecodeError as error:
        rows.refuse_for(i, error, channel)


def _property(attribute: object) -> dict[str, object] | None:
    """The attribute as a normalized Property; None where it is of another kind."""
    if isinstance(attribute, list):  # several instances by datasetId: a device has one
        return None
    if not isinstance(attribute, dict):
        return {"value": attribute}  # simplified, or concise
    members = cast("dict[str, object]", attribute)
    return members if "value" in members and members.get("type", "Property") == "Property" else None


def _observes(prop: dict[str, object] | None) -> bool:
    return prop is not None and type(prop["value"]) in (int, float)


def _value(prop: dict[str, object], channel: int, conversions: Conversions) -> float:
    value, code = number(prop["value"]), prop.get("unitCode")
    if code is None:
        return conversions.convert(channel, value)
    for symbol in units.symbols(code) if isinstance(code, str) else ():
        factor, offset = conversions.find(channel, symbol)
        if not math.isnan(factor):
            return value * factor + offset
    raise refusal(Reason.UNIT_MISMATCH, "the unitCode does not convert into the property's unit")


def _observed_at(prop: dict[str, object], received_at: int) -> int:
    if "observedAt" not in prop:
        return received_at
    found = prop["observedAt"]
    if not isinstance(found, str):
        raise refusal(Reason.BAD_TIME, "observedAt is a text")
    return rfc3339_us(found)

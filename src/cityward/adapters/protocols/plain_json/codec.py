"""Plain JSON: one object, or an array of them, with the readings where the DeviceModel says.

Members that no path reaches are ignored: the model chooses what it observes. A property that is absent is not claimed; a
body with none of them is refused, so that no message passes without a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from cityward.adapters.protocols.conversions import Conversions
from cityward.adapters.protocols.known import Known
from cityward.adapters.protocols.plain_json.pointer import MISSING, follow, tokens
from cityward.adapters.protocols.rows import Rows
from cityward.adapters.protocols.strict_json import parse, refusal
from cityward.adapters.protocols.times import text_or_seconds_us
from cityward.adapters.protocols.values import number
from cityward.errors import DecodeError
from cityward.guard.batch import Claims, Codec, Messages
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry

ID = "json"
MAX_BODIES = 1000
DEFAULT_TIME_PATH = "/time"


def create() -> Codec:
    """A codec with an empty memory."""
    return PlainJsonCodec()


@dataclass(frozen=True, slots=True)
class Mapping:
    """A unit's bodies: where the time stands, and (steps, channel) of each property."""

    time: tuple[str, ...]
    properties: tuple[tuple[tuple[str, ...], int], ...]


class PlainJsonCodec:
    """Implements `guard.batch.Codec`. Remembers what it worked out about the last registry, never anything of a message."""

    def __init__(self) -> None:
        self._known = Known(_mapping)

    def decode(self, messages: Messages, registry: Registry) -> Claims:
        """The claims of these messages."""
        rows = Rows()
        for i, (unit, payload) in enumerate(zip(messages.unit, messages.payload, strict=True)):
            try:
                mapping, conversions = self._known.of(registry, unit)
                found = _bodies(parse(payload))
            except DecodeError as error:
                rows.refuse_for(i, error)
                continue
            for body in found:
                _claim(rows, i, body, messages.received_at[i], mapping, conversions)
        return rows.claims()


def _mapping(registry: Registry, unit: int) -> Mapping:
    model = registry.models[registry.units[unit].model]
    found: list[tuple[tuple[str, ...], int]] = []
    for prop, how in model.properties.items():
        channel = registry.channel_by_property[unit, prop]
        found.append((tokens(how.path) if how.path is not None else (prop,), channel))
    return Mapping(tokens(model.time_path or DEFAULT_TIME_PATH), tuple(found))


def _bodies(value: object) -> list[object]:
    bodies = cast("list[object]", value) if isinstance(value, list) else [value]
    if not bodies:
        raise refusal(Reason.WRONG_SHAPE, "an empty array says nothing")
    if len(bodies) > MAX_BODIES:
        raise refusal(Reason.TOO_LARGE, f"{len(bodies)} objects are more than {MAX_BODIES}")
    return bodies


def _claim(rows: Rows, i: int, body: object, received_at: int, mapping: Mapping, conversions: Conversions) -> None:
    said = [(channel, found) for steps, channel in mapping.properties if (found := follow(body, steps)) is not MISSING]
    if not said or not isinstance(body, dict):
        rows.refuse(i, Reason.WRONG_SHAPE)
        return
    at = _observed_at(body, received_at, mapping)
    for channel, found in said:
        try:
            value = conversions.convert(channel, number(found))
        except DecodeError as error:
            rows.refuse_for(i, error, channel)
            continue
        if isinstance(at, DecodeError):
            rows.refuse_for(i, at, channel)
        else:
            rows.claim(i, channel, value, at)


def _observed_at(body: object, received_at: int, mapping: Mapping) -> int | DecodeError:
    found = follow(body, mapping.time)
    try:
        return received_at if found is MISSING else text_or_seconds_us(found)
    except DecodeError as error:
        return error

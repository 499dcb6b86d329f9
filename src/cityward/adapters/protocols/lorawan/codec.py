"""LoRaWAN uplinks as a network server passes them on: one JSON object, or an array of them, each with what its codec decoded.

ChirpStack's JSON and The Things Stack's are both understood; the second is first put into the members of the first. The readings
stand in `object`, where the network server's payload codec put them: a property under its own name, or where the model's `path`
says (a JSON Pointer from the beginning of the uplink). Where the model declares a `decoder`, the payload (`data`) is given to
it instead, and what it says is the `object`: what the network server made of the bytes is then not looked at.

Beside the readings an uplink says whose radio it was, its frame counter and the gateway that heard it. That is no property's; it
goes with the claims as frames, for the watch. An uplink of another device than the one declared (`hardware.eui`) is refused
whole: whoever passes it on speaks for a device that is not its own.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, replace
from typing import Protocol, cast

from cityward.adapters.protocols.conversions import Conversions
from cityward.adapters.protocols.known import Known
from cityward.adapters.protocols.lorawan.things_stack import as_chirpstack, is_things_stack
from cityward.adapters.protocols.lorawan.uplink import frame_of
from cityward.adapters.protocols.plain_json.pointer import MISSING, follow, tokens
from cityward.adapters.protocols.rows import Rows
from cityward.adapters.protocols.strict_json import parse, refusal
from cityward.adapters.protocols.times import text_or_seconds_us
from cityward.adapters.protocols.values import number
from cityward.errors import DecodeError
from cityward.guard.batch import Claims, Codec, Frame, Messages
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry

ID = "lorawan"
MAX_UPLINKS = 100
MOST_PORT = 255
DECODED = "object"


class Decoder(Protocol):
    """Runs vendors' scripts: `adapters.vendor_codecs`."""

    def decode(self, name: str, port: int, payload: bytes, at_ms: int, sender: str) -> object:
        """What the script of a device model says these bytes mean. sender: the device in whose name they came.

        Raises:
            DecodeError: UNDECODABLE: nothing that can be believed.
        """
        ...


def create(decoder: Decoder | None = None) -> Codec:
    """A codec with an empty memory. Without a decoder, payloads of models that declare one are refused."""
    return LorawanCodec(decoder)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A unit's uplinks: whose they must be ("" where that is not declared), and (steps, channel) of each property.

    script: the model whose decoder reads its payloads; "": none does.
    """

    unit: str
    eui: str
    script: str
    time: tuple[str, ...]
    properties: tuple[tuple[tuple[str, ...], int], ...]


class LorawanCodec:
    """Implements `guard.batch.Codec`. Remembers what it worked out about the last registry, never anything of a message."""

    def __init__(self, decoder: Decoder | None = None) -> None:
        self._decoder = decoder
        self._known = Known(_mapping)

    def decode(self, messages: Messages, registry: Registry) -> Claims:
        """The claims of these messages, with their frames."""
        rows, frames = Rows(), list[Frame]()
        for i, (unit, payload) in enumerate(zip(messages.unit, messages.payload, strict=True)):
            try:
                mapping, conversions = self._known.of(registry, unit)
                found = _uplinks(parse(payload))
            except DecodeError as error:
                rows.refuse_for(i, error)
                continue
            for body in found:
                frame = self._read(rows, i, body, messages.received_at[i], mapping, conversions)
                frames += [frame] if frame is not None else []
        return replace(rows.claims(), frames=tuple(frames))

    def _read(
        self, rows: Rows, i: int, body: object, received_at: int, mapping: Mapping, conversions: Conversions
    ) -> Frame | None:
        """Claim what one uplink says; the frame it came by, also where nothing of it can be claimed."""
        try:
            uplink = _object(body)
            frame = frame_of(i, uplink)
        except DecodeError as error:
            rows.refuse_for(i, error)
            return None
        if mapping.eui and frame.eui != mapping.eui:
            rows.refuse(i, Reason.WRONG_DEVICE)
            return frame
        try:
            _claim(rows, i, self._decoded(uplink, received_at, mapping), received_at, mapping, conversions)
        except DecodeError as error:
            rows.refuse_for(i, error)
        return frame

    def _decoded(self, uplink: dict[str, object], received_at: int, mapping: Mapping) -> dict[str, object]:
        """The uplink with its `object`, as the vendor's script reads the payload where the model says so."""
        if not mapping.script:
            return uplink
        if self._decoder is None:
            raise refusal(Reason.UNDECODABLE, "nobody here runs the model's decoder")
        port, payload = uplink.get("fPort", 0), uplink.get("data", "")
        if type(port) is not int or not 0 <= port <= MOST_PORT or not isinstance(payload, str):
            raise refusal(Reason.WRONG_SHAPE, "a payload is Base64, its port 0 to 255")
        try:
            octets = b64decode(payload, validate=True)
        except ValueError as error:
            raise refusal(Reason.WRONG_SHAPE, "the payload is not Base64") from error
        at_ms = int(received_at) // 1000
        return {**uplink, DECODED: self._decoder.decode(mapping.script, port, octets, at_ms, mapping.unit)}


def _mapping(registry: Registry, unit: int) -> Mapping:
    declared = registry.units[unit]
    model = registry.models[declared.model]
    found: list[tuple[tuple[str, ...], int]] = []
    for prop, how in model.properties.items():
        channel = registry.channel_by_property[unit, prop]
        found.append((tokens(how.path) if how.path is not None else (DECODED, prop), channel))
    eui = declared.hardware.eui if declared.hardware is not None else None
    script = declared.model if model.decoder is not None else ""
    return Mapping(declared.id, eui or "", script, tokens(model.time_path or "/time"), tuple(found))


def _uplinks(value: object) -> list[object]:
    bodies = cast("list[object]", value) if isinstance(value, list) else [value]
    if not bodies:
        raise refusal(Reason.WRONG_SHAPE, "an empty array says nothing")
    if len(bodies) > MAX_UPLINKS:
        raise refusal(Reason.TOO_LARGE, f"{len(bodies)} uplinks are more than {MAX_UPLINKS}")
    return bodies


def _object(body: object) -> dict[str, object]:
    if not isinstance(body, dict):
        raise refusal(Reason.WRONG_SHAPE, "an uplink is an object")
    said = cast("dict[str, object]", body)
    return as_chirpstack(said) if is_things_stack(said) else said


def _claim(
    rows: Rows, i: int, body: dict[str, object], received_at: int, mapping: Mapping, conversions: Conversions
) -> None:
    said = [(channel, found) for steps, channel in mapping.properties if (found := follow(body, steps)) is not MISSING]
    if not said:
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

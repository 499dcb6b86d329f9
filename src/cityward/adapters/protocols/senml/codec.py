"""SenML in JSON: plain packs by columns, all others by the full rules, put together in message order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cityward.adapters.protocols.conversions import Conversions
from cityward.adapters.protocols.rows import Rows
from cityward.adapters.protocols.senml import plain
from cityward.adapters.protocols.senml.names import Names
from cityward.adapters.protocols.senml.radio import take_out, without_modem
from cityward.adapters.protocols.senml.resolve import Reading, readings
from cityward.adapters.protocols.strict_json import parse, refusal
from cityward.errors import DecodeError
from cityward.guard.batch import Claims, Codec, Frame, Messages
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry

ID = "senml"


def create() -> Codec:
    """A codec with an empty memory."""
    return SenmlCodec()


class SenmlCodec:
    """Implements `guard.batch.Codec`. Remembers what it worked out about the last registry, never anything of a message."""

    def __init__(self) -> None:
        self._known: tuple[Registry, Names, Conversions] | None = None

    def decode(self, messages: Messages, registry: Registry) -> Claims:
        """The claims of these messages."""
        names, conversions = self._of(registry)
        claims, left = plain.read(messages, names, conversions)
        if not left:
            return claims
        return _merge(claims, read_carefully(messages, left, names, conversions))

    def _of(self, registry: Registry) -> tuple[Names, Conversions]:
        known = self._known
        if known is None or known[0] is not registry:
            known = self._known = (registry, Names(registry), Conversions(registry))
        return known[1], known[2]


def read_carefully(messages: Messages, which: list[int], names: Names, conversions: Conversions) -> Claims:
    """The claims of the messages at these positions, by the full rules."""
    rows, frames = Rows(), list[Frame]()
    for i in which:
        try:
            if messages.unit[i] < 0:
                raise refusal(Reason.UNKNOWN_DEVICE, "the subject names no declared device")
            found, frame = take_out(i, list(readings(parse(messages.payload[i]))))
            if not found:
                raise refusal(Reason.WRONG_SHAPE, "a pack without a reading")
        except DecodeError as error:
            rows.refuse_for(i, error)
            continue
        frames += [frame] if frame is not None else []
        for reading in found:
            _claim(rows, i, reading, messages, names, conversions)
    return replace(rows.claims(), frames=tuple(frames))


def _claim(rows: Rows, i: int, reading: Reading, messages: Messages, names: Names, conversions: Conversions) -> None:
    unit, channel = messages.unit[i], -1
    try:
        name, _ = without_modem(reading.name())
        channel = names.of(unit).get(name, -1)
        if channel < 0:
            raise names.explain(unit, name)
        value = conversions.convert(channel, reading.value(), reading.unit())
        rows.claim(i, channel, value, reading.observed_at(messages.received_at[i]))
    except DecodeError as error:
        rows.refuse_for(i, error, channel)


def _merge(one: Claims, other: Claims) -> Claims:
    order = np.argsort(np.concatenate((one.message, other.message)), kind="stable")
    return Claims(
        message=np.concatenate((one.message, other.message))[order],
        channel=np.concatenate((one.channel, other.channel))[order],
        value=np.concatenate((one.value, other.value))[order],
        observed_at=np.concatenate((one.observed_at, other.observed_at))[order],
        fault=np.concatenate((one.fault, other.fault))[order],
        frames=(*one.frames, *other.frames),
    )

"""From the log's messages to claims: whose a message is, in which format, and what its codec reads in it.

Does not live here: stamping and screening (`guard.admit`), which see the log in its order; this sees one message at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cityward.guard.batch import Claims, Codec, Messages
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry
from cityward.runtime.ports import LogMessage
from cityward.time import CityClock


class Reading:
    """The codecs of one registry. Safe in two threads: it remembers nothing."""

    def __init__(self, registry: Registry, codecs: Mapping[str, Codec], clock: CityClock) -> None:
        self._registry, self._codecs, self._clock = registry, codecs, clock
        self._formats = [u.format for u in registry.units]

    def columns(self, raw: Sequence[LogMessage]) -> tuple[Messages, list[str]]:
        """The log's messages in columns, and each one's format: a third token behind the device, else its model's."""
        index, to_city = self._registry.unit_index, self._clock.to_city_us
        unit: list[int] = []
        formats: list[str] = []
        for message in raw:
            tokens = message.subject.split(".")
            number = index.get(tokens[4] if tokens[0] == "$MQTT" else tokens[2], -1) if len(tokens) > 3 else -1
            unit.append(number)
            formats.append(tokens[3] if tokens[0] == "intake" and len(tokens) == 4 else self._format_of(number))
        return (
            Messages(
                unit=unit,
                payload=[m.payload for m in raw],
                received_at=[to_city(m.stamped_us) for m in raw],
                seq=[m.seq for m in raw],
            ),
            formats,
        )

    def claims(self, messages: Messages, formats: Sequence[str], screened: NDArray[np.uint8]) -> Claims:
        """What was said in the messages that were not stopped; what no codec reads is a fault row."""
        parts: list[Claims] = []
        clear = np.flatnonzero(screened == 0).tolist()
        for name in dict.fromkeys(formats[i] for i in clear):
            which = [i for i in clear if formats[i] == name]
            codec = self._codecs.get(name)
            if codec is None:
                parts.append(_unreadable(which))
                continue
            claims = codec.decode(messages.take(which), self._registry)
            frames = tuple(replace(frame, message=which[frame.message]) for frame in claims.frames)
            parts.append(replace(claims, message=np.asarray(which, dtype=np.int32)[claims.message], frames=frames))
        return _joined(parts)

    def _format_of(self, unit: int) -> str:
        return self._formats[unit] if unit >= 0 else ""


def partition_in(subject: str) -> int:
    """The partition that the broker wrote into a subject: `$MQTT.msgs.in.<p>.<device>`, `intake.<p>.<device>.<codec>`."""
    tokens = subject.split(".")
    text = tokens[3] if tokens[0] == "$MQTT" else tokens[1]
    return int(text) if text.isdecimal() else -1


def _joined(parts: Sequence[Claims]) -> Claims:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return _unreadable([])
    return Claims(
        message=np.concatenate([c.message for c in parts]),
        channel=np.concatenate([c.channel for c in parts]),
        value=np.concatenate([c.value for c in parts]),
        observed_at=np.concatenate([c.observed_at for c in parts]),
        fault=np.concatenate([c.fault for c in parts]),
        frames=tuple(frame for c in parts for frame in c.frames),
    )


def _unreadable(which: Sequence[int]) -> Claims:
    """One fault row for each message whose format no codec reads."""
    return Claims(
        message=np.asarray(which, dtype=np.int32),
        channel=np.full(len(which), -1, dtype=np.int32),
        value=np.full(len(which), np.nan),
        observed_at=np.zeros(len(which), dtype=np.int64),
        fault=np.full(len(which), Reason.WRONG_SHAPE, dtype=np.uint8),
    )

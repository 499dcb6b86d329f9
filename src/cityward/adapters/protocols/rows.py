"""Claims while they are collected one by one: the plain way into columns, for the readers that decide row by row."""

from __future__ import annotations

import math

import numpy as np

from cityward.errors import DecodeError
from cityward.guard.batch import Claims
from cityward.guard.reasons import Reason

NO_CHANNEL = -1


class Rows:
    """Grows a row at a time, in message order; `claims` turns it into columns.

    INVARIANT: a row has either a channel, a finite value and a time, or a fault, NaN and 0.
    """

    def __init__(self) -> None:
        self._message: list[int] = []
        self._channel: list[int] = []
        self._value: list[float] = []
        self._observed_at: list[int] = []
        self._fault: list[int] = []

    def __len__(self) -> int:
        return len(self._message)

    def claim(self, message: int, channel: int, value: float, observed_at: int) -> None:
        """A reading. What a conversion made infinite is refused here."""
        if not math.isfinite(value):
            self.refuse(message, Reason.NOT_FINITE, channel)
            return
        self._add(message, channel, value, observed_at, 0)

    def refuse(self, message: int, reason: Reason, channel: int = NO_CHANNEL) -> None:
        """A row, or a whole message, that cannot be read. `channel` where it is known what it would have been."""
        self._add(message, channel, math.nan, 0, reason)

    def refuse_for(self, message: int, error: DecodeError, channel: int = NO_CHANNEL) -> None:
        """`refuse` for the reason an error carries."""
        self.refuse(message, Reason[error.reason], channel)

    def claims(self) -> Claims:
        """All rows as columns, in the order they came."""
        return Claims(
            message=np.array(self._message, dtype=np.int32),
            channel=np.array(self._channel, dtype=np.int32),
            value=np.array(self._value, dtype=np.float64),
            observed_at=np.array(self._observed_at, dtype=np.int64),
            fault=np.array(self._fault, dtype=np.uint8),
        )

    def _add(self, message: int, channel: int, value: float, observed_at: int, fault: int) -> None:
        self._message.append(message)
        self._channel.append(channel)
        self._value.append(value)
        self._observed_at.append(observed_at)
        self._fault.append(fault)

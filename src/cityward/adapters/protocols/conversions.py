"""From the unit as sent into the catalogue's, per channel of one registry."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.protocols.strict_json import refusal
from cityward.guard.reasons import Reason
from cityward.place.registry import Registry
from cityward.quantities import conversion

_NONE = (math.nan, math.nan)


class Conversions:
    """value_in_catalogue_unit = value * factor + offset.

    `factor`, `offset`: (C + 1,) for readings that name no unit; NaN where the declared unit does not convert, and in the
    last place, which is where channel -1 looks.
    Remembers the conversions that exist and no others, so that it is bounded by channels times known units.
    """

    factor: NDArray[np.float64]
    offset: NDArray[np.float64]

    def __init__(self, registry: Registry) -> None:
        self._wanted = registry.channel_unit_symbol
        self._declared = registry.channel_sent_unit
        pairs = [conversion(s, w) or _NONE for s, w in zip(self._declared, self._wanted, strict=True)]
        table = np.array([*pairs, _NONE], dtype=np.float64)
        self.factor, self.offset = table[:, 0].copy(), table[:, 1].copy()
        self._known: dict[tuple[int, str], tuple[float, float]] = {}

    @property
    def remembered(self) -> int:
        """How many conversions are remembered."""
        return len(self._known)

    def find(self, channel: int, sent: str) -> tuple[float, float]:
        """(factor, offset) of a reading; `sent` empty: the declared unit. NaNs where there is none."""
        if channel < 0:
            return _NONE
        known = self._known.get((channel, sent))
        if known is not None:
            return known
        pair = conversion(sent or self._declared[channel], self._wanted[channel])
        if pair is None:
            return _NONE
        self._known[channel, sent] = pair
        return pair

    def convert(self, channel: int, value: float, sent: str = "") -> float:
        """The value in the catalogue's unit.

        Raises:
            DecodeError: UNIT_MISMATCH.
        """
        factor, offset = self.find(channel, sent)
        if math.isnan(factor):
            raise refusal(Reason.UNIT_MISMATCH, f"`{sent[:32]}` does not convert into {self._wanted[channel]}")
        return value * factor + offset

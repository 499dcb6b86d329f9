"""The newest observation of each channel, gathered from frames of rows in any order."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


class Newest:
    """Of C channels: the newest time, the last sequence at it, the value. Nothing known of a channel: -1."""

    def __init__(self, channels: int) -> None:
        self._at, self._seq = (np.full(channels, -1, dtype=np.int64) for _ in range(2))
        self._value = np.zeros(channels)

    def see(self, channel: NDArray[np.int32], frame: pl.DataFrame) -> None:
        """Take rows in. channel: (N,), -1 where it is not known; frame: `observed_at`, `seq` and `value` of the same rows."""
        at, seq = frame["observed_at"].dt.epoch("us").to_numpy(), frame["seq"].to_numpy()
        rows = np.flatnonzero(channel >= 0)
        rows = rows[np.lexsort((seq[rows], at[rows], channel[rows]))]
        rows = rows[np.diff(channel[rows], append=-1) != 0]  # the newest of each channel among these
        of = channel[rows]
        newer = (at[rows] > self._at[of]) | ((at[rows] == self._at[of]) & (seq[rows] > self._seq[of]))
        of, rows = of[newer], rows[newer]
        self._at[of], self._seq[of], self._value[of] = at[rows], seq[rows], frame["value"].to_numpy()[rows]

    def silent(self) -> NDArray[np.intp]:
        """Channels of which nothing was seen."""
        return np.flatnonzero(self._at < 0)

    def told(self) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
        """(channel, observed_at, value) of those that were seen, by channel."""
        held = np.flatnonzero(self._at >= 0).astype(np.int32)
        return held, self._at[held], self._value[held]

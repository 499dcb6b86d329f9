"""The unit of flow: columns of observations, first as claimed by senders, then as judged.

Rows are the unit of input, columns the unit of work. All arrays of one value have the same length N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.place.registry import Registry


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages as they stand in the log, in its order. Parallel sequences of length M.

    `unit` is the registry number of the device that the *subject* names (the broker authenticated it), -1 where unknown.
    `received_at` is the log's own time stamp, mapped to city time, in us; once `guard.admit.stamp` saw them, it only rises, and
    `logged_at` keeps what the log said. `seq` is the log's sequence number, increasing.
    """

    unit: Sequence[int]
    payload: Sequence[bytes]
    received_at: Sequence[int]
    seq: Sequence[int]
    logged_at: Sequence[int] = ()  # empty: as `received_at`

    def __len__(self) -> int:
        return len(self.seq)

    def take(self, which: Sequence[int]) -> Messages:
        """The messages at these positions, rising."""
        if len(which) == len(self):
            return self
        return Messages(
            unit=[self.unit[i] for i in which],
            payload=[self.payload[i] for i in which],
            received_at=[self.received_at[i] for i in which],
            seq=[self.seq[i] for i in which],
            logged_at=[self.logged_at[i] for i in which] if len(self.logged_at) else (),
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """What a network says of the radio that a message came by: no observation, but told to the watch.

    message: which message of `Messages`. counter: of the frames of a session, -1 where there is none. gateway: the EUI of the one
    that heard it best, `gateway_at` (lon, lat in degrees) where the network says that it stands. eui, imei, iccid: of the
    device's radio, modem and SIM card. Texts are checked for their shape; "" where nothing is said.
    """

    message: int
    counter: int = -1
    session: str = ""
    gateway: str = ""
    gateway_at: tuple[float, float] | None = None
    eui: str = ""
    imei: str = ""
    iccid: str = ""


@dataclass(frozen=True, slots=True)
class Claims:
    """What the messages say: one row per observation claimed, in message order. Nothing here is believed yet.

    message: (N,) int32, which message of `Messages` the row came from, not decreasing.
    channel: (N,) int32, registry channel; -1 with a `fault` that says why.
    value: (N,) float64, in the catalogue's unit; NaN where `fault` is set.
    observed_at: (N,) int64, us; 0 where `fault` is set. A claim without a time carries the message's `received_at`.
    fault: (N,) uint8, a `Reason`; 0 where the codec found none. A message that could not be decoded at all is one row.
    frames: what some formats say of the radio, in message order.
    """

    message: NDArray[np.int32]
    channel: NDArray[np.int32]
    value: NDArray[np.float64]
    observed_at: NDArray[np.int64]
    fault: NDArray[np.uint8]
    frames: tuple[Frame, ...] = ()

    def __len__(self) -> int:
        return len(self.message)


class Codec(Protocol):
    """bytes in, claims out. Pure, bounded, total: it raises nothing for any input; what it cannot read becomes a fault."""

    def decode(self, messages: Messages, registry: Registry) -> Claims: ...

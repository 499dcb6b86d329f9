"""Makes a recorded week that is played again differ from itself, as real sensors would. Pure, deterministic.

A sensor that says the same digits in the same order for the second time is a recording, and the watch finds it. So what is
played varies: by the noise that the channel itself has, seeded by device, property and time.

The noise of a channel is told from its second differences, from which whatever runs straight drops out: their robust spread
over sqrt(6) is the standard deviation of white noise (1 + 4 + 1 of it add up in each). Half of it is added, for the recording has
its own already, and what bends is not all noise.

INVARIANTS
- The same device, property and time give the same value, in every process.
- A varied value has the recording's decimals (counts stay whole) and lies within the channel's lowest and highest recorded.
- A zero of what cannot be negative stays zero: no rain is no rain.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from cityward.catalogue import PROPERTIES

MOST_DECIMALS = 4  # what `wire` sends
SHARE = 0.5
LEAST_STEPS = 0.5  # PRECEDENT: below half a step of the resolution, rounding would take most of the noise away
MOST_SHARE = 0.2  # of a reading that cannot be negative: little rain varies little
_NORMAL = NormalDist()
_FACTOR = 1.4826 / math.sqrt(6)  # median absolute deviation to standard deviation; second differences to noise


@dataclass(frozen=True, slots=True)
class Variation:
    """How one property of one device varies. `low`, `high`, `noise` in the unit it was recorded in.

    counted: things are counted, so that no count varies more than its own square root.
    """

    low: float
    high: float
    noise: float
    decimals: int
    counted: bool = False
    positive: bool = False

    def varied(self, value: float, device: str, prop: str, at: int) -> float:
        """The value as it is played at this time, us."""
        noise = min(self.noise, self._most(value))
        if noise == 0.0:
            return value
        moved = value + noise * draw(f"{device} {prop} {at}")
        # mirrored, not cut: a channel that often is at its limit should not stand still there
        moved = 2 * self.low - moved if moved < self.low else 2 * self.high - moved if moved > self.high else moved
        return min(self.high, max(self.low, round(moved, self.decimals)))

    def _most(self, value: float) -> float:
        if self.counted:
            return math.sqrt(max(0.0, value))
        return MOST_SHARE * value if self.positive else math.inf


def variation_of(prop: str, values: NDArray[np.float64]) -> Variation:
    """From what was recorded of one property, (N,) in time order."""
    known = PROPERTIES[prop]
    decimals = next(
        (d for d in range(MOST_DECIMALS) if np.allclose(np.round(values, d), values, atol=1e-9)), MOST_DECIMALS
    )
    bends = np.abs(np.diff(values, 2))
    noise = max(SHARE * _FACTOR * float(np.median(bends)) if len(bends) else 0.0, LEAST_STEPS * 10.0**-decimals)
    low, high = float(values.min()), float(values.max())
    return Variation(low, high, noise if high > low else 0.0, decimals, known.unit == "count", known.low >= 0)


def draw(seed: str) -> float:
    """A standard normal number, cut at +-3, the same for the same seed."""
    uniform = (int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest()) + 0.5) / 2**64
    return min(3.0, max(-3.0, _NORMAL.inv_cdf(min(uniform, 1 - 1e-12))))

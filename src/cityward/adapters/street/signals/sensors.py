"""What stands beside the signals and speaks for itself: a detector, a button, a vehicle's unit that asks for green.

Each says what it knows when that changes, and every `EVERY_S` all the same, so that silence can be told from quiet.
INVARIANT: report times only rise.
"""

from __future__ import annotations

from collections.abc import Mapping

from cityward.adapters.street.lamp import Publish
from cityward.adapters.street.signals.cabinet import pack
from cityward.time import SECOND

EVERY_S = 3.0


class Sensor:
    """One device. speed: city seconds in one of the street."""

    def __init__(self, device: str, speed: float = 1.0) -> None:
        self.device, self._speed = device, speed
        self._said: Mapping[str, float] = {}
        self._said_at = 0

    def sees(self, values: Mapping[str, float], now_us: int) -> list[Publish]:
        """What is to be said of these values now."""
        if values == self._said and 0 <= now_us - self._said_at < EVERY_S * self._speed * SECOND:
            return []
        self._said, self._said_at = dict(values), max(now_us, self._said_at + 1)
        return [Publish(f"in/{self.device}", pack(self._said_at, values))]

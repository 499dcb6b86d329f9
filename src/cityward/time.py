"""Times and clocks. At the edges aware UTC `datetime`, in columns int64 microseconds since 1970.

The clock is a port: nothing below `runtime` reads one. A `CityClock` maps the machine's time to the city's: the identity
in a real place, faster in a demonstration ("one real minute is one city hour"), so that every rule about time still holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """Says what time it is in the city, in microseconds since 1970 UTC."""

    def now_us(self) -> int: ...


@dataclass(frozen=True, slots=True)
class CityClock:
    """city = city_base_us + (machine - machine_base_us) * speed. Times in us; `speed` 1.0 in a real place."""

    machine_base_us: int = 0
    city_base_us: int = 0
    speed: float = 1.0

    def to_city_us(self, machine_us: int) -> int:
        """The city's time at a machine time."""
        if self.speed == 1.0:
            return machine_us - self.machine_base_us + self.city_base_us
        return self.city_base_us + round((machine_us - self.machine_base_us) * self.speed)

    def to_machine_us(self, city_us: int) -> int:
        """The machine's time at a city time (inverse of `to_city_us`, to rounding)."""
        return self.machine_base_us + round((city_us - self.city_base_us) / self.speed)


def from_us(us: int) -> datetime:
    """An aware UTC datetime."""
    return datetime.fromtimestamp(us // SECOND, UTC).replace(microsecond=us % SECOND)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime.

    Raises:
        ValueError: the datetime is naive.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)  # never `astimezone`: it overflows at the calendar's ends
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def iso(us: int) -> str:
    """RFC 3339 in UTC, to the millisecond, with `Z`; `.000` is left out."""
    moment = from_us(us)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment.microsecond // 1000:03d}Z" if moment.microsecond >= 1000 else f"{text}Z"

"""Readings that nobody recorded: what the devices of any declared place may say on a quiet day. Synthetic, and said to be. Pure.

A channel swings about a middle by the hour of the day, with the noise of an instrument; its middle differs a little from unit
to unit, so that no two are the same source. What is not known by its property gets the middle of what is plausible.

Fails when: weather, festivals and faults matter; nothing of the sort happens here.
INVARIANT: the same unit, property and time give the same value, within the channel's declared bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cityward.adapters.recordings import Report
from cityward.adapters.street.sky import illuminance_lx
from cityward.adapters.street.variation import draw
from cityward.catalogue import PROPERTIES
from cityward.place.registry import Registry, Unit
from cityward.place.things import Position
from cityward.time import DAY, HOUR

CLOUD_PERCENT = 60.0
LIGHT_NOISE = 0.02
PEAK_HOUR = 14.0


@dataclass(frozen=True, slots=True)
class Shape:
    """Of one property, in the catalogue's unit. whole: it counts things."""

    middle: float
    swing: float
    noise: float
    whole: bool = False


# PRECEDENT: a mild, dry day in a port of the North Sea; the orders of magnitude are what matters
SHAPES = {
    "air-temperature": Shape(12, 3, 0.1),
    "dew-point": Shape(8, 1, 0.1),
    "relative-humidity": Shape(75, -8, 0.6),
    "air-pressure": Shape(1014, 1, 0.1),
    "visibility": Shape(20_000, 2000, 300),
    "rain": Shape(0, 0, 0),
    "wind-speed": Shape(5, 1.5, 0.4),
    "pm2-5": Shape(9, 1.5, 0.4),
    "pm10": Shape(17, 3, 0.8),
    "so2": Shape(3, 0.4, 0.1),
    "no2": Shape(24, 6, 1.0),
    "co": Shape(250, 40, 8),
    "o3": Shape(50, 10, 1.5),
    "sound-level": Shape(58, 5, 0.8),
    "vehicle-speed": Shape(13, -2, 0.6),
    "vehicle-count": Shape(40, 28, 4, whole=True),
    "pedestrian-count": Shape(30, 22, 4, whole=True),
    "parking-occupied": Shape(60, 30, 2, whole=True),
    "fill-level": Shape(40, 4, 0.3),
    "container-temperature": Shape(13, 3, 0.2),
    "tilt": Shape(2, 0, 0.1),
    "vibration-strength": Shape(0.5, 0.1, 0.05),
    "water-level": Shape(0.4, 1.2, 0.02),
    "line-power": Shape(800, 100, 8),
    "line-voltage": Shape(231, 1, 0.4),
    "camera-trouble": Shape(0, 0, 0),
    "picture-rate": Shape(12, 0, 0.2),
    "battery-level": Shape(85, 0, 0.05),
}
UNIT_SHARE = 0.05  # of a middle, between one unit and the next


class Synthetic:
    """What one unit says: as a recording says it, a report each `every_us`. Times are city us."""

    def __init__(self, registry: Registry, unit: Unit, position: Position, every_us: int) -> None:
        self._unit, self._position, self._every = unit.id, unit.position or position, every_us
        self._phase = round((draw(f"{unit.id} phase") + 3) / 6 * every_us) % every_us
        self._channels = [
            (registry.channel_property[c], float(registry.channel_low[c]), float(registry.channel_high[c]))
            for c in unit.channels
            if registry.channel_flow[c] >= 0
        ]

    @property
    def is_mute(self) -> bool:
        """There is nothing that the city would take of it."""
        return not self._channels

    def due(self, after: int, upto: int, most: int) -> list[Report]:
        """The first `most` reports with after < at <= upto, in time order."""
        reports: list[Report] = []
        at = self.next_after(after)
        while at <= upto and len(reports) < most:
            reports.append(self.at(at))
            at += self._every
        return reports

    def next_after(self, after: int) -> int:
        """The time of the first report later than `after`."""
        return ((after - self._phase) // self._every + 1) * self._every + self._phase

    def at(self, at: int) -> Report:
        """What it says at a time."""
        readings = [
            (prop, self._held(self._value(prop, low, high, at), low, high)) for prop, low, high in self._channels
        ]
        return Report(self._unit, at, tuple(readings))

    def _value(self, prop: str, low: float, high: float, at: int) -> float:
        if prop == "illuminance":
            light = illuminance_lx(at, self._position, CLOUD_PERCENT)
            return 0.05 + light * (1 + LIGHT_NOISE * draw(f"{self._unit} {prop} {at}"))
        if PROPERTIES[prop].kind == "state" and prop not in SHAPES:
            return max(low, 0.0)
        shape = SHAPES.get(prop) or Shape((low + high) / 2, 0.0, (high - low) / 500)
        hour = (at % DAY) / HOUR
        own = shape.middle * UNIT_SHARE * draw(f"{self._unit} {prop}") / 3
        swing = shape.swing * math.cos((hour - PEAK_HOUR) / 24 * 2 * math.pi)
        value = shape.middle + own + swing + shape.noise * draw(f"{self._unit} {prop} {at}")
        return float(round(value)) if shape.whole else round(value, 3)

    @staticmethod
    def _held(value: float, low: float, high: float) -> float:
        return min(high, max(low, value))

"""The street as it stands when a command is judged, and what of it stands in the way: interlocks, and moves that are too many.

Does not live here: the verdict (`permit`).

INVARIANTS
- What is not known is taken for the worse: an interlock whose reading is missing, old or not believed holds; a device whose last
  value is not known is taken to stand at its fail-safe value, so that any other value moves it.
- The fail-safe value is in nobody's way: callers ask only about other values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cityward.guard.confidence import Confidence
from cityward.place.registry import Registry
from cityward.place.services import FanOut, Interlock
from cityward.place.things import CommandLimits
from cityward.time import MINUTE, SECOND


@dataclass(frozen=True, slots=True)
class Agreement:
    """A second person agreed to a value for a device's command, once, up to `until` (city us)."""

    by: str
    until: int


@dataclass(frozen=True, slots=True)
class Street:
    """What the gate must know of the street besides the proposal. Times in city us.

    readings: (unit, observed property) -> (newest value, when it was observed), of the devices that interlocks look at.
    values: (device, command) -> the value it was told last. moved: device -> when it was last moved away from its fail-safe
    value. agreed: (service, device, command, value) -> what a second person agreed to.
    """

    readings: Mapping[tuple[str, str], tuple[float, int]] = field(
        default_factory=dict[tuple[str, str], tuple[float, int]]
    )
    values: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    moved: Mapping[str, int] = field(default_factory=dict[str, int])
    agreed: Mapping[tuple[str, str, str, float], Agreement] = field(
        default_factory=dict[tuple[str, str, str, float], Agreement]
    )


UNSEEN = Street()
"""A street of which nothing is known: where interlocks or second persons are declared, only fail-safe values pass."""


@dataclass(frozen=True, slots=True)
class InterlockRule:
    """One declared interlock, its device spelled out as units. commands: which it holds up; empty: all."""

    units: tuple[str, ...]
    property: str
    above: float | None
    below: float | None
    max_age_us: int
    commands: frozenset[str]
    why: str

    def hinders(self, command: str, street: Street, confidence: Confidence, now_us: int) -> bool:
        """Whether it holds up a command now."""
        if self.commands and command not in self.commands:
            return False
        return not self.units or any(self._says_no(unit, street, confidence, now_us) for unit in self.units)

    def _says_no(self, unit: str, street: Street, confidence: Confidence, now_us: int) -> bool:
        reading = street.readings.get((unit, self.property))
        if reading is None or not confidence.believes(unit, 0.0):
            return True
        value, observed_at = reading
        if abs(now_us - observed_at) > self.max_age_us:
            return True
        # SECURITY: asked so that what is no number hinders
        low_enough = self.above is None or value <= self.above
        high_enough = self.below is None or value >= self.below
        return not (low_enough and high_enough)


@dataclass(frozen=True, slots=True)
class FanRule:
    """At most `most` actuators may be moved away from their fail-safe value within `within_us`."""

    most: int
    within_us: int


def interlock_rule(declared: Interlock, registry: Registry) -> InterlockRule:
    """A declared interlock as the gate looks at it."""
    unless = declared.unless
    return InterlockRule(
        units=tuple(unit.id for unit in registry.units if unless.device in (unit.id, unit.group)),
        property=unless.property,
        above=unless.above,
        below=unless.below,
        max_age_us=unless.max_age_s * SECOND,
        commands=frozenset(declared.commands),
        why=declared.why,
    )


def fan_rule(declared: FanOut, actuators: int) -> FanRule:
    """A declared fan-out, of so many active actuators."""
    # a share written in decimals must not lose a unit to its binary form: 0.3 of 10 is 3
    of_share = actuators if declared.share is None else max(1, int(declared.share * actuators + 1e-9))
    most = of_share if declared.most is None else min(declared.most, of_share)
    return FanRule(max(1, most), round(declared.minutes * MINUTE))


def is_move(device: str, command: str, value: float, limits: CommandLimits, street: Street) -> bool:
    """Whether the value is further from the fail-safe one than what the device was told last."""
    before = street.values.get((device, command), limits.fail_safe)
    # SECURITY: asked so that a last value that is no number counts as a move
    return not abs(value - limits.fail_safe) <= abs(before - limits.fail_safe)


def too_many_moved(device: str, rule: FanRule, actuators: Mapping[str, object], street: Street, now_us: int) -> bool:
    """Whether one more would be too many. A device that moved already counts once."""
    if len(street.moved) < rule.most:
        return False
    others = 0
    for other, at in street.moved.items():
        if other != device and other in actuators and abs(now_us - at) < rule.within_us:
            others += 1
            if others >= rule.most:
                return True
    return False

"""An estimate: what is thought of something that was not, or not yet, measured, with how sure and how old that is.

Does not live here: how one is made (`insight.forecast`, a service's own folder).
INVARIANT: low <= value <= high, all finite; `missing` says how much of what it was made from was not there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """One value, of one property of one subject, at one moment.

    Args:
        subject: a unit, an area, a stop, a trip: what it is of.
        property: an observed property's id, or a word of the service that makes it (`days-to-full`, `arrival`).
        at: the moment it is for, city us; later than `made_at` it is a forecast.
        made_at: city us.
        value: in the property's unit.
        low: the value is above this with probability `(1 + coverage) / 2`.
        high: and below this with the same.
        coverage: of the interval, 0 to 1.
        model: what made it, as accuracy is kept (`profile`, `last-value`, ...).
        sources: units whose readings it rests on.
        missing: share of what the model would have liked to read that was missing or not believed, 0 to 1.
    """

    subject: str
    property: str
    at: int
    made_at: int
    value: float
    low: float
    high: float
    coverage: float = 0.8
    model: str = ""
    sources: tuple[str, ...] = ()
    missing: float = 0.0

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.low, self.value, self.high))) or not self.low <= self.value <= self.high:
            raise ValueError(f"an estimate lies within its interval: {self.low} {self.value} {self.high}")
        if not 0 < self.coverage < 1 or not 0 <= self.missing <= 1:
            raise ValueError("coverage lies between 0 and 1, missing from 0 to 1")

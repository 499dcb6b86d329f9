"""Kept forecasts for tests of the door and the console, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from cityward.insight.accuracy import KeptAccuracy, Score
from cityward.insight.estimate import Estimate
from cityward.runtime.forecasting import KeptForecasts, KeptSilence
from cityward.time import HOUR
from web.house import NOON


@dataclass
class MemoryForecasts:
    """`runtime.forecast_told.KeptReader`."""

    body: bytes
    estimates: Sequence[Estimate]

    def memory(self, service: str) -> bytes | None:
        return self.body

    def estimates_of(self, service: str, since_us: int, most: int, subject: str | None = None) -> Sequence[Estimate]:
        found = [one for one in self.estimates if one.at >= since_us and subject in (None, one.subject)]
        return sorted(found, key=lambda one: one.at)[:most]


def kept_forecasts_of_a_counter(why: str = "the device is quarantined") -> MemoryForecasts:
    """Two hours of speed ahead, one moment of an older forecast between them, and a silence about the count."""

    def said(at: int, made_at: int) -> Estimate:
        return Estimate("counter-1", "vehicle-speed", at, made_at, 10.0, 8.0, 13.0, model="pooled")

    score = Score(
        subject="counter-1", property="vehicle-speed", model="pooled", horizon_us=HOUR, count=20, weight=20.0,
        absolute=30.0, square=90.0, covered=15.0, last=40.0,
    )  # fmt: skip
    other = msgspec.structs.replace(score, model="last-value", absolute=40.0)
    kept = KeptForecasts(
        at=NOON,
        accuracy={"speeds": KeptAccuracy(scores=(other, score))},
        silent=(KeptSilence(subject="counter-1", property="vehicle-count", why=why),),
    )
    estimates = [said(NOON + HOUR, NOON), said(NOON + 2 * HOUR, NOON), said(NOON + 3 * HOUR // 2, NOON - HOUR)]
    return MemoryForecasts(msgspec.json.encode(kept), estimates)

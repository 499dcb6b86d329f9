"""What is kept of the forecasts of one device, as people are shown it.

Does not live here: how they come about (`forecasting`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cityward.insight.accuracy import Score
from cityward.insight.estimate import Estimate
from cityward.runtime.forecasting import FORECASTS, kept_forecasts
from cityward.time import HOUR

MOST_ESTIMATES = 2000


class KeptReader(Protocol):
    """Where it is kept (`adapters.stores.service_records`)."""

    def memory(self, service: str) -> bytes | None: ...

    def estimates_of(
        self, service: str, since_us: int, most: int, subject: str | None = None
    ) -> Sequence[Estimate]: ...


@dataclass(frozen=True, slots=True)
class ToldSeries:
    """One property. estimates: the newest forecast, from an hour ago on, the earliest first. scores: of the model that
    speaks, by horizon. why: where nothing is said."""

    property: str
    estimates: tuple[Estimate, ...]
    scores: tuple[Score, ...]
    why: str = ""


def told_forecasts(reader: KeptReader, device: str, now_us: int) -> tuple[ToldSeries, ...]:
    """Each property of the device of which a forecast, or why there is none, is kept.

    Raises:
        LinkError: the store does not answer.
    """
    kept = kept_forecasts(reader.memory(FORECASTS))
    silent = {one.property: one.why for one in kept.silent if one.subject == device}
    coming: dict[str, list[Estimate]] = {}
    for one in reader.estimates_of(FORECASTS, now_us - HOUR, MOST_ESTIMATES, device):
        if one.property not in silent:
            coming.setdefault(one.property, []).append(one)
    scores = [one for each in kept.accuracy.values() for one in each.scores if one.subject == device]
    told = [ToldSeries(name, (), (), why) for name, why in silent.items()]
    for name, estimates in coming.items():
        newest = max(one.made_at for one in estimates)
        mine = tuple(one for one in estimates if one.made_at == newest)
        told.append(ToldSeries(name, mine, _of_model(scores, name, mine[0].model)))
    return tuple(sorted(told, key=lambda one: one.property))


def _of_model(scores: Sequence[Score], name: str, model: str) -> tuple[Score, ...]:
    mine = [score for score in scores if score.property == name and score.model == model]
    return tuple(sorted(mine, key=lambda score: score.horizon_us))

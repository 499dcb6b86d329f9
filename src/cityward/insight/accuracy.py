"""How good forecasts were: each is held against what came, and the model that was best so far speaks for a series.

Theory of operation
-------------------
    note(estimates, last value)  ->  waiting  ->  came(reading)  ->  scores  ->  best(series)

Per series, model and horizon the scores are sums in which an old error weighs less with each new one (half after
`HALF` of them): mean absolute and squared error, bias (what came less what was said), the share of readings within the
interval, and the error of the last value at the same moments. Skill is told against it: 1 is perfect, 0 no better.

A series keeps its model until another's mean absolute error, over the horizons that both have, is smaller by `MARGIN` with
`LEAST` readings behind each: models that are equally good do not take turns.

INVARIANTS
- Bounded: `MOST_WAITING` estimates wait (of more, the oldest are given up), `MOST_KEYS` scores are kept (more are not begun);
  both are counted.
- An estimate is scored once, by a reading at its moment; one whose moment passed without a reading is given up.

Fails when: what is told as having come was poisoned: keep readings that are not believed away from here.
"""

from __future__ import annotations

import builtins
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from cityward.insight.estimate import Estimate

HALF = 500  # scored estimates; PRECEDENT: three weeks of hourly ones, two days of those of five minutes
KEEP = 0.5 ** (1 / HALF)
LEAST = 30
MARGIN = 0.05
MOST_WAITING = 50_000
MOST_KEYS = 20_000

Finite = Annotated[float, Meta(ge=0)]


class Score(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sums over scored estimates of one key, old ones weighing less. `weight` divides them; `count`: all ever."""

    subject: str
    property: str
    model: str
    horizon_us: Annotated[int, Meta(gt=0)]
    count: Annotated[int, Meta(ge=0)] = 0
    weight: Finite = 0.0
    absolute: Finite = 0.0
    square: Finite = 0.0
    bias: float = 0.0
    covered: Finite = 0.0
    last: Finite = 0.0

    @builtins.property  # a field is called so
    def mae(self) -> float:
        """Mean absolute error, in the property's unit."""
        return self._mean(self.absolute)

    @builtins.property  # a field is called so
    def rmse(self) -> float:
        """Root of the mean squared error."""
        return math.sqrt(self._mean(self.square))

    @builtins.property  # a field is called so
    def mean_bias(self) -> float:
        """What came less what was said, on average."""
        return self._mean(self.bias)

    @builtins.property  # a field is called so
    def coverage(self) -> float:
        """Share of readings within the interval."""
        return self._mean(self.covered)

    @builtins.property  # a field is called so
    def skill(self) -> float:
        """1 less the ratio of the absolute error to that of the last value; 0 where that one never erred."""
        return 1 - self.absolute / self.last if self.last > 0 else 0.0

    def _mean(self, total: float) -> float:
        return total / self.weight if self.weight > 0 else 0.0


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model that speaks for a series."""

    subject: str
    property: str
    model: str


class KeptAccuracy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept over a restart. Estimates that wait are not: they are given up."""

    scores: Annotated[tuple[Score, ...], Meta(max_length=MOST_KEYS)] = ()
    choices: Annotated[tuple[Choice, ...], Meta(max_length=MOST_KEYS)] = ()


@dataclass(frozen=True, slots=True)
class _Waiting:
    estimate: Estimate
    last: float


_Key = tuple[str, str, str, int]


class Accuracy:
    """See the module. `first`: the model that speaks before anything is known. `scored`, `given_up`, `not_begun`: counted."""

    def __init__(self, first: str, kept: KeptAccuracy | None = None) -> None:
        kept = kept or KeptAccuracy()
        self.first = first
        self.scored = self.given_up = self.not_begun = 0
        self._scores: dict[_Key, Score] = {
            (score.subject, score.property, score.model, score.horizon_us): score for score in kept.scores
        }
        self._choices = {(choice.subject, choice.property): choice.model for choice in kept.choices}
        self._waiting: dict[tuple[str, str], list[_Waiting]] = {}
        self._count = 0

    def note(self, estimates: Iterable[Estimate], last: float) -> None:
        """These estimates of one series were made when `last` was its last value."""
        for estimate in estimates:
            if estimate.at <= estimate.made_at or not math.isfinite(last):
                continue
            self._waiting.setdefault((estimate.subject, estimate.property), []).append(_Waiting(estimate, last))
            self._count += 1
        if self._count > MOST_WAITING:
            self._give_up_oldest()

    def came(self, subject: str, property: str, at: int, value: float) -> None:
        """A believed reading came for the step that begins at `at`; estimates for before it are given up."""
        waiting = self._waiting.pop((subject, property), [])
        later = [one for one in waiting if one.estimate.at > at]
        if later:
            self._waiting[subject, property] = later
        self._count -= len(waiting) - len(later)
        for one in waiting:
            if one.estimate.at == at and math.isfinite(value):
                self._score(one, value)
            elif one.estimate.at <= at:
                self.given_up += 1

    def scores(self, subject: str, property: str) -> Sequence[Score]:
        """Of one series, by model and horizon."""
        return sorted(
            (score for score in self._scores.values() if (score.subject, score.property) == (subject, property)),
            key=lambda score: (score.model, score.horizon_us),
        )

    def best(self, subject: str, property: str) -> str:
        """The model that speaks for the series from now on."""
        current = self._choices.get((subject, property), self.first)
        means = _means(self.scores(subject, property))
        best = min(means, key=lambda model: (means[model], model), default=current)
        if current in means and best != current and means[best] < (1 - MARGIN) * means[current]:
            current = best
        if len(self._choices) < MOST_KEYS or (subject, property) in self._choices:
            self._choices[subject, property] = current
        return current

    def keep(self) -> KeptAccuracy:
        """What to keep."""
        choices = [Choice(subject=s, property=p, model=model) for (s, p), model in sorted(self._choices.items())]
        return KeptAccuracy(scores=tuple(self._scores[key] for key in sorted(self._scores)), choices=tuple(choices))

    def _score(self, one: _Waiting, value: float) -> None:
        estimate = one.estimate
        key = (estimate.subject, estimate.property, estimate.model, estimate.at - estimate.made_at)
        old = self._scores.get(key)
        if old is None and len(self._scores) >= MOST_KEYS:
            self.not_begun += 1
            return
        self._scores[key] = _with(old or _fresh(key), estimate, value, one.last)
        self.scored += 1

    def _give_up_oldest(self) -> None:
        """Down to nine tenths, so that it is not done each time."""
        every = [one for waiting in self._waiting.values() for one in waiting]
        every.sort(key=lambda one: (one.estimate.made_at, one.estimate.at, one.estimate.subject))
        kept = every[len(every) - MOST_WAITING * 9 // 10 :]
        self.given_up += len(every) - len(kept)
        self._waiting, self._count = {}, len(kept)
        for one in kept:
            self._waiting.setdefault((one.estimate.subject, one.estimate.property), []).append(one)


@dataclass(frozen=True, slots=True)
class SoFar:
    """How good a model was over several horizons. Skill as in `Score`; `count`: all ever."""

    count: int
    mae: float
    skill: float
    coverage: float


def so_far(scores: Sequence[Score]) -> SoFar | None:
    """Over all of these; None where there is nothing yet."""
    weight = sum(score.weight for score in scores)
    if weight <= 0:
        return None
    absolute, last = sum(score.absolute for score in scores), sum(score.last for score in scores)
    return SoFar(
        count=sum(score.count for score in scores),
        mae=absolute / weight,
        skill=1 - absolute / last if last > 0 else 0.0,
        coverage=sum(score.covered for score in scores) / weight,
    )


def _fresh(key: _Key) -> Score:
    return Score(subject=key[0], property=key[1], model=key[2], horizon_us=key[3])


def _with(score: Score, estimate: Estimate, value: float, last: float) -> Score:
    error = value - estimate.value
    return msgspec.structs.replace(
        score,
        count=score.count + 1,
        weight=KEEP * score.weight + 1,
        absolute=KEEP * score.absolute + abs(error),
        square=KEEP * score.square + error * error,
        bias=KEEP * score.bias + error,
        covered=KEEP * score.covered + (estimate.low <= value <= estimate.high),
        last=KEEP * score.last + abs(value - last),
    )


def _means(scores: Sequence[Score]) -> dict[str, float]:
    """Each model's mean absolute error over the horizons at which all that were tried enough were."""
    tried = [score for score in scores if score.count >= LEAST]
    models = {score.model for score in tried}
    at = Counter(score.horizon_us for score in tried)
    shared = {horizon for horizon, count in at.items() if count == len(models)}
    return {
        model: sum(s.mae for s in tried if s.model == model and s.horizon_us in shared) / len(shared)
        for model in models
        if shared
    }

"""How fast containers fill, and when each will be full: a distribution, not a day.

Lives here: rates per container, pooled over its kind; the probability that it is full by a moment.
Does not live here: cleaning (`cleaning`), what is done about it (`choice`).

Theory of operation
-------------------
What is thrown in during `t` days is a gamma increment with mean `m t` and variance `v t`. A container's own mean `m` is
not known: it lies about the mean of its kind, spread by `between` (a normal prior, by moments). Seen for `T` days with a rise of
`R`, its posterior mean is the weighted mean of `R / T` (weight `T / v`) and the kind's mean (weight `1 / between`): partial
pooling. A new container is its kind; one with a long past is itself. The forecast adds what is not known of the mean and of
the level: mean `m t`, variance `v t + var(m) t^2 + noise^2`, again as a gamma distribution.

Rises are counted upwards only, between emptyings, over nights and days alike; the kind's variance is that of whole days.

Fails when: the coming days are not like those seen (a feast, a strike, a new house): the weekday and the weather are not in it;
a container is compacted; several containers stand side by side and the first fills first.
Source: partial pooling after A. Gelman, J. Hill, "Data Analysis Using Regression and Multilevel/Hierarchical Models", ch. 12;
gamma increments as in J. M. van Noortwijk, "A survey of the application of gamma processes in maintenance", RESS 94 (2009).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.services.waste.cleaning import FALLS, Levels
from cityward.time import DAY

HORIZON_DAYS = 60.0
_GRID = np.concatenate(
    [np.arange(1, 33) / 8, np.arange(9, 41) / 2, np.arange(21.0, 61.0)]
)  # days: finer where it matters
LEVEL_NOISE = 2.0  # percent, standard deviation of one cleaned level at least
LEAST_DAYS = 1.0  # of past, before a container's own rate says anything
KIND_WEIGHT_DAYS = 7.0  # the declared usual rise counts as so many days of one container


@dataclass(frozen=True, slots=True)
class Past:
    """What a container's levels show. days: how long it was seen filling; rise: percent in them; daily: the rise of whole
    days.
    """

    days: float
    rise: float
    daily: tuple[float, ...] = ()
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Filling:
    """A container's pace. mean: percent a day; unsure: variance of that mean; spread: variance of a day's rise."""

    mean: float
    unsure: float
    spread: float
    noise: float = LEVEL_NOISE

    def moments(self, days: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance of what is thrown in within so many days."""
        return self.mean * days, self.spread * days + self.unsure * days**2 + self.noise**2


def past_of(levels: Levels, counted: NDArray[np.float64]) -> Past:
    """The past of one container, of its believed levels `counted`, (n,)."""
    if len(levels) < 2:
        return Past(0.0, 0.0)
    steps, days = np.diff(counted), np.diff(levels.times) / DAY
    filling = (steps > -FALLS) & (days <= 3.0)
    daily = _daily(levels.times, steps, filling)
    # ups and downs of jitter cancel; what is full does not rise, and is not a slow container
    open_ = filling & (counted[:-1] < 97.0)
    return Past(float(days[open_].sum()), max(0.0, float(steps[open_].sum())), daily, levels.noise)


def _daily(times: NDArray[np.int64], steps: NDArray[np.float64], filling: NDArray[np.bool_]) -> tuple[float, ...]:
    """The rise of each whole day on which it was not emptied."""
    day = (times[1:] // DAY).astype(np.int64)
    days, index = np.unique(day, return_inverse=True)
    rises = np.bincount(index, weights=steps, minlength=len(days))
    whole = np.bincount(index, weights=~filling, minlength=len(days)) == 0
    whole[0] = whole[-1] = False
    return tuple(np.maximum(rises[whole], 0.0).tolist())


def pooled(pasts: Mapping[str, Past], usual: float) -> dict[str, Filling]:
    """Each container of one kind, with what the others tell of it. usual: the declared rise of the kind, percent a day."""
    seen = {name: past for name, past in pasts.items() if past.days >= LEAST_DAYS}
    kind_mean = (usual * KIND_WEIGHT_DAYS + sum(past.rise for past in seen.values())) / (
        KIND_WEIGHT_DAYS + sum(past.days for past in seen.values())
    )
    kind_mean = max(kind_mean, 0.05)
    spread = _spread(list(seen.values()), kind_mean)
    between = _between(list(seen.values()), kind_mean, spread)
    return {name: _posterior(past, kind_mean, between, spread) for name, past in pasts.items()}


def _spread(seen: Sequence[Past], kind_mean: float) -> float:
    """Variance of a day's rise about its container's mean; of a kind with no past, that of an exponential day."""
    squares, count = kind_mean**2 * KIND_WEIGHT_DAYS, KIND_WEIGHT_DAYS
    for past in seen:
        mean = past.rise / past.days
        # what a day rose is the difference of two levels, each with its noise
        squares += max(0.0, sum((rise - mean) ** 2 - 2 * past.noise**2 for rise in past.daily))
        count += max(0, len(past.daily) - 1)
    return max(squares / count, 0.01)


def _between(seen: Sequence[Past], kind_mean: float, spread: float) -> float:
    """Variance of the means of a kind's containers, by moments, not below a tenth of the kind's mean squared."""
    least = (0.3 * kind_mean) ** 2
    if len(seen) < 2:
        return max(least, (0.6 * kind_mean) ** 2)
    weights = [past.days for past in seen]
    raw = sum(w * (past.rise / past.days - kind_mean) ** 2 for w, past in zip(weights, seen, strict=True)) / sum(
        weights
    )
    return max(least, raw - spread * len(seen) / sum(weights))


def _posterior(past: Past, kind_mean: float, between: float, spread: float) -> Filling:
    own = past.days / spread if past.days >= LEAST_DAYS else 0.0
    unsure = 1.0 / (own + 1.0 / between)
    rate = past.rise / past.days if own else kind_mean
    mean = max(0.05, unsure * (own * rate + kind_mean / between))
    return Filling(mean, unsure, spread, max(LEVEL_NOISE, past.noise))


def full_by(room: float, filling: Filling, days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that what is thrown in exceeds the room, percent, within so many days, (n,). Never falls with the days."""
    if room <= 0:
        return np.ones_like(days)
    mean, variance = filling.moments(np.maximum(days, 1e-6))
    return np.maximum.accumulate(gamma_above(mean**2 / variance, room * mean / variance))


def days_full(room: float, filling: Filling, shares: Sequence[float]) -> list[float]:
    """The days within which it is full with each of these probabilities; `HORIZON_DAYS` where that is later."""
    chance = np.concatenate([[0.0], full_by(room, filling, _GRID)])
    days = np.concatenate([[0.0], _GRID])
    return [float(np.interp(share, chance, days, right=HORIZON_DAYS)) for share in shares]


def gamma_above(shape: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(G > x) of a gamma variable of this shape and scale 1: the regularised upper incomplete gamma function.

    Source: Abramowitz & Stegun 6.5.29 (series) and 6.5.31 (continued fraction); above shape 60, Wilson and Hilferty (1931), whose
    error is below 1e-3 there.
    """
    shape, x = np.broadcast_arrays(np.asarray(shape, np.float64), np.asarray(x, np.float64))
    out = [_above(float(k), float(at)) for k, at in zip(shape.ravel(), x.ravel(), strict=True)]
    return np.array(out).reshape(shape.shape)


def _above(k: float, x: float) -> float:
    if x <= 0:
        return 1.0
    if k > 60.0:
        z = ((x / k) ** (1 / 3) - (1 - 1 / (9 * k))) * 3 * math.sqrt(k)
        return 0.5 * math.erfc(z / math.sqrt(2))
    front = math.exp(max(-700.0, k * math.log(x) - x - math.lgamma(k)))
    return min(1.0, max(0.0, 1.0 - front * _series(k, x) if x < k + 1 else front * _fraction(k, x)))


def _series(k: float, x: float) -> float:
    term = total = 1.0 / k
    for n in range(1, 400):
        term *= x / (k + n)
        total += term
        if term < total * 1e-12:
            break
    return total


def _fraction(k: float, x: float) -> float:
    """Lentz's method."""
    b = x + 1.0 - k
    c, d = 1e300, 1.0 / b
    value = d
    for n in range(1, 400):
        a = -n * (n - k)
        b += 2.0
        d = 1.0 / (a * d + b or 1e-300)
        c = b + a / c or 1e-300
        value *= c * d
        if abs(c * d - 1.0) < 1e-12:
            break
    return value

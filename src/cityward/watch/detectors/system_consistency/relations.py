"""How the channels of one system determine each other: learned from sums, told as what each leaves unexplained.

Theory of operation
-------------------
A round `x` (n,) is one value of every channel. Its features are the channels and their squares, now and one round before:
levels, their changes (so balances: level change = inflow - outflow), and curves (a pump's) are linear in them. From the
features' sums alone, forgotten slowly, a ridge covariance follows, and from its inverse *all* leave-one-out regressions at once:
what is left of channel k when everything but its own present is used to tell it is a row of the inverse, divided.

INVARIANTS
- Bounded: F = 4n features, F x F sums a system, whatever has been seen. A row's numbers are cut to `MOST` before they are
  squared.
- What is learned is learned system by system (`set_measure`, `learn`, `fit` are given one system's arrays); what is told of a
  round is told of all systems `which` at once.
- A channel that was mostly not heard tells nothing and is not judged.

Source: leave-one-out regression from the inverse covariance is textbook (Whittaker 1990, "Graphical Models in Applied
Multivariate Statistics", 5.7); as a monitor of plants it is kin to MSET and to PCA's Q (Jackson & Mudholkar 1979).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Which = NDArray[np.intp] | slice | int
"""Systems of a bank: their numbers; all of them, or one, as views."""
ALL = slice(None)

MOST = 30.0
"""A round's value counts as at most so many of its channel's first spreads: a wild number must not own the sums."""
STILL = 1e-9
STEADY = 1e-6
FINE = 0.003
EXACT = 0.002
"""No channel is believed to better than these shares of its spread and of its usual value, however exact the past was: readings
are rounded, and one day in other digits. PRECEDENT: industrial transmitters are of class 0.1 to 0.25 %."""
RARELY = 0.5
"""The usual size of what is left is held to be at least this share of its spread over the whole past: of what is nought for
weeks, and then it rains, the usual size alone says nothing."""
SURE = 1.645  # a normal value's 9-in-10 size in standard deviations
SWEEPS = 3
AT_ONCE = 48


@dataclass(frozen=True, slots=True)
class Relations:
    """Of S systems side by side: every shape below with an S in front. All arrays are changed in place. n channels, F = 4n.

    centre, spread: (n,) what a value is measured in, and exact: (n,) how exact it is believed to be, in spreads; all set once.
    sums: (F, F), first: (F,), heard: (n,), weight: (1,) the learned rounds, forgotten slowly. rows: (n, F) and offset: (n,) of
    the last fit: residual = rows @ features + offset, in spreads. bound: (n,) the share of a channel's variance that the others
    explain; 0 before the first fit. spread_left: (n,) the standard deviation of what is left, in spreads. least: (n,) the least
    that counts as the 9-in-10 size of what is left.
    """

    centre: Array
    spread: Array
    exact: Array
    sums: Array
    first: Array
    heard: Array
    weight: Array
    rows: Array
    offset: Array
    bound: Array
    spread_left: Array
    least: Array


def new_relations(s: int, n: int) -> Relations:
    """Nothing learned yet."""
    f = 4 * n
    zeros = np.zeros
    return Relations(
        centre=zeros((s, n)),
        spread=np.ones((s, n)),
        exact=np.full((s, n), FINE),
        sums=zeros((s, f, f)),
        first=zeros((s, f)),
        heard=zeros((s, n)),
        weight=zeros((s, 1)),
        rows=zeros((s, n, f)),
        offset=zeros((s, n)),
        bound=zeros((s, n)),
        spread_left=zeros((s, n)),
        least=zeros((s, n)),
    )


def set_measure(relations: Relations, rounds: Array) -> None:
    """Set what values are measured in from the first rounds (m, n); NaN where not heard."""
    heard = np.isfinite(rounds)
    count = np.maximum(heard.sum(axis=0), 1)
    held = np.where(heard, rounds, 0.0)
    centre = held.sum(axis=0) / count
    spread = np.sqrt((np.where(heard, rounds - centre, 0.0) ** 2).sum(axis=0) / count)
    relations.centre[:] = centre
    relations.spread[:] = np.where(spread > STILL * np.maximum(1.0, np.abs(centre)), spread, 1.0)
    relations.exact[:] = np.maximum(FINE, EXACT * np.abs(centre) / relations.spread)


def measured(relations: Relations, which: Which, x: Array) -> Array:
    """Values (..., n) in spreads from the centre, cut to `MOST`."""
    return np.minimum(np.maximum((x - relations.centre[which]) / relations.spread[which], -MOST), MOST)


def features(now: Array, before: Array) -> Array:
    """(..., n) and (..., n) -> (..., 4n)."""
    return np.concatenate([now, now**2, before, before**2], axis=-1)


def learn(relations: Relations, rounds: Array, heard: NDArray[np.bool_], keep: float) -> None:
    """Add features of m rounds (m, F), with what was heard in them (m, n); what was known counts `keep` of what it did."""
    sums, first, count, weight = relations.sums, relations.first, relations.heard, relations.weight
    sums *= keep
    first *= keep
    count *= keep
    weight *= keep
    for rows in range(0, len(sums), AT_ONCE):  # small products stay in the cache; one large one is new memory each time
        sums[rows : rows + AT_ONCE] += rounds.T[rows : rows + AT_ONCE] @ rounds
    first += rounds.sum(axis=0)
    count += heard.sum(axis=0)
    weight += len(rounds)


def fit(relations: Relations, least_heard: float) -> None:
    """Work out `rows`, `offset` and `bound` from the sums."""
    n, weight = len(relations.centre), float(relations.weight[0])
    mean = relations.first / weight
    cov = relations.sums / weight - np.outer(mean, mean)
    sd = np.sqrt(np.maximum(np.diag(cov), 0.0))
    moves = (sd > STEADY) & np.tile(relations.heard >= least_heard * weight, 4)
    own, square, noise = np.arange(n), np.arange(n, 2 * n), _noise(relations, mean)
    inverse = _rows_of_inverse(cov, sd, noise, np.flatnonzero(moves), 2 * n)
    a, b = inverse[own, own], inverse[own, square]
    d = np.where(moves[square], inverse[square, square], 1.0)
    det = np.where(moves[own], a * d - b * b, 1.0)
    left = np.where(moves[own], d / det, 1.0)  # variance that is left, of 1
    weights = (d[:, None] * inverse[own] - b[:, None] * inverse[square]) / det[:, None]
    weights *= np.where(moves, 1.0 / np.where(moves, sd, 1.0), 0.0)[None, :] * sd[own][:, None]
    relations.rows[:] = np.where(moves[own][:, None], weights, 0.0)
    relations.offset[:] = -(relations.rows @ mean)
    relations.spread_left[:] = sd[own] * np.sqrt(np.where(moves[own], left, 0.0))
    relations.least[:] = np.maximum(SURE * np.sqrt(relations.rows**2 @ noise**2), RARELY * relations.spread_left)
    relations.bound[:] = np.where(moves[own], np.clip(1.0 - left, 0.0, 1.0), 0.0)


def _rows_of_inverse(cov: Array, sd: Array, noise: Array, some: NDArray[np.intp], rows: int) -> Array:
    """(rows, F): the first rows of the inverse correlation of the features `some`, ridged by their noise; 0 elsewhere.

    Only what is now is told, so half of the rows are asked for; the matrix is symmetric, so they are columns.
    """
    out = np.zeros((rows, len(cov)))
    if len(some):
        part = np.ix_(some, some)
        correlation = (cov[part] + np.diag(noise[some] ** 2)) / np.outer(sd[some], sd[some])
        asked = int(np.searchsorted(some, rows))
        out[np.ix_(some[:asked], some)] = np.linalg.solve(correlation, np.eye(len(some))[:, :asked]).T
    return out


def _noise(relations: Relations, mean: Array) -> Array:
    """(F,) how exact each feature is believed to be, in spreads."""
    n = len(relations.centre)
    one = relations.exact
    # of a square: 2 x dx, at the root mean square of x
    square = 2.0 * one * np.sqrt(np.maximum(mean[n : 2 * n], 1e-4))
    return np.tile(np.concatenate([one, square]), 2)


def residual(relations: Relations, which: Which, now: Array, before: Array) -> Array:
    """What of each channel (D, n) the others do not explain, in spreads."""
    return (relations.rows[which] @ features(now, before)[..., None])[..., 0] + relations.offset[which]


def filled(
    relations: Relations, which: NDArray[np.intp], now: Array, before: Array, missing: NDArray[np.bool_]
) -> Array:
    """`now` with what was not heard replaced by what the others say it is (a few Gauss-Seidel sweeps)."""
    holed = np.flatnonzero(missing.any(axis=1))
    if not len(holed):
        return now
    gaps, old = missing[holed], before[holed]
    out = np.where(gaps, old, now[holed])
    for _ in range(SWEEPS):
        told = np.minimum(np.maximum(out - residual(relations, which[holed], out, old), -MOST), MOST)
        out = np.where(gaps, told, out)
    whole = now.copy()
    whole[holed] = out
    return whole

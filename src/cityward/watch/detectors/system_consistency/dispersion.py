"""How large what is left unexplained usually is, given what just moved: when a pump switched, levels are hard to tell.

Theory of operation
-------------------
The size of what is left of channel k is told, linearly, from how far every *other* channel moved since the round before. Its own
move is left out: who forges a jump must not thereby make jumps usual. A running 9-in-10 size per channel is the floor's measure,
and bounds what one round may teach.

INVARIANTS
- Bounded: sums of (n + 1) x (n + 1), whatever has been seen.
- A size is never below `FLOOR` of the running one, nor below what the sensors' exactness leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.watch.detectors.system_consistency.relations import Which

Array = NDArray[np.float64]

FAR = 4.0
"""A move counts as at most so many spreads."""
WILD = 8.0
"""One round teaches a size of at most so many running ones."""
FLOOR = 0.3
NINE_IN_TEN = 2.06  # of a normal value: its 9-in-10 size over its mean size
PACE = 0.02
RIDGE = 1e-2
UP, DOWN = np.exp(PACE * np.array([0.9, -0.1])).tolist()


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Of S systems side by side: every shape below with an S in front. All arrays are changed in place.

    size: (n,) the running 9-in-10 size of what is left, in spreads. moves: (n+1, n+1) and against: (n+1, n) the sums, of moved:
    (1,) rounds. slopes: (n, n+1) of the last fit: mean size = slopes @ [1, moves]. fitted: (1,) whether there was one.
    """

    size: Array
    moves: Array
    against: Array
    moved: Array
    slopes: Array
    fitted: NDArray[np.bool_]


def new_dispersion(s: int, n: int) -> Dispersion:
    """Nothing seen yet."""
    return Dispersion(
        size=np.zeros((s, n)),
        moves=np.zeros((s, n + 1, n + 1)),
        against=np.zeros((s, n + 1, n)),
        moved=np.zeros((s, 1)),
        slopes=np.zeros((s, n, n + 1)),
        fitted=np.zeros((s, 1), dtype=np.bool_),
    )


def follow_size(dispersion: Dispersion, which: Which, left: Array, judged: NDArray[np.bool_]) -> None:
    """Let the running sizes follow |left| (D, n): a step up where it was exceeded, one nine times smaller down where not."""
    size, now = dispersion.size[which], np.abs(left)
    grown = np.where(size == 0.0, now, size * np.where(now > size, UP, DOWN))
    dispersion.size[which] = np.where(judged, np.minimum(np.maximum(grown, 1e-9), 1e9), size)


def moved(now: Array, before: Array) -> Array:
    """(..., n) and (..., n) -> (..., n + 1): one, and how far each channel moved."""
    out = np.ones((*now.shape[:-1], now.shape[-1] + 1))
    np.minimum(np.abs(now - before), FAR, out=out[..., 1:])
    return out


def learn_sizes(dispersion: Dispersion, moves: Array, left: Array, keep: float) -> None:
    """Add m rounds' moves (m, n + 1) and what was left in them (m, n); NaN, where it was not judged, teaches the usual size."""
    size = dispersion.size
    taught = np.where(np.isfinite(left), np.minimum(np.abs(left), WILD * size), size / NINE_IN_TEN)
    sums, against, count = dispersion.moves, dispersion.against, dispersion.moved
    sums *= keep
    against *= keep
    count *= keep
    sums += moves.T @ moves
    against += moves.T @ taught
    count += len(moves)


def fit_sizes(dispersion: Dispersion) -> None:
    """Work out `slopes` from the sums: a ridge regression for each channel, its own move left out (one inverse serves all: to
    leave a variable out of a regression is a change of rank one)."""
    count = float(dispersion.moved[0])
    if count < 2 * len(dispersion.moves):
        return
    size = len(dispersion.size) + 1
    inverse = np.linalg.inv(dispersion.moves / count + RIDGE * np.eye(size))
    all_in = inverse @ (dispersion.against / count)  # (n + 1, n), each channel's own move still in
    own = np.arange(1, size)
    left_out = inverse[:, own] * (
        all_in[own, own - 1] / inverse[own, own]
    )  # what that move takes from the others' slopes
    dispersion.slopes[:] = (all_in - left_out).T
    dispersion.fitted[:] = True


def sizes(dispersion: Dispersion, which: Which, moves: Array, least: Array) -> Array:
    """(D, n) the 9-in-10 size of what is left in a round with these moves (D, n + 1)."""
    size = dispersion.size[which]
    told = NINE_IN_TEN * (dispersion.slopes[which] @ moves[..., None])[..., 0]
    told = np.where(dispersion.fitted[which], told, size)
    return np.maximum(np.maximum(told, FLOOR * size), np.maximum(least, 1e-9))

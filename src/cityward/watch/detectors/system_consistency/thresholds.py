"""When what is left unexplained is too much: means over several rounds, measured against the worst of each past block.

Theory of operation
-------------------
Each round gives every channel a number: what is left of it, in the size that usually is (`dispersion`). Means of it over
`WINDOWS` rounds find what is large and short as well as what is small and lasts. Of each such statistic the largest of every
block of rounds is kept, for as many blocks as the past is remembered. How far out a block's largest is, is told on a log scale
from the statistic's own median block to what one block in five exceeds; so a channel with wild blocks has a high threshold, a
steady one a low one. How far out is too far follows from the blocks themselves and the declared rate of false alarms, over all
statistics at once. So no threshold is chosen by what attacks look like.

INVARIANTS
- Rounds of an episode are in no block, unless it was over so soon that it is the system's own; then they count as at most `CAP`
  thresholds. Who attacks for long, or with all his might, does not buy himself room by it.
- A threshold is never below the usual size of what is left.

Source: maxima of blocks and their Gumbel law, Coles 2001, "An Introduction to Statistical Modeling of Extreme Values", chapter 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.watch.detectors.system_consistency.relations import Which

Array = NDArray[np.float64]

WINDOWS = (1, 3, 6, 12)
LONGEST = WINDOWS[-1]
SPANS = np.array([WINDOWS[1:], [rounds // 3 for rounds in WINDOWS[1:]]])
"""(2, 3) rounds: each longer window, and its newest third."""
WILD = 1000.0
LASTING = 4.0
"""In a mean of several rounds one counts as at most so many sizes: a single wild reading must not fill the longer windows."""
CAP = 1.1
RARE = 0.8
"""The quantile of blocks that a statistic's reach is read off: further out, 52 blocks say little."""
LEAST_REACH = 0.15
LEAST = 1.0
GUMBEL_QUARTILES = 1.5725  # between the quartiles of a standard Gumbel distribution


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Of S systems side by side: every shape below with an S in front. All arrays are changed in place.

    n channels, W windows, B blocks.

    recent: (LONGEST, n) the last rounds in sizes, newest first. worst: (B, W, n) float32, the largest of each block, NaN where
    there is none. place: (2,) int64: the block that is being filled, the rounds in it. peak: (W, n) float32, the largest of
    the episode under way. limit: (W, n) the threshold of each statistic, infinite until there are blocks enough.
    """

    recent: Array
    worst: NDArray[np.float32]
    place: NDArray[np.int64]
    peak: NDArray[np.float32]
    limit: Array


def new_thresholds(s: int, n: int, blocks: int) -> Thresholds:
    """Nothing seen yet."""
    return Thresholds(
        recent=np.zeros((s, LONGEST, n)),
        worst=np.full((s, blocks, len(WINDOWS), n), np.nan, dtype=np.float32),
        place=np.zeros((s, 2), dtype=np.int64),
        peak=np.zeros((s, len(WINDOWS), n), dtype=np.float32),
        limit=np.full((s, len(WINDOWS), n), np.inf),
    )


def statistics(thresholds: Thresholds, which: Which, in_sizes: Array) -> Array:
    """(D, W, n): this round's means, after what is left (D, n), in its sizes, was taken in; 0 where it was not judged.

    A mean counts only as far as its newest third bears it out: what is over is over.
    """
    recent = np.empty_like(thresholds.recent[which])
    recent[:, 1:] = thresholds.recent[which, :-1]
    recent[:, 0] = np.minimum(np.maximum(np.where(np.isnan(in_sizes), 0.0, in_sizes), -WILD), WILD)
    thresholds.recent[which] = recent
    sums = np.cumsum(np.minimum(np.maximum(recent, -LASTING), LASTING), axis=1)
    found = np.empty((len(recent), len(WINDOWS), recent.shape[2]))
    np.abs(recent[:, 0], out=found[:, 0])
    means = np.abs(sums[:, SPANS - 1]) / SPANS[:, :, None]
    np.minimum(means[:, 0], means[:, 1], out=found[:, 1:])
    return found


def score(thresholds: Thresholds, which: Which, found: Array) -> Array:
    """(D, n) each channel's number in thresholds; 0 while there is no threshold yet."""
    return (found / thresholds.limit[which]).max(axis=1)


def remember(thresholds: Thresholds, which: NDArray[np.intp], found: Array, block_rounds: int) -> NDArray[np.intp]:
    """Take a round's statistics of systems into their blocks; the systems whose block is full."""
    worst, place = thresholds.worst, thresholds.place
    block, filled = place[which].T
    fresh = filled == 0
    worst[which[fresh], block[fresh]] = 0.0
    worst[which, block] = np.fmax(worst[which, block], found)
    filled = filled + 1
    full = filled >= block_rounds
    place[which, 0] = np.where(full, (block + 1) % worst.shape[1], block)
    place[which, 1] = np.where(full, 0, filled)
    return which[full]


def set_limits(thresholds: Thresholds, least_blocks: int, allowed: float) -> None:
    """Set one system's thresholds anew from its blocks, if there are so many.

    allowed: how many false episodes a block may have, above 0, below 1.
    """
    worst = thresholds.worst
    full = worst[np.isfinite(worst[:, 0, 0])]
    if len(full) >= least_blocks:
        thresholds.limit[:] = _limits(full.astype(np.float64), allowed)


def raise_peak(thresholds: Thresholds, found: Array) -> None:
    """A round (W, n) of one system's episode: set aside."""
    peak = thresholds.peak
    np.maximum(peak, np.minimum(found, CAP * thresholds.limit), out=peak, casting="same_kind")


def take_peak(thresholds: Thresholds) -> None:
    """The episode that is over was the system's own: it counts in the block under way."""
    block = int(thresholds.place[0])
    if thresholds.place[1] > 0:
        thresholds.worst[block] = np.fmax(thresholds.worst[block], thresholds.peak)
    thresholds.peak[:] = 0.0


def drop_peak(thresholds: Thresholds) -> None:
    """The episode that is over was not the system's own."""
    thresholds.peak[:] = 0.0


def _limits(worst: Array, allowed: float) -> Array:
    logs = np.log(np.maximum(worst, LEAST))
    middle, rare = np.quantile(logs, [0.5, RARE], axis=0)
    reach = np.maximum(rare - middle, LEAST_REACH)
    far = ((logs - middle) / reach).reshape(len(logs), -1).max(axis=1)
    limit = max(1.0, _allowing(far, allowed))
    return np.exp(np.minimum(middle + limit * reach, 50.0))


def _allowing(largest: Array, allowed: float) -> float:
    """What one block in 1/allowed exceeds, by the Gumbel law through the quartiles: a quarter of the blocks may be odd (from when
    little was known, or poisoned) without moving it much."""
    low, middle, high = np.quantile(largest, [0.25, 0.5, 0.75])
    scale = (high - low) / GUMBEL_QUARTILES
    return float(middle + scale * (np.log(np.log(2.0)) - np.log(-np.log(1.0 - allowed))))

"""Adaptive resonance at one time scale: what a channel has met before, how new a block is, and how rare such news is.

Theory of operation
-------------------
A block of readings is three numbers: its least, mean and most. What was met is kept as boxes in that space (fuzzy ART, fast
learning). A block inside a box resonates: nothing is new. Outside, its *novelty* is the distance to the nearest box, in shares of
the channel's span. The nearest box that would not grow beyond `VIGILANCE` of the span grows to hold the block; where there is
none, the block becomes a box of its own, in place of the one longest unused.

Novelty alone says little: some channels bring news every hour. So each channel keeps a tally of its own novelties, and news is
told in *bits* of rarity: -log2 of the share of its past blocks that were at least as new (a conformal p-value). Beyond the newest
so far each doubling is one bit more.

INVARIANTS
- State is arrays of (3, C, BOXES), (C, BOXES), (C, BINS + 1) and (C,): under 1 kB a channel, however long it runs.
- A block is judged before it is learned from.

Source: Carpenter, Grossberg & Rosen 1991, "Fuzzy ART" (Neural Networks 4); on blocks of a stream: Hampton, ARTime (2022),
published with NAB; conformal p-values of novelty: Laxhammar & Falkman 2014; Burnaev & Ishimtsev 2016 (arXiv:1608.04585).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.watch.stepping import where_of

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Where = NDArray[np.intp]

BOXES = 24
VIGILANCE = 0.2
"""How wide a box may grow, as a share of the span, on average over its three sides."""
FAINT = 1e-3
"""Novelty below this share of the span is none."""
BINS = 40
INFANCY = 32
"""So many first blocks are learned, but not tallied: to a newborn everything is new."""
REMEMBERED = 16_384
"""Blocks after which a tally is halved: what is rare is what was rare lately. A power of two of hours is about two years."""
FEATURES = 3
UNUSED = -1


@dataclass(slots=True)
class Octave:
    """One scale of C channels.

    low, high: (3, C, BOXES) float32 corners of the boxes, inf where none is. wide: (C, BOXES) the sum of a box's three sides, inf
    where none is. used: (C, BOXES) the clock when it was last met, or UNUSED.
    tally: (C, BINS + 1) how many blocks were how new, by the logarithm of novelty; blocks: (C,) their number; newest: (C,) the
    largest novelty so far. clock: how many times a block was met, by any channel. taken: how many boxes the channel has that has
    most: boxes are taken in order, and the others are not looked at.
    """

    low: Singles
    high: Singles
    wide: Singles
    used: NDArray[np.int32]
    tally: NDArray[np.int32]
    blocks: NDArray[np.int32]
    newest: Floats
    clock: int = 0
    taken: int = 0


def new_octave(channels: int) -> Octave:
    """Nothing was met."""
    return Octave(
        low=np.full((FEATURES, channels, BOXES), np.inf, dtype=np.float32),
        high=np.full((FEATURES, channels, BOXES), np.inf, dtype=np.float32),
        wide=np.full((channels, BOXES), np.inf, dtype=np.float32),
        used=np.full((channels, BOXES), UNUSED, dtype=np.int32),
        tally=np.zeros((channels, BINS + 1), dtype=np.int32),
        blocks=np.zeros(channels, dtype=np.int32),
        newest=np.zeros(channels),
    )


def meet(octave: Octave, where: Where, block: Floats, span: Floats) -> Floats:
    """Bits of rarity (N,) of a block each of the channels `where` (N,); then learn it.

    Args:
        octave: is changed.
        where: channels, each once.
        block: (N, 3) least, mean, most; finite, below 1e150.
        span: (N,) greater than 0, what novelty and boxes are measured by.
    """
    novelty = _learn(octave, where, block, span)
    bits = _rarity(octave, where, novelty)
    octave.clock += 1
    return bits


def _learn(octave: Octave, where: Where, block: Floats, span: Floats) -> Floats:
    """Novelty (N,) in shares of the span: 0 for a channel's first block."""
    here, row = block.T.astype(np.float32), np.arange(len(where))
    apart, grown = _apart(octave, where_of(where, len(octave.blocks)), here, max(octave.taken, 1))
    unit = span.astype(np.float32)
    nearest = np.sqrt(apart.min(axis=1).astype(np.float64) / FEATURES) / span
    np.copyto(apart, np.float32(np.inf), where=grown > (VIGILANCE * FEATURES * unit)[:, None])
    chosen = apart.argmin(axis=1)
    away = apart[row, chosen]
    strange = np.flatnonzero(~np.isfinite(away))
    chosen[strange] = octave.used[where[strange]].argmin(axis=1)
    octave.taken = max(octave.taken, int(chosen.max()) + 1)
    _hold(octave, where, chosen, here, np.flatnonzero((away > 0.0) & np.isfinite(away)), grown)
    octave.low[:, where[strange], chosen[strange]] = octave.high[:, where[strange], chosen[strange]] = here[:, strange]
    octave.wide[where[strange], chosen[strange]] = 0.0
    octave.used[where, chosen] = octave.clock
    return np.where(np.isfinite(nearest), nearest, 0.0)


def _hold(octave: Octave, where: Where, chosen: Where, here: Singles, outside: Where, grown: Singles) -> None:
    """The chosen boxes grow to hold the blocks outside them; nearly all blocks are inside one."""
    of, box, value = where[outside], chosen[outside], here[:, outside]
    octave.low[:, of, box] = np.minimum(octave.low[:, of, box], value)
    octave.high[:, of, box] = np.maximum(octave.high[:, of, box], value)
    octave.wide[of, box] = grown[outside, box]


def _apart(octave: Octave, which: Where | slice, here: Singles, boxes: int) -> tuple[Singles, Singles]:
    """(N, boxes): squared distance of each block to each box; the sum of the sides of the box that would hold both."""
    grown = octave.wide[which, :boxes].copy()
    apart = np.zeros_like(grown)
    for low, high, value in zip(octave.low, octave.high, here[:, :, None], strict=True):
        beyond = low[which, :boxes] - value
        np.maximum(beyond, value - high[which, :boxes], out=beyond)
        np.maximum(beyond, 0.0, out=beyond)
        grown += beyond
        np.multiply(beyond, beyond, out=beyond)
        apart += beyond
    return apart, grown


def _rarity(octave: Octave, where: Where, novelty: Floats) -> Floats:
    depth = np.log(np.maximum(novelty, FAINT / 2) / FAINT) / -math.log(FAINT)
    bin_ = np.clip(np.floor(depth * BINS) + 1, 0, BINS).astype(np.intp)
    bits = np.zeros(len(where))
    some = np.flatnonzero(bin_)  # of what is not new the bits are none, and most is not
    if len(some):
        bits[some] = _bits(octave, where[some], novelty[some], bin_[some])
    octave.blocks[where] += 1
    met = octave.blocks[where]
    grown = np.flatnonzero(met > INFANCY)
    octave.tally[where[grown], bin_[grown]] += 1
    octave.newest[where[grown]] = np.maximum(octave.newest[where[grown]], novelty[grown])
    _halve(octave, where[met >= REMEMBERED])
    return bits


def _bits(octave: Octave, where: Where, novelty: Floats, bin_: Where) -> Floats:
    """(N,) of blocks that are new."""
    newest, told = octave.newest[where], np.maximum(octave.blocks[where] - INFANCY, 0)
    as_new = np.where(np.arange(BINS + 1) >= bin_[:, None], octave.tally[where], 0).sum(axis=1)
    new, most = np.maximum(novelty, FAINT), np.where(newest > 0, newest, np.inf)
    return np.log2((told + 2) / (as_new + 1)) + np.log2(new / np.minimum(most, new))


def _halve(octave: Octave, where: Where) -> None:
    if len(where):
        octave.tally[where] //= 2
        octave.blocks[where] = INFANCY + octave.tally[where].sum(axis=1)

"""Detectors on the corpus: ours as the product runs it, and two well-known ones worked out of their papers to stand beside it.

A detector here takes the values of all series and gives a score for each row of each, from that row and those before it alone.
As NAB's interface allows, and its published detectors do, it is told each series' least and largest value and its probation.

Baselines: the windowed Gaussian, and KNN-CAD (Burnaev & Ishimtsev 2016, arXiv:1608.04585). Both have, on most files to the digit,
the scores that NAB published for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.nab.corpus import probation_of
from cityward.watch.detectors.resonance.octave import FEATURES, Octave, meet, new_octave
from cityward.watch.detectors.resonance.rest import agreed, heed

Floats = NDArray[np.float64]
Detect = Callable[[Sequence[Floats]], list[Floats]]

BLOCKS = (416, 208, 104, 52, 26)
"""Blocks of each octave in a probation: the files' steps differ in length, and the probation is the yardstick NAB gives."""
RESTS = 0.8
"""Time of rest, in probations."""
GAUSSIAN_ROWS = 6_400
GAUSSIAN_ROOT = 1.4142
KNN_DIMENSION, KNN_NEIGHBOURS, KNN_CALLS, KNN_RESTS = 19, 27, 0.9965, 0.5
SMALLEST_SPREAD = 1e-6


def resonance(series: Sequence[Floats]) -> list[Floats]:
    """`watch.detectors.resonance`, its blocks as long as the probation says: bits of rarity where it calls, else 0."""
    return [_rested(bits, RESTS * max(probation_of(len(bits)), 1)) for bits in resonance_bits(series)]


def _rested(bits: Floats, rows: float) -> Floats:
    level, out = np.zeros(1), np.zeros(len(bits))
    for t in range(len(bits)):
        out[t] = heed(level, bits[t : t + 1], 1.0 / rows)[0]
    return out


class _Gathering:
    """Blocks of one octave being gathered, of series of one length of block each."""

    def __init__(self, rows: NDArray[np.int64], long: NDArray[np.int64]) -> None:
        self.rows, self.long = rows, long
        self.octave: Octave = new_octave(len(rows))
        self.block = np.empty((len(rows), FEATURES))
        self._clear(np.arange(len(rows)))

    def add(self, t: int, values: Floats, span: Floats, bits: Floats) -> None:
        """Add a row of each series; `bits` (N,) is changed for those whose block this row ends."""
        self.block[:, 0] = np.fmin(self.block[:, 0], values)
        self.block[:, 1] += values
        self.block[:, 2] = np.fmax(self.block[:, 2], values)
        ends = np.flatnonzero((t < self.rows) & ((t + 1) % self.long == 0))
        if len(ends):
            self.block[ends, 1] /= self.long[ends]
            bits[ends] = meet(self.octave, ends, self.block[ends], span[ends])
            self._clear(ends)

    def _clear(self, which: NDArray[np.intp]) -> None:
        self.block[which] = (np.inf, 0.0, -np.inf)


def resonance_bits(series: Sequence[Floats]) -> list[Floats]:
    """The same without rest: bits of rarity at every row. All series go through at once, as a city's channels do."""
    rows = np.array([len(x) for x in series])
    probation = np.array([probation_of(n) for n in rows.tolist()])
    span = np.array([max(float(np.ptp(x)), SMALLEST_SPREAD) for x in series])
    values = np.zeros((int(rows.max()), len(series)))
    for n, x in enumerate(series):
        values[: len(x), n] = x
    octaves = [_Gathering(rows, np.maximum(1, probation // blocks)) for blocks in BLOCKS]
    bits, out = np.zeros((len(BLOCKS), len(series))), np.zeros_like(values)
    for t in range(len(values)):
        for octave, held in zip(octaves, bits, strict=True):
            octave.add(t, values[t], span, held)
        out[t] = agreed(bits)
    return [out[:n, i] for i, n in enumerate(rows.tolist())]


def windowed_gaussian(series: Sequence[Floats]) -> list[Floats]:
    """How far up in the normal distribution of the `GAUSSIAN_ROWS` rows before it a value stands."""
    return [_gaussian(x) for x in series]


def _gaussian(x: Floats) -> Floats:
    out = np.zeros(len(x))
    for row in range(1, len(x)):
        before = x[max(0, row - GAUSSIAN_ROWS) : row]
        mean, spread = float(before.mean()), float(before.std()) or SMALLEST_SPREAD
        tail = 0.5 * math.erfc(abs(float(x[row]) - mean) / spread / GAUSSIAN_ROOT)
        out[row] = tail if x[row] < mean else 1.0 - tail
    return out


def knn_cad(series: Sequence[Floats]) -> list[Floats]:
    """The share of earlier windows whose neighbours are nearer: a conformal p-value of the k-nearest-neighbour distance."""
    return [_knn_cad(x, probation_of(len(x))) for x in series]


def _knn_cad(x: Floats, probation: int) -> Floats:
    out = np.zeros(len(x))
    window = np.lib.stride_tricks.sliding_window_view(x, KNN_DIMENSION) if len(x) >= KNN_DIMENSION else np.empty((0, 1))
    first = probation - KNN_DIMENSION  # windows before it are learned from; the two below it slide through time
    if first <= KNN_NEIGHBOURS or len(window) <= first:
        return out
    metric: Floats = np.eye(KNN_DIMENSION)
    earlier: list[float] = []
    rest = 0
    for n in range(first, len(window)):
        row = n + KNN_DIMENSION
        train = window[max(0, n - 2 * probation + KNN_DIMENSION) :][:first]
        if row % probation in (0, probation // 2):
            metric = np.asarray(np.linalg.pinv(train.T @ train), dtype=np.float64)
        if not earlier:
            earlier = [_near(item, train, metric, KNN_NEIGHBOURS + 1) for item in train]
        new = _near(window[n], train, metric, KNN_NEIGHBOURS)
        share = float(np.mean(np.asarray(earlier) < new))
        earlier = [*earlier[1:], new]
        if rest > 0:
            rest, out[row - 1] = rest - 1, KNN_RESTS
            continue
        if share >= KNN_CALLS:
            rest = probation // 5
        out[row - 1] = share
    return out


def _near(item: Floats, train: Floats, metric: Floats, neighbours: int) -> float:
    apart = train - item
    distance = np.einsum("nd,nd->n", apart @ metric, apart)
    return float(np.partition(distance, neighbours)[:neighbours].sum())

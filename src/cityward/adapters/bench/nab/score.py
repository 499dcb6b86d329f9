"""NAB's score of detections, worked out of its paper and checked against its published results.

- The first 15 % of a file (of its first 5,000 rows) are probation: rows there are not scored.
- Each window is worth one detection: the earliest, weighed by a sigmoid that is 1 at the window's first row and near 0 at its
  last. A window without one costs `fn`.
- A detection outside costs `fp`, less just behind a window (the same sigmoid, mirrored), in full from `FAR` window lengths on and
  before the first window.
- 0 is the detector that never speaks, 100 the one that finds each window at its first row and never speaks outside.

Checked: a windowed Gaussian of ours has, file by file, the score, hits and false alarms that NAB published for its own.

Source: Lavin & Ahmad 2015, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark"
(arXiv:1510.03336); the published rule of one threshold is its section on optimisation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.nab.corpus import Series

Floats = NDArray[np.float64]

FAR = 3.0
"""SPEC: NAB, a false alarm so many window lengths behind a window costs all."""
OUTSIDE, UNSCORED = -1, -2


@dataclass(frozen=True, slots=True)
class Profile:
    """What a user holds dear: the worth of a found window, the cost of a missed one and of a false alarm."""

    name: str
    tp: float
    fn: float
    fp: float


PROFILES = (
    Profile("standard", 1.0, 1.0, 0.11),
    Profile("reward_low_FP_rate", 1.0, 1.0, 0.22),
    Profile("reward_low_FN_rate", 1.0, 2.0, 0.11),
)
STANDARD = PROFILES[0]


@dataclass(frozen=True, slots=True)
class Weights:
    """What a detection at each row is worth. weight: (N,). window: (N,) number of the window, OUTSIDE or UNSCORED."""

    weight: Floats
    window: NDArray[np.int64]
    windows: int


def _sigmoid(position: Floats) -> Floats:
    """NAB's reward by position: near 1 at -1 (a window's first row), 0 at 0 (its end), -1 from FAR on."""
    return np.where(position >= FAR, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, FAR))) - 1.0)


def weigh(series: Series, profile: Profile) -> Weights:
    """What a detection at each row of a series is worth under a profile."""
    row = np.arange(len(series))
    weight = np.full(len(series), -profile.fp)
    window = np.full(len(series), OUTSIDE, dtype=np.int64)
    top = float(_sigmoid(np.array(-1.0)))
    for number, (first, last) in enumerate(series.windows.tolist()):
        width = last - first + 1
        behind = row > last
        weight[behind] = _sigmoid((row[behind] - last) / max(width - 1, 1)) * profile.fp
        inside = (row >= first) & (row <= last)
        weight[inside] = _sigmoid(-(last - row[inside] + 1) / width) * profile.tp / top
        window[inside] = number
    window[: series.probation] = UNSCORED
    return Weights(weight, window, len(series.windows))


def raw_score(weights: Weights, detected: NDArray[np.bool_], profile: Profile) -> float:
    """NAB's score of one file, before it is normalised."""
    total = float(weights.weight[detected & (weights.window == OUTSIDE)].sum())
    for number in range(weights.windows):
        mine = weights.weight[detected & (weights.window == number)]
        total += float(mine.max()) if len(mine) else -profile.fn
    return total


def normalised(raw: float, windows: int, profile: Profile) -> float:
    """0: says nothing; 100: perfect. Of no windows at all: 0 when nothing was said, below when something was."""
    return 100.0 * (raw + windows * profile.fn) / (max(windows, 1) * (profile.tp + profile.fn))


def score_at(corpus: Sequence[Series], scores: Sequence[Floats], threshold: float, profile: Profile) -> float:
    """The normalised score of a detector at one threshold (a row is detected from it on)."""
    raw = sum(raw_score(weigh(s, profile), x >= threshold, profile) for s, x in zip(corpus, scores, strict=True))
    return normalised(raw, sum(len(s.windows) for s in corpus), profile)


def best_threshold(corpus: Sequence[Series], scores: Sequence[Floats], profile: Profile) -> tuple[float, float]:
    """(threshold, normalised score): the published rule, the one threshold that scores best over all files of a corpus.

    Every value that occurs is tried. Of equals the highest is taken; +inf where it is best to say nothing.
    """
    weighed = [weigh(s, profile) for s in corpus]
    offset = np.concatenate([[0], np.cumsum([w.windows for w in weighed])])
    window = np.concatenate(
        [np.where(w.window >= 0, w.window + o, w.window) for w, o in zip(weighed, offset, strict=False)]
    )
    keep = window != UNSCORED
    weight = np.concatenate([w.weight for w in weighed])[keep]
    window, value = window[keep], np.concatenate(scores)[keep]
    order = np.argsort(-value, kind="stable")
    weight, window, value = weight[order], window[order], value[order]
    gain = np.where(window == OUTSIDE, weight, 0.0)
    for number in range(int(offset[-1])):
        mine = np.flatnonzero(window == number)
        gain[mine] = np.diff(np.maximum.accumulate(weight[mine]), prepend=-profile.fn)
    total = np.cumsum(gain) - offset[-1] * profile.fn
    last = np.flatnonzero(np.diff(value, append=-np.inf) != 0.0)  # rows of one value fall together
    best = int(last[np.argmax(total[last])])
    raw = float(total[best])
    silent = -float(offset[-1]) * profile.fn
    if raw <= silent:
        return math.inf, normalised(silent, int(offset[-1]), profile)
    return float(value[best]), normalised(raw, int(offset[-1]), profile)

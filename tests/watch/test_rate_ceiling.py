"""An episode whose score is beyond what is told grows no more by it."""

from __future__ import annotations

import numpy as np

from cityward.time import MINUTE
from cityward.watch.detectors.rate_of_change import detector
from cityward.watch.detectors.rate_of_change.detector import Changes
from watch.test_rate_of_change import LOOP, START, WORLD


def test_jumps_beyond_the_highest_score_are_told_once() -> None:
    state, n = detector.DETECTOR.begin(WORLD), 20
    at = START + MINUTE * np.arange(n, dtype=np.int64)
    of = np.full(n, LOOP, np.int32)
    changes = Changes(of, at, np.full(n, 50.0), np.full(n, 30.0), np.full(n, MINUTE))
    physics, own = np.zeros(n), np.full(n, 1.5e6)
    told = list(detector._episodes(state, changes, physics, own, WORLD))  # pyright: ignore[reportPrivateUsage]
    assert len(told) == 1

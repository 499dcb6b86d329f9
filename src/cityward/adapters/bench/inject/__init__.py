"""What may be done to a city's readings: attacks of known kind, size and time, written into recorded series, to be found again.

Lives here: every (kind, size, ramp) the bench tries, and `inject`. In `series`: what a series is, and what a size is measured in;
in `recipes`: what is done. Not here: who finds them (`watch_city`).

INVARIANT: pure and seeded. Same series, attack and seed give the same result.
"""

from __future__ import annotations

import numpy as np

from cityward.adapters.bench.inject.recipes import RECIPES
from cityward.adapters.bench.inject.series import Attack, Attacked, Known, Series, profile_of, sigma_of
from cityward.time import HOUR

__all__ = ["RECIPES", "TABLE", "Attack", "Attacked", "Known", "Series", "inject", "profile_of", "sigma_of"]

TABLE: tuple[tuple[str, float, int], ...] = (
    *(("bias", s, 0) for s in (0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0)),
    *(("drift", s, hours * HOUR) for s in (1.0, 3.0, -3.0) for hours in (6, 24, 72)),
    *(("scale", s, 0) for s in (0.8, 1.2, 1.5)),
    *(("noise", s, 0) for s in (2.0, 5.0)),
    ("freeze", 0.0, 0),
    ("replay", 1.0, 0),
    ("replay", 7.0, 0),
    *(("delay", s, 0) for s in (1.0, 6.0, 12.0)),
    *(("clamp", s, 0) for s in (0.5, 0.9)),
    *(("spikes", s, 0) for s in (3.0, 6.0)),
    *(("drop-out", s, 0) for s in (0.5, 1.0)),
    ("zeroes", 0.2, 0),
    *(("unit-swap", s, 0) for s in (0.0, 1.0, 2.0)),
    ("identity-swap", 0.0, 0),
    ("sybil", 0.05, 0),
    *(("coordinated", s, 0) for s in (1.0, 3.0, -3.0)),
    *(("supplier", s, 0) for s in (0.5, 1.0, 3.0)),
    *(("stealthy", s, 0) for s in (0.5, 1.0)),
    *(("poisoned-bias", s, 0) for s in (0.01, 0.1, 0.2)),
    *(("skew", s, 0) for s in (-60.0, 30.0)),
    ("duplicates", 3.0, 0),
)
"""Every (kind, size, ramp) the bench tries."""


def inject(series: Series, attack: Attack, known: Known, seed: int) -> Attacked:
    """Write an attack into a series.

    Raises:
        KeyError: no recipe of that kind.
    """
    return RECIPES[attack.kind](series, attack, known, np.random.default_rng(seed))

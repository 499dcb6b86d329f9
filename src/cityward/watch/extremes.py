"""The largest value that a statistic took by itself, per channel: what a threshold must stand above to stay quiet there.

Every channel has its own manners: one loop repeats a value ten times every night, another never twice. A detector notes what
it saw while it did not call; its threshold is a floor, or a margin above the largest of that, whichever is higher.

What is noted counts only after it was held back for one to two `holds_us`: else a slow rise would lift its own threshold
ahead of it. It is kept for one to two `lasts_us`.

INVARIANT: `largest` never falls within a stretch. Fails when: somebody teaches it over days, each time a little below the
margin. Callers cap what it may do by a bound of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY


@dataclass(slots=True)
class Extremes:
    """fresh, held: not counted yet; running, before: counted. All (C,) or (K, C) float32, 0 where nothing was noted.

    fresh_since, running_since: when these began, city us; 0 before the first step.
    """

    fresh: NDArray[np.float32]
    held: NDArray[np.float32]
    running: NDArray[np.float32]
    before: NDArray[np.float32]
    fresh_since: int = 0
    running_since: int = 0


def new_extremes(*shape: int) -> Extremes:
    """Nothing noted yet."""
    fresh, held, running, before = (np.zeros(shape, dtype=np.float32) for _ in range(4))
    return Extremes(fresh, held, running, before)


def note(extremes: Extremes, where: Any, value: NDArray[Any]) -> None:
    """`value` was seen at the places `where` (an index of the arrays, each place at most once)."""
    extremes.fresh[where] = np.maximum(extremes.fresh[where], value)


def drop(extremes: Extremes, where: Any) -> None:
    """What was noted there lately turned out to belong to something that was called: it shall not count."""
    extremes.fresh[where] = 0
    extremes.held[where] = 0


def largest(extremes: Extremes, where: Any) -> NDArray[np.float32]:
    """The largest that counts there."""
    return np.maximum(extremes.running[where], extremes.before[where])


def age(extremes: Extremes, at: int, holds_us: int = DAY, lasts_us: int = 28 * DAY) -> None:
    """Time goes on."""
    if at - extremes.running_since >= lasts_us:
        extremes.before, extremes.running = extremes.running, extremes.before
        extremes.running[:] = 0
        extremes.running_since = at
    if at - extremes.fresh_since >= holds_us:
        np.maximum(extremes.running, extremes.held, out=extremes.running)
        extremes.held, extremes.fresh = extremes.fresh, extremes.held
        extremes.fresh[:] = 0
        extremes.fresh_since = at

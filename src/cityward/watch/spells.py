"""Episodes of channels (or units) on the grid: which began, which go on, which ended, for all C of them at once.

A detector of steps says each step which channels are *on* (over its threshold) and which are *off* (back to usual); in between
nothing changes, which is the hysteresis that keeps one episode from becoming ten.
INVARIANTS
- An episode has one `BEGAN`, `GOES_ON` at most every `again_us`, one `ENDED`, all with the same `began_at`.
- The state has two numbers a channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cityward.time import HOUR
from cityward.watch.contract import Phase

NONE = -1
AGAIN_US = 6 * HOUR


@dataclass(slots=True)
class Spells:
    """began, told: (C,) int64, city us; `began` is `NONE` where no episode runs."""

    began: NDArray[np.int64]
    told: NDArray[np.int64]


class Turn(NamedTuple):
    """What became of one channel's episode."""

    channel: int
    phase: Phase
    began_at: int


def new_spells(channels: int) -> Spells:
    """No episode runs."""
    return Spells(np.full(channels, NONE, dtype=np.int64), np.zeros(channels, dtype=np.int64))


def turns(
    spells: Spells,
    at: int,
    on: NDArray[np.bool_],
    off: NDArray[np.bool_],
    since: NDArray[np.int64],
    again_us: int = AGAIN_US,
) -> list[Turn]:
    """What changes at `at`: `on`, `off`: (C,); `since`: (C,) when what is on began."""
    running = spells.began != NONE
    if not (on.any() or running.any()):
        return []
    ending = np.flatnonzero(running & off & ~on)
    out = [Turn(c, Phase.ENDED, int(spells.began[c])) for c in ending.tolist()]
    spells.began[ending] = NONE
    going = np.flatnonzero(running & on & (at - spells.told >= again_us))
    out += [Turn(c, Phase.GOES_ON, int(spells.began[c])) for c in going.tolist()]
    starting = np.flatnonzero(on & ~running)
    spells.began[starting] = np.minimum(since[starting], at)
    spells.told[starting] = at
    spells.told[going] = at
    return out + [Turn(c, Phase.BEGAN, int(spells.began[c])) for c in starting.tolist()]


def runs(spells: Spells) -> NDArray[np.bool_]:
    """(C,) where an episode runs."""
    return spells.began != NONE

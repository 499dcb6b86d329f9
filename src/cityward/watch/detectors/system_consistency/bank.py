"""What is kept of the systems of a city: those of equally many channels stand side by side in one bank, in arrays.

Lives here: the rule, a system's episode, the bank, and how a system of it forgets. What a round does to it: `rounds`. Which
channels are one system, and when a round is due: `systems`.

Side by side, because a round of one system is a handful of small sums: done one by one, the calls would cost ten times the work.

INVARIANTS
- Systems of a bank know nothing of each other: what is said of one is the same alone or among others.
- All arrays have their final size from the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY
from cityward.watch.detectors.system_consistency.dispersion import Dispersion, new_dispersion
from cityward.watch.detectors.system_consistency.relations import Relations, new_relations
from cityward.watch.detectors.system_consistency.thresholds import Thresholds, new_thresholds

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
T = TypeVar("T", Relations, Dispersion, Thresholds)


@dataclass(frozen=True, slots=True)
class Rule:
    """The parameters, in rounds where not said otherwise. The manual's page says what each is for."""

    alarms_per_month: float = 0.1
    memory_us: int = 365 * DAY
    wait_rounds: int = 24
    refit_rounds: int = 168
    settle_rounds: int = 96
    block_rounds: int = 168
    blocks: int = 52
    least_blocks: int = 8
    rounds_per_channel: int = 16
    still_rounds: int = 2000
    quiet_rounds: int = 2
    own_rounds: int = 8
    tells_rounds: int = 24
    gives_up_rounds: int = 672


@dataclass(slots=True)
class Episode:
    """What is open: since when, named after which channel, for how many rounds, quiet for how many, its largest number."""

    open: bool = False
    began: int = 0
    channel: int = -1
    lasted: int = 0
    quiet: int = 0
    largest: float = 0.0


@dataclass(slots=True)
class Bank:
    """S systems of n channels each.

    channels: (S, n). steps: (S,) a round's, 0 while it is probed. skipped: (S,) rounds in a row that were none. chained: (S,)
    whether `last` (S, n) is the round before. now, before: (S, 2 wait, n) the waiting room, `waiting` (S,) of it taken; told:
    (S, 2 wait, n) what of `now` was heard; sound: (S, 2 wait) whether it may be learned; left: (S, 2 wait, n) what was not
    explained of it, NaN where that was not judged. ever: (S, n) whether it ever moved, as far as that is the system's own;
    stirred: (S, n) moved for the first time in this episode. measure_set, since_fit, settled: (S,).
    """

    channels: NDArray[np.int32]
    last: Array
    now: Array
    before: Array
    told: Bools
    sound: Bools
    left: Array
    ever: Bools
    stirred: Bools
    steps: NDArray[np.int64]
    skipped: NDArray[np.int64]
    chained: Bools
    measure_set: Bools
    waiting: NDArray[np.int64]
    since_fit: NDArray[np.int64]
    settled: NDArray[np.int64]
    relations: Relations
    dispersion: Dispersion
    thresholds: Thresholds
    episodes: list[Episode]

    def __len__(self) -> int:
        return len(self.channels)


def banks_of(systems: Sequence[NDArray[np.int32]], rule: Rule) -> list[Bank]:
    """Nothing known of any system; the largest first."""
    sizes = sorted({len(channels) for channels in systems}, reverse=True)
    return [new_bank(np.array([s for s in systems if len(s) == n]), rule) for n in sizes]


def new_bank(channels: NDArray[np.int32], rule: Rule) -> Bank:
    """Nothing known of the systems of these channels (S, n)."""
    s, n = channels.shape
    rooms = 2 * rule.wait_rounds
    no, nought = np.zeros(s, dtype=np.bool_), np.zeros(s, dtype=np.int64)
    return Bank(
        channels=channels,
        last=np.full((s, n), np.nan),
        now=np.zeros((s, rooms, n)),
        before=np.zeros((s, rooms, n)),
        told=np.zeros((s, rooms, n), dtype=np.bool_),
        sound=np.zeros((s, rooms), dtype=np.bool_),
        left=np.zeros((s, rooms, n)),
        ever=np.zeros((s, n), dtype=np.bool_),
        stirred=np.zeros((s, n), dtype=np.bool_),
        steps=nought.copy(),
        skipped=nought.copy(),
        chained=no.copy(),
        measure_set=no.copy(),
        waiting=nought.copy(),
        since_fit=nought.copy(),
        settled=nought.copy(),
        relations=new_relations(s, n),
        dispersion=new_dispersion(s, n),
        thresholds=new_thresholds(s, n, rule.blocks),
        episodes=[Episode() for _ in range(s)],
    )


def start_anew(bank: Bank, s: int, rule: Rule) -> None:
    """System `s` forgets all but which channels it has."""
    _put(bank, s, new_bank(bank.channels[s : s + 1], rule))


def _put(record: Any, s: int, fresh: Any) -> None:
    for field in fields(fresh):
        theirs, anew = getattr(record, field.name), getattr(fresh, field.name)
        if is_dataclass(anew):
            _put(theirs, s, anew)
        else:
            theirs[s] = anew[0]


def one(record: T, s: int) -> T:
    """The arrays of system `s` alone, as views: who changes them in place changes the record."""
    mine = {field.name: getattr(record, field.name)[s] for field in fields(cast("Any", record))}
    return cast("Any", type(record))(**mine)

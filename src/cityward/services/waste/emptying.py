"""Was it emptied? From what the levels say before and after, and how hard the container was shaken.

Lives here: the events in a series, and the chance that a fall of the level is an emptying, by boosted trees.
Does not live here: the trees' numbers (`emptying_trees`, made by `adapters/bench/waste_emptying.py`).

Theory of operation
-------------------
An event is described by levels before and after it, read at three distances in time, and by the strength of the vibration; from
these come differences, orders and ranges (`features`). Gradient-boosted trees add up to log odds. A feature that is not there
goes the way that most of its kind went in training.

Without a vibration sensor the trees are not asked: levels alone tell little in the data they learned from. Then a fall counts
that is large and lasts, which is the rule that the field uses.

Source: D. Rutqvist, D. Kleyko, F. Blomstedt, "An Automated Machine Learning Approach for Smart Waste Management Systems",
2020: the events and the rule; J. H. Friedman, "Greedy function approximation", 2001: the trees.
Fails when: a container is emptied by halves; the sensor is moved to another container; nobody shakes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.services.waste.cleaning import FALLS, Levels

COLUMNS = 7  # FL_B, FL_A, VS, FL_B_3, FL_A_3, FL_B_12, FL_A_12
RUN = 3  # readings before and after a fall that are compared


class Forest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Boosted trees, their nodes in one list. left < 0: a leaf with `value`; `roots`: the first node of each tree.

    feature, threshold: a value at most this goes left; missing_left: so does one that is not there. kinds, fractions: the words
    that the last two features number.
    """

    base: float
    roots: tuple[int, ...]
    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    missing_left: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]
    kinds: tuple[str, ...]
    fractions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Emptied:
    """One emptying in a series: at which reading it was seen first, and the levels before and after."""

    index: int
    before: float
    after: float


def features(
    rows: NDArray[np.float64], kinds: NDArray[np.float64], fractions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What the trees look at, (n, 40).

    Args:
        rows: (n, 7) level before, level after, vibration, and the levels before and after at two more distances; NaN: not known.
        kinds: (n,) number of the kind of container; NaN: another.
        fractions: (n,) number of the fraction of waste; NaN: another.
    """
    before, after = rows[:, [0, 3, 5]], rows[:, [1, 4, 6]]
    falls = before - after
    low_b, high_b = np.fmin.reduce(before, axis=1), np.fmax.reduce(before, axis=1)
    low_a, high_a = np.fmin.reduce(after, axis=1), np.fmax.reduce(after, axis=1)
    mean_b, mean_a = _mean(before), _mean(after)
    pairs = [side[:, i] - side[:, j] for side in (before, after) for i, j in combinations(range(3), 2)]
    across = [before[:, i] - after[:, j] for i in range(3) for j in range(3) if i != j]
    ranges = [mean_b, mean_a, high_b - low_b, high_a - low_a, low_b - high_a, high_b - low_a, mean_b + mean_a]
    ordered = [np.sort(block, axis=1) for block in (before, after, falls)]
    return np.column_stack([rows, falls, *pairs, *across, *ordered, *ranges, kinds, fractions])


def _mean(block: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(block)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, block, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)


def chances(forest: Forest, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance of each event, (n,), that it is an emptying. table: as `features` makes it."""
    feature, threshold = np.array(forest.feature), np.array(forest.threshold)
    missing, left, right = np.array(forest.missing_left, np.bool_), np.array(forest.left), np.array(forest.right)
    value, rows = np.array(forest.value), np.arange(len(table))
    odds = np.full(len(table), forest.base)
    for root in forest.roots:
        at = np.full(len(table), root)
        while (inner := left[at] >= 0).any():
            seen = table[rows, np.where(inner, feature[at], 0)]
            goes_left = np.where(np.isnan(seen), missing[at], seen <= threshold[at])
            at = np.where(inner, np.where(goes_left, left[at], right[at]), at)
        odds += value[at]
    return 1.0 / (1.0 + np.exp(-odds))


@cache
def trained() -> Forest:
    """The trees that ship with Cityward."""
    from cityward.services.waste import emptying_trees  # noqa: PLC0415 -- 90 kB that only who has vibration sensors needs

    return msgspec.json.decode(emptying_trees.FOREST, type=Forest)


def numbers(words: list[str], known: tuple[str, ...]) -> NDArray[np.float64]:
    """The words' numbers; NaN for one that is not known."""
    place: Mapping[str, int] = {word: number for number, word in enumerate(known)}
    return np.array([float(place[word]) if word in place else np.nan for word in words])


def emptyings(levels: Levels, shaken: NDArray[np.float64] | None = None) -> list[Emptied]:
    """The emptyings in a cleaned series, in order. shaken: (n,) vibration at each reading, NaN where none; None: no sensor."""
    return [event for event in _falls(levels) if shaken is None or _agreed(levels, event, shaken)]


def _falls(levels: Levels) -> list[Emptied]:
    """Lasting falls: three readings before against as many after; of those that touch the deepest, where it is steepest."""
    level, found = levels.values, list[Emptied]()
    if len(level) < 2:
        return found
    last, steepest = -RUN - 1, 0.0
    before, after = _around(level)
    falls = before - after
    for i in np.flatnonzero((falls >= FALLS) & (falls >= 0.3 * before)).tolist():
        step = float(level[i] - level[i + 1])
        here = Emptied(i + 1, float(before[i]), float(after[i]))
        if i - last > RUN:
            found.append(here)
            steepest = step
        else:
            deepest = max(found[-1], here, key=lambda one: one.before - one.after)
            index = here.index if step > steepest else found[-1].index
            steepest = max(step, steepest)
            found[-1] = Emptied(index, deepest.before, deepest.after)
        last = i
    return found


def _around(level: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The medians of the readings before and after each step, (n - 1,): of three, of fewer at the ends."""
    padded = np.concatenate([np.full(RUN - 1, np.nan), level, np.full(RUN - 1, np.nan)])
    runs = np.lib.stride_tricks.sliding_window_view(padded, RUN)
    medians = np.nanmedian(runs, axis=1)
    return medians[: len(level) - 1], medians[RUN : RUN + len(level) - 1]


def _agreed(levels: Levels, event: Emptied, shaken: NDArray[np.float64]) -> bool:
    """Whether the trees agree, where the container's vibration is known; a fall without it counts by itself."""
    felt = shaken[max(0, event.index - 1) : event.index + 2]
    felt = felt[np.isfinite(felt)]
    if not len(felt):
        return True
    level, i = levels.values, event.index
    at = [float(level[max(0, min(len(level) - 1, i + step))]) for step in (-1, 0, -2, 1, -4, 3)]
    row = np.array([[at[0], at[1], float(felt.max()), *at[2:]]])
    unknown = np.array([np.nan])
    return bool(chances(trained(), features(row, unknown, unknown))[0] >= 0.5)

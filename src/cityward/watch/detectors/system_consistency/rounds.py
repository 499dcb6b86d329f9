"""What a round does to the systems of a bank: it is judged, waits, and is learned.

INVARIANTS
- A round is judged by relations, sizes and thresholds that did not see it.
- A round is learned `wait_rounds` to twice that after it came, and never if an episode was open or began meanwhile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY
from cityward.watch.contract import STEP_US
from cityward.watch.detectors.system_consistency.bank import Array, Bank, Bools, Rule, one
from cityward.watch.detectors.system_consistency.dispersion import fit_sizes, follow_size, learn_sizes, moved, sizes
from cityward.watch.detectors.system_consistency.relations import (
    ALL,
    SURE,
    Which,
    features,
    filled,
    fit,
    learn,
    measured,
    residual,
    set_measure,
)
from cityward.watch.detectors.system_consistency.systems import FEWEST, FILLED
from cityward.watch.detectors.system_consistency.thresholds import raise_peak, remember, score, set_limits, statistics

Numbers = NDArray[np.intp]

MONTH_STEPS = 30.4 * DAY / STEP_US
ENOUGH = 0.5
"""A round with fewer of the usual channels is no round."""
BOUND = 0.8
LIVELY = 0.5
"""A channel is judged if the others explain so much of its variance, or if what is left of it is usually at least this share
of what a normal value's would be: of rain, which is nought for weeks, neither is so, and nothing can be said of it."""
STIRRED = 3.0
"""A channel that never moved has moved when it is so many times its exactness away."""
NOVEL = 2.0
"""The score of that, in thresholds."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a round of system `s` came to: the system's number in thresholds, the channel (of n) it is largest of, all channels'
    numbers (n,); what was seen and what the others make of it, (n,) in their units."""

    s: int
    number: float
    most: int
    of_channels: Array
    seen: Array
    expected: Array


def are_rounds(bank: Bank, which: Numbers, heard: Bools) -> Bools:
    """(D,) whether enough of the channels that usually speak were heard (D, n)."""
    weight = bank.relations.weight[which, 0]
    usual = bank.relations.heard[which] >= FILLED * weight[:, None]
    enough = np.maximum(1.0, ENOUGH * np.count_nonzero(usual, axis=1))
    return np.where(weight > 0.0, np.count_nonzero(heard & usual, axis=1) >= enough, heard.any(axis=1))


def take_rounds(bank: Bank, which: Numbers, value: Array, heard: Bools, rule: Rule) -> list[Judged]:
    """Judge a round's values (D, n) of the systems `which`, and let them wait to be learned. What there is to say of them."""
    bank.left[which, bank.waiting[which]] = np.nan
    last = bank.last[which]
    known = bank.measure_set[which]
    now = np.where(heard, value, np.nan)
    if known.any():
        rows = np.flatnonzero(known)
        of = which[rows]
        told = np.where(heard[rows], measured(bank.relations, of, value[rows]), last[rows])
        now[rows] = filled(bank.relations, of, told, last[rows], ~heard[rows])
    able = np.flatnonzero(known & bank.chained[which] & bank.relations.bound[which].any(axis=1))
    judged = _judge(bank, which[able], now[able], heard[able], rule) if len(able) else []
    _wait(bank, which, now, heard, rule)
    return judged


def _judge(bank: Bank, which: Numbers, now: Array, heard: Bools, rule: Rule) -> list[Judged]:
    of: Which = ALL if len(which) == len(bank) else which  # all of them: views, no copies
    before = bank.last[of]
    left = residual(bank.relations, of, now, before)
    judged = heard & ((bank.relations.bound[of] >= BOUND) | _lively(bank, of))
    usual = sizes(bank.dispersion, of, moved(now, before), bank.relations.least[of])
    found = statistics(bank.thresholds, of, np.where(judged, left / usual, 0.0))
    bank.left[which, bank.waiting[which]] = np.where(judged, left, np.nan)
    of_channels = score(bank.thresholds, of, found)
    most = of_channels.argmax(axis=1)
    number = of_channels[np.arange(len(which)), most]
    _novel(bank, which, now, heard, number, most, rule)
    loud = (number >= 1.0) | np.array([bank.episodes[s].open for s in which.tolist()], dtype=np.bool_)
    if not loud.any():  # nearly always
        _settle(bank, which, left, heard, found, rule)
        return []
    _settle(bank, which[~loud], left[~loud], heard[~loud], found[~loud], rule)
    told: list[Judged] = []
    for i in np.flatnonzero(loud).tolist():
        s = int(which[i])
        raise_peak(one(bank.thresholds, s), found[i])
        centre, spread = bank.relations.centre[s], bank.relations.spread[s]
        seen, expected = centre + spread * now[i], centre + spread * (now[i] - left[i])
        told.append(Judged(s, float(number[i]), int(most[i]), of_channels[i], seen, expected))
    return told


def _lively(bank: Bank, of: Which) -> Bools:
    relations = bank.relations
    return (relations.bound[of] > 0.0) & (bank.dispersion.size[of] >= LIVELY * SURE * relations.spread_left[of])


def _settle(bank: Bank, which: Numbers, left: Array, heard: Bools, found: Array, rule: Rule) -> None:
    """Of quiet systems: sizes follow, also of channels not yet judged (it says whether they can be), and blocks are filled."""
    if not len(which):
        return
    follow_size(bank.dispersion, which, left, heard)
    bank.settled[which] += 1
    settled = bank.settled[which] > rule.settle_rounds
    if not settled.all():
        which, found = which[settled], found[settled]
    for s in remember(bank.thresholds, which, found, rule.block_rounds).tolist():
        allowed = min(0.5, rule.alarms_per_month * rule.block_rounds * int(bank.steps[s]) / MONTH_STEPS)
        set_limits(one(bank.thresholds, s), rule.least_blocks, allowed)


def _novel(bank: Bank, which: Numbers, now: Array, heard: Bools, number: Array, most: Numbers, rule: Rule) -> None:
    """A channel that moves for the first time in a long past counts `NOVEL`: `number` and `most` (D,) are changed."""
    away = heard & (np.abs(now) > STIRRED * bank.relations.exact[which])
    if not away.any():
        return
    limited = np.isfinite(bank.thresholds.limit[which, 0]).all(axis=1)  # a system's limits are set all at once
    young = ~limited | (bank.relations.weight[which, 0] < rule.still_rounds)
    bank.ever[which] |= away & young[:, None]
    first = away & ~bank.ever[which] & ~young[:, None]
    some = np.flatnonzero(first.any(axis=1))
    if len(some):
        bank.stirred[which[some]] |= first[some]
        raised = some[number[some] < NOVEL]
        number[raised], most[raised] = NOVEL, first[raised].argmax(axis=1)


def _wait(bank: Bank, which: Numbers, now: Array, heard: Bools, rule: Rule) -> None:
    i = bank.waiting[which]
    silent = np.array([not bank.episodes[s].open for s in which.tolist()], dtype=np.bool_)
    bank.now[which, i], bank.before[which, i], bank.told[which, i] = now, bank.last[which], heard
    bank.sound[which, i] = bank.chained[which] & silent
    bank.last[which] = now
    bank.chained[which] = True
    bank.waiting[which] = i + 1
    for s in which[i + 1 >= 2 * rule.wait_rounds].tolist():
        if not bank.measure_set[s]:
            _set_measure(bank, s)
        _learn(bank, s, rule)


def _set_measure(bank: Bank, s: int) -> None:
    """Set the measure from the waiting room, which holds values as they came until now, and bring all of it into it."""
    set_measure(one(bank.relations, s), bank.now[s])
    bank.measure_set[s] = True
    for room in (bank.now, bank.before, bank.last):
        room[s] = np.nan_to_num(measured(bank.relations, s, room[s]), nan=0.0)


def _learn(bank: Bank, s: int, rule: Rule) -> None:
    """System `s` learns the older half of its waiting room, and is fitted anew where that is due."""
    relations, dispersion, w = one(bank.relations, s), one(bank.dispersion, s), rule.wait_rounds
    sound = np.flatnonzero(bank.sound[s, :w])
    if len(sound):
        keep = math.exp(-len(sound) * STEP_US * int(bank.steps[s]) / rule.memory_us)
        now, before, left = bank.now[s, sound], bank.before[s, sound], bank.left[s, sound]
        learn(relations, features(now, before), bank.told[s, sound], keep)
        if np.isfinite(left).any():
            learn_sizes(dispersion, moved(now, before), left, keep)
    for room in (bank.now, bank.before, bank.told, bank.sound, bank.left):
        room[s, :w] = room[s, w:]
    bank.waiting[s] = w
    bank.since_fit[s] += w
    speaking = int((relations.heard >= FILLED * relations.weight[0]).sum())
    enough = relations.weight[0] >= rule.rounds_per_channel * max(speaking, FEWEST)
    if enough and (bank.since_fit[s] >= rule.refit_rounds or not relations.bound.any()):
        fit(relations, FILLED)
        fit_sizes(dispersion)
        bank.since_fit[s] = 0

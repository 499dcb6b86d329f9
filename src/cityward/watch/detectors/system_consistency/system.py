"""One system under way: its rounds are judged, wait, and are learned.

Lives here: what is kept of a system, and what a round does to it. Which channels are one, and when a round is due: `systems`.
What is said of it: `detector`.

INVARIANTS
- A round is judged by relations, sizes and thresholds that did not see it.
- A round is learned `wait_rounds` to twice that after it came, and never if an episode was open or began meanwhile.
- All arrays have their final size from the beginning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY
from cityward.watch.contract import STEP_US
from cityward.watch.detectors.system_consistency.dispersion import (
    Dispersion,
    fit_sizes,
    follow_size,
    learn_sizes,
    moved,
    new_dispersion,
    sizes,
)
from cityward.watch.detectors.system_consistency.relations import (
    SURE,
    Relations,
    exactness,
    features,
    filled,
    fit,
    learn,
    measured,
    new_relations,
    residual,
    set_measure,
)
from cityward.watch.detectors.system_consistency.systems import FEWEST, FILLED
from cityward.watch.detectors.system_consistency.thresholds import (
    Thresholds,
    new_thresholds,
    raise_peak,
    remember,
    score,
    statistics,
)

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

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
class System:
    """What is kept of one system of n channels.

    channels: (n,). steps: a round's, 0 while it is probed. skipped: rounds in a row that were none. chained: `last` (n,) is
    the round before. now, before: (2 wait, n) the waiting room, `waiting` of it taken; told: (2 wait, n) what of `now` was
    heard; sound: (2 wait,) whether it may be learned; left: (2 wait, n) what was not explained of it, NaN where that was not
    judged. ever: (n,) whether it ever moved, as far as that is the system's own; stirred: (n,) moved for the first time in
    this episode.
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
    relations: Relations
    dispersion: Dispersion
    thresholds: Thresholds
    episode: Episode
    steps: int = 0
    skipped: int = 0
    chained: bool = False
    measure_set: bool = False
    waiting: int = 0
    since_fit: int = 0
    settled: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """What a round came to: the system's number in thresholds, the channel (of n) it is largest of, all channels' numbers (n,);
    what was seen and what the others make of it, (n,) in their units."""

    number: float
    most: int
    of_channels: Array
    seen: Array
    expected: Array


def new_system(channels: NDArray[np.int32], rule: Rule) -> System:
    """Nothing known of it."""
    n, rooms = len(channels), 2 * rule.wait_rounds
    return System(
        channels=channels,
        last=np.full(n, np.nan),
        now=np.zeros((rooms, n)),
        before=np.zeros((rooms, n)),
        told=np.zeros((rooms, n), dtype=np.bool_),
        sound=np.zeros(rooms, dtype=np.bool_),
        left=np.zeros((rooms, n)),
        ever=np.zeros(n, dtype=np.bool_),
        stirred=np.zeros(n, dtype=np.bool_),
        relations=new_relations(n),
        dispersion=new_dispersion(n),
        thresholds=new_thresholds(n, rule.blocks),
        episode=Episode(),
    )


def start_anew(system: System, rule: Rule) -> None:
    """Forget all but which channels it has."""
    fresh = new_system(system.channels, rule)
    for field in fields(System):
        setattr(system, field.name, getattr(fresh, field.name))


def is_round(system: System, heard: Bools) -> bool:
    """Whether enough of the channels that usually speak were heard."""
    weight = system.relations.weight[0]
    if not weight:
        return bool(heard.any())
    usual = system.relations.heard >= FILLED * weight
    return bool(np.count_nonzero(heard & usual) >= max(1.0, ENOUGH * np.count_nonzero(usual)))


def take_round(system: System, value: Array, heard: Bools, rule: Rule) -> Judged | None:
    """Judge a round's values (n,), and let them wait to be learned. None: there is nothing yet to judge by, or nothing to say."""
    judged = None
    system.left[system.waiting] = np.nan
    if not system.measure_set:
        now = np.where(heard, value, np.nan)
    else:
        now = np.where(heard, measured(system.relations, value), system.last)
        now = filled(system.relations, now, system.last, ~heard)
        if system.chained and system.relations.bound.any():
            judged = _judge(system, now, heard, rule)
    _wait(system, now, heard, rule)
    return judged


def _judge(system: System, now: Array, heard: Bools, rule: Rule) -> Judged | None:
    relations, thresholds = system.relations, system.thresholds
    left = residual(relations, now, system.last)
    judged = heard & ((relations.bound >= BOUND) | _lively(system))
    usual = sizes(system.dispersion, moved(now, system.last), relations.least)
    found = statistics(thresholds, np.where(judged, left / usual, 0.0))
    system.left[system.waiting] = np.where(judged, left, np.nan)
    number, most = _number(system, now, heard, found, rule)
    if number >= 1.0 or system.episode.open:
        raise_peak(thresholds, found)
    else:
        follow_size(system.dispersion, left, heard)  # also of those not yet judged: it says whether they can be
        system.settled += 1
        if system.settled > rule.settle_rounds:
            allowed = min(0.5, rule.alarms_per_month * rule.block_rounds * system.steps / MONTH_STEPS)
            remember(thresholds, found, rule.block_rounds, rule.least_blocks, allowed)
        return None
    return Judged(
        number=number,
        most=most,
        of_channels=(found / thresholds.limit).max(axis=0),
        seen=relations.centre + relations.spread * now,
        expected=relations.centre + relations.spread * (now - left),
    )


def _lively(system: System) -> Bools:
    relations = system.relations
    return (relations.bound > 0.0) & (system.dispersion.size >= LIVELY * SURE * relations.spread_left)


def _number(system: System, now: Array, heard: Bools, found: Array, rule: Rule) -> tuple[float, int]:
    """The system's number and its channel; a channel that moves for the first time in a long past counts `NOVEL`."""
    number, most = score(system.thresholds, found)
    away = heard & (np.abs(now) > STIRRED * exactness(system.relations))
    if not np.isfinite(system.thresholds.limit).all() or system.relations.weight[0] < rule.still_rounds:
        system.ever |= away
        return number, most
    first = away & ~system.ever
    system.stirred |= first
    return (NOVEL, int(first.argmax())) if first.any() and number < NOVEL else (number, most)


def _wait(system: System, now: Array, heard: Bools, rule: Rule) -> None:
    i = system.waiting
    system.now[i], system.before[i], system.told[i] = now, system.last, heard
    system.sound[i] = system.chained and not system.episode.open
    system.last = now
    system.chained = True
    system.waiting = i + 1
    if system.waiting < 2 * rule.wait_rounds:
        return
    if not system.measure_set:
        _set_measure(system)
    _learn(system, rule)


def _set_measure(system: System) -> None:
    """Set the measure from the waiting room, which holds values as they came until now, and bring all of it into it."""
    set_measure(system.relations, system.now)
    system.measure_set = True
    for room in (system.now, system.before, system.last):
        room[...] = np.nan_to_num(measured(system.relations, room), nan=0.0)


def _learn(system: System, rule: Rule) -> None:
    """Learn the older half of the waiting room, and fit anew where that is due."""
    relations, w = system.relations, rule.wait_rounds
    sound = np.flatnonzero(system.sound[:w])
    if len(sound):
        keep = math.exp(-len(sound) * STEP_US * system.steps / rule.memory_us)
        now, before, left = system.now[sound], system.before[sound], system.left[sound]
        learn(relations, features(now, before), system.told[sound], keep)
        if np.isfinite(left).any():
            learn_sizes(system.dispersion, moved(now, before), left, keep)
    for room in (system.now, system.before, system.told, system.sound, system.left):
        room[:w] = room[w:]
    system.waiting = w
    system.since_fit += w
    speaking = int((relations.heard >= FILLED * relations.weight[0]).sum())
    enough = relations.weight[0] >= rule.rounds_per_channel * max(speaking, FEWEST)
    if enough and (system.since_fit >= rule.refit_rounds or not relations.bound.any()):
        fit(relations, FILLED)
        fit_sizes(system.dispersion)
        system.since_fit = 0

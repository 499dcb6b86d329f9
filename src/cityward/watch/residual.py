"""How far a channel is from what its own past and its surroundings say, in its own usual deviations.

Lives here: deviation from the season, less what neighbours, co-located kinds and the whole city explain of it. Not here: what
is done with it (detectors).

Theory of operation
-------------------
`z` is the deviation from the season in spreads, clipped. A season learns each half-hour from its own days, so it lags weeks
behind a year that goes on. Where a detector asks for it, what a channel lately deviates by at *all* hours (`shift`) is added to
the season: it follows in ten days, by no more than so many spreads a day, whoever speaks and however much. So a step does not
become usual before it is called, and who drags a channel along must be as slow as the year, which is `drift`'s to see.
What all the city does (rain, a holiday, a match) is in the neighbours' `z` too. For each channel, companions are its neighbours,
the kinds beside it and the median of all channels of its property; each counts by the squared correlation that the past showed,
so that a companion that never moved along has no say, and each is bounded by the clip, so that one that lies moves the answer by
own share only. `u` is what remains, in its own usual size: of all of it, and of what remains without any one companion, the
least. So no single companion can make another channel deviate: two must tell the same, or the channel must have moved itself.

INVARIANTS
- A channel is never its own companion: its own reading enters what is expected of it only through the city's median.
- Who has no companion that helps is compared with its own season alone (`helped` says how much they explain).

Fails when: a channel stays as its season says while others move, and only one companion tells of it: it is not called for that
one's word. Most companions of a channel are changed alike: then the change is taken for the city's. `coordinated` looks for that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.watch.contract import Step
from cityward.watch.season import (
    SLOTS,
    Floats,
    Season,
    Slot,
    Slots,
    begin_season,
    begin_slots,
    expected,
    familiar,
    forget_season,
    gather,
    learn,
    middle_of,
)
from cityward.watch.world import World

WIDEST = 8.0
MEMORY = 1 / (14 * 48)
"""Correlations and sizes remember two weeks of half-hours."""
SURE = 48.0
"""So many half-hours together until a companion counts half."""
WEIGHED_SLOTS = 6
FOLLOWS = 1 / (10 * SLOTS)
"""The shift follows what is left in about ten days."""
MOST_A_DAY = 0.1
"""So many spreads a day at most, for who asks for a shift: about what the season's own clipped learning (`CLIP` times `SLOWEST`)
lets a channel be dragged by, too."""
LONGEST_SLOTS = 4
"""A channel that speaks seldom follows by so many half-hours at once, at most."""
LEAST_U = 0.2
"""What remains is never taken to be smaller than this share of the season's own spread: a perfect companion may not last."""
WARM_SLOTS = 96
"""So many half-hours with a season to compare with (the third day of a channel that speaks often) before it is judged."""


@dataclass(slots=True)
class Residual:
    """State over channels.

    with_me: (C, K) companions, -1 none. cross, theirs, mine: (C, K + 1) running products. pairs: (C, K + 1) seen together.
    fit, power: (C,) of z on the companions' word. size: (C,) of what remains. n: (C,) half-hours seen.
    weight: (C, K + 1) what each companion's word weighs, worked out anew every `WEIGHED_SLOTS`.
    shift: (C,) spreads that are added to the season's level; silent: (C,) half-hours since the channel spoke. most_a_day: by how
    much the shift may move.
    """

    slots: Slots
    season: Season
    with_me: NDArray[np.int32]
    cross: Floats
    theirs: Floats
    mine: Floats
    pairs: Floats
    fit: Floats
    power: Floats
    size: Floats
    n: Floats
    weight: Floats
    shift: Floats
    silent: Floats
    most_a_day: float


@dataclass(frozen=True, slots=True)
class Remains:
    """Of one half-hour, all (C,).

    z: deviation from the season. u: what companions leave of it, NaN where not judged yet. level, spread: the season's.
    repaired: what it would have said by season and companions. warm: whether it is judged. left: as `u`, also where not judged
    yet, in the catalogue's unit.
    """

    slot: Slot
    z: Floats
    u: Floats
    level: Floats
    spread: Floats
    repaired: Floats
    warm: NDArray[np.bool_]
    left: Floats


def begin_residual(world: World, most_a_day: float = 0.0) -> Residual:
    """Before the first step. most_a_day: spreads a day that the baseline may follow a channel by (`MOST_A_DAY`); 0: none."""
    c = world.channels
    with_me = np.concatenate([world.neighbours, world.beside], axis=1)
    shape = (c, with_me.shape[1] + 1)
    return Residual(
        slots=begin_slots(world),
        season=begin_season(c),
        with_me=with_me,
        cross=np.zeros(shape),
        theirs=np.zeros(shape),
        mine=np.zeros(shape),
        pairs=np.zeros(shape),
        fit=np.zeros(c),
        power=np.zeros(c),
        size=np.ones(c),
        n=np.zeros(c),
        weight=np.zeros(shape),
        shift=np.zeros(c),
        silent=np.zeros(c),
        most_a_day=most_a_day,
    )


def advance(residual: Residual, step: Step, world: World, holding: Callable[[], NDArray[np.bool_]]) -> Remains | None:
    """Add a step; what the half-hour that it ends leaves unexplained. Channels that `holding` says (C,) do not teach."""
    slot = gather(residual.slots, step)
    if slot is None:
        return None
    held = holding()
    level, spread = expected(residual.season, slot)
    level = level + residual.shift * spread
    with np.errstate(invalid="ignore", over="ignore"):
        z = np.clip((slot.mean - level) / spread, -WIDEST, WIDEST)
    others = _companions(residual, z, world)
    if slot.of_day % WEIGHED_SLOTS == 0:
        _weigh(residual)
    word = _word(residual, others)
    slope = _slope(residual)
    rest = z - slope * word
    left = _unaccused(residual, z, others, slope, rest)
    u = left / np.maximum(residual.size, LEAST_U)
    warm = (residual.n >= WARM_SLOTS) & familiar(residual.season, slot)
    _teach(residual, z, others, word, rest, held)
    learn(residual.season, slot, held)
    _follow(residual, z)
    repaired = level + slope * word * spread
    return Remains(slot, z, np.where(warm, u, np.nan), level, spread, repaired, warm, left * spread)


def _follow(residual: Residual, z: Floats) -> None:
    """Shift the baseline a little towards what a channel now is, also of those that teach nothing: the bound guards it."""
    if residual.most_a_day == 0.0:
        return
    speaks = np.isfinite(z)
    slots = np.minimum(residual.silent + 1.0, LONGEST_SLOTS)
    most = residual.most_a_day / SLOTS * slots
    step = np.minimum(np.maximum(FOLLOWS * slots * z, -most), most)
    residual.shift = np.where(speaks, residual.shift + step, residual.shift)
    residual.silent = np.where(speaks, 0.0, residual.silent + 1.0)


def forget_channel(residual: Residual, channel: int) -> None:
    """What a channel brought of late is usual from now on: its levels are learned anew; its spread stays."""
    forget_season(residual.season, channel)
    residual.shift[channel] = 0.0


def explained(residual: Residual) -> Floats:
    """(C,) the share of the deviation that companions explain, 0 to 1."""
    return np.clip(1 - np.square(residual.size), 0.0, 1.0)


def _companions(residual: Residual, z: Floats, world: World) -> Floats:
    """(C, K + 1) what the companions deviate by, NaN where they are silent; last the median of all of the same property."""
    padded = np.append(z, np.nan)
    near = padded[residual.with_me]  # -1 finds the NaN at the end
    return np.concatenate([near, city_median(z, world)[:, None]], axis=1)


def city_median(z: Floats, world: World) -> Floats:
    """(C,) the median deviation of all channels of the same property, NaN where fewer than three speak."""
    out = np.full(len(z), np.nan)
    for prop in range(int(world.observed.max(initial=-1)) + 1):
        mine = world.observed == prop
        speak = z[mine]
        speak = speak[np.isfinite(speak)]
        if len(speak) >= 3:
            out[mine] = middle_of(speak)
    return out


def _word(residual: Residual, others: Floats) -> Floats:
    """(C,) what the companions together say; 0 where none has a say."""
    weight = np.where(np.isfinite(others), residual.weight, 0.0)
    total = np.abs(weight).sum(axis=1)
    said = np.einsum("ck,ck->c", weight, np.where(np.isfinite(others), others, 0.0))
    return said / np.maximum(total, 1e-9) * (total > 1e-3)


def _unaccused(residual: Residual, z: Floats, others: Floats, slope: Floats, rest: Floats) -> Floats:
    """(C,) what remains, or what would remain without one of the companions, whichever is least; 0 where the sides differ.

    # SECURITY: whoever holds one companion could else move what is expected of an honest channel, and have it shut out.
    """
    there = np.isfinite(others)
    weight = np.where(there, residual.weight, 0.0)
    said = weight * np.where(there, others, 0.0)
    total = np.abs(weight)
    without = total.sum(axis=1, keepdims=True) - total
    word = (said.sum(axis=1, keepdims=True) - said) / np.maximum(without, 1e-9) * (without > 1e-3)
    side = np.sign(rest)
    return side * np.maximum(
        np.minimum(np.abs(rest), (side[:, None] * (z[:, None] - slope[:, None] * word)).min(axis=1)), 0.0
    )


def _weigh(residual: Residual) -> None:
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = residual.cross / np.sqrt(residual.theirs * residual.mine)
    rho = np.where(np.isfinite(rho), np.clip(rho, -0.98, 0.98), 0.0) * residual.pairs / (residual.pairs + SURE)
    residual.weight = np.sign(rho) * np.square(rho) / (1 - np.square(rho))


def _slope(residual: Residual) -> Floats:
    """(C,) of a deviation on the companions' word, drawn to nought while little is known."""
    slope = residual.fit / np.maximum(residual.power, 1e-6)
    return np.clip(slope, 0.0, 1.5) * residual.n / (residual.n + SURE)


def _teach(residual: Residual, z: Floats, others: Floats, word: Floats, rest: Floats, held: NDArray[np.bool_]) -> None:
    speaks = np.isfinite(z) & ~held
    mine = np.where(speaks, z, 0.0)
    both = speaks[:, None] & np.isfinite(others)
    his = np.where(both, others, 0.0)
    rate = both * np.maximum(1 / (residual.pairs + 1), MEMORY)
    for running, now in (
        (residual.cross, mine[:, None] * his),
        (residual.theirs, his * his),
        (residual.mine, np.square(mine)[:, None] * both),
    ):
        np.add(running, rate * (now - running), out=running)
    residual.pairs += both
    slow = speaks * np.maximum(1 / (residual.n + 1), MEMORY)
    residual.fit += slow * (mine * word - residual.fit)
    residual.power += slow * (np.square(word) - residual.power)
    left = np.where(speaks, np.minimum(np.abs(np.where(speaks, rest, 0.0)), 3.0), 0.0) * 1.2533
    residual.size += slow * (left - residual.size)
    residual.n += speaks

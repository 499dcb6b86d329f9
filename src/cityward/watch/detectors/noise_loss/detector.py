"""Noise loss: a channel whose values still move, but have lost (or gained) the noise that they always had.

Theory of operation
-------------------
Noise is what is left of a reading when a straight line through its two neighbours in time is taken away: the second
difference. Its usual size is learned for each hour of the day. Each reading gives a ratio of its own size to the usual one; a
short mean of the ratios near 0 means made-up or smoothed values, one far above 1 added noise. A channel is not called before
it is beyond its own extremes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR
from cityward.watch.contract import Card, Kind, Phase, Severity, Sign, Step
from cityward.watch.extremes import Extremes, age, drop, largest, new_extremes, note
from cityward.watch.spells import Spells, Turn, new_spells, runs, turns
from cityward.watch.stepping import Stepping, Where, sign_of, where_of
from cityward.watch.world import World

MEMORY_READINGS = 24
LOST_BELOW = 0.07
GAINED_ABOVE = 3.0
MARGIN = 1.5
WIDEST = 4.0  # a single reading counts at most so many times the usual
WARM_PER_HOUR = 20
WARM_DAYS = 2
HOLDS_DAYS = 1
LASTS_DAYS = 28
HOURS = 24
QUIET_HOUR = 0.25  # hours with less of the overall noise than this are not judged: a street at night has none
NEVER = np.iinfo(np.int64).max
FADE = 1 / 256  # weight of a reading in the usual size of its hour

CARD = Card(
    id="noise-loss",
    title="Noise that is gone, or new",
    reads="steps",
    sees="a channel that moves plausibly but without its usual noise (smoothed or made-up values), or with much more of it",
    fails_when=(
        "values are replaced by real ones of another time or sensor: their noise is real; see `replayed-history`, `crowd-of-one`",
        "noise is at most doubled, or about halved: that is within what streets do by themselves",
        "the channel is quantised so coarsely that most readings repeat: there is no noise to lose",
        "a change of sampling (averaging in the device) changes noise lawfully: it is told once, and then learned",
    ),
    source="own method: second differences (von Neumann, 1941) against the channel's own hours; idea of noise fingerprints: "
    "Ahmed et al., NoiSense (2017)",
    kinds=(
        Kind(
            id="noise-lost",
            title="Noise is gone",
            severity=Severity.MEDIUM,
            weight=0.5,
            todo="Ask whether its firmware or averaging changed. If not, take its values as made up: compare neighbours.",
            delay_us=12 * HOUR,
            technique="T0856",
        ),
        Kind(
            id="noise-gained",
            title="Much more noise than ever",
            severity=Severity.MEDIUM,
            weight=0.4,
            todo="Look at the device and its wiring: a failing sensor, interference, or values that somebody stirs.",
            delay_us=12 * HOUR,
            technique="T0832",
        ),
    ),
    parameters={
        "memory_readings": MEMORY_READINGS,
        "lost_below": LOST_BELOW,
        "gained_above": GAINED_ABOVE,
        "margin": MARGIN,
        "widest": WIDEST,
        "quiet_hour": QUIET_HOUR,
        "warm_per_hour": WARM_PER_HOUR,
        "warm_days": WARM_DAYS,
        "holds_days": HOLDS_DAYS,
        "lasts_days": LASTS_DAYS,
    },
)


@dataclass(slots=True)
class State:
    """before, last: (C,) the two newest readings. usual: (HOURS, C) mean size of noise; known: (HOURS, C) readings it rests on;
    overall: (C,) the same of all hours.

    short: (C,) the short mean of ratios; readings: (C,) how many it holds. first: (C,) when the first
    reading came. least, most: the extremes of `short` so far, `least`
    as its inverse.
    """

    before: NDArray[np.float64]
    last: NDArray[np.float64]
    usual: NDArray[np.float64]
    overall: NDArray[np.float64]
    known: NDArray[np.int32]
    short: NDArray[np.float64]
    readings: NDArray[np.int32]
    first: NDArray[np.int64]
    least: Extremes
    most: Extremes
    lost: Spells
    gained: Spells


def new_state(world: World) -> State:
    """Nothing is known."""
    c = world.channels
    return State(
        before=np.full(c, np.nan),
        last=np.full(c, np.nan),
        usual=np.zeros((HOURS, c)),
        overall=np.zeros(c),
        known=np.zeros((HOURS, c), dtype=np.int32),
        short=np.ones(c),
        readings=np.zeros(c, dtype=np.int32),
        first=np.full(c, NEVER, dtype=np.int64),
        least=new_extremes(c),
        most=new_extremes(c),
        lost=new_spells(c),
        gained=new_spells(c),
    )


def advance(state: State, step: Step, world: World) -> Sequence[Sign]:
    """Signs of this step: see the module."""
    age(state.least, step.at, HOLDS_DAYS * DAY, LASTS_DAYS * DAY)
    age(state.most, step.at, HOLDS_DAYS * DAY, LASTS_DAYS * DAY)
    spoke = np.flatnonzero((step.count > 0) & ~world.state)
    which = where_of(spoke, world.channels)
    value = step.newest[which]
    hour = int(step.at // HOUR % HOURS)
    with np.errstate(all="ignore"):
        size = np.abs(value - 2 * state.last[which] + state.before[which])
    state.before[which] = state.last[which]
    state.last[which] = value
    state.first[which] = np.minimum(state.first[which], step.at)
    whole = size < 1e150
    if not whole.all():
        spoke, size = spoke[whole], size[whole]
    if not len(spoke):
        return ()
    return _judge(state, spoke, size, hour, step, world)


def _judge(
    state: State, spoke: NDArray[np.intp], size: NDArray[np.float64], hour: int, step: Step, world: World
) -> Sequence[Sign]:
    which = where_of(spoke, world.channels)
    usual, known = state.usual[hour], state.known[hour]
    calm = ~(runs(state.lost) | runs(state.gained))[which]
    judged = (known[which] >= WARM_PER_HOUR) & (usual[which] > QUIET_HOUR * state.overall[which])
    ready = spoke[judged]
    if len(ready):
        at = where_of(ready, world.channels)
        ratio = np.minimum(size[judged] / usual[at], WIDEST)
        state.short[at] += (ratio - state.short[at]) / MEMORY_READINGS
        state.readings[at] = np.minimum(state.readings[at] + 1, 1_000_000)
    if not calm.all():
        spoke, size = spoke[calm], size[calm]
    _learn(state, where_of(spoke, world.channels), size, hour)
    return _signs(state, ready, step, world) if len(ready) else ()


def _learn(state: State, which: Where, size: NDArray[np.float64], hour: int) -> None:
    usual, known = state.usual[hour], state.known[hour]
    rate = np.maximum(1 / (known[which] + 1), FADE)
    most = np.where(known[which] >= WARM_PER_HOUR, WIDEST * usual[which], np.inf)
    capped = np.minimum(size, most)
    usual[which] += (capped - usual[which]) * rate
    state.overall[which] += (capped - state.overall[which]) * np.maximum(rate / HOURS, FADE / 4)
    known[which] = np.minimum(known[which] + 1, 1_000_000)


def _signs(state: State, ready: NDArray[np.intp], step: Step, world: World) -> list[Sign]:
    at = where_of(ready, world.channels)
    short = state.short[at]
    running = runs(state.lost) | runs(state.gained)
    signs: list[Sign] = []
    if running.any() or bool((short < LOST_BELOW).any()) or bool((short > GAINED_ABOVE).any()):
        signs = _turned(state, ready, short, step, world)
        running = runs(state.lost) | runs(state.gained)
    for sign in signs:
        drop(state.least, sign.channel)
        drop(state.most, sign.channel)
    # extremes may wait for the end of the hour: they are held back for a day anyway
    if step.at % HOUR == 0:
        own = ready[(state.readings[at] >= 2 * MEMORY_READINGS) & ~running[at]]
        note(state.least, own, 1 / np.maximum(state.short[own], 1e-6))
        note(state.most, own, state.short[own])
    return signs


def _turned(state: State, ready: NDArray[np.intp], short: NDArray[np.float64], step: Step, world: World) -> list[Sign]:
    below, above = bounds(state, ready)
    old = step.at - state.first[ready] >= WARM_DAYS * DAY
    full = old & (state.readings[ready] >= 4 * MEMORY_READINGS)
    on, off = (np.zeros(world.channels, dtype=np.bool_) for _ in range(2))
    high, calm = on.copy(), off.copy()
    on[ready], off[ready] = full & (short < below), short > 2 * below
    high[ready], calm[ready] = full & (short > above), short < 0.7 * above
    since = np.full(world.channels, step.at - HOUR, dtype=np.int64)
    signs = [_sign("noise-lost", state, t, step, world) for t in turns(state.lost, step.at, on, off, since)]
    return signs + [
        _sign("noise-gained", state, t, step, world) for t in turns(state.gained, step.at, high, calm, since)
    ]


def bounds(state: State, where: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(below which noise is lost, above which it is gained): a fixed bound, or a margin beyond the channel's own extremes."""
    least = 1 / np.maximum(largest(state.least, where).astype(np.float64), 1e-6)
    most = largest(state.most, where).astype(np.float64)
    return np.minimum(LOST_BELOW, least / MARGIN), np.maximum(GAINED_ABOVE, most * MARGIN)


def _sign(kind: str, state: State, turn: Turn, step: Step, world: World) -> Sign:
    c = np.array([turn.channel])
    below, above = bounds(state, c)
    short = max(float(state.short[turn.channel]), 1e-6)
    lost = kind == "noise-lost"
    facts = {
        "noise": f"{100 * short:.3g} % of what is usual at these hours",
        "tolerated": f"{100 * float(below[0] if lost else above[0]):.3g} %",
    }
    score = float(below[0]) / short if lost else short / float(above[0])
    return sign_of(kind, turn, step.at, score, world, {} if turn.phase is Phase.ENDED else facts)


DETECTOR = Stepping(CARD, new_state, advance)

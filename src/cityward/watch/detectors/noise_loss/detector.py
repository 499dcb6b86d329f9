"""Noise loss: a channel whose values still move, but have lost (or gained) the noise that they always had.

Theory of operation
-------------------
Noise is what is left of a reading when a straight line through its two neighbours in time is taken away: the second
difference. Each hour's mean size is kept for `DAYS` days; what is usual at an hour is the median over the days of it and the
hours beside it, so that a day or two of something else move nothing, or what it was a week before, whichever is nearer: Sundays
are not like other days. Each reading gives a ratio of its own size to the usual one; a short mean of the ratios near 0 means
made-up or smoothed values, one far above 1 added noise.

How near to 0 follows from the channel: the usual distance, in logarithms, of an hour's noise from the median of its hours (its
*unrest*), less what chance does to so few readings, together with what chance does to the short mean. Lost is what lies
`reach` such distances below, and in no case more than `lost_below`; gained what is above `gained_above`; both farther off while
few days are known. And no channel is called for what it does by nature: an
*occasion* is a stretch in which the short mean was far off, until it has been back for a day; what was reached on two occasions,
by a margin, is the channel's own. One is not enough: an attack that nobody noticed is one occasion.

While it is called or far off, a channel teaches nothing of what is usual, and what was called is no occasion. The past that is
read again teaches whole. What is called for `adopted_days` becomes what is usual.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR
from cityward.watch.contract import Card, Kind, Phase, Severity, Sign, Step
from cityward.watch.spells import NONE, Spells, Turn, new_spells, runs, turns
from cityward.watch.stepping import Stepping, sign_of, where_of
from cityward.watch.world import World

MEMORY_READINGS = 24
REACH = 5.0
CHANCE = 0.15  # of the short mean's logarithm, where the noise is white: 0.756 / sqrt(47), and its readings go together (1.35)
ONE_READING = 1.0  # variance of the logarithm of one reading's size, as medians tell it; a mean of n has a share of n
LOST_BELOW = 0.2
GAINED_ABOVE = 3.5
FAR = 0.69  # half, or twice, of what is usual; in logarithms
MARGIN = 1.5
WIDEST = 6.0  # a single reading counts at most so many times the usual
DAYS = 14
WEEK = 7
LEAST_DAYS = 2
LEAST_READINGS = 20  # of the hour and those beside it
WARM_DAYS = 2
FADE_A_DAY = 0.985  # of what occasions reached: half of it is gone in a month and a half
ADOPTED_DAYS = 14
HOURS = 24
QUIET_HOUR = 0.25  # hours with less of the overall noise than this are not judged: a street at night has none
NEVER = np.iinfo(np.int64).max
LOST, GAINED = 0, 1

CARD = Card(
    id="noise-loss",
    title="Noise that is gone, or new",
    reads="steps",
    sees="a channel that moves plausibly but without its usual noise (smoothed or made-up values), or with much more of it",
    fails_when=(
        "values are replaced by real ones of another time or sensor: their noise is real; see `replayed-history`, `crowd-of-one`",
        "noise is at most doubled, or halved: that is within what streets do by themselves",
        "the same was done on two occasions before, a day apart, and was not noticed: it is then taken for its nature",
        "the reading follows from commands (the power of a lamp): its noise is that of what it was told, and is not judged",
        "the channel is quantised so coarsely that most readings repeat: there is no noise to lose",
        "a change of sampling (averaging in the device) changes noise lawfully: it is told once, and learned after two weeks",
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
        "reach": REACH,
        "lost_below": LOST_BELOW,
        "gained_above": GAINED_ABOVE,
        "margin": MARGIN,
        "widest": WIDEST,
        "quiet_hour": QUIET_HOUR,
        "days": DAYS,
        "least_days": LEAST_DAYS,
        "least_readings": LEAST_READINGS,
        "warm_days": WARM_DAYS,
        "fade_a_day": FADE_A_DAY,
        "adopted_days": ADOPTED_DAYS,
    },
)


@dataclass(slots=True)
class State:
    """before, last: (C,) the two newest readings; first: (C,) when the first came.

    Of the running hour: total, count (C,). past: (HOURS, DAYS, C) mean size of noise in that hour, NaN where not known; known:
    (HOURS, C) readings it rests on. usual: (C,) in the running hour, NaN where not known; days: (C,) it rests on; span: (2, C)
    from the lower to the higher of that and of the week before; overall: (C,) usual of all hours. unrest: (C,) see the module;
    thin: (C,) the mean of 1 / readings of its hours; unrest_n: (C,) how many hours both rest on.

    readings: (C,) how many the short means hold. Of (2, C), lost and gained: short, the mean of ratios; peak, how far off the
    running stretch was, in logarithms, 0: none runs; far_since, far_at: since when it is far off, when it last was; called:
    whether it was called; occasions: (2, 2, C) the two farthest so far, the nearer first.
    """

    before: NDArray[np.float64]
    last: NDArray[np.float64]
    first: NDArray[np.int64]
    total: NDArray[np.float64]
    count: NDArray[np.int32]
    past: NDArray[np.float32]
    known: NDArray[np.int32]
    usual: NDArray[np.float64]
    span: NDArray[np.float64]
    days: NDArray[np.int32]
    overall: NDArray[np.float64]
    unrest: NDArray[np.float64]
    thin: NDArray[np.float64]
    unrest_n: NDArray[np.int32]
    short: NDArray[np.float64]
    readings: NDArray[np.int32]
    peak: NDArray[np.float64]
    far_since: NDArray[np.int64]
    far_at: NDArray[np.int64]
    called: NDArray[np.bool_]
    occasions: NDArray[np.float64]
    lost: Spells
    gained: Spells
    hour: int = 0


def new_state(world: World) -> State:
    """Nothing is known."""
    c = world.channels
    return State(
        before=np.full(c, np.nan),
        last=np.full(c, np.nan),
        first=np.full(c, NEVER, dtype=np.int64),
        total=np.zeros(c),
        count=np.zeros(c, dtype=np.int32),
        past=np.full((HOURS, DAYS, c), np.nan, dtype=np.float32),
        known=np.zeros((HOURS, c), dtype=np.int32),
        usual=np.full(c, np.nan),
        span=np.full((2, c), np.nan),
        days=np.zeros(c, dtype=np.int32),
        overall=np.zeros(c),
        unrest=np.full(c, 0.3),
        thin=np.full(c, 1 / 12),
        unrest_n=np.zeros(c, dtype=np.int32),
        short=np.ones((2, c)),
        readings=np.zeros(c, dtype=np.int32),
        peak=np.zeros((2, c)),
        far_since=np.zeros((2, c), dtype=np.int64),
        far_at=np.zeros((2, c), dtype=np.int64),
        called=np.zeros((2, c), dtype=np.bool_),
        occasions=np.zeros((2, 2, c)),
        lost=new_spells(c),
        gained=new_spells(c),
    )


def advance(state: State, step: Step, world: World) -> Sequence[Sign]:
    """Signs of this step: see the module."""
    hour = (step.at - 1) // HOUR
    if hour != state.hour:
        _close_hour(state, step)
        _expect(state, hour)
    spoke = np.flatnonzero((step.count > 0) & ~world.state & ~world.driven)
    which = where_of(spoke, world.channels)
    value = step.newest[which]
    with np.errstate(all="ignore"):
        size = np.abs(value - 2 * state.last[which] + state.before[which])
    state.before[which] = state.last[which]
    state.last[which] = value
    state.first[which] = np.minimum(state.first[which], step.at)
    whole = size < 1e30
    if not whole.all():
        spoke, size = spoke[whole], size[whole]
    if not len(spoke):
        return ()
    ready = _take(state, spoke, size, world)
    if not len(ready):
        return ()
    _stretch(state, ready, step.at)
    return () if step.learning else _turned(state, ready, step, world)


# -- what is usual -----------------------------------------------------------------------------------------------------


def _close_hour(state: State, step: Step) -> None:
    """The running hour is over: what it was joins the past, but not of channels that are called or far off."""
    hour = state.hour % HOURS
    held = np.zeros(len(state.total), dtype=np.bool_)
    if not step.learning:
        far = (state.peak > 0) & (step.at - state.far_at <= 2 * HOUR)
        held = runs(state.lost) | runs(state.gained) | far[LOST] | far[GAINED]
    taught = np.flatnonzero((state.count > 0) & ~held)
    mean = state.total[taught] / state.count[taught]
    state.past[hour, state.hour // HOURS % DAYS, taught] = mean
    state.known[hour, taught] = np.minimum(state.known[hour, taught] + state.count[taught], 1_000_000)
    _learn_unrest(state, taught, mean)
    state.total[:] = 0
    state.count[:] = 0
    _close_stretches(state, step.at)
    if hour == HOURS - 1:
        state.occasions *= FADE_A_DAY


def _learn_unrest(state: State, taught: NDArray[np.intp], mean: NDArray[np.float64]) -> None:
    """The median distance moves a little towards every distance, up or down by the same share."""
    usual = state.usual[taught]
    judged = (mean > 0) & (usual > QUIET_HOUR * state.overall[taught])
    which = taught[judged]
    state.unrest_n[which] = np.minimum(state.unrest_n[which] + 1, 1_000_000)
    away = np.abs(np.log(mean[judged] / usual[judged])) * 1.4826
    share = np.maximum(2 / (state.unrest_n[which] + 4), 0.01)
    state.thin[which] += share * (1 / state.count[which] - state.thin[which])
    state.unrest[which] = np.clip(state.unrest[which] * np.exp(share * np.sign(away - state.unrest[which])), 0.02, 2.0)


def _expect(state: State, hour: int) -> None:
    """What is usual in this hour, of every channel:"""
    state.hour = hour
    beside = [(hour + near) % HOURS for near in (-1, 0, 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a channel without a past has no mean
        by_day = np.nanmean(state.past[beside], axis=0)
    state.days = np.isfinite(by_day).sum(axis=0).astype(np.int32)
    usual = _medians(by_day, state.days).astype(np.float64)
    enough = (state.days >= LEAST_DAYS) & (state.known[beside].sum(axis=0) >= LEAST_READINGS)
    week_before = by_day[(hour // HOURS - WEEK) % DAYS]
    state.usual = np.where(enough, usual, np.nan)
    state.span = np.stack([np.fmin(state.usual, week_before), np.fmax(state.usual, week_before)])
    share = np.where(state.overall > 0, 1 / HOURS, 1.0)
    state.overall += np.where(enough, share * (usual - state.overall), 0.0)


def _medians(by_day: NDArray[np.float32], days: NDArray[np.int32]) -> NDArray[np.float32]:
    """(C,) the median of each column's `days` finite values; NaN where there is none. As `numpy.nanmedian`, without its masks."""
    ordered, channels = np.sort(by_day, axis=0), np.arange(by_day.shape[1])  # NaN last
    lower, upper = (ordered[np.maximum(days + more, 0) // 2, channels] for more in (-1, 0))
    return np.where(days > 0, (lower + upper) / np.float32(2), np.float32(np.nan))


def _take(state: State, spoke: NDArray[np.intp], size: NDArray[np.float64], world: World) -> NDArray[np.intp]:
    """Add the sizes; the channels whose short mean went on."""
    which = where_of(spoke, world.channels)
    usual = state.usual[which]
    with np.errstate(invalid="ignore"):
        judged = usual > QUIET_HOUR * state.overall[which]
    state.total[which] += np.where(judged, np.minimum(size, WIDEST * np.nan_to_num(usual)), size)
    state.count[which] += 1
    ready = spoke[judged]
    at = where_of(ready, world.channels)
    ratio = np.minimum(size[judged] / np.maximum(state.span[:, at], 1e-30), WIDEST)
    state.short[:, at] += (ratio - state.short[:, at]) / MEMORY_READINGS
    state.readings[at] = np.minimum(state.readings[at] + 1, 1_000_000)
    return ready


# -- occasions ---------------------------------------------------------------------------------------------------------


def _stretch(state: State, ready: NDArray[np.intp], at: int) -> None:
    """How far off the short mean is, of channels whose mean is full."""
    full = ready[state.readings[ready] >= 2 * MEMORY_READINGS]
    rise = np.log(np.maximum(state.short[:, full], 1e-6))
    for side, away in ((LOST, -rise[LOST]), (GAINED, rise[GAINED])):
        far = away > FAR
        if far.any():
            where, peak = full[far], state.peak[side]
            fresh = at - state.far_at[side][where] > HOUR
            state.far_since[side][where] = np.where(fresh, at, state.far_since[side][where])
            peak[where] = np.maximum(peak[where], away[far])
            state.far_at[side][where] = at


def _close_stretches(state: State, at: int) -> None:
    """What has been back for a day was an occasion, unless it was called."""
    over = (state.peak > 0) & (at - state.far_at >= DAY)
    if not over.any():
        return
    own = np.where(over & ~state.called, state.peak, 0.0)
    state.occasions = np.sort(np.concatenate([state.occasions, own[:, None, :]], axis=1), axis=1)[:, 1:]
    state.peak[over] = 0.0
    state.called[over] = False


def bounds(state: State, where: NDArray[np.intp] | slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(below which noise is lost, above which it is gained): see the module."""
    own = np.square(state.unrest[where]) - ONE_READING * state.thin[where]  # without what chance does to an hour's mean
    unrest = np.sqrt(np.maximum(own, 0.0) + CHANCE**2)
    twice = state.occasions[:, 0, where]
    few = np.sqrt(1 + 1 / np.maximum(state.days[where], 1))  # a median of so many days is itself a guess
    lost = np.minimum(np.minimum(LOST_BELOW / few, np.exp(-REACH * few * unrest)), np.exp(-twice[LOST]) / MARGIN)
    return lost, np.maximum(GAINED_ABOVE * few, np.exp(twice[GAINED]) * MARGIN)


# -- signs -------------------------------------------------------------------------------------------------------------


def _turned(state: State, ready: NDArray[np.intp], step: Step, world: World) -> list[Sign]:
    at = where_of(ready, world.channels)
    lost, gained = state.short[LOST, at], state.short[GAINED, at]
    running = runs(state.lost) | runs(state.gained)
    if not (running.any() or bool((lost < LOST_BELOW).any()) or bool((gained > GAINED_ABOVE).any())):
        return []
    below, above = bounds(state, ready)
    full = (step.at - state.first[ready] >= WARM_DAYS * DAY) & (state.readings[ready] >= 4 * MEMORY_READINGS)
    on, off = (np.zeros((2, world.channels), dtype=np.bool_) for _ in range(2))
    on[LOST, ready], off[LOST, ready] = full & (lost < below), lost > 2 * below
    on[GAINED, ready], off[GAINED, ready] = full & (gained > above), gained < 0.7 * above
    signs: list[Sign] = []
    for side, spells in ((LOST, state.lost), (GAINED, state.gained)):
        for turn in turns(spells, step.at, on[side], off[side], state.far_since[side]):
            state.called[side, turn.channel] = True
            if turn.phase is Phase.BEGAN:
                _unlearn(state, turn, step.at)
            signs.append(_sign(side, state, _adopted(state, spells, turn, step.at), step, world))
    return signs


def _unlearn(state: State, turn: Turn, at: int) -> None:
    """What was learned since the change, and while the short mean had not yet followed it, is forgotten."""
    c = turn.channel
    behind = int(MEMORY_READINGS * state.thin[c]) + 1
    hours = np.arange(max(turn.began_at // HOUR - behind, at // HOUR - HOURS * (DAYS - 1)), at // HOUR + 1)
    state.past[hours % HOURS, hours // HOURS % DAYS, c] = np.nan


def _adopted(state: State, spells: Spells, turn: Turn, at: int) -> Turn:
    """The turn; the end of an episode that has lasted so long that it becomes what is usual."""
    if turn.phase is not Phase.GOES_ON or at - turn.began_at < ADOPTED_DAYS * DAY:
        return turn
    c = turn.channel
    spells.began[c] = NONE
    state.past[:, :, c] = np.nan
    state.known[:, c] = state.readings[c] = 0
    state.peak[:, c], state.usual[c], state.short[:, c] = 0.0, np.nan, 1.0
    return turn._replace(phase=Phase.ENDED)


def _sign(side: int, state: State, turn: Turn, step: Step, world: World) -> Sign:
    below, above = bounds(state, np.array([turn.channel]))
    bound = float((below, above)[side][0])
    short = max(float(state.short[side, turn.channel]), 1e-6)
    facts = {
        "noise": f"{100 * short:.3g} % of what is usual at these hours",
        "tolerated": f"{100 * bound:.3g} %",
    }
    score = bound / short if side == LOST else short / bound
    kind = ("noise-lost", "noise-gained")[side]
    return sign_of(kind, turn, step.at, score, world, {} if turn.phase is Phase.ENDED else facts)


DETECTOR = Stepping(CARD, new_state, advance)

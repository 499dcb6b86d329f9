"""Expected range: a channel that stays outside what it was at this hour of working days, or of weekends.

Theory of operation
-------------------
For every hour of the day, of working days and of weekends apart, the means of the last `DAYS` such hours are kept. The range
expected now is made of those of this hour and the two beside it: the median, and `reach` times the distance from it to either
quartile. That distance is at least a tenth of the channel's usual spread, and more while fewer than `DAYS` days are known: hours
of one day are alike, and weather lasts for days. A quarter of the past may be poisoned before a quartile moves. Being outside
once is life in a city; what counts is time: readings outside fill a store of hours, readings inside drain it. A channel is
called when the store is above a floor and a margin above its own past; each call raises that bound for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR
from cityward.watch.contract import STEP_US, Card, Kind, Phase, Severity, Sign, Step
from cityward.watch.extremes import Extremes, age, drop, largest, new_extremes, note
from cityward.watch.spells import NONE, Spells, Turn, new_spells, runs, turns
from cityward.watch.stepping import Stepping, said, sign_of, where_of
from cityward.watch.world import World

DAYS = 12
REACH = 7.0
LEAST_HOURS = 12
FLOOR_SHARE = 0.1
OUTSIDE_HOURS = 5.0
MARGIN = 1.5
MOST_HOURS = 48.0
LASTS_DAYS = 56
ACCEPTED_DAYS = 7
SLOTS = 48

CARD = Card(
    id="expected-range",
    title="Outside its expected range",
    reads="steps",
    sees="a channel that stays for hours far outside what it showed at this hour of working days, or of weekends, before",
    fails_when=(
        "the change is smaller than the channel's own spread at that hour: see the detectors of steps and drift",
        "more than a quarter of the remembered hours were poisoned before",
        "the city itself changed (roadworks, a holiday, a storm): it is told, and it is true; neighbours tell it from an attack",
        "fewer than twelve hours of its kind are known: the first four days, or the first two weekends",
    ),
    source="own method: running medians and quartiles by hour of the week (Tukey, 1977), time outside against the channel's own",
    kinds=(
        Kind(
            id="above-range",
            title="Stays above what is usual at this hour",
            severity=Severity.LOW,
            weight=0.3,
            todo="Look for a cause in the city. If its neighbours show none, have the device looked at.",
            delay_us=8 * HOUR,
            technique="T0832",
        ),
        Kind(
            id="below-range",
            title="Stays below what is usual at this hour",
            severity=Severity.LOW,
            weight=0.3,
            todo="Look for a cause in the city. If its neighbours show none, have the device looked at.",
            delay_us=8 * HOUR,
            technique="T0832",
        ),
    ),
    parameters={
        "days": DAYS,
        "reach": REACH,
        "least_hours": LEAST_HOURS,
        "floor_share": FLOOR_SHARE,
        "outside_hours": OUTSIDE_HOURS,
        "margin": MARGIN,
        "most_hours": MOST_HOURS,
        "lasts_days": LASTS_DAYS,
        "accepted_days": ACCEPTED_DAYS,
    },
)


@dataclass(slots=True)
class State:
    """counted: (C,) whether things are counted. past: (SLOTS, DAYS, C) means of hours, NaN where not known; turn: (SLOTS,)
    which row is written next. total, count: (C,) of the running hour, which began at `hour`.

    low, middle, high: (C,) expected now, NaN where not known; spread: (C,) mean distance of quartiles. outside: (2, C) hours,
    above and below; last_at: (C,); since: (2, C).
    """

    counted: NDArray[np.bool_]
    past: NDArray[np.float32]
    turn: NDArray[np.int32]
    total: NDArray[np.float64]
    count: NDArray[np.int32]
    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]
    spread: NDArray[np.float64]
    outside: NDArray[np.float64]
    last_at: NDArray[np.int64]
    since: NDArray[np.int64]
    usual: Extremes
    spells: Spells
    hour: int = 0


def new_state(world: World) -> State:
    """Nothing is known."""
    c = world.channels
    return State(
        counted=np.array([symbol == "count" for symbol in world.registry.channel_unit_symbol], dtype=np.bool_),
        past=np.full((SLOTS, DAYS, c), np.nan, dtype=np.float32),
        turn=np.zeros(SLOTS, dtype=np.int32),
        total=np.zeros(c),
        count=np.zeros(c, dtype=np.int32),
        low=np.full(c, np.nan),
        middle=np.full(c, np.nan),
        high=np.full(c, np.nan),
        spread=np.zeros(c),
        outside=np.zeros((2, c)),
        last_at=np.zeros(c, dtype=np.int64),
        since=np.zeros((2, c), dtype=np.int64),
        usual=new_extremes(2, c),
        spells=new_spells(2 * c),
    )


def advance(state: State, step: Step, world: World) -> Sequence[Sign]:
    """Signs of this step: see the module."""
    hour = (step.at - STEP_US) // HOUR
    if hour != state.hour:
        _close_hour(state, step.at)
        _expect(state, hour)
        state.hour = hour
    age(state.usual, step.at, DAY, LASTS_DAYS * DAY)
    spoke = np.flatnonzero((step.count > 0) & (np.abs(step.mean) < 1e30) & ~world.state)
    if not len(spoke):
        return ()
    which = where_of(spoke, world.channels)
    value = step.mean[which]
    state.total[which] += value
    state.count[which] += 1
    since_last = np.minimum(step.at - state.last_at[which], HOUR) / HOUR
    state.last_at[which] = step.at
    above, below = value > state.high[which], value < state.low[which]
    # nearly always nobody is outside, and nobody was
    if not (above.any() or below.any() or state.outside.any() or runs(state.spells).any()):
        return ()
    return _judge(state, spoke, np.stack([above, below]), since_last, step, world)


def _slot(hour: int) -> int:
    """The slot of an hour since 1970: hour of the day (UTC), plus 24 on Saturdays and Sundays."""
    return int(hour % 24) + 24 * int((hour // 24 + 3) % 7 >= 5)


def _close_hour(state: State, at: int) -> None:
    """The running hour is over: its means are remembered, but not of channels that are called, unless that has lasted long."""
    spoken = state.count > 0
    if spoken.any():
        began = state.spells.began.reshape(2, -1)
        barred = np.logical_and(began != NONE, at - began < ACCEPTED_DAYS * DAY).any(axis=0)
        known = np.flatnonzero(spoken & ~barred)
        slot = _slot(state.hour)
        row = int(state.turn[slot]) % DAYS
        state.past[slot, row, known] = state.total[known] / state.count[known]
        state.turn[slot] = (row + 1) % DAYS
    state.total[:] = 0
    state.count[:] = 0


def _expect(state: State, hour: int) -> None:
    """What is expected in this hour, of every channel."""
    slots = [_slot(hour) // 24 * 24 + (hour + near) % 24 for near in (-1, 0, 1)]
    past = state.past[slots].reshape(len(slots) * DAYS, -1)
    known = len(past) - np.isnan(past).sum(axis=0)
    lower, middle, upper = _quartiles(past, known)
    state.spread += np.where(known >= LEAST_HOURS, (upper - lower - state.spread) / SLOTS, 0)
    days = np.clip(known / len(slots), 1, DAYS)
    floor = (
        FLOOR_SHARE * DAYS / days * state.spread
    )  # hours of one day are alike: what few days say of quartiles is a guess
    enough = known >= LEAST_HOURS
    state.middle = np.where(enough, middle, np.nan)
    state.low = np.maximum(
        state.middle - REACH * np.maximum(middle - lower, floor), _least(middle, lower, state.counted)
    )
    state.high = state.middle + REACH * np.maximum(upper - middle, floor)


def _least(middle: NDArray[np.float64], lower: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The lower end of what is counted: a factor below the median, as a distance would reach below 0 and never be left."""
    middle, lower = np.maximum(middle, 0), np.maximum(lower, 0)
    least = np.exp(np.log1p(middle) - REACH * np.maximum(np.log1p(middle) - np.log1p(lower), FLOOR_SHARE)) - 1
    return np.where(counted, least, -np.inf)


def _quartiles(
    past: NDArray[np.float32], known: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lower quartile, median, upper quartile of each column's known rows; the values themselves, not between them."""
    ordered = np.sort(np.ascontiguousarray(past.T), axis=1)  # NaN last
    columns = np.arange(past.shape[1])
    most = np.maximum(known - 1, 0)
    picks = [np.floor(q * most + 0.5).astype(np.intp) for q in (0.25, 0.5, 0.75)]
    lower, middle, upper = (np.nan_to_num(ordered[columns, pick].astype(np.float64)) for pick in picks)
    return lower, middle, upper


def _judge(
    state: State,
    spoke: NDArray[np.intp],
    out: NDArray[np.bool_],
    hours: NDArray[np.float64],
    step: Step,
    world: World,
) -> list[Sign]:
    which = (slice(None), where_of(spoke, world.channels))
    store = state.outside[which]
    state.since[which] = np.where(out & (store == 0), step.at, state.since[which])
    store = np.clip(np.where(out, store + hours, store - hours), 0, 2 * MOST_HOURS)
    state.outside[which] = store
    needed = _needed(state, which)
    shape = (2, world.channels)
    on, off = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    on[which] = out & (store >= needed)
    off[which] = store == 0
    changed = turns(state.spells, step.at, on.ravel(), off.ravel(), state.since.ravel())
    signs = [_sign(state, turn, step, world) for turn in changed]
    for sign in signs:
        drop(state.usual, (slice(None), sign.channel))
    for turn in changed:
        if turn.phase is Phase.ENDED:
            # told once, it is known: next time it must last longer by the margin, up to `most_hours`
            side, c = divmod(turn.channel, world.channels)
            note(state.usual, (side, [c]), _needed(state, (side, [c])))
    running = runs(state.spells).reshape(shape)
    calm = ~(running[0] | running[1])[spoke]
    note(state.usual, (slice(None), spoke[calm]), store[:, calm])
    return signs


def _needed(state: State, where: tuple[object, object]) -> NDArray[np.float32]:
    return np.clip(MARGIN * largest(state.usual, where) + 1, np.float32(OUTSIDE_HOURS), np.float32(MOST_HOURS))


def _sign(state: State, turn: Turn, step: Step, world: World) -> Sign:
    side, c = divmod(turn.channel, world.channels)
    symbol = world.registry.channel_unit_symbol[c]
    facts: dict[str, str] = {}
    if turn.phase is not Phase.ENDED:
        facts = {
            "value": said(float(step.mean[c]), symbol),
            "expected": f"{said(float(state.low[c]), '')} to {said(float(state.high[c]), symbol)}",
            "usual": said(float(state.middle[c]), symbol),
            "hours outside": f"{state.outside[side, c]:.3g}",
        }
    score = float(state.outside[side, c]) / float(_needed(state, (side, c)))
    return sign_of(CARD.kinds[side].id, turn._replace(channel=c), step.at, score, world, facts)


DETECTOR = Stepping(CARD, new_state, advance)

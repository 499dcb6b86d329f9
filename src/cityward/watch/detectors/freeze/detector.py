"""Freeze: a value that stays exactly the same, longer than this channel's values do.

Theory of operation
-------------------
A run of equal readings is judged by two things. Its *surprise*: each repeat counts -log2 of how often this channel stays at
such a value, or at this hour of the day, whichever is more often. So a rain gauge at 0 and a counter at night say little with
each repeat, and a loop in the afternoon much. And its *length*: it must also be a margin longer than the longest run that
this channel had by itself at this hour of the day. What is called is not learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR
from cityward.watch.contract import Card, Kind, Phase, Severity, Sign, Step
from cityward.watch.extremes import Extremes, age, largest, new_extremes, note
from cityward.watch.spells import Spells, Turn, new_spells, runs, turns
from cityward.watch.stepping import Stepping, Where, said, sign_of, where_of
from cityward.watch.world import World

SURPRISE_BITS = 96.0
LEAST_RUN = 6
MARGIN = 1.5
WARM_READINGS = 100
WARM_CHANGES = 24
WARM_DAYS = 2
LASTS_DAYS = 28
VALUES = 64  # bins that values are hashed into
HOURS = 24
NEVER = np.iinfo(np.int64).max
LONGEST = 1_000_000
OFTEN = 512.0  # how many visits are kept: older ones fade

CARD = Card(
    id="freeze",
    title="Frozen value",
    reads="steps",
    sees="a channel that repeats one value exactly, longer than its values ever stay the same at that hour",
    fails_when=(
        "the value is frozen where it usually rests anyway (no rain, an empty street at night): nothing is to be seen there",
        "a frozen value is dressed with made-up noise: `noise-loss` and the detectors of neighbours look there",
        "the channel is coarse and slow, so that long runs are its nature: the delay grows with its longest run",
        "the channel is known for less than two days, a hundred readings, or two dozen changes",
    ),
    source="own method: surprise of a run under the channel's own repeat rates (runs test after Wald and Wolfowitz, 1940)",
    kinds=(
        Kind(
            id="frozen",
            title="Value does not move",
            severity=Severity.MEDIUM,
            weight=0.6,
            todo="Look at the device: a stuck sensor, a cut cable or a copy of one old reading. Compare with its neighbours.",
            delay_us=6 * HOUR,
            technique="T0856",
        ),
    ),
    parameters={
        "surprise_bits": SURPRISE_BITS,
        "least_run": LEAST_RUN,
        "margin": MARGIN,
        "warm_readings": WARM_READINGS,
        "warm_changes": WARM_CHANGES,
        "warm_days": WARM_DAYS,
        "lasts_days": LASTS_DAYS,
    },
)


@dataclass(slots=True)
class State:
    """last, bits: (C,) of the running run; run: (C,) its readings; since: (C,) when it began.

    seen, moved, first: (C,) readings and changes so far, and when the first reading came.

    hour_visits, hour_stays: (HOURS, C) readings, and those that repeated the one before. value_visits, value_stays: (C,
    VALUES) the same of values that were seen twice in a row. longest: (HOURS, C) in readings.
    """

    last: NDArray[np.float64]
    run: NDArray[np.int32]
    bits: NDArray[np.float32]
    since: NDArray[np.int64]
    seen: NDArray[np.int32]
    moved: NDArray[np.int32]
    first: NDArray[np.int64]
    hour_visits: NDArray[np.float32]
    hour_stays: NDArray[np.float32]
    value_visits: NDArray[np.float32]
    value_stays: NDArray[np.float32]
    longest: Extremes
    spells: Spells


def new_state(world: World) -> State:
    """Nothing is known."""
    c = world.channels
    return State(
        last=np.full(c, np.nan),
        run=np.zeros(c, dtype=np.int32),
        bits=np.zeros(c, dtype=np.float32),
        since=np.zeros(c, dtype=np.int64),
        seen=np.zeros(c, dtype=np.int32),
        moved=np.zeros(c, dtype=np.int32),
        first=np.full(c, NEVER, dtype=np.int64),
        hour_visits=np.zeros((HOURS, c), dtype=np.float32),
        hour_stays=np.zeros((HOURS, c), dtype=np.float32),
        value_visits=np.zeros((c, VALUES), dtype=np.float32),
        value_stays=np.zeros((c, VALUES), dtype=np.float32),
        longest=new_extremes(HOURS, c),
        spells=new_spells(c),
    )


def advance(state: State, step: Step, world: World) -> Sequence[Sign]:
    """Signs of this step: see the module."""
    age(state.longest, step.at, HOUR, LASTS_DAYS * DAY)
    spoke = np.flatnonzero((step.count > 0) & np.isfinite(step.newest) & ~world.state)
    if not len(spoke):
        return ()
    which = where_of(spoke, world.channels)
    value, hour = step.newest[which], int(step.at // HOUR % HOURS)
    stays = value == state.last[which]
    if stays.any():
        stays &= _steady(step, which, value)
    free = ~runs(state.spells)[which]
    run = state.run[which]
    _learn_runs(state, spoke[~stays & free & (run >= 2)], step.at)
    repeats = spoke[stays]
    if len(repeats):
        state.bits[repeats] = np.minimum(state.bits[repeats] + _surprise(state, repeats, value[stays], hour), 1e6)
    state.bits[which] *= stays
    _learn_hours(state, spoke, which, free, stays, hour)
    state.run[which] = np.where(stays, np.minimum(run, LONGEST) + 1, 1)
    state.since[which] = np.where(stays, state.since[which], step.at)
    state.first[which] = np.minimum(state.first[which], step.at)
    state.seen[which] = np.minimum(state.seen[which] + 1, LONGEST)
    state.moved[which] = np.minimum(state.moved[which] + ~stays, LONGEST)
    state.last[which] = value
    return _signs(state, which, stays, hour, step, world)


def _steady(step: Step, which: Where, value: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where all readings of the step are alike, as far as their mean tells."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.abs(step.mean[which] - value) <= 1e-9 * np.maximum(1.0, np.abs(value))


def _bins(value: NDArray[np.float64]) -> NDArray[np.intp]:
    """The bin of each value; equal values share one."""
    mixed = (value + 0.0).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(58)).astype(np.intp)


def _surprise(state: State, repeats: NDArray[np.intp], value: NDArray[np.float64], hour: int) -> NDArray[np.float32]:
    """Bits that one more repeat is worth."""
    bin_ = _bins(value)
    seen = state.value_visits[repeats, bin_]
    by_value = (state.value_stays[repeats, bin_] + 1) / (seen + 2)
    by_hour = (state.hour_stays[hour, repeats] + 1) / (state.hour_visits[hour, repeats] + 2)
    # a value that nobody saw stay says nothing by itself: the hour's rate stands
    return -np.log2(np.where(seen >= 4, np.maximum(by_value, by_hour), by_hour))


def _learn_hours(
    state: State, spoke: NDArray[np.intp], which: Where, free: NDArray[np.bool_], stays: NDArray[np.bool_], hour: int
) -> None:
    visits, kept = state.hour_visits[hour], state.hour_stays[hour]
    visits[which] += free
    kept[which] += stays & free
    many = spoke[visits[which] >= OFTEN]
    if len(many):
        visits[many] *= 0.5
        kept[many] *= 0.5


def _learn_runs(state: State, over: NDArray[np.intp], at: int) -> None:
    """Runs that are over, and were not called: their value and every hour they reached into know their length now."""
    if not len(over):
        return
    run = state.run[over].astype(np.float32)
    bin_ = _bins(state.last[over])
    seen = state.value_visits[over, bin_]
    fade = np.where(seen >= OFTEN, np.float32(0.5), np.float32(1.0))
    state.value_visits[over, bin_] = seen * fade + (run - 1)
    state.value_stays[over, bin_] = state.value_stays[over, bin_] * fade + (run - 2)
    begun = state.since[over] // HOUR
    ahead = (np.arange(HOURS)[:, None] - begun[None, :]) % HOURS
    length = np.where(ahead <= (at // HOUR - begun)[None, :], run[None, :], np.float32(0))
    note(state.longest, (slice(None), over), length)


def _signs(state: State, which: Where, stays: NDArray[np.bool_], hour: int, step: Step, world: World) -> list[Sign]:
    surprised = state.bits[which] >= SURPRISE_BITS
    if not (surprised.any() or runs(state.spells).any()):
        return []
    usual = largest(state.longest, (hour, which))
    needed = np.maximum(np.float32(LEAST_RUN), MARGIN * usual + 1)
    known = (state.seen[which] >= WARM_READINGS) & (state.moved[which] >= WARM_CHANGES)
    warm = known & (step.at - state.first[which] >= WARM_DAYS * DAY)
    on = np.zeros(world.channels, dtype=np.bool_)
    off = np.zeros(world.channels, dtype=np.bool_)
    on[which] = warm & surprised & (state.run[which] >= needed)
    off[which] = ~stays
    changed = turns(state.spells, step.at, on, off, state.since)
    return [_sign(state, turn, step, hour, world) for turn in changed]


def _sign(state: State, turn: Turn, step: Step, hour: int, world: World) -> Sign:
    c = turn.channel
    usual = float(largest(state.longest, (hour, c)))
    needed = max(LEAST_RUN, MARGIN * usual + 1)
    facts = {
        "value": said(float(state.last[c]), world.registry.channel_unit_symbol[c]),
        "readings alike": str(int(state.run[c])),
        "longest run at this hour before": str(int(usual)),
    }
    if turn.phase is Phase.ENDED:
        facts = {"value": facts["value"]}
    return sign_of(
        "frozen", turn, step.at, min(float(state.bits[c]) / SURPRISE_BITS, state.run[c] / needed), world, facts
    )


DETECTOR = Stepping(CARD, new_state, advance)

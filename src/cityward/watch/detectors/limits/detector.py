"""Limits: values that pile up at a bound, where the channel's own past does not.

Theory of operation
-------------------
What lies beyond the declared limits never comes this far: the gate refuses it. Two things pass it. A *clamp* cuts values at a
bound that need not be declared: the highest (or lowest) value of a window then comes again and again, and not in one stretch,
as a frozen value would. And a device that *dwells* within a sliver of a declared limit is saturated, or pushed there by
somebody who knows the limit. Both are natural for some channels (a full car park, no rain): what a channel did before does
not count.
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
from cityward.watch.stepping import Stepping, Where, said, sign_of, where_of
from cityward.watch.world import World

WINDOW_READINGS = 96
LEAST_TIES = 24
LEAST_RETURNS = 2
MARGIN = 2.0
SLIVER = 0.02
LEAST_DWELL = 6
USUAL_SHARE = 0.005
WARM_READINGS = 200
WARM_DAYS = 3
SHARE_FADE = 1 / 4096

CARD = Card(
    id="limits",
    title="Values at a bound",
    reads="steps",
    sees="values cut off at a bound (the same highest or lowest value again and again), or dwelling at a declared limit",
    fails_when=(
        "the bound is so far out that it is reached a few times a day: hourly channels need days to show enough ties",
        "the clamp is soft (squeezed, not cut), or made-up noise hides it: see `noise-loss`",
        "the channel's own past piles up at that bound: a full car park stays full",
        "the first three days, or 200 readings, of a channel",
    ),
    source="own method: ties at the window's extreme against the channel's own; clamping as in the injection recipes of the "
    "poisoning literature",
    kinds=(
        Kind(
            id="clamped",
            title="Values are cut off at a bound",
            severity=Severity.MEDIUM,
            weight=0.5,
            todo="Ask who set a bound in the device or on the way. Until then take its peaks as unknown, not as low.",
            delay_us=24 * HOUR,
            technique="T0836",
        ),
        Kind(
            id="at-limit",
            title="Dwells at a declared limit",
            severity=Severity.MEDIUM,
            weight=0.5,
            todo="Check the sensor for saturation. If it works, somebody may write the largest value that is let through.",
            delay_us=6 * HOUR,
            technique="T0856",
        ),
    ),
    parameters={
        "window_readings": WINDOW_READINGS,
        "least_ties": LEAST_TIES,
        "least_returns": LEAST_RETURNS,
        "margin": MARGIN,
        "sliver": SLIVER,
        "least_dwell": LEAST_DWELL,
        "usual_share": USUAL_SHARE,
        "warm_readings": WARM_READINGS,
        "warm_days": WARM_DAYS,
    },
)


@dataclass(slots=True)
class State:
    """Of (2, C): high side, then low side (values negated).

    top: the window's extreme; ties, returns: how often it came, in how many goes; at_top: whether the newest reading is there.
    usual: own extremes of `ties`. near: run of readings in the sliver; share: theirs of the past; almost: where slivers begin.
    into: (C,) readings of the window; seen, first: (C,) readings so far, and when the first came.
    """

    top: NDArray[np.float64]
    ties: NDArray[np.int32]
    returns: NDArray[np.int32]
    at_top: NDArray[np.bool_]
    since: NDArray[np.int64]
    usual: Extremes
    near: NDArray[np.int32]
    near_since: NDArray[np.int64]
    share: NDArray[np.float64]
    into: NDArray[np.int32]
    seen: NDArray[np.int32]
    first: NDArray[np.int64]
    almost: NDArray[np.float64]
    clamped: Spells
    dwells: Spells


def new_state(world: World) -> State:
    """Nothing is known."""
    c = world.channels
    low, high = world.registry.channel_low, world.registry.channel_high
    return State(
        top=np.full((2, c), -np.inf),
        ties=np.zeros((2, c), dtype=np.int32),
        returns=np.zeros((2, c), dtype=np.int32),
        at_top=np.zeros((2, c), dtype=np.bool_),
        since=np.zeros((2, c), dtype=np.int64),
        usual=new_extremes(2, c),
        near=np.zeros((2, c), dtype=np.int32),
        near_since=np.zeros((2, c), dtype=np.int64),
        share=np.zeros((2, c)),
        into=np.zeros(c, dtype=np.int32),
        seen=np.zeros(c, dtype=np.int32),
        first=np.full(c, np.iinfo(np.int64).max, dtype=np.int64),
        almost=np.stack([high - SLIVER * (high - low), low + SLIVER * (high - low)]),
        clamped=new_spells(2 * c),
        dwells=new_spells(2 * c),
    )


def advance(state: State, step: Step, world: World) -> Sequence[Sign]:
    """Signs of this step: see the module."""
    age(state.usual, step.at, DAY)
    spoke = np.flatnonzero((step.count > 0) & np.isfinite(step.newest) & ~world.state)
    if not len(spoke):
        return ()
    which = where_of(spoke, world.channels)
    value = step.newest[which]
    _begin_windows(state, spoke, which)
    _count_ties(state, which, value, step.at)
    _count_near(state, which, value, step.at)
    state.first[which] = np.minimum(state.first[which], step.at)
    state.seen[which] = np.minimum(state.seen[which] + 1, 1_000_000)
    return [*_clamped(state, spoke, step, world), *_dwelling(state, spoke, step, world)]


def _begin_windows(state: State, spoke: NDArray[np.intp], which: Where) -> None:
    """A full window is over: what it counted is the channel's own, unless it was called."""
    full = spoke[state.into[which] >= WINDOW_READINGS]
    state.into[which] += 1
    if not len(full):
        return
    called = runs(state.clamped).reshape(2, -1)[:, full]
    own = np.where(called | (state.returns[:, full] < LEAST_RETURNS), 0, state.ties[:, full])
    note(state.usual, (slice(None), full), own)
    state.into[full] = 1
    state.top[:, full] = -np.inf
    state.ties[:, full] = state.returns[:, full] = 0
    state.at_top[:, full] = False


def _count_ties(state: State, which: Where, value: NDArray[np.float64], at: int) -> None:
    for side, sided in enumerate((value, -value)):
        top, ties, returns, at_top = state.top[side], state.ties[side], state.returns[side], state.at_top[side]
        above, tie = sided > top[which], sided == top[which]
        ties[which] = np.where(above, 1, ties[which] + tie)
        returns[which] = np.where(above, 0, returns[which] + (tie & ~at_top[which]))
        at_top[which] = above | tie
        if above.any():
            top[which] = np.where(above, sided, top[which])
            state.since[side][which] = np.where(above, at, state.since[side][which])


def _count_near(state: State, which: Where, value: NDArray[np.float64], at: int) -> None:
    rate = np.maximum(1 / (state.seen[which] + 1.0), SHARE_FADE)
    dwells = runs(state.dwells).reshape(2, -1)
    for side, near in enumerate((value >= state.almost[0][which], value <= state.almost[1][which])):
        run, share = state.near[side], state.share[side]
        if near.any() or run.any():
            run[which] = np.where(near, np.minimum(run[which] + 1, 1_000_000), 0)
            state.near_since[side][which] = np.where(run[which] == 1, at, state.near_since[side][which])
        share[which] += np.where(dwells[side][which], 0, (near - share[which]) * rate)


def _clamped(state: State, spoke: NDArray[np.intp], step: Step, world: World) -> list[Sign]:
    many = state.ties >= LEAST_TIES
    if not (many.any() or runs(state.clamped).any()):
        return []
    needed = _needed(state, (slice(None), spoke))
    on, off = _masks(world)
    on[:, spoke] = (
        _warm(state, spoke, step) & (state.returns[:, spoke] >= LEAST_RETURNS) & (state.ties[:, spoke] >= needed)
    )
    # a window that is half over without many ties ends it
    off[:, spoke] = (state.into[spoke] >= WINDOW_READINGS // 2) & (state.ties[:, spoke] < 0.5 * needed)
    signs = [
        _clamp_sign(state, turn, step, world)
        for turn in turns(state.clamped, step.at, on.ravel(), off.ravel(), state.since.ravel())
    ]
    for sign in signs:
        drop(state.usual, (slice(None), sign.channel))
    return signs


def _dwelling(state: State, spoke: NDArray[np.intp], step: Step, world: World) -> list[Sign]:
    running = runs(state.dwells).reshape(2, -1)
    near = (state.near >= LEAST_DWELL) & ((state.share < USUAL_SHARE) | running)
    if not (near.any() or running.any()):
        return []
    on, off = _masks(world)
    on[:, spoke] = _warm(state, spoke, step) & near[:, spoke]
    off[:, spoke] = state.near[:, spoke] == 0
    changed = turns(state.dwells, step.at, on.ravel(), off.ravel(), state.near_since.ravel())
    return [_dwell_sign(state, turn, step, world) for turn in changed]


def _masks(world: World) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    shape = (2, world.channels)
    return np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)


def _warm(state: State, spoke: NDArray[np.intp], step: Step) -> NDArray[np.bool_]:
    return (state.seen[spoke] >= WARM_READINGS) & (step.at - state.first[spoke] >= WARM_DAYS * DAY)


def _needed(state: State, where: tuple[object, object]) -> NDArray[np.float32]:
    return np.maximum(np.float32(LEAST_TIES), MARGIN * largest(state.usual, where) + 2)


def _clamp_sign(state: State, turn: Turn, step: Step, world: World) -> Sign:
    side, c = divmod(turn.channel, world.channels)
    needed = float(_needed(state, (side, c)))
    top = float(state.top[side, c]) * (1 if side == 0 else -1)
    facts = {
        "highest value" if side == 0 else "lowest value": said(top, world.registry.channel_unit_symbol[c]),
        "times it came": f"{int(state.ties[side, c])} of the last {int(state.into[c])} readings",
        "tolerated": f"{needed:.0f}",
    }
    score = int(state.ties[side, c]) / needed
    turn = turn._replace(channel=c)
    return sign_of("clamped", turn, step.at, score, world, {} if turn.phase is Phase.ENDED else facts)


def _dwell_sign(state: State, turn: Turn, step: Step, world: World) -> Sign:
    side, c = divmod(turn.channel, world.channels)
    limit = world.registry.channel_high[c] if side == 0 else world.registry.channel_low[c]
    facts = {
        "declared limit": said(float(limit), world.registry.channel_unit_symbol[c]),
        "value": said(float(step.newest[c]), world.registry.channel_unit_symbol[c]),
        "readings there": str(int(state.near[side, c])),
        "share of its past there": f"{100 * state.share[side, c]:.2g} %",
    }
    score = int(state.near[side, c]) / LEAST_DWELL
    turn = turn._replace(channel=c)
    return sign_of("at-limit", turn, step.at, score, world, {} if turn.phase is Phase.ENDED else facts)


DETECTOR = Stepping(CARD, new_state, advance)

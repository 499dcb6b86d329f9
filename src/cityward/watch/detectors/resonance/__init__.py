"""Resonance: a channel does what it never did before, at several time scales at once; learned from its own past alone.

Theory of operation
-------------------
Readings are gathered to blocks of 15 minutes, half an hour, one, two and four hours. At each scale what the channel has met is
learned (adaptive resonance, see `octave`), and a block is told in bits of rarity among the channel's own past. The scales must
agree within four hours, and after a call the channel rests (see `rest`). A call of `CALLS_BITS` is a sign: so rare that a channel
needs about as many blocks of past before it can be called at all, which is the warm-up.

Nobody tells it what to look for: it finds spikes, dips, stuck and torn patterns, levels never seen. It is the learned detector
beside the rules, chosen on the Numenta Anomaly Benchmark (`cityward bench watch --nab` runs these same functions on it).

INVARIANTS
- State is arrays over channels, about 5 kB a channel.
- What is seen is learned at once: the same thing is not called twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR
from cityward.watch.contract import STEP_US, Card, Kind, Phase, Severity, Sign, Step
from cityward.watch.detectors.resonance.octave import BOXES, FEATURES, VIGILANCE, Floats, Octave, meet, new_octave
from cityward.watch.detectors.resonance.rest import AGAIN, AGREE, agreed, heed
from cityward.watch.spells import Spells, Turn, new_spells, turns
from cityward.watch.stepping import Stepping, Where, said, sign_of, where_of
from cityward.watch.world import World

LENGTHS = (3, 6, 12, 24, 48)
"""Steps of a block at each scale."""
CALLS_BITS = 9.5
FRESH_US = max(LENGTHS) * STEP_US
RESTS_DAYS = 2
SPAN_FADES_DAYS = 60
SMALLEST_SPAN = 1e-6  # as a share of the largest value: a channel that never moved has no span of its own
LARGEST = 1e15  # beyond it squares of single precision overflow
EMPTY = np.array([np.inf, 0.0, -np.inf])

CARD = Card(
    id="resonance",
    title="Unlike anything before",
    reads="steps",
    sees="a channel whose least, mean and most over minutes to hours are together unlike anything in its own past",
    fails_when=(
        "a bad value is one that the channel also has at other times: the hour is not looked at; see `step-bias`, `drift`",
        "the change is so slow that each block resonates with the one before: see `drift`",
        "it happened before: what was seen once, also an attack, is learned and not called again",
        "the channel is young: a call of 9.5 bits needs some 700 blocks at three scales, about a month, unless the news is huge",
        "the world does what it never did (a marathon, a storm): that is called, and is no attack",
    ),
    source="Carpenter, Grossberg & Rosen, Fuzzy ART (1991); Hampton, ARTime (2022), the best published on NAB; conformal "
    "p-values after Burnaev & Ishimtsev, KNN-CAD (2016)",
    kinds=(
        Kind(
            id="never-seen",
            title="Unlike anything this channel has done",
            severity=Severity.LOW,
            weight=0.3,
            todo="Look at its readings and at its neighbours'. If they saw it too, it was the world; if not, look at the device.",
            delay_us=4 * HOUR,
            technique="T0832",
        ),
    ),
    parameters={
        "calls_bits": CALLS_BITS,
        "again_bits": AGAIN,
        "agree": AGREE,
        "vigilance": VIGILANCE,
        "boxes": BOXES,
        "rests_days": RESTS_DAYS,
        "span_fades_days": SPAN_FADES_DAYS,
    },
)


@dataclass(slots=True)
class State:
    """octaves: one a scale. gathered: (scales, 3, C) least, sum, most of the block so far; count: (scales, C) its readings.
    Blocks end with the shorter ones that they are made of: those are added to them then, and readings only to the shortest.

    bits: (scales, C) how rare the rarest fresh block was, 0 after long silence; last: (scales, C, 3) that block; until:
    (scales, C) how long it is fresh. least, most: (C,) the ends of the span. level: (C,) bits of the last call, faded.
    """

    octaves: list[Octave]
    gathered: Floats
    count: NDArray[np.int32]
    last: Floats
    bits: Floats
    until: NDArray[np.int64]
    least: Floats
    most: Floats
    level: Floats
    spells: Spells


def new_state(world: World) -> State:
    """Nothing was met."""
    c, scales = world.channels, len(LENGTHS)
    return State(
        octaves=[new_octave(c) for _ in LENGTHS],
        gathered=np.tile(EMPTY[:, None], (scales, 1, c)),
        count=np.zeros((scales, c), dtype=np.int32),
        last=np.full((scales, c, FEATURES), np.nan),
        bits=np.zeros((scales, c)),
        until=np.zeros((scales, c), dtype=np.int64),
        least=np.full(c, np.inf),
        most=np.full(c, -np.inf),
        level=np.zeros(c),
        spells=new_spells(c),
    )


def advance(state: State, step: Step, world: World) -> Sequence[Sign]:
    """Signs of this step: see the module."""
    spoke = np.flatnonzero((np.abs(step.mean) < LARGEST) & ~world.state)
    which = where_of(spoke, world.channels)
    _gather(state.gathered[0], state.count[0], which, step.mean[which])
    number = step.at // STEP_US
    ended = [scale for scale, length in enumerate(LENGTHS) if number % length == 0]
    if not ended:
        return ()
    for scale in ended:
        _finish(state, scale, step.at)
    together = agreed(state.bits)
    calls = heed(state.level, together, LENGTHS[0] * STEP_US / (RESTS_DAYS * DAY))
    if step.learning:
        return ()
    return _signs(state, calls, together, step, world)


def _gather(block: Floats, count: NDArray[np.int32], spoke: Where, value: Floats) -> None:
    block[0, spoke] = np.minimum(block[0, spoke], value)
    block[1, spoke] += value
    block[2, spoke] = np.maximum(block[2, spoke], value)
    count[spoke] += 1


def _finish(state: State, scale: int, at: int) -> None:
    count, gathered = state.count[scale], state.gathered[scale]
    longest = scale == len(LENGTHS) - 1
    full = np.flatnonzero(count)
    if scale == 0:
        np.minimum(state.least, gathered[0], out=state.least)
        np.maximum(state.most, gathered[2], out=state.most)
    if longest:
        state.bits[:, count == 0] = 0.0
    else:
        _merge(state, scale)
    if len(full):
        which = where_of(full, len(count))
        block = gathered[:, which].copy()
        block[1] /= count[which]
        bits = meet(state.octaves[scale], full, block.T, span_of(state, which))
        takes = (bits >= state.bits[scale, which]) | (state.until[scale, which] <= at)
        _hold(state, scale, full[takes], bits[takes], block.T[takes], at)
    gathered[:] = EMPTY[:, None]
    count[:] = 0
    if longest:
        _fade(state, full, block_days=LENGTHS[scale] * STEP_US / DAY)


def _merge(state: State, scale: int) -> None:
    """A block that ends is part of the longer one."""
    mine, longer = state.gathered[scale], state.gathered[scale + 1]
    np.minimum(longer[0], mine[0], out=longer[0])
    longer[1] += mine[1]
    np.maximum(longer[2], mine[2], out=longer[2])
    state.count[scale + 1] += state.count[scale]


def _hold(state: State, scale: int, where: NDArray[np.intp], bits: Floats, block: Floats, at: int) -> None:
    """News stays fresh for a while, unless rarer news comes: short scales learn a thing before long ones have seen it whole."""
    state.bits[scale, where] = bits
    state.last[scale, where] = block
    state.until[scale, where] = at + FRESH_US


def span_of(state: State, where: Where) -> Floats:
    """(N,) what novelty is measured by: the channel's largest value less its least, lately."""
    least, most = state.least[where], state.most[where]
    floor = SMALLEST_SPAN * np.maximum(np.maximum(np.abs(least), np.abs(most)), 1.0)
    return np.maximum(most - least, floor)


def _fade(state: State, where: NDArray[np.intp], block_days: float) -> None:
    """The ends of the span draw in, so that one wild value does not blind the channel for ever."""
    share = block_days / SPAN_FADES_DAYS
    drawn = (state.most[where] - state.least[where]) * share
    state.least[where] += drawn
    state.most[where] -= drawn


def _signs(state: State, calls: Floats, together: Floats, step: Step, world: World) -> list[Sign]:
    on, off = calls >= CALLS_BITS, together < CALLS_BITS / 2
    longest = (np.array(LENGTHS)[:, None] * (state.bits >= together)).max(axis=0)
    since = step.at - longest * STEP_US
    return [_sign(state, turn, together, step, world) for turn in turns(state.spells, step.at, on, off, since)]


def _sign(state: State, turn: Turn, together: Floats, step: Step, world: World) -> Sign:
    c, bits = turn.channel, float(together[turn.channel])
    if turn.phase is Phase.ENDED:
        return sign_of("never-seen", turn, step.at, 0.0, world, {})
    scale = int(state.bits[:, c].argmax())
    low, mean, high = state.last[scale, c].tolist()
    symbol = world.registry.channel_unit_symbol[c]
    facts = {
        "seen": f"{said(low, symbol)} to {said(high, symbol)}, mean {said(mean, symbol)}, "
        f"over {LENGTHS[scale] * STEP_US // (60 * 1_000_000)} min",
        "rarity": f"1 block in {2**bits:.3g} of its past was as new",
    }
    return sign_of("never-seen", turn, step.at, bits / CALLS_BITS, world, facts)


DETECTOR = Stepping(CARD, new_state, advance)

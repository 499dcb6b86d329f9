"""Replayed history: a stretch of readings that was heard before, from this channel or from another.

Theory of operation
-------------------
Of every channel the last `WINDOW` changes between readings, rounded, are hashed to a fingerprint: changes, so that a replay
with an offset is the same; rounded, so that the last digits of sums do not matter. A quarter of all fingerprints (chosen by
their own bits, so that the same are chosen in original and copy) go into one table for the whole place, the newest over the
oldest. A fingerprint that is found there points to a source and a lag; as long as later ones point to the same, the match
goes on.

A match is worth the information of the changes in it: -log2 of how often the channel makes that change, at most `MOST_BITS`,
nothing for no change and for one that came a few readings ago. A street that counts 0, 0, 1, 0 every night never gets far.

Who repeats another must come after it, and `observed_at` is the sender's own word: whoever hears an honest device could say the
same at once under an earlier time, and be taken for the one who was first. A step waits for less than the next one lasts, so that
way no more than one step is won: a lag of another channel counts from `LEAST_LAG` steps, and no match with another begins in a
past that is learned from, where late rows stand with the rest.

Where most of the place repeats itself with one lag, it is said once: that is a recording being played, or the past being read
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.catalogue import PROPERTIES
from cityward.time import HOUR
from cityward.watch.contract import STEP_US, Card, Kind, Phase, Severity, Sign, Step
from cityward.watch.spells import NONE, Spells, Turn, new_spells, runs, turns
from cityward.watch.stepping import Stepping, Where, sign_of, where_of
from cityward.watch.world import World

WINDOW = 6
BITS = 90.0
MOST_BITS = 6.0
LEVELS = 4096
SLOTS_A_CHANNEL = 1024
MOST_SLOTS = 1 << 24
MISSES = 4
LEAST_LAG = 2  # steps behind another channel: see the module
PLACE_SHARE = 0.75
PLACE_LEAST = 6
CHANGES = 64  # bins that changes are counted in
OFTEN = 1024.0

CARD = Card(
    id="replayed-history",
    title="Replayed history",
    reads="steps",
    sees="a stretch of readings that repeats an earlier stretch of this channel, or of another, also with an offset",
    fails_when=(
        "the replay is written with fewer digits or fresh noise: a tenth of a 4096th of the property's range is too much",
        "the replay is scaled, stretched or shuffled",
        "another's readings are repeated a single step later: see `crowd-of-one`, which has those of the same step",
        "the channel says little: few different values, long rests; such stretches repeat by themselves and are not counted",
        "the original is older than the table reaches: about a week of 5-minute readings, more of slower ones",
    ),
    source="own method: content-defined sampling of fingerprints after Schleimer, Wilkerson and Aiken, Winnowing (SIGMOD 2003)",
    kinds=(
        Kind(
            id="repeats-itself",
            title="Repeats its own past",
            severity=Severity.HIGH,
            weight=0.8,
            todo="Take its values as a recording: look for what the recording hides, and for who can write in its name.",
            delay_us=4 * HOUR,
            technique="T0856",
        ),
        Kind(
            id="repeats-another",
            title="Repeats another sensor",
            severity=Severity.HIGH,
            weight=0.8,
            todo="Compare both devices on site: one of them says what the other said before.",
            delay_us=4 * HOUR,
            technique="T0856",
        ),
        Kind(
            id="place-repeats",
            title="Most of the place repeats its past",
            severity=Severity.LOW,
            weight=0.0,
            todo="Nothing, if a recording is played on purpose (a demonstration). Else look at who feeds the bus.",
            delay_us=4 * HOUR,
            technique="T0856",
        ),
    ),
    parameters={
        "window": WINDOW,
        "bits": BITS,
        "most_bits": MOST_BITS,
        "levels": LEVELS,
        "slots_a_channel": SLOTS_A_CHANNEL,
        "most_slots": MOST_SLOTS,
        "misses": MISSES,
        "least_lag": LEAST_LAG,
        "place_share": PLACE_SHARE,
        "place_least": PLACE_LEAST,
    },
)

# odd 64-bit constants, one for each place in the window (fractions of the square roots of small primes)
_MIX = np.array(
    [
        0x6A09E667F3BCC909, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1, 0x510E527FADE682D1, 0x9B05688C2B3E6C1F,
    ],
    dtype=np.uint64,
)  # fmt: skip


@dataclass(slots=True)
class State:
    """last: (C,) newest reading. changes: (WINDOW, C) the newest ones, in quanta; worth: (WINDOW, C) bits of each. per_unit: (C,)
    quanta in one unit.

    told: (C, CHANGES) how often each change was made. Table of fingerprints: tag, source channel, step. Match of each
    channel: source (-1: none), lag in steps, bits so far, misses, since. place_*: the episode of the whole place.
    """

    per_unit: NDArray[np.float64]
    last: NDArray[np.float64]
    filled: NDArray[np.int32]
    changes: NDArray[np.int64]
    worth: NDArray[np.float32]
    told: NDArray[np.float32]
    told_all: NDArray[np.float32]
    tag: NDArray[np.uint32]
    source: NDArray[np.int32]
    step: NDArray[np.int32]
    match: NDArray[np.int32]
    lag: NDArray[np.int32]
    bits: NDArray[np.float32]
    misses: NDArray[np.int32]
    since: NDArray[np.int64]
    spells: Spells
    kind: NDArray[np.int8]
    place: Spells
    place_lag: int = 0


def new_state(world: World) -> State:
    """Nothing was heard."""
    c = world.channels
    slots = min(MOST_SLOTS, 1 << max(0, (SLOTS_A_CHANNEL * max(1, c) - 1).bit_length()))
    return State(
        per_unit=_per_unit(world),
        last=np.full(c, np.nan),
        filled=np.zeros(c, dtype=np.int32),
        changes=np.zeros((WINDOW, c), dtype=np.int64),
        worth=np.zeros((WINDOW, c), dtype=np.float32),
        told=np.zeros((c, CHANGES), dtype=np.float32),
        told_all=np.zeros(c, dtype=np.float32),
        tag=np.zeros(slots, dtype=np.uint32),
        source=np.full(slots, -1, dtype=np.int32),
        step=np.zeros(slots, dtype=np.int32),
        match=np.full(c, -1, dtype=np.int32),
        lag=np.zeros(c, dtype=np.int32),
        bits=np.zeros(c, dtype=np.float32),
        misses=np.zeros(c, dtype=np.int32),
        since=np.zeros(c, dtype=np.int64),
        spells=new_spells(c),
        kind=np.zeros(c, dtype=np.int8),
        place=new_spells(1),
    )


def _per_unit(world: World) -> NDArray[np.float64]:
    """(C,) quanta in one unit of each channel: one where things are counted, else a share of the property's whole range."""
    known = [PROPERTIES[prop] for prop in world.registry.channel_property]
    return np.array([1.0 if p.unit == "count" else LEVELS / (p.high - p.low) for p in known])


def advance(state: State, step: Step, world: World) -> Sequence[Sign]:
    """Signs of this step: see the module."""
    spoke = np.flatnonzero((step.count > 0) & ~world.state & ~world.set_by_command)
    if not len(spoke):
        return ()
    which = where_of(spoke, world.channels)
    change = _changes(state, which, step.newest[which])
    worth = _worth(state, spoke, which, change)
    for column in range(WINDOW - 1, 0, -1):
        state.changes[column][which] = state.changes[column - 1][which]
        state.worth[column][which] = state.worth[column - 1][which]
    state.changes[0][which] = change
    state.worth[0][which] = worth
    state.bits[which] += worth
    full = spoke[state.filled[which] > WINDOW]
    at = where_of(full, world.channels)
    print_ = np.zeros(len(full), dtype=np.uint64)
    for column, mix in zip(state.changes, _MIX, strict=True):
        print_ += column[at].view(np.uint64) * mix
    # the property is part of it: other properties never match
    print_ = (print_ ^ world.observed[full].astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    chosen = (print_ >> np.uint64(62)) == 0
    _look_up(state, full[chosen], print_[chosen], step)
    return _signs(state, step, world)


def _changes(state: State, which: Where, value: NDArray[np.float64]) -> NDArray[np.int64]:
    """The change since the reading before, in quanta. What cannot be told starts the window anew."""
    with np.errstate(all="ignore"):
        change = np.rint((value - state.last[which]) * state.per_unit[which])
        whole = np.abs(change) < 1e15
    state.last[which] = value
    state.filled[which] = np.where(whole, np.minimum(state.filled[which] + 1, WINDOW + 1), 0)
    return np.where(whole, change, 0).astype(np.int64)


def _worth(state: State, spoke: NDArray[np.intp], which: Where, change: NDArray[np.int64]) -> NDArray[np.float32]:
    """Bits that a change tells; it is counted."""
    bin_ = ((change.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)).astype(np.intp)
    place = spoke * CHANGES + bin_
    told = state.told.reshape(-1)
    often, all_ = told[place], state.told_all[which]
    bits = np.minimum(-np.log2((often + 1) / (all_ + 8)), np.float32(MOST_BITS))
    idle = change == 0
    for column in state.changes:
        idle |= column[which] == change
    told[place] = often + 1
    many = spoke[all_ >= OFTEN]
    state.told_all[which] += 1
    if len(many):
        state.told[many] *= 0.5
        state.told_all[many] = state.told[many].sum(axis=1)
    return np.where(idle, np.float32(0), np.maximum(bits, 0))


def _look_up(state: State, chosen: NDArray[np.intp], print_: NDArray[np.uint64], step: Step) -> None:
    """Follow the matches of the channels whose fingerprint was chosen, and write it down."""
    if not len(chosen):
        return
    at, now = step.at, step.at // STEP_US
    slot = (print_ & np.uint64(len(state.tag) - 1)).astype(np.intp)
    tag = (print_ >> np.uint64(30)).astype(np.uint32)
    source, lag = state.source[slot], (now - state.step[slot]).astype(np.int32)
    anothers = (source != chosen) & (lag >= LEAST_LAG) & (not step.learning)  # SECURITY: see the module
    its_own = (source == chosen) & (lag > 2 * WINDOW)
    found = (source >= 0) & (state.tag[slot] == tag) & (anothers | its_own)
    same = found & (source == state.match[chosen]) & (lag == state.lag[chosen])
    state.misses[chosen] = np.where(same, 0, state.misses[chosen] + 1)
    lost = ~same & (state.misses[chosen] > MISSES)
    state.match[chosen[lost]] = -1
    fresh = found & ~same & (state.match[chosen] < 0)
    new = chosen[fresh]
    state.match[new], state.lag[new] = source[fresh], lag[fresh]
    state.bits[new] = state.worth[:, new].sum(axis=0)
    state.misses[new] = 0
    state.since[new] = at - WINDOW * STEP_US
    state.tag[slot], state.source[slot], state.step[slot] = tag, chosen, now


def _signs(state: State, step: Step, world: World) -> list[Sign]:
    matched = state.match >= 0
    on = matched & (state.bits >= BITS) & (state.misses == 0)
    running = runs(state.spells)
    if not (on.any() or running.any() or state.place.began[0] != NONE):
        return []
    fresh = on & ~running
    itself = state.match == np.arange(world.channels)
    state.kind[fresh] = np.where(itself[fresh], 0, 1)
    place = _place(state, fresh & itself, matched & itself, step, world)
    if state.place.began[0] != NONE:
        on &= running | ~(itself & (state.lag == state.place_lag))
    changed = turns(state.spells, step.at, on, ~matched, state.since)
    return place + [_sign(state, turn, step, world) for turn in changed]


def _place(state: State, fresh: NDArray[np.bool_], matched: NDArray[np.bool_], step: Step, world: World) -> list[Sign]:
    """One sign where most channels that say anything repeat themselves with one lag."""
    if state.place.began[0] == NONE and fresh.any():
        state.place_lag = int(np.bincount(state.lag[fresh]).argmax())
    with_it = matched & (state.lag == state.place_lag)
    enough = max(PLACE_LEAST, PLACE_SHARE * int((state.told_all > 0).sum()))
    count = int(with_it.sum())
    on, off = np.array([count >= enough and fresh.any()]), np.array([count < 0.5 * enough])
    began = np.array([state.since[with_it].min(initial=step.at)])
    return [
        Sign(
            kind="place-repeats",
            unit=-1,
            channel=-1,
            began_at=turn.began_at,
            at=step.at,
            score=0.0 if turn.phase is Phase.ENDED else max(1.0, count / enough),
            phase=turn.phase,
            about="place:",
            others=() if turn.phase is Phase.ENDED else _units_of(with_it, world),
            facts={"after": _hours(state.place_lag), "channels": str(count)} if turn.phase is Phase.BEGAN else {},
        )
        for turn in turns(state.place, step.at, on, off, began)
    ]


def _units_of(channels: NDArray[np.bool_], world: World) -> tuple[int, ...]:
    return tuple(np.unique(world.registry.channel_unit[channels]).tolist())


def _hours(steps: int) -> str:
    return f"{steps * STEP_US / HOUR:.4g} h"


def _sign(state: State, turn: Turn, step: Step, world: World) -> Sign:
    c = turn.channel
    facts: dict[str, str] = {}
    if turn.phase is not Phase.ENDED:
        unit, prop = world.name_of(int(state.match[c]))
        facts = {
            "repeats": f"{unit} {prop}",
            "after": _hours(int(state.lag[c])),
            "information": f"{state.bits[c]:.0f} bits",
        }
    kind = "repeats-another" if state.kind[c] else "repeats-itself"
    return sign_of(kind, turn, step.at, float(state.bits[c]) / BITS, world, facts)


DETECTOR = Stepping(CARD, new_state, advance)

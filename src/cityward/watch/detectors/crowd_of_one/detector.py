"""A crowd of one: several identities that are one source: they say the same, or come from one place all at once.

Theory of operation
-------------------
*Copies.* Of each channel the last `CHANGES` changes between readings are kept, and of each change one bit: whether it was
larger than the one before. Once an hour the bits are cut into bands; channels of one property that share a band are
candidates, so that not every pair must be looked at. A candidate pair is judged by the correlation of its changes, each cut
at a few times its usual size: so an offset or a scale does not hide a copy, nor one big jam make one. What is called is
closer than `closeness`, and by a margin closer than either channel ever was to anybody. A sign names as `others` all that are
close to it, or close to those, at that hour.

*Trust.* Who says the same is one source, and counts as one where independent sources are asked for (`guard.confidence`); none of
them loses trust by it. Which of two is the copy does not follow from their likeness: whoever holds one device could copy an
honest one, and if both were blamed, could so have it shut out. Who changed its own ways for it is told by what compares a
channel with its own past (`step-bias`, `noise-loss`, `expected-range`), and loses trust there.

*One origin.* Devices that used to connect from different addresses, and now within an hour connect from one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR
from cityward.watch.contract import STEP_US, Card, Kind, Phase, Severity, Sign, Step
from cityward.watch.episodes import Buckets, Rule, drain, pour
from cityward.watch.events import Event, EventKind
from cityward.watch.extremes import Extremes, age, drop, largest, new_extremes
from cityward.watch.listening import sign_of as sign_of_key
from cityward.watch.spells import Spells, Turn, new_spells, runs, turns
from cityward.watch.stepping import Stepping, sign_of, where_of
from cityward.watch.world import World

CHANGES = 64
BANDS = 4
BAND_BITS = 16
CLOSENESS = 16.0
MARGIN = 3.0
CUT = 4.0
LEAST_MOVES = 24
HELD_HOURS = 2
WARM_DAYS = 2
AGAIN_US = HOUR  # who joined the crowd is named within the hour
ORIGINS = 5
ORIGIN_WINDOW_US = HOUR
MOST_ADDRESSES = 1024
NEVER = np.iinfo(np.int64).max

CARD = Card(
    id="crowd-of-one",
    title="A crowd of one",
    reads="steps",
    hears=True,
    sees="identities whose readings are copies of one another (also shifted or scaled), or that move to one address together",
    fails_when=(
        "copies are made with fresh noise as large as half of the usual change between readings",
        "copies come later than the original by a step or more: see `replayed-history`",
        "the channels rest: fewer than 24 of 64 changes are not zero",
        "two honest devices measure the same thing at the same place: they are as close by nature, which is learned",
        "the readings follow from commands (the power of lamps): what obeys one command moves alike, and is left out",
        "which of them is the copy is not known: trust is taken from none, they count as one source where a quorum is asked for",
        "more than 65 say the same: each names 64 others, so two of them may still count as two",
        "identities never had addresses of their own (all behind one gateway since ever), or each comes from an own one",
    ),
    source="Douceur, The Sybil Attack (IPTPS 2002); banding after Broder's near-duplicates (1997). Exercises S-02, S-18",
    kinds=(
        Kind(
            id="copies",
            title="Several devices say the same",
            severity=Severity.HIGH,
            weight=0.0,  # SECURITY: else whoever copies an honest device has it quarantined
            todo="Count them as one source until each was seen on site. Nothing may be decided by their number.",
            delay_us=8 * HOUR,
            technique="T0848",
        ),
        Kind(
            id="one-origin",
            title="Many identities move to one address",
            severity=Severity.HIGH,
            weight=0.0,
            todo="Ask the network's operator what is at this address. If it is not theirs, revoke these credentials.",
            technique="T0848",
        ),
    ),
    parameters={
        "changes": CHANGES,
        "bands": BANDS,
        "band_bits": BAND_BITS,
        "closeness": CLOSENESS,
        "margin": MARGIN,
        "cut": CUT,
        "least_moves": LEAST_MOVES,
        "held_hours": HELD_HOURS,
        "warm_days": WARM_DAYS,
        "origins": ORIGINS,
        "origin_window_us": ORIGIN_WINDOW_US,
        "most_addresses": MOST_ADDRESSES,
    },
)

RULE = Rule("one-origin", ORIGINS, ORIGIN_WINDOW_US, MOST_ADDRESSES)


@dataclass(slots=True)
class State:
    """changes: (C, CHANGES) a ring, its next place (C,); rises: (C,) one bit a change, newest lowest; filled, spoke_at: (C,);
    first: (C,) when the ring was first full.

    usual: closeness, 1 / (1 - correlation), to the closest of others so far. close, twin, score: (C,) hours in a row that it
    was called close, to whom, how much. home: unit id -> address it connects from; left: address -> former addresses of those
    that came.
    """

    last: NDArray[np.float64]
    change: NDArray[np.float32]
    changes: NDArray[np.float32]
    place: NDArray[np.int32]
    rises: NDArray[np.uint64]
    filled: NDArray[np.int32]
    first: NDArray[np.int64]
    spoke_at: NDArray[np.int64]
    usual: Extremes
    close: NDArray[np.int32]
    twin: NDArray[np.int32]
    score: NDArray[np.float64]
    copies: Spells
    home: dict[str, str] = field(default_factory=dict[str, str])
    left: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    moved: Buckets = field(default_factory=Buckets)


def new_state(world: World) -> State:
    """Nothing is known."""
    c = world.channels
    return State(
        last=np.full(c, np.nan),
        change=np.zeros(c, dtype=np.float32),
        changes=np.zeros((c, CHANGES), dtype=np.float32),
        place=np.zeros(c, dtype=np.int32),
        rises=np.zeros(c, dtype=np.uint64),
        filled=np.zeros(c, dtype=np.int32),
        first=np.full(c, NEVER, dtype=np.int64),
        spoke_at=np.zeros(c, dtype=np.int64),
        usual=new_extremes(c),
        close=np.zeros(c, dtype=np.int32),
        twin=np.full(c, -1, dtype=np.int32),
        score=np.zeros(c),
        copies=new_spells(c),
    )


# -- copies ------------------------------------------------------------------------------------------------------------


def advance(state: State, step: Step, world: World) -> Sequence[Sign]:
    """Signs of this step: see the module."""
    spoke = np.flatnonzero((step.count > 0) & (np.abs(step.newest) < 1e30) & ~world.state & ~world.driven)
    if len(spoke):
        _take(state, spoke, step.newest[spoke], step.at)
    if step.at % HOUR != 0:
        return ()
    age(state.usual, step.at, DAY)
    return _judge(state, step, world)


def _take(state: State, spoke: NDArray[np.intp], value: NDArray[np.float64], at: int) -> None:
    which = where_of(spoke, len(state.last))
    change = value - state.last[which]
    change = np.where(np.isnan(change), 0.0, change).astype(np.float32)
    rises = (change > state.change[which]).astype(np.uint64)
    state.rises[which] = (state.rises[which] << np.uint64(1)) | rises
    place = state.place[which]
    state.changes[spoke, place] = change
    state.place[which] = (place + 1) % CHANGES
    state.change[which], state.last[which] = change, value
    state.filled[which] = np.minimum(state.filled[which] + 1, CHANGES + 2)
    full = spoke[state.filled[which] == CHANGES + 1]
    state.first[full] = np.minimum(state.first[full], at)
    state.spoke_at[which] = at


def _judge(state: State, step: Step, world: World) -> list[Sign]:
    lately = np.flatnonzero((state.filled >= CHANGES + 2) & (step.at - state.spoke_at < HOUR))
    one, other = _candidates(state, lately, world)
    one, other, closeness = _closeness(state, one, other)
    warm = step.at - state.first >= WARM_DAYS * DAY
    needed = _needed(state, slice(None)).astype(np.float64)
    score = closeness / np.maximum(needed[one], needed[other])
    close = (score >= 1) & (warm[one] & warm[other])
    for a, b in ((one, other), (other, one)):
        np.maximum.at(state.usual.fresh, a[~close], closeness[~close].astype(np.float32))
        state.score[a[close]], state.twin[a[close]] = score[close], b[close]
    hit = np.zeros(world.channels, dtype=np.bool_)
    hit[one[close]] = hit[other[close]] = True
    # candidates are found by chance: one hour without is not yet the end
    state.close = np.where(hit, np.minimum(state.close + 1, 2 * HELD_HOURS), np.maximum(state.close - 1, 0))
    on = hit & (state.close >= HELD_HOURS)
    since = np.full(world.channels, step.at - CHANGES // 2 * STEP_US, dtype=np.int64)
    changed = turns(state.copies, step.at, on, state.close == 0, since, AGAIN_US)
    drop(state.usual, runs(state.copies))
    if not changed:
        return []
    alike = _alike(one[close].tolist(), other[close].tolist())
    return [_sign(state, turn, alike.get(turn.channel, frozenset()), step, world) for turn in changed]


def _alike(one: Sequence[int], other: Sequence[int]) -> dict[int, frozenset[int]]:
    """Channel -> all that say the same, itself too: pairs are found by chance, so who is like one of them is like all.

    Of one property at one hour only: nobody says at once what two say that differ.
    """
    groups: dict[int, set[int]] = {}
    for a, b in zip(one, other, strict=True):
        joined = groups.get(a, {a}) | groups.get(b, {b})
        groups.update(dict.fromkeys(joined, joined))
    return {c: frozenset(group) for c, group in groups.items()}


def _candidates(state: State, lately: NDArray[np.intp], world: World) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of channels of one property and of different units that share a band. Each pair once."""
    pairs: list[NDArray[np.int64]] = []
    kind = world.observed[lately].astype(np.uint64) << np.uint64(BAND_BITS + 1)
    moment = (state.spoke_at[lately] // STEP_US).astype(np.uint64) << np.uint64(40)
    for band in range(BANDS):
        bits = (state.rises[lately] >> np.uint64(band * BAND_BITS)) & np.uint64((1 << BAND_BITS) - 1)
        key = moment ^ kind ^ bits
        order = np.argsort(key, kind="stable")
        alike = key[order][1:] == key[order][:-1]
        a, b = lately[order[:-1][alike]], lately[order[1:][alike]]
        pairs.append(np.minimum(a, b) * np.int64(world.channels) + np.maximum(a, b))
    # who is called stays a candidate, found by a band or not
    held = lately[(state.close[lately] > 0) & (state.twin[lately] >= 0)]
    twin = state.twin[held].astype(np.int64)
    pairs.append(np.minimum(held, twin) * np.int64(world.channels) + np.maximum(held, twin))
    both = np.unique(np.concatenate(pairs))
    one, other = both // max(1, world.channels), both % max(1, world.channels)
    apart = world.registry.channel_unit[one] != world.registry.channel_unit[other]
    return one[apart], other[apart]


def _closeness(
    state: State, one: NDArray[np.intp], other: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """1 / (1 - correlation of changes) of the pairs that move enough."""
    a, b = (_in_order(state, which) for which in (one, other))
    moves = np.minimum((a != 0).sum(axis=1), (b != 0).sum(axis=1)) >= LEAST_MOVES
    one, other, a, b = one[moves], other[moves], _cut(a[moves]), _cut(b[moves])
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
        correlation = np.where(size > 0, (a * b).sum(axis=1) / size, 0.0)
    return one, other, 1 / np.maximum(1 - np.clip(np.nan_to_num(correlation), 0, 1), 1e-4)


def _in_order(state: State, which: NDArray[np.intp]) -> NDArray[np.float64]:
    """(N, CHANGES) oldest first."""
    at = (state.place[which][:, None] + np.arange(CHANGES)[None, :]) % CHANGES
    return state.changes[which[:, None], at].astype(np.float64)


def _cut(changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row cut at `CUT` times its usual size, in units of that."""
    usual = np.maximum(np.abs(changes).mean(axis=1, keepdims=True), 1e-300)
    return np.clip(changes / usual, -CUT, CUT)


def _needed(state: State, where: object) -> NDArray[np.float32]:
    return np.maximum(np.float32(CLOSENESS), MARGIN * largest(state.usual, where))


def _sign(state: State, turn: Turn, alike: frozenset[int], step: Step, world: World) -> Sign:
    c = turn.channel
    facts: dict[str, str] = {}
    mine = int(world.registry.channel_unit[c])
    others = sorted({int(world.registry.channel_unit[x]) for x in alike} - {mine})
    if turn.phase is not Phase.ENDED:
        unit, prop = world.name_of(int(state.twin[c]))
        needed = max(float(_needed(state, c)), float(_needed(state, int(state.twin[c]))))
        facts = {
            "moves like": f"{unit} {prop}",
            "correlation of changes": f"{1 - 1 / (float(state.score[c]) * needed):.4f}",
            "tolerated": f"{1 - 1 / needed:.4f}",
        }
    return replace(sign_of("copies", turn, step.at, float(state.score[c]), world, facts), others=tuple(others))


# -- one origin --------------------------------------------------------------------------------------------------------


def listen(state: State, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
    """Signs of devices that move to one address together."""
    signs: list[Sign] = []
    for event in events:
        if event.kind is not EventKind.CONNECTED or not event.source or event.subject not in world.registry.unit_index:
            continue
        before = state.home.get(event.subject)
        state.home[event.subject] = event.source
        if before is None or before == event.source or not _left(state, event.source, before):
            continue
        for turn in pour(state.moved, RULE, f"address:{event.source}", 1, event.at):
            signs.append(sign_of_key("one-origin", turn, world, _origin_facts(turn.poured, turn.phase)))
    for turn in drain(state.moved, RULE, now):
        signs.append(sign_of_key("one-origin", turn, world, {}))
        state.left.pop(turn.key.removeprefix("address:"), None)
    return signs


def _left(state: State, address: str, before: str) -> bool:
    """Whether nobody came to this address from that one yet: a whole site behind a new address is one move."""
    if address not in state.left and len(state.left) >= MOST_ADDRESSES:
        del state.left[next(iter(state.left))]
    known = state.left.setdefault(address, [])
    if before in known:
        return False
    known.append(before)
    del known[: -4 * ORIGINS]
    return True


def _origin_facts(moved: float, phase: Phase) -> dict[str, str]:
    if phase is Phase.ENDED:
        return {}
    return {"devices that came": f"{moved:.0f}", "from different addresses within": f"{ORIGIN_WINDOW_US // HOUR} h"}


DETECTOR = Stepping(CARD, new_state, advance, listen)

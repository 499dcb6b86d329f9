"""Rate of change: a jump between two readings that physics, or this channel's own past, does not allow.

Theory of operation
-------------------
Readings of a channel are compared with the one before, in the order in which they were observed; what comes late is not
judged. Two bounds hold. *Physics*: air, water and pressure cannot change faster than `PHYSICS` says, whoever measures. *Its
own past*: sizes of changes are counted in half-octaves; the bound of a day is `factor` times the largest that came oftener
than once in `one_in` readings until the day before. Counts fade, so that a channel may change its manners over months. What
is called is not counted. An episode is told when it begins, and again when it jumps `TELLS_AGAIN` times as far as was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR, MINUTE
from cityward.watch.contract import Card, Held, Kind, Phase, Severity, Sign, Step
from cityward.watch.events import Event
from cityward.watch.stepping import said
from cityward.watch.world import World

FACTOR = 3.0
ONE_IN = 2000
LEAST_READINGS = 200
FADE_A_DAY = 0.98
LONGEST_GAP_US = 2 * HOUR
CALM_US = HOUR
HIGHEST = 1e6  # score that is told
OCTAVES = 24
BINS = 2 * OCTAVES
TELLS_AGAIN = 1.25
NONE = -1

PHYSICS: dict[str, tuple[float, float]] = {
    "air-temperature": (6.0, 0.5),
    "dew-point": (8.0, 1.0),
    "air-pressure": (6.0, 0.5),
    "water-level": (1.5, 0.1),
}
"""Property -> (any two readings, and more for each minute between them), in the property's unit. PRECEDENT: quality control
of weather stations (WMO-No. 8, annex on real-time checks) allows 3 Cel and 0.5 hPa a minute; here only what no weather does
is called."""

CARD = Card(
    id="rate-of-change",
    title="Jump between readings",
    reads="rows",
    sees="a jump from one reading to the next that is faster than physics, or far beyond this channel's largest jumps so far",
    fails_when=(
        "the value is led away in small steps: see the detectors of drift and of expected range",
        "the channel jumps by nature (an emptied bin, a jam on a loop): its bound is as high as its own jumps, times the factor",
        "readings lie more than two hours apart: any change is then possible, only physics is held",
        "the first two hundred readings of a channel, except for physics",
    ),
    source="range and step tests of weather services (WMO-No. 8, Guide to Instruments and Methods of Observation, vol. V); "
    "own bounds by quantiles",
    kinds=(
        Kind(
            id="faster-than-physics",
            title="Changes faster than physics allows",
            severity=Severity.MEDIUM,
            weight=0.5,
            todo="Take the reading as false. Look for a loose contact, a swapped unit, or somebody writing in the device's name.",
            technique="T0856",
        ),
        Kind(
            id="jump",
            title="Jumps as it never did",
            severity=Severity.LOW,
            weight=0.25,
            todo="Compare with its neighbours: if they did not jump, take it as false until it was looked at.",
            technique="T0856",
        ),
    ),
    parameters={
        "factor": FACTOR,
        "one_in": ONE_IN,
        "least_readings": LEAST_READINGS,
        "fade_a_day": FADE_A_DAY,
        "longest_gap_us": LONGEST_GAP_US,
        "calm_us": CALM_US,
        "tells_again": TELLS_AGAIN,
    },
)


@dataclass(slots=True)
class State:
    """last, last_at: (C,) the newest reading and when it was observed. sizes: (C, BINS) counts of changes by half-octave;
    bound: (C,) of the channel's day. began, newest: (2, C) of each kind's running episode, its beginning and its newest jump;
    told: (2, C) the highest score that was told of it.
    """

    last: NDArray[np.float64]
    last_at: NDArray[np.int64]
    sizes: NDArray[np.float32]
    bound: NDArray[np.float64]
    day: NDArray[np.int64]
    began: NDArray[np.int64]
    newest: NDArray[np.int64]
    told: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Changes:
    """Columns: one change each, in order of channel, then time."""

    channel: NDArray[np.int32]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    size: NDArray[np.float64]
    gap_us: NDArray[np.int64]

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Changes:
        """Some of them, in order."""
        return Changes(self.channel[which], self.at[which], self.value[which], self.size[which], self.gap_us[which])


@dataclass(frozen=True, slots=True)
class RateOfChange:
    """The detector: see the module."""

    card: Card = CARD

    def begin(self, world: World) -> State:
        """The state before the first reading."""
        c = world.channels
        return State(
            last=np.zeros(c),
            last_at=np.full(c, np.iinfo(np.int64).min),
            sizes=np.zeros((c, BINS), dtype=np.float32),
            bound=np.full(c, np.inf),
            day=np.full(c, np.iinfo(np.int64).min),
            began=np.full((2, c), NONE, dtype=np.int64),
            newest=np.zeros((2, c), dtype=np.int64),
            told=np.zeros((2, c)),
        )

    def rows(self, state: State, held: Held, world: World) -> Sequence[Sign]:
        """What these rows show."""
        if not len(held):
            return ()
        changes = _changes(state, held)
        if not len(changes.at):
            return ()
        span = world.registry.channel_high - world.registry.channel_low
        day = changes.at // DAY
        first, last = int(day.min()), int(day.max())
        if first == last:
            return _day(state, changes, first, span, world)
        signs: list[Sign] = []
        for one in np.unique(day).tolist():
            signs += _day(state, changes.take(day == one), one, span, world)
        return signs

    def step(self, state: State, step: Step, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def hear(self, state: State, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()


def _changes(state: State, held: Held) -> Changes:
    """Each row against the one before it; the first of a channel has an infinite gap. The state moves on."""
    good = np.isfinite(held.value) & (held.observed_at > state.last_at[held.channel])
    # of readings of one moment the first counts
    good[1:] &= (held.channel[1:] != held.channel[:-1]) | (held.observed_at[1:] != held.observed_at[:-1]) | ~good[:-1]
    channel, at, value = held.channel[good], held.observed_at[good], held.value[good]
    if not len(at):
        return Changes(channel, at, value, value, at)
    before, before_at = np.empty_like(value), np.empty_like(at)
    before[1:], before_at[1:] = value[:-1], at[:-1]
    head = np.ones(len(at), dtype=np.bool_)
    head[1:] = channel[1:] != channel[:-1]
    before[head], before_at[head] = state.last[channel[head]], state.last_at[channel[head]]
    tail = np.roll(head, -1)
    state.last[channel[tail]], state.last_at[channel[tail]] = value[tail], at[tail]
    with np.errstate(all="ignore"):
        size = np.minimum(np.abs(value - before), 1e300)
    never = before_at == np.iinfo(np.int64).min
    gap = np.where(never, np.iinfo(np.int64).max, at - np.where(never, 0, before_at))
    return Changes(channel, at, value, size, gap)


def _day(state: State, changes: Changes, day: int, span: NDArray[np.float64], world: World) -> list[Sign]:
    """The changes of one day, held to the bounds of the days before."""
    stale = np.unique(changes.channel[state.day[changes.channel] < day])
    if len(stale):
        state.bound[stale] = _bounds(state.sizes[stale], span[stale])
        state.sizes[stale] *= np.float32(FADE_A_DAY)
        state.day[stale] = day
    near = changes.gap_us <= LONGEST_GAP_US
    own = np.where(near, changes.size / state.bound[changes.channel], 0.0)
    physics = changes.size / _physics(changes, world)
    called = (own >= 1) | (physics >= 1)
    counted = near & ~called & (changes.size > 0)
    of = changes.channel[counted]
    np.add.at(state.sizes.reshape(-1), of * BINS + _bins(changes.size[counted] / span[of]), 1)
    busy = (state.began != NONE).any(axis=0)
    if not (called.any() or busy[changes.channel].any()):
        return []
    busy[changes.channel[called]] = True
    which = np.flatnonzero(busy[changes.channel])
    return list(_episodes(state, changes.take(which), physics[which], own[which], world))


def _bins(share: NDArray[np.float64]) -> NDArray[np.int64]:
    """The half-octave of a change, as a share of the channel's span; the highest holds all of the span and more."""
    return np.clip(2 * np.log2(np.maximum(share, 1e-300)) + BINS - 1, 0, BINS - 1).astype(np.int64)


def _bounds(sizes: NDArray[np.float32], span: NDArray[np.float64]) -> NDArray[np.float64]:
    total = sizes.sum(axis=1)
    above = np.cumsum(sizes[:, ::-1], axis=1)[:, ::-1]
    # the highest bin that more than one in `ONE_IN` reach; with few readings, the highest of all
    reached = above > np.maximum(total / ONE_IN, 0.5)[:, None]
    highest = BINS - 1 - np.argmax(reached[:, ::-1], axis=1)
    edge = np.exp2((highest + 1 - (BINS - 1)) / 2) * span
    return np.where((total >= LEAST_READINGS) & reached.any(axis=1), FACTOR * edge, np.inf)


def _physics(changes: Changes, world: World) -> NDArray[np.float64]:
    """The largest change that physics allows; without end where no bound is known."""
    registry = world.registry
    names = world.names["observed"]
    any_two, a_minute = (np.array([PHYSICS.get(name, (np.inf, 0.0))[i] for name in names] or [np.inf]) for i in (0, 1))
    observed = world.observed[changes.channel]
    assert len(registry.channel_property) == world.channels
    return any_two[observed] + a_minute[observed] * (changes.gap_us / MINUTE)


def _episodes(
    state: State, changes: Changes, physics: NDArray[np.float64], own: NDArray[np.float64], world: World
) -> Iterator[Sign]:
    """Few rows: those of channels that jumped, or did within the last hour."""
    for i, c in enumerate(changes.channel.tolist()):
        at = int(changes.at[i])
        for k, score in ((0, float(physics[i])), (1, float(own[i]) if physics[i] < 1 else 0.0)):
            running = state.began[k, c] != NONE
            if running and at - state.newest[k, c] >= CALM_US:
                yield _sign(k, c, int(state.began[k, c]), at, 0.0, Phase.ENDED, {}, world)
                state.began[k, c], running = NONE, False
            if score < 1:
                continue
            state.newest[k, c] = at
            if not running:
                state.began[k, c], state.told[k, c] = at, 0.0
            counts = min(score, HIGHEST)
            if counts >= TELLS_AGAIN * state.told[k, c]:
                phase = Phase.GOES_ON if running else Phase.BEGAN
                state.told[k, c] = counts
                facts = _facts(changes, i, score, world)
                yield _sign(k, c, int(state.began[k, c]), at, counts, phase, facts, world)


def _facts(changes: Changes, i: int, score: float, world: World) -> dict[str, str]:
    symbol = world.registry.channel_unit_symbol[int(changes.channel[i])]
    size = float(changes.size[i])
    return {
        "value": said(float(changes.value[i]), symbol),
        "changed by": said(size, symbol),
        "within": f"{int(changes.gap_us[i]) / MINUTE:.4g} min",
        "tolerated": said(size / score, symbol),
    }


def _sign(
    k: int, c: int, began_at: int, at: int, score: float, phase: Phase, facts: dict[str, str], world: World
) -> Sign:
    return Sign(
        kind=CARD.kinds[k].id,
        unit=int(world.registry.channel_unit[c]),
        channel=c,
        began_at=began_at,
        at=at,
        score=score,
        phase=phase,
        facts=facts,
    )


DETECTOR = RateOfChange()

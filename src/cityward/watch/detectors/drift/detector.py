"""Says when a channel has slowly gone where its neighbours did not, compared with weeks ago.

Theory of operation
-------------------
A season that learns follows whoever is patient. So each channel's profile is put aside every `AGAIN_DAYS`, and what is read is
compared with one put aside at least that long ago (the first after `FIRST_DAYS`): each half-hour's departure in spreads,
clipped, less the median departure of its neighbours or, where it has none, of all channels of its property. A day's mean of
that is one number; in its own usual size it goes into clipped sums, a value a day, with heights of their own past
(`excursions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cityward.time import DAY
from cityward.watch.contract import Card, Held, Kind, Phase, Severity, Sign, Step
from cityward.watch.events import Event
from cityward.watch.excursions import Excursions, Rule, Turn, begin_excursions, feed, forget
from cityward.watch.residual import city_median
from cityward.watch.season import (
    SLOTS,
    WEEKDAY,
    WEEKEND,
    Floats,
    Season,
    Slot,
    Slots,
    begin_season,
    begin_slots,
    gather,
    learn,
    level_at,
    spread_at,
)
from cityward.watch.world import World

RULE = Rule(allowance=1.0, clip=4.0, least=8.0, per_day=1.0, settled_days=7.0, tail=6.0)
FIRST_DAYS = 7
AGAIN_DAYS = 28
FEWEST = 8
"""Half-hours of a day that must have spoken for the day to count."""
WIDEST = 5.0
MEMORY = 1 / 60
"""The usual size of a day's departure remembers two months."""
LEAST_SIZE = 0.15
ADOPTED_US = 56 * DAY

CARD = Card(
    id="drift",
    title="Slow drift",
    reads="steps",
    sees="A channel that departs, over days or weeks, from where it stood and its neighbours still stand.",
    fails_when=(
        "the channel is younger than two weeks",
        "the drift is slower than about one usual deviation in four weeks: both compared profiles have it",
        "neighbours drift alike (one batch of sensors ageing): see `coordinated`, or a reference instrument",
        "a channel without neighbours follows the year",
    ),
    source="Page, Biometrika 41 (1954), on daily departures from a profile put aside",
    kinds=(
        Kind(
            id="drift",
            title="Slow drift against neighbours",
            severity=Severity.MEDIUM,
            weight=0.4,
            todo="Have the device checked against a reference, cleaned and calibrated.",
            delay_us=7 * DAY,
            technique="T0856",
        ),
    ),
    parameters={
        "allowance": RULE.allowance,
        "clip": RULE.clip,
        "least height": RULE.least,
        "first after days": FIRST_DAYS,
        "put aside every days": AGAIN_DAYS,
        "passed once in days": RULE.once_in_days,
        "adopted after days": ADOPTED_US // DAY,
    },
)


@dataclass(slots=True)
class State:
    """aside, older: (2, 48, C) profiles put aside, by weekday and weekend; NaN before. days: whole days gone by.

    total, count: (C,) of today's departures. size: (C,) the usual size of a day's. n: (C,) days.
    """

    slots: Slots
    season: Season
    aside: Floats
    older: Floats
    days: int
    total: Floats
    count: Floats
    size: Floats
    n: Floats
    runs: Excursions


@dataclass(frozen=True, slots=True)
class Drift:
    """See the module."""

    card: Card = CARD

    def begin(self, world: World) -> State:
        """The state before the first step."""
        c = world.channels
        return State(
            slots=begin_slots(world),
            season=begin_season(c),
            aside=np.full((2, SLOTS, c), np.nan),
            older=np.full((2, SLOTS, c), np.nan),
            days=0,
            total=np.zeros(c),
            count=np.zeros(c),
            size=np.zeros(c),
            n=np.zeros(c),
            runs=begin_excursions(c),
        )

    def rows(self, state: State, held: Held, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def hear(self, state: State, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def step(self, state: State, step: Step, world: World) -> Sequence[Sign]:
        """What this step shows."""
        slot = gather(state.slots, step)
        if slot is None:
            return ()
        _depart(state, slot, world)
        learn(state.season, slot, np.zeros(world.channels, np.bool_))
        if slot.of_day != SLOTS - 1:
            return ()
        day = _day(state)
        x = np.where(world.state, np.nan, day)
        turns = feed(state.runs, x, slot.at, RULE, world.observed, learning=step.learning)
        _put_aside(state)
        return list(_signs(state, turns, day, world))


def _depart(state: State, slot: Slot, world: World) -> None:
    """Add this half-hour's departures to the day's."""
    then = state.older[WEEKEND if slot.weekend else WEEKDAY, slot.of_day]
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.clip((slot.mean - then) / spread_at(state.season, slot.of_day), -WIDEST, WIDEST)
    away = away - _others(away, world)
    seen = np.isfinite(away)
    state.total += np.where(seen, away, 0.0)
    state.count += seen


def _others(away: Floats, world: World) -> Floats:
    """(C,) the median departure of the neighbours; where fewer than three speak the city's; where that is nobody, 0."""
    near = np.sort(np.append(away, np.nan)[world.neighbours], axis=1)  # -1 finds the NaN at the end; NaN last
    count = np.isfinite(near).sum(axis=1)
    rows = np.arange(len(away))
    middle = (near[rows, np.maximum(count - 1, 0) // 2] + near[rows, np.minimum(count // 2, near.shape[1] - 1)]) / 2
    common = city_median(away, world)
    return np.where(count >= 3, middle, np.where(np.isfinite(common), common, 0.0))


def _day(state: State) -> Floats:
    """(C,) the day's mean departure in its usual size; NaN where too little was said."""
    seen = state.count >= FEWEST
    mean = np.where(seen, state.total / np.maximum(state.count, 1), 0.0)
    x = np.where(seen & (state.n >= 3), mean / np.maximum(state.size * 1.2533, LEAST_SIZE), np.nan)
    bounded = np.where(state.n >= 3, np.minimum(np.abs(mean), 4 * np.maximum(state.size, LEAST_SIZE)), np.abs(mean))
    state.size += np.where(seen, np.maximum(1 / (state.n + 1), MEMORY) * (bounded - state.size), 0.0)
    state.n += seen
    state.total[:] = 0.0
    state.count[:] = 0.0
    return x


def _put_aside(state: State) -> None:
    state.days += 1
    if state.days != FIRST_DAYS and state.days % AGAIN_DAYS:
        return
    now = np.array([[level_at(state.season, s, weekend) for s in range(SLOTS)] for weekend in (False, True)])
    state.older = now if state.days == FIRST_DAYS else np.where(np.isfinite(state.aside), state.aside, now)
    state.aside = now


def _signs(state: State, turns: Sequence[Turn], day: Floats, world: World) -> Iterator[Sign]:
    for turn in turns:
        old = turn.phase is Phase.GOES_ON and turn.at - turn.began_at >= ADOPTED_US
        if old:
            forget(state.runs, turn.index)
        yield Sign(
            kind="drift",
            unit=int(world.registry.channel_unit[turn.index]),
            channel=turn.index,
            began_at=turn.began_at,
            at=turn.at,
            score=turn.score,
            phase=Phase.ENDED if old else turn.phase,
            facts={
                "seen": f"today {day[turn.index]:+.1f} of its usual departures from where it stood",
                "expected": "within 1 of where it and its neighbours stood weeks ago",
            },
        )


DETECTOR = Drift()

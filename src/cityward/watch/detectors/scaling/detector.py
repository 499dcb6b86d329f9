"""Says when a channel's swing over the day, or its unrest from reading to reading, is lastingly not what it was.

Theory of operation
-------------------
Two numbers a half-hour. *Gain*: how what season and companions leave unexplained (`residual`) goes along with the season itself
over the last day; an offset has no part in it, nor has what was so a week ago at the same hour (`weekly`: a Saturday is no
Friday); a gain of 1.2 is a fifth of the daily swing. *Noise*: the logarithm of the mean change from reading to reading against
what is usual for that time of day (a second `Season`), less the median of all channels of the property, for weather makes all of
them restless. Both, in their own usual size, go into clipped sums with heights of
their own past (`excursions`). Less noise than usual is `noise-loss`'s and `freeze`'s to tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR
from cityward.watch.contract import Card, Held, Kind, Phase, Severity, Sign, Step
from cityward.watch.events import Event
from cityward.watch.excursions import UP, Excursions, Rule, Turn, begin_excursions, feed, forget, running
from cityward.watch.residual import Remains, Residual, advance, begin_residual, city_median
from cityward.watch.season import Floats, Season, begin_season, expected, learn
from cityward.watch.weekly import Weekly, begin_weekly, forget_week, left_unlike_last_week, remember
from cityward.watch.world import World

GAIN = Rule(allowance=2.0, clip=5.0, least=48.0, per_day=48.0, young=1.5, tail=24.0)
NOISE = Rule(allowance=0.7, clip=3.0, least=16.0, per_day=48.0, young=0.9)
RULES = {"gain": GAIN, "noise-gain": NOISE}
SUSPECT_FROM = 0.5
ADOPTED_US = 14 * DAY
DAY_LONG = 1 / 48
"""A day of half-hours; two of an hourly channel."""
MEMORY = 1 / (14 * 48)
WARM = 96.0
SWING = 0.5
"""A channel whose season swings over the day by less than this share of its usual error has no gain that could be seen."""
FINEST = 0.05
"""Changes below this share of the usual one are all the same (a reading has steps)."""

CARD = Card(
    id="scaling",
    title="Gain and noise",
    reads="steps",
    sees="A channel that swings over the day, or from reading to reading, lastingly more or less than it did.",
    fails_when=(
        "the channel hardly changes over the day: then a gain is an offset (see `step-bias`)",
        "the gain was so a week ago and went unnoticed: then it hides its like, for these hours",
        "the gain is within a tenth, or the noise less than doubled",
        "a real change of use widens the daily swing (a new line, the summer)",
        "the channel is less than three days old",
    ),
    source="regression on the channel's own season; Page, Biometrika 41 (1954)",
    kinds=(
        Kind(
            id="gain",
            title="Changed gain",
            severity=Severity.MEDIUM,
            weight=0.4,
            todo="Check the device's calibration and the factor that its model declares.",
            delay_us=72 * HOUR,
            technique="T0836",
        ),
        Kind(
            id="noise-gain",
            title="More noise than usual",
            severity=Severity.MEDIUM,
            weight=0.4,
            todo="Check the device's supply, fixing and cable; compare with a second instrument.",
            delay_us=48 * HOUR,
            technique="T0856",
        ),
    ),
    parameters={
        "gain: allowance": GAIN.allowance,
        "gain: least height": GAIN.least,
        "noise: allowance": NOISE.allowance,
        "noise: least height": NOISE.least,
        "passed once in days": NOISE.once_in_days,
        "adopted after days": ADOPTED_US // DAY,
    },
)


@dataclass(slots=True)
class State:
    """unrest: the season of log changes; change: (C,) the usual change. error: (C,) the residual's usual error, catalogue unit.

    mid, swing: (C,) mean and mean absolute deviation of the season over the day. along: (C,) of the error with the season, over a
    day; news: of what of it is no habit. size: (C,) its usual size. n: (C,) half-hours.
    """

    residual: Residual
    weekly: Weekly
    unrest: Season
    change: Floats
    error: Floats
    mid: Floats
    swing: Floats
    along: Floats
    news: Floats
    size: Floats
    n: Floats
    runs: dict[str, Excursions]


@dataclass(frozen=True, slots=True)
class Scaling:
    """See the module."""

    card: Card = CARD

    def begin(self, world: World) -> State:
        """The state before the first step."""
        c = world.channels
        return State(
            residual=begin_residual(world),
            weekly=begin_weekly(c),
            unrest=begin_season(c),
            change=np.zeros(c),
            error=np.zeros(c),
            mid=np.zeros(c),
            swing=np.zeros(c),
            along=np.zeros(c),
            news=np.zeros(c),
            size=np.zeros(c),
            n=np.zeros(c),
            runs={kind: begin_excursions(c) for kind in RULES},
        )

    def rows(self, state: State, held: Held, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def hear(self, state: State, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def step(self, state: State, step: Step, world: World) -> Sequence[Sign]:
        """What this step shows."""
        suspect = np.zeros(world.channels, np.bool_)

        def holding() -> NDArray[np.bool_]:
            nonlocal suspect
            suspect = _suspect(state, world, step.learning)
            return suspect

        remains = advance(state.residual, step, world, holding)
        if remains is None:
            return ()
        values = {"gain": _gain(state, remains, suspect), "noise-gain": _noise(state, remains, suspect, world)}
        remember(state.weekly, remains, suspect)
        signs: list[Sign] = []
        for kind, rule in RULES.items():
            x = np.where(world.state, np.nan, values[kind])
            turns = feed(state.runs[kind], x, remains.slot.at, rule, world.observed, learning=step.learning)
            signs += _signs(state, kind, turns, world)
        return signs


def _suspect(state: State, world: World, learning: bool) -> NDArray[np.bool_]:
    out = np.zeros(world.channels, np.bool_)
    if not learning:
        for runs in state.runs.values():
            out |= running(runs, SUSPECT_FROM)
    return out


def _gain(state: State, remains: Remains, suspect: NDArray[np.bool_]) -> Floats:
    """(C,) how the error goes along with the season over the last day, in its own usual size."""
    error = remains.slot.mean - remains.repaired
    seen = np.isfinite(error) & np.isfinite(remains.level)
    slow = np.where(seen & ~suspect, np.maximum(1 / (state.n + 1), MEMORY), 0.0)
    away = np.where(seen, remains.level - state.mid, 0.0)
    state.mid += slow * away
    state.swing += slow * (np.abs(away) - state.swing)
    size = np.maximum(state.error * 1.2533, 1e-12)
    bounded = np.clip(np.where(seen, error, 0.0) / size, -5.0, 5.0)
    state.error += slow * (
        np.minimum(np.abs(np.where(seen, error, 0.0)), np.where(state.n > 48, 6 * size, np.inf)) - state.error
    )
    shape = np.clip(away / np.maximum(state.swing, 1e-12), -3.0, 3.0)
    state.along += np.where(seen, DAY_LONG * (bounded * shape - state.along), 0.0)
    # what one companion alone says, and what was so a week ago, only takes away: the usual size is of the whole
    left = left_unlike_last_week(state.weekly, remains, size)
    news = np.clip(np.where(seen, left, 0.0) / size, -5.0, 5.0)
    state.news += np.where(seen, DAY_LONG * (news * shape - state.news), 0.0)
    side = np.sign(state.along)
    along = side * np.maximum(np.minimum(np.abs(state.along), side * state.news), 0.0)
    state.size += slow * (np.abs(state.along) - state.size)
    state.n += seen
    judged = seen & (state.n >= WARM) & remains.warm & (state.swing > SWING * state.error)
    return np.where(judged, along / np.maximum(state.size * 1.2533, 0.05), np.nan)


def _noise(state: State, remains: Remains, suspect: NDArray[np.bool_], world: World) -> Floats:
    """(C,) the unrest of this half-hour against what is usual, less the city's."""
    rough = remains.slot.rough
    seen = np.isfinite(rough)
    slow = np.where(seen & ~suspect, np.maximum(1 / (state.n + 1), MEMORY), 0.0)
    state.change += slow * (np.where(seen, rough, 0.0) - state.change)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(rough + FINEST * state.change)
    slot = replace(remains.slot, mean=np.where(np.isfinite(log), log, np.nan))
    level, spread = expected(state.unrest, slot)
    with np.errstate(invalid="ignore", over="ignore"):
        more = np.clip((slot.mean - level) / np.maximum(spread, 0.2), -5.0, 5.0)
    learn(state.unrest, slot, suspect)
    common = city_median(more, world)
    return np.where(remains.warm, more - np.where(np.isfinite(common), common, 0.0), np.nan)


def _signs(state: State, kind: str, turns: Sequence[Turn], world: World) -> Iterator[Sign]:
    for turn in turns:
        if kind == "noise-gain" and turn.side != UP:
            continue
        old = turn.phase is Phase.GOES_ON and turn.at - turn.began_at >= ADOPTED_US
        if old:
            forget(state.runs[kind], turn.index)
            forget_week(state.weekly, turn.index)
        more = "more" if turn.side == UP else "less"
        words = {
            "gain": {"seen": f"swings {more} over the day than its season", "expected": "swings as its season does"},
            "noise-gain": {
                "seen": "changes more from reading to reading",
                "expected": "as much as at this time of day",
            },
        }
        yield Sign(
            kind=kind,
            unit=int(world.registry.channel_unit[turn.index]),
            channel=turn.index,
            began_at=turn.began_at,
            at=turn.at,
            score=turn.score,
            phase=Phase.ENDED if old else turn.phase,
            facts=words[kind],
        )


DETECTOR = Scaling()

"""Says when a channel stands lastingly higher or lower than its own past and its surroundings let expect.

Theory of operation
-------------------
Each half-hour, what season and companions leave unexplained (`residual`), and was not so a week ago at the same hour (`weekly`),
goes into two-sided clipped sums (`excursions`), one for large steps, one for small. The run that passes its height began when
the step did: that is `began_at`. What is told is of the time since then: the mean of what was seen, the mean of what was
expected, and the step between them. From half the height on a channel teaches nothing. A step that stays for `ADOPTED_US`
becomes what is usual: the episode ends and the season is learned anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.catalogue import PROPERTIES
from cityward.time import DAY, HOUR
from cityward.watch.contract import Card, Held, Kind, Phase, Severity, Sign, Step
from cityward.watch.events import Event
from cityward.watch.excursions import Excursions, Rule, Turn, begin_excursions, feed, forget, running
from cityward.watch.residual import MOST_A_DAY, Remains, Residual, advance, begin_residual, forget_channel
from cityward.watch.season import Floats
from cityward.watch.weekly import Weekly, begin_weekly, forget_week, remember, unlike_last_week
from cityward.watch.world import World

LARGE = Rule(allowance=2.0, clip=5.0, least=12.0, per_day=48.0)
SMALL = Rule(allowance=1.0, clip=3.0, least=12.0, per_day=48.0)
RULES = {"large-step": LARGE, "small-step": SMALL}
SUSPECT_FROM = 0.5
ADOPTED_US = 14 * DAY

TODO = "Compare with a second instrument; look at what was done to the device when the step began."

CARD = Card(
    id="step-bias",
    title="Step in level",
    reads="steps",
    sees="A channel that reads lastingly more or less than its own season and its neighbours let expect.",
    fails_when=(
        "the step is smaller than about one usual deviation of the channel (the allowance), or shorter than a few hours",
        "the channel stays as its season says while others move, and only one companion tells of it",
        "most neighbours step alike (see `coordinated`)",
        "the channel is less than three days old, or speaks less than hourly",
        "a real change of a lonely channel looks the same: works, a closed road, a holiday",
    ),
    source="Page, Biometrika 41 (1954), two-sided CUSUM; thresholds from each channel's own past",
    kinds=(
        Kind(
            id="large-step",
            title="Lasting large step in level",
            severity=Severity.HIGH,
            weight=0.6,
            todo=TODO,
            delay_us=48 * HOUR,
            technique="T0856",
        ),
        Kind(
            id="small-step",
            title="Lasting small step in level",
            severity=Severity.MEDIUM,
            weight=0.4,
            todo=TODO,
            delay_us=72 * HOUR,
            technique="T0856",
        ),
    ),
    parameters={
        "large: allowance": LARGE.allowance,
        "large: clip": LARGE.clip,
        "large: least height": LARGE.least,
        "small: allowance": SMALL.allowance,
        "small: clip": SMALL.clip,
        "small: least height": SMALL.least,
        "passed once in days": LARGE.once_in_days,
        "adopted after days": ADOPTED_US // DAY,
        "follows a day": MOST_A_DAY,
    },
)


@dataclass(slots=True)
class State:
    """runs: by kind. Since the run began, kind -> (2, C): seen, expected, the sums of both (catalogue unit) over the n half-hours
    in which both are known.
    """

    residual: Residual
    weekly: Weekly
    runs: dict[str, Excursions]
    seen: dict[str, Floats]
    expected: dict[str, Floats]
    n: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class StepBias:
    """See the module."""

    card: Card = CARD

    def begin(self, world: World) -> State:
        """The state before the first step."""
        c = world.channels
        return State(
            residual=begin_residual(world, MOST_A_DAY),
            weekly=begin_weekly(c),
            runs={kind: begin_excursions(c) for kind in RULES},
            seen={kind: np.zeros((2, c)) for kind in RULES},
            expected={kind: np.zeros((2, c)) for kind in RULES},
            n={kind: np.zeros((2, c)) for kind in RULES},
        )

    def rows(self, state: State, held: Held, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def hear(self, state: State, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def step(self, state: State, step: Step, world: World) -> Sequence[Sign]:
        """What this step shows."""
        remains = advance(state.residual, step, world, lambda: _suspect(state, world, step.learning))
        if remains is None:
            return ()
        measured = np.where(world.state, np.nan, unlike_last_week(state.weekly, remains))
        signs: list[Sign] = []
        for kind, rule in RULES.items():
            turns = feed(state.runs[kind], measured, remains.slot.at, rule, world.observed, learning=step.learning)
            _measure(state, kind, remains)
            signs += [_sign(state, kind, turn, world) for turn in _adopting(state, kind, turns)]
        remember(state.weekly, remains, _suspect(state, world, step.learning))
        return signs


def _suspect(state: State, world: World, learning: bool) -> NDArray[np.bool_]:
    """(C,) who teaches nothing now. The past teaches whole."""
    out = np.zeros(world.channels, np.bool_)
    if not learning:
        for runs in state.runs.values():
            out |= running(runs, SUSPECT_FROM)
    return out


def _measure(state: State, kind: str, remains: Remains) -> None:
    """What each run saw and should have seen, since its beginning."""
    known = np.isfinite(remains.slot.mean) & np.isfinite(remains.repaired)
    runs = state.runs[kind].sum > 0
    for sums, now in ((state.seen, remains.slot.mean), (state.expected, remains.repaired), (state.n, known * 1.0)):
        sums[kind] = np.where(runs, sums[kind] + np.where(known, now, 0.0), 0.0)


def _adopting(state: State, kind: str, turns: Sequence[Turn]) -> Iterator[Turn]:
    """The turns; an episode that is too old is ended, and what it brought becomes usual."""
    for turn in turns:
        if turn.phase is Phase.GOES_ON and turn.at - turn.began_at >= ADOPTED_US:
            forget(state.runs[kind], turn.index)
            forget_week(state.weekly, turn.index)
            forget_channel(state.residual, turn.index)
            yield Turn(turn.index, turn.side, Phase.ENDED, turn.began_at, turn.at, turn.score)
        else:
            yield turn


def _sign(state: State, kind: str, turn: Turn, world: World) -> Sign:
    return Sign(
        kind=kind,
        unit=int(world.registry.channel_unit[turn.index]),
        channel=turn.index,
        began_at=turn.began_at,
        at=turn.at,
        score=turn.score,
        phase=turn.phase,
        facts={} if turn.phase is Phase.ENDED else _facts(state, kind, turn, world),
    )


def _facts(state: State, kind: str, turn: Turn, world: World) -> dict[str, str]:
    """All of the same time, in the same unit, and such that step = seen - expected, digit by digit."""
    where = (turn.side, turn.index)
    unit = PROPERTIES[world.registry.channel_property[turn.index]].unit
    n = max(float(state.n[kind][where]), 1.0)
    seen, expected = float(state.seen[kind][where]) / n, float(state.expected[kind][where]) / n
    digits = _digits(seen - expected)
    seen, expected = round(seen, digits), round(expected, digits)
    return {
        "step": f"{seen - expected:+.{digits}f} {unit}",
        "seen on average": f"{seen:.{digits}f} {unit}",
        "expected": f"{expected:.{digits}f} {unit}",
        "over": f"{(turn.at - turn.began_at) / HOUR:.3g} h",
    }


def _digits(step: float) -> int:
    """Decimals that show three digits of a step."""
    return min(6, max(0, 2 - math.floor(math.log10(abs(step))))) if abs(step) > 1e-9 else 2


DETECTOR = StepBias()

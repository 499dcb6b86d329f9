"""What anybody would write: detectors to run beside ours, on the same facts, with thresholds fixed beforehand.

- `three-sigma`: a reading more than three standard deviations from the mean of the past that was learned from.
- `windowed-gaussian`: NAB's: a reading whose tail probability under the last day's mean and deviation is below 1e-5.
- `always`: says at every moment that everything is wrong. `never`: says nothing. Between them every score lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR
from cityward.watch.contract import STEP_US, Card, Held, Kind, Phase, Severity, Sign, Step
from cityward.watch.events import Event
from cityward.watch.world import World

Floats = NDArray[np.float64]

TAIL = 4.2649  # two-sided 1e-5 of a normal variable is beyond so many deviations (one-sided)
QUIET_US = DAY
"""An episode ends when nothing was out of bounds for so long."""


def _card(id_: str, sees: str) -> Card:
    kind = Kind(id=id_, title=id_, severity=Severity.MEDIUM, weight=0.6, todo="", delay_us=DAY)
    return Card(id=id_, title=id_, reads="steps", sees=sees, fails_when=(), source="baseline", kinds=(kind,))


@dataclass(slots=True)
class State:
    """n, mean, squares: (C,) of the past learned from, or of the window. last: (C,) when a reading was last out of bounds, -1."""

    n: Floats
    mean: Floats
    squares: Floats
    last: NDArray[np.int64]
    began: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """limit: in deviations. window_us: how far mean and deviation look back; None: all that was learned, and no further."""

    card: Card
    limit: float
    window_us: int | None

    def begin(self, world: World) -> State:
        """Before the first step."""
        c = world.channels
        return State(np.zeros(c), np.zeros(c), np.zeros(c), np.full(c, -1, np.int64), np.full(c, -1, np.int64))

    def rows(self, state: State, held: Held, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def hear(self, state: State, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def step(self, state: State, step: Step, world: World) -> Sequence[Sign]:
        """What is out of bounds."""
        x, seen = np.nan_to_num(step.mean), np.isfinite(step.mean)
        deviation = np.sqrt(np.maximum(state.squares / np.maximum(state.n, 1), 1e-12))
        out = seen & (np.abs(x - state.mean) > self.limit * deviation) & (state.n > 30)
        if step.learning or self.window_us is not None:
            self._learn(state, x, seen)
        return [] if step.learning else list(self._told(state, step.at, out, world))

    def _learn(self, state: State, x: Floats, seen: NDArray[np.bool_]) -> None:
        before = x - state.mean
        state.n += seen
        state.mean += np.where(seen, before / np.maximum(state.n, 1), 0.0)
        state.squares += np.where(seen, before * (x - state.mean), 0.0)
        if self.window_us is not None:
            most = self.window_us / STEP_US
            kept = np.minimum(1.0, most / np.maximum(state.n, 1))
            state.n *= kept
            state.squares *= kept

    def _told(self, state: State, at: int, out: NDArray[np.bool_], world: World) -> Sequence[Sign]:
        fresh = out & (state.began < 0)
        over = ~out & (state.began >= 0) & (at - state.last > QUIET_US)
        state.began[fresh] = at
        state.last[out] = at
        signs = [self._sign(c, Phase.BEGAN, state, at, world) for c in np.flatnonzero(fresh).tolist()]
        signs += [self._sign(c, Phase.ENDED, state, at, world) for c in np.flatnonzero(over).tolist()]
        state.began[over] = -1
        return signs

    def _sign(self, c: int, phase: Phase, state: State, at: int, world: World) -> Sign:
        unit = int(world.registry.channel_unit[c])
        return Sign(self.card.id, unit, c, int(state.began[c]), at, 1.0, phase)


@dataclass(frozen=True, slots=True)
class Always:
    """Every hour, of every unit: something is wrong."""

    card: Card = field(default_factory=lambda: _card("always", "everything"))

    def begin(self, world: World) -> int:
        """It remembers nothing."""
        return 0

    def rows(self, state: int, held: Held, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def hear(self, state: int, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def step(self, state: int, step: Step, world: World) -> Sequence[Sign]:
        """Everything."""
        if step.learning or step.at % HOUR:
            return ()
        return [Sign("always", unit, -1, step.at, step.at, 1.0) for unit in range(world.units)]


THREE_SIGMA = Bounds(_card("three-sigma", "beyond three deviations of the past"), 3.0, None)
WINDOWED_GAUSSIAN = Bounds(_card("windowed-gaussian", "beyond 1e-5 of the last day"), TAIL, DAY)
ALWAYS = Always()

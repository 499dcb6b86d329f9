"""A detector of steps from its parts, and the sign of a channel's episode."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.watch.contract import Card, Held, Phase, Sign, Step
from cityward.watch.events import Event
from cityward.watch.spells import Turn
from cityward.watch.world import World


def hears_nothing(state: Any, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
    """For detectors that look at readings alone."""
    return ()


@dataclass(frozen=True, slots=True)
class Stepping:
    """A `Detector` of the grid. `advance` changes the state that `new_state` made; `listen` is for cards with `hears`."""

    card: Card
    new_state: Callable[[World], Any]
    advance: Callable[[Any, Step, World], Sequence[Sign]]
    listen: Callable[[Any, Sequence[Event], int, World], Sequence[Sign]] = hears_nothing

    def begin(self, world: World) -> Any:
        """The state before the first step."""
        return self.new_state(world)

    def rows(self, state: Any, held: Held, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def step(self, state: Any, step: Step, world: World) -> Sequence[Sign]:
        """What this step shows."""
        return self.advance(state, step, world)

    def hear(self, state: Any, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """What these events show."""
        return self.listen(state, events, now, world)


def sign_of(kind: str, turn: Turn, at: int, score: float, world: World, facts: Mapping[str, str]) -> Sign:
    """The sign of a turn in a channel's episode; an end has score 0."""
    return Sign(
        kind=kind,
        unit=int(world.registry.channel_unit[turn.channel]),
        channel=turn.channel,
        began_at=turn.began_at,
        at=at,
        score=0.0 if turn.phase is Phase.ENDED else max(1.0, min(float(score), 1e6)),
        phase=turn.phase,
        facts=facts,
    )


Where = NDArray[np.intp] | slice
"""Channels of an array over channels: their numbers, or all of them."""


def where_of(spoke: NDArray[np.intp], channels: int) -> Where:
    """The channels `spoke`, as an index that costs little where it is all of them: then it gives views, no copies."""
    return slice(None) if len(spoke) == channels else spoke


def said(value: float, symbol: str) -> str:
    """A value with its unit, for facts: `12.5 m/s`."""
    return f"{value:.6g} {symbol}".rstrip()

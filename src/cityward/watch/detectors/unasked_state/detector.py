"""Unasked state: an actuator reports a state that the city did not command.

Theory of operation
-------------------
Of each channel that a command sets, the last commanded value is remembered. A reading observed `SETTLE` after that command or
later must be the commanded value, or the declared fail-safe (a lamp that hears nothing goes there by itself). `IN_A_ROW`
readings in a row that are neither begin an episode; the first that agrees again ends it. Readings observed before the command
say nothing. An actuator whose model declares `by_itself` is at its fail-safe while that property is above zero, whatever it
shows: a junction on its own plan shows one stage after the other.

INVARIANT: state is six numbers a channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import MINUTE
from cityward.watch.contract import Card, Held, Kind, Phase, Severity, Sign, Step
from cityward.watch.events import Event, EventKind
from cityward.watch.world import World

SETTLE = 15 * MINUTE
"""A command has its answer within seconds; a lamp reports every few minutes, and dims slowly."""
IN_A_ROW = 2
SHARE = 0.03  # of the command's range; lamps report whole percents

KIND = "state-without-command"


@dataclass(slots=True)
class State:
    """Arrays over channels (C,). wanted: NaN where nothing was commanded. odd: readings that disagree. began: 0 outside one.
    alone: whether the unit goes by itself, of channels that are set.
    """

    wanted: NDArray[np.float64]
    since: NDArray[np.int64]
    odd: NDArray[np.int32]
    first_odd: NDArray[np.int64]
    began: NDArray[np.int64]
    alone: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class UnaskedState:
    """The detector; holds nothing."""

    card: Card

    def begin(self, world: World) -> State:
        """Nothing commanded yet."""
        c = world.channels
        return State(
            wanted=np.full(c, np.nan),
            since=np.zeros(c, dtype=np.int64),
            odd=np.zeros(c, dtype=np.int32),
            first_odd=np.zeros(c, dtype=np.int64),
            began=np.zeros(c, dtype=np.int64),
            alone=np.zeros(c, dtype=np.bool_),
        )

    def hear(self, state: State, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """Remember what was commanded."""
        for event in events:
            if event.kind is EventKind.COMMAND:
                _remember(state, event, world)
        return ()

    def rows(self, state: State, held: Held, world: World) -> Sequence[Sign]:
        """Compare what actuators report."""
        out: list[Sign] = []
        told = world.set_by_command[held.channel] & ~np.isnan(state.wanted[held.channel])
        alone = world.by_itself[held.channel] >= 0
        seen = np.flatnonzero(told | alone)
        # of one moment first what was shown: it is held against what was known before it, however the rows came
        for i in seen[np.lexsort((alone[seen], held.observed_at[seen]))].tolist():
            channel, at, value = int(held.channel[i]), int(held.observed_at[i]), float(held.value[i])
            if world.by_itself[channel] >= 0:
                state.alone[world.by_itself[channel]] = value > 0
            elif at >= state.since[channel] + SETTLE:
                out += _compare(state, channel, value, at, world)
        return out

    def step(self, state: State, step: Step, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()


def _remember(state: State, event: Event, world: World) -> None:
    registry = world.registry
    unit = registry.unit_index.get(event.subject, -1)
    if unit < 0:
        return
    limits = registry.models[registry.units[unit].model].commands.get(event.detail.get("command", ""))
    channel = registry.channel_by_property.get((unit, limits.sets), -1) if limits is not None else -1
    try:
        value = float(event.detail.get("value", ""))
    except ValueError:
        return
    if channel >= 0 and np.isfinite(value) and event.at >= state.since[channel]:
        state.wanted[channel], state.since[channel], state.odd[channel] = value, event.at, 0


def _compare(state: State, channel: int, value: float, at: int, world: World) -> list[Sign]:
    safe, reach = _safe(channel, world)
    wanted = float(state.wanted[channel])
    if state.alone[channel] or abs(value - wanted) <= reach or abs(value - safe) <= reach:
        state.odd[channel] = 0
        if not state.began[channel]:
            return []
        began, state.began[channel] = int(state.began[channel]), 0
        return [_sign(channel, began, at, 0.0, Phase.ENDED, {}, world)]
    state.first_odd[channel] = at if state.odd[channel] == 0 else state.first_odd[channel]
    state.odd[channel] = min(int(state.odd[channel]) + 1, IN_A_ROW)
    if state.odd[channel] < IN_A_ROW or state.began[channel]:
        return []
    state.began[channel] = state.first_odd[channel]
    facts = {"reports": f"{value:.4g}", "was told": f"{wanted:.4g}", "goes by itself to": f"{safe:.4g}"}
    return [_sign(channel, int(state.began[channel]), at, abs(value - wanted) / reach, Phase.BEGAN, facts, world)]


def _safe(channel: int, world: World) -> tuple[float, float]:
    """The fail-safe value of the command that sets a channel, and how far a report may lie from what was meant."""
    registry = world.registry
    unit = int(registry.channel_unit[channel])
    for limits in registry.models[registry.units[unit].model].commands.values():
        if limits.sets == registry.channel_property[channel]:
            return limits.fail_safe, max(SHARE * (limits.high - limits.low), 1e-9)
    return float("nan"), 1e-9


def _sign(channel: int, began: int, at: int, score: float, phase: Phase, facts: dict[str, str], world: World) -> Sign:
    unit = int(world.registry.channel_unit[channel])
    return Sign(KIND, unit, channel, began, at, score, phase, facts=facts)


CARD = Card(
    id="unasked-state",
    title="Unasked state",
    reads="rows",
    hears=True,
    sees="an actuator whose reported state is neither what it was last told nor its fail-safe",
    fails_when=(
        "the device lies about its state too",
        "it is driven to the very value that was commanded, or to its fail-safe",
        "somebody works on the device by hand: declare it as in maintenance",
    ),
    source="MITRE ATT&CK for ICS T0855 (unauthorized command message); scenarios S-08 and S-09",
    kinds=(
        Kind(
            id=KIND,
            title="State changed without a command",
            severity=Severity.HIGH,
            weight=0.6,
            delay_us=SETTLE,
            technique="T0855",
            todo="find out who else can command it (`cityward reach --thing`); send somebody if people depend on it",
        ),
    ),
    parameters={
        "settles within minutes": SETTLE // MINUTE,
        "readings in a row": IN_A_ROW,
        "tolerance, share of the range": SHARE,
    },
)

DETECTOR = UnaskedState(CARD)

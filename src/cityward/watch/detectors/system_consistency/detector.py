"""System consistency: the channels of one system no longer fit each other.

Theory of operation
-------------------
A *system* is the channels of one site. Once a *round* (5 minutes, 15 or an hour, as the system speaks) every channel is told from all
others, now and a round before (`relations`), and what is left is judged (`thresholds`). A forged level no longer fits the flows that
fill the tank; a replayed one fits them at another hour; a pump that runs against its rule fits no pressure.

    probing --speaks--> learning --fitted, thresholds set--> watching --number >= 1--> open --quiet--> watching
       ^                                                                                |
       +------ silent for a week, or open for `gives_up_rounds`: begun anew ------------+

Rounds are learned from only `wait_rounds` to twice that after they came, and not if an episode was open or began meanwhile:
what is found within a day or two never teaches.

INVARIANTS
- A round is judged by relations and thresholds that did not see it.
- All arrays have their final size at `begin`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR
from cityward.watch.contract import STEP_US, Card, Held, Kind, Phase, Severity, Sign, Step
from cityward.watch.detectors.system_consistency.dispersion import (
    Dispersion,
    fit_sizes,
    follow_size,
    learn_sizes,
    moved,
    new_dispersion,
    sizes,
)
from cityward.watch.detectors.system_consistency.relations import (
    Relations,
    exactness,
    features,
    filled,
    fit,
    learn,
    measured,
    new_relations,
    residual,
    set_measure,
)
from cityward.watch.detectors.system_consistency.systems import CADENCES, FILLED, PROBE, cadence, systems_of
from cityward.watch.detectors.system_consistency.thresholds import (
    Thresholds,
    new_thresholds,
    drop_peak,
    raise_peak,
    remember,
    score,
    statistics,
    take_peak,
)
from cityward.watch.events import Event
from cityward.watch.world import World

MONTH = 30.4 * DAY
ENOUGH = 0.5
"""A round with fewer of the usual channels is no round; a channel of which others explain less is not judged."""
RELEASE = 0.7
STIRRED = 3.0
"""A channel that never moved has moved when it is so many times its exactness away."""
NOVEL = 2.0
"""The score of that, in thresholds."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The parameters, in rounds where not said otherwise.

    alarms_per_month: false episodes a system may have a month; the thresholds follow from it. A month is of rounds as they come.
    """

    alarms_per_month: float = 0.5
    memory_us: int = 365 * DAY
    wait_rounds: int = 24
    refit_rounds: int = 168
    settle_rounds: int = 96
    block_rounds: int = 168
    blocks: int = 52
    least_blocks: int = 8
    rounds_per_channel: int = 16
    quiet_rounds: int = 3
    own_rounds: int = 8
    still_rounds: int = 2000
    tells_rounds: int = 24
    gives_up_rounds: int = 672


INCONSISTENT = Kind(
    id="does-not-fit-its-system",
    title="A reading does not fit the rest of its system",
    severity=Severity.HIGH,
    weight=0.3,
    todo="look at the named channel and its system on the spot; until then rely on what the other channels say of it",
    delay_us=12 * HOUR,
    technique="T0856",
)


@dataclass(slots=True)
class State:
    """Columns over channels (C,), over systems (S,), and the large arrays of each system by name.

    total, count: of the round under way. heard: (2, C) heard since the last 3- and 12-step mark. probe: (3, C) rounds filled.
    steps: a round's, 0 while probing. skipped: rounds in a row that were none. waiting: rows in the waiting room. chained: the row
    before is the round before. since_fit, settled: rounds. open, began, channel, quiet, lasted: of the episode. largest: its score.
    """

    at: int
    probed: int
    total: NDArray[np.float64]
    count: NDArray[np.int64]
    heard: NDArray[np.bool_]
    probe: NDArray[np.int64]
    steps: NDArray[np.int64]
    skipped: NDArray[np.int64]
    waiting: NDArray[np.int64]
    measure_set: NDArray[np.bool_]
    chained: NDArray[np.bool_]
    since_fit: NDArray[np.int64]
    settled: NDArray[np.int64]
    open: NDArray[np.bool_]
    began: NDArray[np.int64]
    channel: NDArray[np.int64]
    quiet: NDArray[np.int64]
    lasted: NDArray[np.int64]
    largest: NDArray[np.float64]
    systems: list[dict[str, NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class System:
    """One system's large arrays, as views. channels: (n,). last: (n,) the newest round. now, before: (2 wait, n) the waiting room,
    told: (2 wait, n) what of `now` was heard, sound: (2 wait,) whether it may be learned."""

    channels: NDArray[np.int32]
    last: NDArray[np.float64]
    now: NDArray[np.float64]
    before: NDArray[np.float64]
    told: NDArray[np.bool_]
    sound: NDArray[np.bool_]
    left: NDArray[np.float64]
    ever: NDArray[np.bool_]
    stirred: NDArray[np.bool_]
    relations: Relations
    dispersion: Dispersion
    thresholds: Thresholds


OWN = ("channels", "last", "now", "before", "told", "sound", "left", "ever", "stirred")
RELATIONS = tuple(Relations.__slots__)
DISPERSION = tuple(Dispersion.__slots__)
THRESHOLDS = tuple(Thresholds.__slots__)


class SystemConsistency:
    """See the module."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    @property
    def card(self) -> Card:
        """What people are told of it."""
        return card_of(self.rule)

    def begin(self, world: World) -> State:
        """Nothing known of any system."""
        systems = [_new_system(channels, self.rule) for channels in systems_of(world)]
        c, s = world.channels, len(systems)

        def ints(n: int) -> NDArray[np.int64]:
            return np.zeros(n, dtype=np.int64)

        def no(*shape: int) -> NDArray[np.bool_]:
            return np.zeros(shape, dtype=np.bool_)

        return State(
            at=0,
            probed=0,
            total=np.zeros(c),
            count=ints(c),
            heard=no(2, c),
            probe=np.zeros((len(CADENCES), c), dtype=np.int64),
            steps=ints(s),
            skipped=ints(s),
            waiting=ints(s),
            measure_set=no(s),
            chained=no(s),
            since_fit=ints(s),
            settled=ints(s),
            open=no(s),
            began=ints(s),
            channel=ints(s),
            quiet=ints(s),
            lasted=ints(s),
            largest=np.zeros(s),
            systems=systems,
        )

    def step(self, state: State, step: Step, world: World) -> Sequence[Sign]:
        """What this step shows."""
        with np.errstate(all="ignore"):
            return self._step(state, step, world)

    def rows(self, state: State, held: Held, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def hear(self, state: State, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """Never called."""
        return ()

    def _step(self, state: State, step: Step, world: World) -> list[Sign]:
        if state.at and step.at != state.at + STEP_US:
            state.chained[:] = False
        state.at = step.at
        heard = (step.count > 0) & np.isfinite(step.mean) & (np.abs(step.mean) < 1e100)
        state.total += np.where(heard, step.mean, 0.0)
        state.count += heard
        mark = step.at // STEP_US
        _probe(state, heard, mark)
        signs: list[Sign] = []
        for s in np.flatnonzero((state.steps > 0) & (mark % np.maximum(state.steps, 1) == 0)).tolist():
            signs += self._round(state, s, world)
        return signs

    def _round(self, state: State, s: int, world: World) -> list[Sign]:
        system = _view(state.systems[s])
        channels = system.channels
        heard = state.count[channels] > 0
        x = state.total[channels] / np.maximum(state.count[channels], 1)
        state.total[channels], state.count[channels] = 0.0, 0
        relations = system.relations
        weight = relations.weight[0]
        usual = relations.heard >= FILLED * weight if weight else np.ones(len(channels), dtype=np.bool_)
        if (heard & usual).sum() < max(1.0, ENOUGH * usual.sum()) and (weight or not heard.any()):
            return self._no_round(state, s, world)
        state.skipped[s] = 0
        signs: list[Sign] = []
        system.left[int(state.waiting[s])] = np.nan
        if state.measure_set[s]:
            now = np.where(heard, measured(relations, x), system.last)
            now = filled(relations, now, system.last, ~heard)
            if state.since_fit[s] >= 0 and relations.bound.any() and state.chained[s]:
                signs = self._judge(state, s, now, heard, world)
        else:
            now = np.where(heard, x, np.nan)
        if not (signs and signs[-1].phase is Phase.ENDED and state.steps[s] == 0):
            self._wait(state, s, now, heard)
        return signs

    def _no_round(self, state: State, s: int, world: World) -> list[Sign]:
        state.chained[s] = False
        state.skipped[s] += 1
        if state.skipped[s] * state.steps[s] < 7 * PROBE:
            return []
        signs = [_about(state, s, Phase.ENDED, float(state.largest[s]), {}, world)] if state.open[s] else []
        self._anew(state, s)
        return signs

    def _judge(
        self, state: State, s: int, now: NDArray[np.float64], heard: NDArray[np.bool_], world: World
    ) -> list[Sign]:
        rule, system = self.rule, _view(state.systems[s])
        relations, thresholds = system.relations, system.thresholds
        left = residual(relations, now, system.last)
        judged = heard & (relations.bound >= ENOUGH)
        usual = sizes(system.dispersion, moved(now, system.last), relations.least)
        found = statistics(thresholds, np.where(judged, left / usual, 0.0))
        number, most = self._number(system, now, heard, found)
        system.left[int(state.waiting[s])] = np.where(judged, left, np.nan)
        if number >= 1.0 or state.open[s]:
            raise_peak(thresholds, found)
            return self._episode(state, s, number, most, _facts(system, now, left, found, most, world), world)
        follow_size(system.dispersion, left, judged)
        state.settled[s] += 1
        if state.settled[s] > rule.settle_rounds:
            month_rounds = MONTH / (STEP_US * int(state.steps[s]))
            allowed = min(0.5, rule.alarms_per_month * rule.block_rounds / month_rounds)
            remember(thresholds, found, rule.block_rounds, rule.least_blocks, allowed)
        return []

    def _number(
        self, system: System, now: NDArray[np.float64], heard: NDArray[np.bool_], found: NDArray[np.float64]
    ) -> tuple[float, int]:
        """The system's number and the channel it is largest of; one that moves for the first time counts `NOVEL`."""
        number, most = score(system.thresholds, found)
        away = heard & (np.abs(now) > STIRRED * exactness(system.relations))
        if not np.isfinite(system.thresholds.limit[0]) or system.relations.weight[0] < self.rule.still_rounds:
            system.ever[:] |= away
            return number, most
        first = away & ~system.ever
        system.stirred[:] |= first
        return (NOVEL, int(first.argmax())) if first.any() and number < NOVEL else (number, most)

    def _episode(
        self, state: State, s: int, number: float, most: int, facts: dict[str, str], world: World
    ) -> list[Sign]:
        rule = self.rule
        if not state.open[s]:
            state.open[s], state.quiet[s], state.lasted[s], state.largest[s] = True, 0, 0, number
            state.began[s] = state.at - STEP_US * state.steps[s]
            state.channel[s] = state.systems[s]["channels"][most]
            state.systems[s]["sound"][:] = False
            return [_about(state, s, Phase.BEGAN, number, facts, world)]
        state.lasted[s] += 1
        state.quiet[s] = 0 if number >= RELEASE else state.quiet[s] + 1
        state.largest[s] = max(float(state.largest[s]), number)
        if state.quiet[s] >= rule.quiet_rounds or state.lasted[s] >= rule.gives_up_rounds:
            sign = _about(state, s, Phase.ENDED, float(state.largest[s]), {}, world)
            state.open[s] = False
            self._over(state, s)
            if state.lasted[s] >= rule.gives_up_rounds:
                self._anew(state, s)
            return [sign]
        if state.lasted[s] % rule.tells_rounds == 0 and not state.quiet[s]:
            return [_about(state, s, Phase.GOES_ON, number, facts, world)]
        return []

    def _over(self, state: State, s: int) -> None:
        system = _view(state.systems[s])
        if state.lasted[s] <= self.rule.own_rounds:
            take_peak(system.thresholds)
            system.ever[:] |= system.stirred
        else:
            drop_peak(system.thresholds)
        system.stirred[:] = False

    def _wait(self, state: State, s: int, now: NDArray[np.float64], heard: NDArray[np.bool_]) -> None:
        rule, system, i = self.rule, _view(state.systems[s]), int(state.waiting[s])
        system.now[i], system.before[i], system.told[i] = now, system.last, heard
        system.sound[i] = bool(state.chained[s]) and not state.open[s]
        system.last[:] = now
        state.chained[s] = True
        state.waiting[s] = i + 1
        if i + 1 < 2 * rule.wait_rounds:
            return
        if not state.measure_set[s]:
            _measure(system)
            state.measure_set[s] = True
        self._learn(state, s, system)

    def _learn(self, state: State, s: int, system: System) -> None:
        rule, relations, w = self.rule, system.relations, self.rule.wait_rounds
        sound = np.flatnonzero(system.sound[:w])
        if len(sound):
            keep = math.exp(-len(sound) * STEP_US * int(state.steps[s]) / rule.memory_us)
            now, before, left = system.now[sound], system.before[sound], system.left[sound]
            learn(relations, features(now, before), system.told[sound], keep)
            if np.isfinite(left).any():
                learn_sizes(system.dispersion, moved(now, before), left, keep)
        for room in (system.now, system.before, system.told, system.sound, system.left):
            room[:w] = room[w:]
        state.waiting[s] = w
        state.since_fit[s] += w
        enough = rule.rounds_per_channel * len(system.channels)
        if relations.weight[0] >= enough and (state.since_fit[s] >= rule.refit_rounds or not relations.bound.any()):
            fit(relations, FILLED)
            fit_sizes(system.dispersion)
            state.since_fit[s] = 0

    def _anew(self, state: State, s: int) -> None:
        fresh = _new_system(state.systems[s]["channels"], self.rule)
        for name, array in fresh.items():
            state.systems[s][name][:] = array
        for column in (state.steps, state.skipped, state.waiting, state.since_fit, state.settled, state.quiet):
            column[s] = 0
        state.measure_set[s] = state.chained[s] = state.open[s] = False


def card_of(rule: Rule) -> Card:
    """The card of a detector with these parameters."""
    return Card(
        id="system-consistency",
        title="System consistency",
        reads="steps",
        sees="a channel that no longer follows from the other channels of its site: a forged level that does not fit the flows, "
        "a replayed reading, an actuator run against its rule",
        fails_when=(
            "all channels of the system are forged together so that they still fit (a replay of the whole site, to the minute)",
            "the channel depends on nothing else at its site: it is then not judged",
            "the deviation is within what the system does by itself in a week, or an attack is there from the first day on",
            "the system was changed for good: it is then inconsistent until it was learned anew",
            "a system is cut where it has more than 48 channels; what depends across the cut is not seen",
        ),
        source="Taormina et al. 2018, BATADAL (doi:10.1061/(ASCE)WR.1943-5452.0000969), for what must be found; Whittaker 1990 for "
        "leave-one-out regression from the inverse covariance",
        kinds=(INCONSISTENT,),
        parameters={name: getattr(rule, name) for name in Rule.__slots__},
    )


def _new_system(channels: NDArray[np.int32], rule: Rule) -> dict[str, NDArray[Any]]:
    n, rooms = len(channels), 2 * rule.wait_rounds
    relations, dispersion, thresholds = new_relations(n), new_dispersion(n), new_thresholds(n, rule.blocks)
    return {
        "channels": channels,
        "last": np.full(n, np.nan),
        "now": np.zeros((rooms, n)),
        "before": np.zeros((rooms, n)),
        "told": np.zeros((rooms, n), dtype=np.bool_),
        "sound": np.zeros(rooms, dtype=np.bool_),
        "left": np.zeros((rooms, n)),
        "ever": np.zeros(n, dtype=np.bool_),
        "stirred": np.zeros(n, dtype=np.bool_),
        **{name: getattr(relations, name) for name in RELATIONS},
        **{name: getattr(dispersion, name) for name in DISPERSION},
        **{name: getattr(thresholds, name) for name in THRESHOLDS},
    }


def _view(arrays: dict[str, NDArray[Any]]) -> System:
    return System(
        **{name: arrays[name] for name in OWN},
        relations=Relations(**{name: arrays[name] for name in RELATIONS}),
        dispersion=Dispersion(**{name: arrays[name] for name in DISPERSION}),
        thresholds=Thresholds(**{name: arrays[name] for name in THRESHOLDS}),
    )


def _probe(state: State, heard: NDArray[np.bool_], mark: int) -> None:
    """Count which rounds of each length are filled, and once a day settle the cadence of systems that have none."""
    if (state.steps > 0).all():
        return
    state.heard |= heard
    state.probe[0] += heard
    for i, steps in enumerate(CADENCES[1:]):
        if mark % steps == 0:
            state.probe[i + 1] += state.heard[i]
            state.heard[i] = False
    state.probed += 1
    if state.probed < PROBE:
        return
    for s in np.flatnonzero(state.steps == 0).tolist():
        channels = state.systems[s]["channels"]
        state.steps[s] = cadence(state.probe[:, channels])
        state.total[channels], state.count[channels] = 0.0, 0
    state.probe[:], state.probed = 0, 0


def _measure(system: System) -> None:
    """Set the measure from the waiting room, which holds values as they came until now, and bring all of it into it."""
    relations = system.relations
    set_measure(relations, system.now)
    for room in (system.now, system.before, system.last):
        room[...] = np.nan_to_num(measured(relations, room), nan=0.0)


def _facts(
    system: System,
    now: NDArray[np.float64],
    left: NDArray[np.float64],
    found: NDArray[np.float64],
    most: int,
    world: World,
) -> dict[str, str]:
    relations, thresholds = system.relations, system.thresholds
    of_channels = (found / thresholds.usual).max(axis=0)
    seen, expected = (relations.centre + relations.spread * v for v in (now, now - left))
    ranked = [
        i
        for i in np.argsort(-of_channels, kind="stable")[:4].tolist()
        if i != most and of_channels[i] >= thresholds.limit[0]
    ]
    c = int(system.channels[most])
    symbol = world.registry.channel_unit_symbol[c]
    facts = {
        "channel": _named(world, c),
        "seen": f"{seen[most]:.6g} {symbol}".strip(),
        "expected from the rest of its system": f"{expected[most]:.6g} {symbol}".strip(),
    }
    if ranked:
        facts["next"] = ", ".join(_named(world, int(system.channels[i])) for i in ranked)
    return facts


def _named(world: World, channel: int) -> str:
    unit, name = world.name_of(channel)
    return f"{name} of {unit}"


def _about(state: State, s: int, phase: Phase, number: float, facts: dict[str, str], world: World) -> Sign:
    channel = int(state.channel[s])
    return Sign(
        kind=INCONSISTENT.id,
        unit=int(world.registry.channel_unit[channel]),
        channel=channel,
        began_at=int(state.began[s]),
        at=state.at,
        score=number,
        phase=phase,
        facts=facts,
    )


DETECTOR = SystemConsistency(Rule())

"""System consistency: the channels of one system no longer fit each other.

Theory of operation
-------------------
A *system* is the channels of one site (`systems`). Once a *round* (15 minutes or an hour, as the system speaks) every
channel is told from all others, now and a round before (`relations`); what is left is measured in the size that usually is
(`dispersion`) and judged (`thresholds`). A forged level no longer fits the flows that fill the tank; a replayed one fits them
at another hour; a pump that runs against its rule fits no pressure. A channel that never moved in a long past needs no
relations: it moves.

    probing --speaks--> learning --fitted, thresholds set--> watching --number >= 1--> open --quiet--> watching
       ^                                                        |                        |
       +------- silent for a week, or open for too long --------+------------------------+    (begun anew)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import HOUR
from cityward.watch.contract import STEP_US, Card, Held, Kind, Phase, Severity, Sign, Step
from cityward.watch.detectors.system_consistency.bank import Bank, Episode, Rule, banks_of, one, start_anew
from cityward.watch.detectors.system_consistency.rounds import Judged, are_rounds, take_rounds
from cityward.watch.detectors.system_consistency.systems import CADENCES, PROBE, cadence, systems_of
from cityward.watch.detectors.system_consistency.thresholds import drop_peak, take_peak
from cityward.watch.events import Event
from cityward.watch.world import World

RELEASE = 0.7
"""Below this number an episode is quiet."""
SILENT_STEPS = 7 * PROBE
READABLE = 1e100
NAMED = 3

INCONSISTENT = Kind(
    id="does-not-fit-its-system",
    title="A reading does not fit the rest of its system",
    severity=Severity.HIGH,
    weight=0.16,  # SECURITY: of two that do not fit each other, either may be the forged one: never quarantined by this alone
    todo="look at the named channel and its system on the spot; until then rely on what the other channels say of it",
    delay_us=12 * HOUR,
    technique="T0856",
)


@dataclass(slots=True)
class State:
    """total, count: (C,) of the round under way. heard: (2, C) heard since the last 3- and 12-step mark. probe: (2, C) how
    many rounds of each cadence were filled in the `probed` steps of this probing."""

    total: NDArray[np.float64]
    count: NDArray[np.int64]
    heard: NDArray[np.bool_]
    probe: NDArray[np.int64]
    banks: list[Bank]
    at: int = 0
    probed: int = 0


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
        c = world.channels
        return State(
            total=np.zeros(c),
            count=np.zeros(c, dtype=np.int64),
            heard=np.zeros((len(CADENCES), c), dtype=np.bool_),
            probe=np.zeros((len(CADENCES), c), dtype=np.int64),
            banks=banks_of(systems_of(world), self.rule),
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
            for bank in state.banks:
                bank.chained[:] = False
        state.at = step.at
        heard = (step.count > 0) & (np.abs(step.mean) < READABLE)
        state.total[heard] += step.mean[heard]
        state.count += heard
        mark = step.at // STEP_US
        _probe(state, heard, mark)
        signs: list[Sign] = []
        for bank in state.banks:
            due = np.flatnonzero((bank.steps > 0) & (mark % np.maximum(bank.steps, 1) == 0))
            if len(due):
                signs += self._rounds(state, bank, due, world)
        return signs

    def _rounds(self, state: State, bank: Bank, due: NDArray[np.intp], world: World) -> list[Sign]:
        channels = bank.channels[due]
        count = state.count[channels]
        value, heard = state.total[channels] / np.maximum(count, 1), count > 0
        state.total[channels], state.count[channels] = 0.0, 0
        whole = are_rounds(bank, due, heard)
        signs: list[Sign] = []
        for s in due[~whole].tolist():
            signs += self._no_round(state, bank, s, world)
        bank.skipped[due[whole]] = 0
        for judged in take_rounds(bank, due[whole], value[whole], heard[whole], self.rule):
            if bank.episodes[judged.s].open:
                signs += self._go_on(state, bank, judged, world)
            else:
                signs.append(_open(state, bank, judged, world))
        return signs

    def _no_round(self, state: State, bank: Bank, s: int, world: World) -> list[Sign]:
        bank.chained[s] = False
        bank.skipped[s] += 1
        if bank.skipped[s] * bank.steps[s] < SILENT_STEPS:
            return []
        episode = bank.episodes[s]
        signs = [_sign(state, episode, Phase.ENDED, episode.largest, {}, world)] if episode.open else []
        start_anew(bank, s, self.rule)
        return signs

    def _go_on(self, state: State, bank: Bank, judged: Judged, world: World) -> list[Sign]:
        rule, episode = self.rule, bank.episodes[judged.s]
        episode.lasted += 1
        episode.quiet = 0 if judged.number >= RELEASE else episode.quiet + 1
        episode.largest = max(episode.largest, judged.number)
        too_long = episode.lasted >= rule.gives_up_rounds
        if episode.quiet < rule.quiet_rounds and not too_long:
            if episode.lasted % rule.tells_rounds or episode.quiet:
                return []
            return [_sign(state, episode, Phase.GOES_ON, judged.number, _facts(bank, judged, world), world)]
        sign = _sign(state, episode, Phase.ENDED, episode.largest, {}, world)
        if too_long:
            start_anew(bank, judged.s, rule)
        else:
            _close(bank, judged.s, rule)
        return [sign]


def card_of(rule: Rule) -> Card:
    """The card of a detector with these parameters."""
    return Card(
        id="system-consistency",
        title="System consistency",
        reads="steps",
        sees="a channel that no longer follows from the other channels of its site: a forged level that does not fit the flows, "
        "a replayed reading, an actuator run against its rule",
        fails_when=(
            "all channels of the system are forged together so that they still fit (a replay of the whole site)",
            "the channel depends on little else at its site: then only what is unusual by itself is seen",
            "a level is shifted for good by less than its neighbours betray: the shift is seen when it comes, not while it stays",
            "the deviation is within what the system does by itself, or the attack is there from the first day on",
            "the system was changed for good: it does not fit until it was learned anew",
            "a site has more than 48 channels: it is cut, and what depends across the cut is not seen",
        ),
        source="Taormina et al. 2018, BATADAL (doi:10.1061/(ASCE)WR.1943-5452.0000969), for what must be found; Whittaker 1990 "
        "for leave-one-out regression from the inverse covariance",
        kinds=(INCONSISTENT,),
        parameters={name: getattr(rule, name) for name in Rule.__slots__},
    )


def _probe(state: State, heard: NDArray[np.bool_], mark: int) -> None:
    """Count which rounds of each length are filled, and once a day settle the cadence of systems that have none."""
    if all(bank.steps.all() for bank in state.banks):
        return
    state.heard |= heard
    for i, steps in enumerate(CADENCES):
        if mark % steps == 0:
            state.probe[i] += state.heard[i]
            state.heard[i] = False
    state.probed += 1
    if state.probed < PROBE:
        return
    for bank in state.banks:
        for s in np.flatnonzero(bank.steps == 0).tolist():
            channels = bank.channels[s]
            bank.steps[s] = cadence(state.probe[:, channels])
            state.total[channels], state.count[channels] = 0.0, 0
    state.probe[:], state.probed = 0, 0


def _open(state: State, bank: Bank, judged: Judged, world: World) -> Sign:
    s = judged.s
    bank.episodes[s] = episode = Episode(
        open=True,
        began=state.at - STEP_US * int(bank.steps[s]),
        channel=int(bank.channels[s, judged.most]),
        largest=judged.number,
    )
    bank.sound[s] = False  # what came shortly before may be part of it
    return _sign(state, episode, Phase.BEGAN, judged.number, _facts(bank, judged, world), world)


def _close(bank: Bank, s: int, rule: Rule) -> None:
    if bank.episodes[s].lasted <= rule.own_rounds:
        take_peak(one(bank.thresholds, s))
        bank.ever[s] |= bank.stirred[s]
    else:
        drop_peak(one(bank.thresholds, s))
    bank.stirred[s] = False
    bank.episodes[s] = Episode()


def _facts(bank: Bank, judged: Judged, world: World) -> dict[str, str]:
    channels, most = bank.channels[judged.s].tolist(), judged.most
    c = channels[most]
    symbol = world.registry.channel_unit_symbol[c]
    facts = {
        "most deviating": _named(world, c),
        "seen": f"{judged.seen[most]:.6g} {symbol}".strip(),
        "expected from the rest of its system": f"{judged.expected[most]:.6g} {symbol}".strip(),
    }
    ranked = np.argsort(-judged.of_channels, kind="stable")[: NAMED + 1].tolist()
    further = [_named(world, channels[i]) for i in ranked if i != most and judged.of_channels[i] >= 1.0]
    return {**facts, "next": ", ".join(further)} if further else facts


def _named(world: World, channel: int) -> str:
    unit, name = world.name_of(channel)
    return f"{name} of {unit}"


def _sign(state: State, episode: Episode, phase: Phase, number: float, facts: dict[str, str], world: World) -> Sign:
    return Sign(
        kind=INCONSISTENT.id,
        unit=int(world.registry.channel_unit[episode.channel]),
        channel=episode.channel,
        began_at=episode.began,
        at=state.at,
        score=number,
        phase=phase,
        facts=facts,
    )


DETECTOR = SystemConsistency(Rule())

"""How long one decision takes: many synthetic junctions, a step of the controller and the gate's judgement of each wish.

A junction is a crossing of four approaches with protected turns: 8 groups, 12 lanes, 4 stages; they stand in rows of ten, each
linked to the next one. What is seen is drawn with a seed. Times are processor seconds of one core.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cityward.adapters.sumo.run import Centre
from cityward.guard.signals.rules import JunctionRules
from cityward.guard.signals.sequencer import Sequencer
from cityward.place.junctions import Conflict, Junction, Link, PlanStep, SignalGroup
from cityward.services.signals.seen import Controller, JunctionSeen, LaneSeen

ROW = 10
MOST_VEHICLES = 15
GROUPS = ("n", "nl", "e", "el", "s", "sl", "w", "wl")
STAGES = {"ns": ("n", "s"), "nsl": ("nl", "sl"), "ew": ("e", "w"), "ewl": ("el", "wl")}


@dataclass(frozen=True, slots=True)
class Timed:
    """One size. step_ms, gate_ms: medians of one second's work for all junctions."""

    junctions: int
    step_ms: float
    gate_ms: float
    per_100_ms: float


def time_steps(controller: Controller[Any], sizes: Sequence[int], seconds: int = 30, seed: int = 1) -> list[Timed]:
    """The times for each number of junctions."""
    return [_timed(controller, size, seconds, seed) for size in sizes]


def _timed(controller: Controller[Any], size: int, seconds: int, seed: int) -> Timed:
    chance = np.random.default_rng(seed)
    junctions = {f"j-{n}": made_junction(n, size) for n in range(size)}
    rules = {name: JunctionRules.of(junction, name) for name, junction in junctions.items()}
    sequencers = {name: Sequencer(one, 0.0) for name, one in rules.items()}
    memory, centre = controller.memory(), Centre(rules)
    steps: list[float] = []
    gates: list[float] = []
    for second in range(seconds):
        now_s = float(second)
        seen = {name: _seen(junctions[name], sequencer, chance, now_s) for name, sequencer in sequencers.items()}
        begun = time.process_time()
        memory, wishes = controller.step(junctions, seen, memory, now_s)
        decided = time.process_time()
        heard = centre.judged(wishes, seen, now_s)
        steps.append(decided - begun)
        gates.append(time.process_time() - decided)
        for name, sequencer in sequencers.items():
            if name in heard:
                sequencer.wish(heard[name], now_s)
            sequencer.tick(now_s)
    # the first seconds fill caches and find nothing that may change yet
    step_ms, gate_ms = (1000 * float(np.median(times[5:])) for times in (steps, gates))
    return Timed(size, step_ms, gate_ms, (step_ms + gate_ms) / size * 100)


def made_junction(nth: int, of: int) -> Junction:
    """The n-th junction of a grid of so many."""
    lanes = {"n": ("n0", "n1"), "e": ("e0", "e1"), "s": ("s0", "s1"), "w": ("w0", "w1")}
    groups = {
        name: SignalGroup(
            lanes=tuple(f"{lane}-{nth}" for lane in lanes.get(name, (f"{name}0",))), leads_to=(f"out-{name}-{nth}",)
        )
        for name in GROUPS
    }
    together = {frozenset(pair) for pair in STAGES.values()} | {frozenset({d, f"{d}l"}) for d in "nesw"}
    conflicts = tuple(
        Conflict(first=a, then=b)
        for i, a in enumerate(GROUPS)
        for b in GROUPS[i + 1 :]
        if frozenset({a, b}) not in together
    )
    after = nth + 1 if (nth + 1) % ROW and nth + 1 < of else None
    links = (
        () if after is None else (Link(group="w", to=f"j-{after}", lanes=(f"w0-{after}", f"w1-{after}"), seconds=20.0),)
    )
    return Junction(
        device=f"j-{nth}",
        groups=groups,
        conflicts=conflicts,
        stages=STAGES,
        plan=tuple(PlanStep(stage=stage, seconds=22.0) for stage in STAGES),
        links=links,
    )


def _seen(junction: Junction, sequencer: Sequencer, chance: np.random.Generator, now_s: float) -> JunctionSeen:
    lanes: dict[str, LaneSeen] = {}
    for group in junction.groups.values():
        for lane in group.lanes:
            count = int(chance.integers(0, MOST_VEHICLES))
            speeds = chance.uniform(0.0, 13.9, count) * (chance.random(count) > 0.5)
            halted = float((speeds < 0.1).sum())
            lanes[lane] = LaneSeen(float(count), halted, 200.0, np.sort(chance.uniform(0.0, 200.0, count)), speeds)
    return JunctionSeen(
        stage=sequencer.stage,
        since_s=sequencer.since_s(now_s),
        settled=sequencer.settled,
        green_s=sequencer.green_s,
        red_s=sequencer.red_s,
        lanes=lanes,
        room={lane: 1.0 for group in junction.groups.values() for lane in group.leads_to},
        on_plan=sequencer.on_plan,
    )

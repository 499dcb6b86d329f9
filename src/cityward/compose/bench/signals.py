"""`cityward bench signals`: our controllers beside the city's programme and the known ones, in the same run and the same SUMO.

Lives here: what is run. Does not live here: how (`adapters.sumo.child`), and what the tables look like (`adapters.sumo.tables`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cityward.adapters.bench.signal_guard import SafetyRow, made_junctions, measure_safety
from cityward.adapters.bench.tables import Table, table_of
from cityward.adapters.sumo.attacks import ATTACKS, HarmOrder
from cityward.adapters.sumo.baselines import BASELINES
from cityward.adapters.sumo.child import GUARDED, Order, find_controller, many, our_controllers
from cityward.adapters.sumo.metrics import Score
from cityward.adapters.sumo.scenario import find_scenarios, read_scenario
from cityward.adapters.sumo.steps import time_steps
from cityward.adapters.sumo.tables import attack_table, score_tables
from cityward.errors import LinkError

__all__ = ["Table", "run_attacks", "run_safety", "run_step", "run_table"]

PROGRAMME = "programme"
MADE_JUNCTIONS = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """Tables, and the scores they are made of."""

    tables: Sequence[Table]
    scores: Sequence[Score]


def known_controllers() -> tuple[str, ...]:
    """The names that may be asked for: the baselines, then ours."""
    return (*BASELINES, GUARDED, *our_controllers())


def run_table(
    data: Path,
    tell: Callable[[str], None],
    *,
    scenarios: Sequence[str] = (),
    controllers: Sequence[str] = (),
    seeds: int = 5,
    until_s: float | None = None,
    lift_after_s: float | None = None,
    at_once: int = 0,
) -> Measured:
    """Every controller on every scenario with every seed; all known ones where none is named.

    Raises:
        LinkError: there is no such scenario.
        ScenarioError: there is no such controller.
    """
    names = tuple(controllers) or known_controllers()
    for name in names:
        find_controller(name)
    orders = [
        Order(scenario=str(path), controller=name, seed=seed, until_s=until_s, lift_after_s=lift_after_s)
        for seed in range(1, seeds + 1)
        for path in _scenarios(data, scenarios, tell).values()
        for name in names
    ]
    scores = _run(orders, at_once, tell)
    return Measured(score_tables([scores[order] for order in sorted(scores)]), [scores[n] for n in sorted(scores)])


def run_attacks(
    data: Path,
    tell: Callable[[str], None],
    *,
    controller: str,
    kinds: Sequence[str] = (),
    scenarios: Sequence[str] = (),
    seed: int = 1,
    until_s: float | None = None,
    noticed_after_s: float | None = None,
    at_once: int = 0,
) -> Measured:
    """One controller under attacks (all, or those named), beside its clean run and the city's own programme.

    Raises:
        LinkError: there is no such scenario or attack, or a run failed.
        ScenarioError: there is no such controller.
    """
    find_controller(controller)
    if unknown := [kind for kind in kinds if kind not in ATTACKS]:
        raise LinkError(f"there is no attack `{unknown[0][:64]}`", mend=f"one of {', '.join(ATTACKS)}")
    chosen = [name for name in ATTACKS if not kinds or name in kinds]
    tables: list[Table] = []
    every: list[Score] = []
    for name, path in _scenarios(data, scenarios, tell).items():
        harms = [
            HarmOrder(kind=kind, where=where, noticed_after_s=noticed_after_s)
            for kind, where in (ATTACKS[attack] for attack in chosen)
        ]
        orders = [Order(scenario=str(path), controller=PROGRAMME, seed=seed, until_s=until_s)]
        orders += [
            Order(scenario=str(path), controller=controller, seed=seed, until_s=until_s, harm=harm)
            for harm in (None, *harms)
        ]
        scores = _run(orders, at_once, tell)
        if len(scores) != len(orders):
            raise LinkError(f"of {name} {len(orders) - len(scores)} runs failed", mend="see what was left out")
        harmed = {attack: scores[n] for n, attack in enumerate(chosen, start=2)}
        tables.append(attack_table(name, controller, scores[1], scores[0], harmed))
        every += [scores[n] for n in sorted(scores)]
    return Measured(tables, every)


def run_step(controller: str, sizes: Sequence[int]) -> Sequence[Table]:
    """One second's decision and judgement for so many junctions.

    Raises:
        ScenarioError: there is no such controller, or it is a baseline that decides nothing here.
    """
    found = find_controller(controller)
    if isinstance(found, str):
        raise LinkError(
            f"`{controller}` decides within SUMO", mend=f"one of {', '.join([GUARDED, *our_controllers()])}"
        )
    rows = time_steps(found, sizes)
    first, last = rows[0], rows[-1]
    grown = (last.step_ms + last.gate_ms) / max(first.step_ms + first.gate_ms, 1e-9)
    more = last.junctions / first.junctions
    verdict = f"{first.junctions} -> {last.junctions} junctions: {more:g} times as many, {grown:.1f} times the time"
    notes = (
        "processor milliseconds of one core for one second's decision (step) and judgement of every wish (gate), median",
    )
    return [table_of(f"A step of `{controller}`", rows, verdict, notes)]


def run_safety(
    data: Path | None,
    tell: Callable[[str], None],
    *,
    scenarios: Sequence[str] = (),
    signal_seconds: int = 10_000_000,
    seed: int = 1,
) -> Table:
    """What the conflict monitor counts when hostile centres drive every junction of the scenarios; made junctions without data.

    Raises:
        LinkError: there is no such scenario.
    """
    if data is None:
        tell(f"no data: {MADE_JUNCTIONS} made junctions instead of a city's")
        junctions = made_junctions(MADE_JUNCTIONS, seed)
    else:
        junctions = {
            f"{name} {junction}": declared
            for name, path in _scenarios(data, scenarios, tell).items()
            for junction, declared in read_scenario(path).junctions.items()
        }
    rows = measure_safety(junctions, signal_seconds, seed, tell)
    return table_of("What hostile centres got shown", rows, _safety_verdict(rows), SAFETY_NOTES)


SAFETY_NOTES = (
    "a signal-second is one signal group for one second; the monitor is an implementation of the rules of its own",
    "the last row is a sequencer that forgets intergreens, and at times to end a green: so the monitor is awake",
)


def _safety_verdict(rows: Sequence[SafetyRow]) -> str:
    whole, broken = rows[:-1], rows[-1]
    shown, conflicts = sum(row.signal_seconds for row in whole), sum(row.conflicting_greens for row in whole)
    others = sum(
        row.short_intergreens + row.short_greens + row.short_ambers + row.reds_too_long + row.other for row in whole
    )
    return (
        f"{shown:,} signal-seconds: {conflicts} conflicting greens, {others} other breaches "
        f"(broken on purpose: {broken.conflicting_greens} conflicting greens in {broken.signal_seconds:,})"
    )


def _scenarios(data: Path, names: Sequence[str], tell: Callable[[str], None]) -> Mapping[str, Path]:
    found = find_scenarios(data)
    for name in names:
        if name not in found:
            tell(f"left out: there is no scenario `{name}` below {data}")
    chosen = {name: path for name, path in found.items() if not names or name in names}
    if not chosen:
        raise LinkError(f"there is no scenario of SUMO below {data}", mend="name a folder with a `.sumocfg` below it")
    return chosen


def _run(orders: Sequence[Order], at_once: int, tell: Callable[[str], None]) -> dict[int, Score]:
    """Number of the order -> its score; what failed is left out, aloud."""
    numbers = {id(order): n for n, order in enumerate(orders)}
    scores: dict[int, Score] = {}
    for order, score in many(orders, at_once or os.cpu_count() or 1, tell):
        scores[numbers[id(order)]] = score
        harm = f" ({order.harm.kind}, {order.harm.where})" if order.harm else ""
        tell(
            f"{len(scores)}/{len(orders)} {score.scenario} {score.controller}{harm} seed {score.seed}: {score.delay_s:.1f} s"
        )
    return scores

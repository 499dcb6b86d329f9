"""The benchmark's tables, made of scores: each controller beside the best baseline of its scenario, in the same run.

Does not live here: running anything (`child`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from cityward.adapters.bench.tables import Cell, Table
from cityward.adapters.sumo.baselines import BASELINES
from cityward.adapters.sumo.metrics import Score

HEAD = (
    *("controller", "delay s", "+-", "to best", "trip s", "waiting s", "queue", "longest wait s"),
    *("never entered", "unfinished", "lifted", "locked", "conflicts", "short", "red too long", "seeds"),
)
NOTES = (
    "lifted: vehicles that SUMO lifted over a jam. locked: vehicles that block each other to the end where no signal is",
    "delay: timeLoss + departDelay, mean over all demand scheduled; vehicles kept outside count with their wait until the end",
    "to best: by delay, to the best baseline of this run. Means over seeds; longest wait: of all seeds, outside included",
    "conflicts, short, red too long: what the monitor counted per hour run, intergreens as derived from the city's programme;"
    " baselines know no such rules",
)


def score_tables(scores: Sequence[Score]) -> list[Table]:
    """A table for each scenario."""
    by: dict[str, dict[str, list[Score]]] = {}
    for score in scores:
        by.setdefault(score.scenario, {}).setdefault(score.controller, []).append(score)
    return [_table(scenario, runs) for scenario, runs in sorted(by.items())]


def _table(scenario: str, runs: Mapping[str, Sequence[Score]]) -> Table:
    delays = {name: fmean(score.delay_s for score in those) for name, those in runs.items()}
    known = {name: delay for name, delay in delays.items() if name in BASELINES}
    best = min(known, key=lambda name: known[name]) if known else None
    order = sorted(
        runs, key=lambda name: (name not in BASELINES, list(BASELINES).index(name) if name in BASELINES else 0)
    )
    first = next(iter(runs.values()))[0]
    jams = "never" if first.teleport_s < 0 else f"after {first.teleport_s:g} s"
    return Table(
        title=f"{scenario}: {first.demand} vehicles, {first.sumo}, vehicles lifted over a jam: {jams}",
        head=HEAD,
        rows=tuple(_row(name, runs[name], delays[best] if best else None) for name in order),
        verdict=_verdict(best, delays),
        notes=NOTES,
    )


def _row(name: str, those: Sequence[Score], best: float | None) -> tuple[Cell, ...]:
    delays = [score.delay_s for score in those]
    delay = fmean(delays)
    return (
        name,
        round(delay, 1),
        round(stdev(delays), 1) if len(delays) > 1 else None,
        None if not best else round(delay / best, 2),
        round(fmean(score.trip_s for score in those), 1),
        round(fmean(score.waiting_s for score in those), 1),
        round(fmean(score.queue for score in those), 2),
        round(max(score.longest_wait_s for score in those)),
        *(
            round(fmean(values), 1)
            for values in (
                [score.never_entered for score in those],
                [score.unfinished for score in those],
                [score.teleports for score in those],
                [score.locked for score in those],
            )
        ),
        *(
            sum(values)
            for values in ([s.conflicts for s in those], [s.short for s in those], [s.over_red for s in those])
        ),
        len(those),
    )


def _verdict(best: str | None, delays: Mapping[str, float]) -> str:
    if best is None:
        return "no baseline was run beside"
    ours = {name: delay for name, delay in delays.items() if name not in BASELINES}
    told = [
        f"{name} {delay / delays[best]:.2f} of it" for name, delay in sorted(ours.items(), key=lambda item: item[1])
    ]
    return f"best baseline: {best}, {delays[best]:.1f} s" + (f"; {', '.join(told)}" if told else "")


def attack_table(scenario: str, controller: str, clean: Score, plan: Score, harmed: Mapping[str, Score]) -> Table:
    """One scenario under each attack, beside the clean run and the city's own programme."""
    rows: list[tuple[Cell, ...]] = [_harmed("nobody attacks", clean, clean, plan)]
    rows += [_harmed(name, score, clean, plan) for name, score in harmed.items()]
    rows.append(_harmed("the city's own programme", plan, clean, plan))
    worst = max(harmed, key=lambda name: harmed[name].delay_s, default="")
    conflicts = sum(score.conflicts for score in harmed.values())
    watched = sum(score.signal_s for score in harmed.values())
    to_clean = harmed[worst].delay_s / clean.delay_s if worst and clean.delay_s else 0.0
    return Table(
        title=f"{scenario}, {controller}, under attack ({clean.sumo}, seed {clean.seed})",
        head=(
            *("attack", "delay s", "to clean", "to own plan", "longest wait s", "never entered", "locked"),
            *("conflicts", "short", "red too long"),
        ),
        rows=tuple(rows),
        verdict=f"worst: {worst}, {to_clean:.2f} of the clean run; {conflicts} conflicts in {watched:,} signal-seconds",
        notes=("every attack begins after 300 s and lasts; detectors lie on a third of the lanes", NOTES[0]),
    )


def _harmed(name: str, score: Score, clean: Score, plan: Score) -> tuple[Cell, ...]:
    return (
        name,
        round(score.delay_s, 1),
        round(score.delay_s / clean.delay_s, 2) if clean.delay_s else None,
        round(score.delay_s / plan.delay_s, 2) if plan.delay_s else None,
        round(score.longest_wait_s),
        score.never_entered,
        score.locked,
        score.conflicts,
        score.short,
        score.over_red,
    )

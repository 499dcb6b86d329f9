"""Runs detectors over a recorded city, attacked and not, exactly as the watch feeds them, and hands back their signs.

Lives here: feeding (rows and steps from a grid), the baselines, one run. Not here: what is attacked (`inject`), how signs are
scored (`watch_score`).

INVARIANTS
- The learned part is fed as the past read again (`Step.learning`); signs made in it are dropped, as the watch drops them.
- Every run over the judged part starts from a copy of the same learned state, and makes the same signs.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.cities import City
from cityward.adapters.bench.inject import Attacked, Series
from cityward.watch.contract import STEP_US, Detector, Held, Sign, Step
from cityward.watch.world import World

LEARNED_SEED_ROWS = 12
"""So often, in steps, detectors of rows are told that time goes on while nobody speaks."""


@dataclass(frozen=True, slots=True)
class Made:
    """A sign and the detector that made it."""

    by: str
    sign: Sign


@dataclass(slots=True)
class Run:
    """Detectors and their states at one moment of a city. spent_s: by detector; steps: how many were fed."""

    detectors: Mapping[str, Detector]
    states: dict[str, Any]
    spent_s: dict[str, float]
    steps: int = 0

    def copied(self) -> Run:
        """As it stands, to be led on elsewhere."""
        return Run(self.detectors, copy.deepcopy(self.states), dict.fromkeys(self.spent_s, 0.0))


def begun(detectors: Mapping[str, Detector], world: World) -> Run:
    """Before the first fact."""
    states = {name: detector.begin(world) for name, detector in detectors.items()}
    return Run(detectors, states, dict.fromkeys(detectors, 0.0))


def fed(run: Run, city: City, what: Attacked | None, begin: int, end: int, *, learning: bool) -> list[Made]:
    """Feed rows [begin, end) of the city's series (attacked, where `what` says so): the signs, in the order they were made."""
    out: list[Made] = []
    for held, step in facts(city.series, what, begin, end, learning=learning):
        run.steps += 1
        for name, detector in run.detectors.items():
            reads = detector.card.reads
            if reads == "events" or (reads == "rows" and held is None):
                continue
            before = time.perf_counter()
            state = run.states[name]
            if reads == "rows":
                assert held is not None
                signs = detector.rows(state, held, city.world)
            else:
                signs = detector.step(state, step, city.world)
            run.spent_s[name] += time.perf_counter() - before
            out += [Made(name, sign) for sign in signs if not learning]
    return out


def facts(
    series: Series, what: Attacked | None, begin: int, end: int, *, learning: bool
) -> Iterator[tuple[Held | None, Step]]:
    """The rows that came and the step of the grid they made, one after the other, without a gap."""
    value = series.value if what is None else what.value
    value, moved, copies = (
        value[begin:end],
        None if what is None else what.moved[begin:end],
        None if what is None else what.copies[begin:end],
    )
    grid = _on_time(value, moved, series.pace_us)
    per_row = max(1, series.pace_us // STEP_US)
    channels = value.shape[1]
    silent = _step_of(np.full(channels, np.nan), 0, learning)
    seq = begin * channels
    for row in range(end - begin):
        at = int(series.at[begin + row])
        held = _held(
            value[row], None if moved is None else moved[row], None if copies is None else copies[row], at, seq
        )
        seq += len(held)
        yield held, _step_of(grid[row], at + STEP_US, learning)
        for more in range(1, per_row):
            now = at + more * STEP_US
            late = _nothing(now) if more % LEARNED_SEED_ROWS == 0 else None
            yield late, Step(now + STEP_US, silent.mean, silent.newest, silent.count, learning)


def _on_time(value: NDArray[np.float64], moved: NDArray[np.int64] | None, pace_us: int) -> NDArray[np.float64]:
    """As the grid sees it: readings of a clock that is fast stand in a later row, those of a slow one come too late for it."""
    if moved is None or not moved.any():
        return value
    out = np.where(moved == 0, value, np.nan)
    rows, columns = np.nonzero(moved > 0)
    to = rows + np.maximum(1, moved[rows, columns] // pace_us)
    inside = to < len(value)
    out[to[inside], columns[inside]] = value[rows[inside], columns[inside]]
    return out


def _step_of(mean: NDArray[np.float64], at: int, learning: bool) -> Step:
    return Step(at=at, mean=mean, newest=mean, count=np.isfinite(mean).astype(np.int32), learning=learning)


def _held(
    value: NDArray[np.float64], moved: NDArray[np.int64] | None, copies: NDArray[np.int8] | None, at: int, seq: int
) -> Held:
    channel = np.flatnonzero(np.isfinite(value)).astype(np.int32)
    if copies is not None and copies.any():
        channel = np.repeat(channel, 1 + copies[channel])
    observed = np.full(len(channel), at, dtype=np.int64)
    if moved is not None:
        observed += moved[channel]
    received = np.full(len(channel), at + 2_000_000, dtype=np.int64)
    return Held(
        channel, value[channel], observed, received, seq + np.arange(len(channel), dtype=np.int64), at + 2_000_000
    )


def _nothing(now: int) -> Held:
    none = np.empty(0, dtype=np.int64)
    return Held(none.astype(np.int32), none.astype(np.float64), none, none, none, now)


def known(signs: Sequence[Made]) -> set[tuple[str, str, int, int, int]]:
    """What tells signs apart: to see which of them an attack brought about."""
    return {(m.by, m.sign.kind, m.sign.unit, m.sign.channel, m.sign.at) for m in signs}


def brought_about(signs: Sequence[Made], clean: set[tuple[str, str, int, int, int]]) -> list[Made]:
    """The signs that the same city, not attacked, does not make."""
    return [m for m in signs if (m.by, m.sign.kind, m.sign.unit, m.sign.channel, m.sign.at) not in clean]

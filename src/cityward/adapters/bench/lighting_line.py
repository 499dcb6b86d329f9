"""Faults injected into what a real lighting line drew: lost lamps, day-burners, late switches. Ours beside published alarm rules.

What is recorded: three days of power and voltage, minute by minute, of one line (test data of SLightliMon; GPL, read
where it lies, never copied). No faults are labelled in it, so they are put in, seeded; each night in turn is the one
judged, the two others are what both judges learned from. The published rules are those of SLightliMon's description:
five-minute means against the reference days, an anomaly where they differ by more than 200 W or 2 %, for seven
minutes, more than ten minutes from a switch.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.tables import Cell, Table
from cityward.services.lighting.lines import LineRules, Sample, Wanted, looked_at, told
from cityward.services.lighting.memory import LineMemory
from cityward.time import DAY, MINUTE

Tell = Callable[[str], None]
Watts = NDArray[np.float64]

DAY_MIN = 1440
LAMP_W = 150.0
LAMPS = 46  # 6.97 kW at most: so many of 150 W
SEEDS = 10
FROM_SWITCH = 10  # minutes
SETTLED = 30  # minutes after a fault's end in which telling it is no false alarm
RULES = LineRules(lamp_w=LAMP_W, low_v=207, high_v=253, confirm_us=7 * MINUTE)


@dataclass(frozen=True, slots=True)
class Fault:
    """What was put into a day: between these minutes (of 1440; the recording's day holds one night whole)."""

    kind: str
    first: int
    last: int


Inject = Callable[[Watts, tuple[int, int], random.Random], tuple[Watts, Fault]]


def line_tables(data: Path, tell: Tell) -> list[Table]:
    """The table, or none where the recording is not there."""
    folder = data / "streetlights" / "power"
    found = [_read(path) for path in sorted(folder.glob("*-[vw]-data-test.txt"))]
    if len(found) != 2:
        tell(f"left out: no recorded line in {folder}")
        return []
    volts, watts = (one[: one.size // DAY_MIN * DAY_MIN].reshape(-1, DAY_MIN) for one in found)
    tell(f"faults put into {len(watts)} recorded nights of a lighting line, {SEEDS} seeds each")
    return [table_of_faults(watts, volts)]


def _read(path: Path) -> Watts:
    return np.array([float(line) for line in path.read_text(encoding="utf-8").split()], dtype=np.float64)


def lost_lamps(day: Watts, night: tuple[int, int], chance: random.Random, lamps: int) -> tuple[Watts, Fault]:
    """So many of the lamps go out at some minute of the night and stay out."""
    first = chance.randrange(night[0] + 40, night[1] - 60)
    changed = day.copy()
    changed[first:] *= 1 - lamps / LAMPS
    return changed, Fault(f"{lamps} of {LAMPS} lamps lost", first, night[1])


def day_burner(day: Watts, night: tuple[int, int], chance: random.Random, lamps: int) -> tuple[Watts, Fault]:
    """So many lamps burn for two hours of the day."""
    first = chance.randrange(60, night[0] - 180)
    changed = day.copy()
    changed[first : first + 120] += lamps * LAMP_W
    return changed, Fault(f"{lamps} lamps burn by day", first, first + 120)


def late_on(day: Watts, night: tuple[int, int], chance: random.Random) -> tuple[Watts, Fault]:
    """It switches on 25 to 60 minutes late."""
    late = chance.randrange(25, 61)
    changed = day.copy()
    changed[night[0] : night[0] + late] = 0.0
    changed[night[0] + late : night[0] + late + 30] = day[night[0] : night[0] + 30]
    return changed, Fault("on 25-60 min late", night[0], night[0] + late)


def late_off(day: Watts, night: tuple[int, int], chance: random.Random) -> tuple[Watts, Fault]:
    """It switches off 25 to 60 minutes late."""
    late = chance.randrange(25, 61)
    changed = day.copy()
    changed[night[1] : night[1] + late] = np.nanmedian(day[night[1] - 20 : night[1] - 3])
    return changed, Fault("off 25-60 min late", night[1], night[1] + late)


INJECTED: tuple[Inject, ...] = (
    partial(lost_lamps, lamps=1),
    partial(lost_lamps, lamps=2),
    partial(lost_lamps, lamps=4),
    partial(day_burner, lamps=1),
    partial(day_burner, lamps=LAMPS),
    late_on,
    late_off,
)


def night_of(day: Watts) -> tuple[int, int]:
    """(first, end) minute of the line's being on."""
    on = np.flatnonzero(np.nan_to_num(day) > LAMP_W / 2)
    return int(on[0]), int(on[-1]) + 1


# -- two judges: each answers with the minutes at which it began to tell something ------------------------------------


class Ours:
    """`services.lighting.lines`, taught by the reference days; switching as they switched."""

    def __init__(self, watts: Watts, volts: Watts) -> None:
        nights = [night_of(day) for day in watts]
        self._on, self._off = median(night[0] for night in nights), median(night[1] for night in nights)
        self._taught = LineMemory()
        for number, (day, voltage) in enumerate(zip(watts, volts, strict=True)):
            self._taught, _ = self._run(self._taught, number, day, voltage)
        self._next = len(watts)

    def told(self, day: Watts, volts: Watts) -> list[int]:
        """Minutes of a day at which something was told that was not told before."""
        return self._run(self._taught, self._next, day, volts)[1]

    def _run(self, memory: LineMemory, number: int, day: Watts, volts: Watts) -> tuple[LineMemory, list[int]]:
        begun: list[int] = []
        standing: set[str] = set()
        for minute in range(DAY_MIN):
            at = number * DAY + minute * MINUTE
            sample = Sample(at, _or_none(day[minute]), _or_none(volts[minute]), self._wanted(minute))
            memory = looked_at(memory, sample, RULES)
            now = set(told(memory))
            if now - standing:
                begun.append(minute)
            standing = now
        return memory, begun

    def _wanted(self, minute: int) -> Wanted:
        if min(abs(minute - self._on), abs(minute - self._off)) <= FROM_SWITCH:
            return "either"
        return "on" if self._on < minute < self._off else "off"


class Published:
    """The published rules, as described."""

    def __init__(self, watts: Watts, volts: Watts) -> None:
        self._usual = np.nanmean(np.vstack([_five_minutes(day) for day in watts]), axis=0)
        near = np.zeros(DAY_MIN, dtype=bool)
        for day in watts:
            for switch in night_of(day):
                near[max(0, switch - FROM_SWITCH) : switch + FROM_SWITCH + 1] = True
        self._near = near

    def told(self, day: Watts, volts: Watts) -> list[int]:
        """Minutes at which an anomaly has lasted seven minutes."""
        mean = _five_minutes(day)
        beyond = np.abs(mean - self._usual) > np.maximum(200.0, 0.02 * self._usual)
        odd_volts = (_five_minutes(volts) > 250) | (_five_minutes(volts) < 210)
        return _lasting((beyond & ~self._near) | odd_volts, 7)


def _five_minutes(values: Watts) -> Watts:
    """The mean of this and the four minutes before; what is missing is left out."""
    padded = np.concatenate([np.full(4, values[0]), values])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 5)
    known = np.isfinite(windows)
    sums, counts = np.where(known, windows, 0.0).sum(axis=1), known.sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _lasting(flags: NDArray[np.bool_], least: int) -> list[int]:
    begun: list[int] = []
    run = 0
    for minute, flag in enumerate(flags):
        run = run + 1 if flag else 0
        if run == least:
            begun.append(minute)
    return begun


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


# -- the score --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Score:
    """Of one judge and kind of fault: how many, found, minutes until then, and tellings outside of the fault."""

    faults: int = 0
    delays: list[int] | None = None
    false: int = 0

    def add(self, begun: Sequence[int], fault: Fault, clean: Sequence[int]) -> None:
        self.faults += 1
        self.delays = self.delays if self.delays is not None else []
        inside = [minute for minute in begun if fault.first <= minute <= fault.last + SETTLED]
        if inside:
            self.delays.append(inside[0] - fault.first)
        # what the unchanged night makes it tell is counted once, in the row of the unchanged nights
        self.false += len([m for m in begun if not fault.first <= m <= fault.last + SETTLED and m not in clean])


def table_of_faults(watts: Watts, volts: Watts, seeds: int = SEEDS) -> Table:
    """Recall, delay and false alarms of both judges, by kind of fault."""
    scores: dict[tuple[str, str], Score] = {}
    clean_rows: dict[str, list[int]] = {"cityward": [], "published rules": []}
    for night in range(len(watts)):
        others = [number for number in range(len(watts)) if number != night]
        judges = {
            "cityward": Ours(watts[others], volts[others]),
            "published rules": Published(watts[others], volts[others]),
        }
        clean = {name: judge.told(watts[night], volts[night]) for name, judge in judges.items()}
        for name, begun in clean.items():
            clean_rows[name].append(len(begun))
        for number, inject in enumerate(INJECTED):
            for seed in range(seeds):
                chance = random.Random(1000 * number + seed)  # noqa: S311 - seeded, no secret
                changed, fault = inject(watts[night], night_of(watts[night]), chance)
                for name, judge in judges.items():
                    score = scores.setdefault((fault.kind, name), Score())
                    score.add(judge.told(changed, volts[night]), fault, clean[name])
    return _table(scores, clean_rows)


def _table(scores: dict[tuple[str, str], Score], clean: dict[str, list[int]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for (kind, name), score in scores.items():
        delays = score.delays or []
        rows.append(
            (
                kind,
                name,
                score.faults,
                f"{100 * len(delays) / score.faults:.0f} %",
                median(delays) if delays else None,
                max(delays, default=None),
                score.false,
            )
        )
    for name, tellings in clean.items():
        rows.append(("nothing (unchanged)", name, 0, None, None, None, sum(tellings)))
    ours, theirs = _recall(scores, "cityward"), _recall(scores, "published rules")
    return Table(
        title=f"Faults put into {len(next(iter(clean.values())))} recorded days of a lighting line",
        head=("fault", "judge", "put in", "found", "median min", "longest min", "false alarms"),
        rows=tuple(rows),
        verdict=f"found {ours:.0f} % of all faults, the published rules {theirs:.0f} %; on unchanged days "
        f"{sum(clean['cityward'])} alarms, they {sum(clean['published rules'])}",
        notes=(
            f"Lamps are taken as {LAMP_W:g} W of the line's 6.97 kW; each day is judged by what the two others taught.",
            "The third recorded day has a real gap of 38 minutes, after which the line warms up anew.",
        ),
    )


def _recall(scores: dict[tuple[str, str], Score], judge: str) -> float:
    mine = [score for (_, name), score in scores.items() if name == judge]
    return 100 * sum(len(score.delays or []) for score in mine) / max(1, sum(score.faults for score in mine))

"""A made-up town with containers, over days: what its sensors say, what the service answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cityward.services.contract import PlanProposal, Reading, Series, Turn, View
from cityward.services.waste import SERVICE
from cityward.services.waste.memory import WasteMemory
from cityward.services.waste.settings import WasteSettings, read_settings
from cityward.time import DAY, HOUR

MONDAY = 19_723 * DAY  # 2024-01-01
GROUPS = {"quay": 4, "market": 4, "glass": 2}
UNITS = {group: tuple(f"{group}-{n:02d}" for n in range(1, count + 1)) for group, count in GROUPS.items()}
ALL = tuple(unit for units in UNITS.values() for unit in units)
RAW: dict[str, Any] = {
    "containers": {
        "quay": {"kind": "bin", "full_kg": 30, "usual_daily_rise": 20, "longest_days": 7},
        "market": {"kind": "bin", "full_kg": 30, "usual_daily_rise": 20, "longest_days": 7},
        "glass": {"kind": "glass", "full_kg": 900, "usual_daily_rise": 5, "longest_days": 21},
    },
    "places": {"depot": [2.30, 54.90], "tip": [2.34, 54.92]},
    "crews": {"early": {"depot": "depot", "unloads": ["tip"], "starts": 5, "finishes": 13}},
    "fixed": [{"days": [0, 3], "containers": ["quay", "market"]}, {"days": [1], "containers": ["glass"]}],
    "plan_at": 4,
    "iterations": 50,
}


def settings_of(**changes: Any) -> WasteSettings:
    """The town's settings with these changed."""
    read = read_settings({**RAW, **changes})
    assert isinstance(read, WasteSettings), read
    return read


def rising(now: int, level: float, daily: float, days: float = 20.0, every: int = 4 * HOUR) -> Series:
    """A container that rises evenly to `level` now, emptied whenever it reached 100 before."""
    times = np.arange(now - round(days * DAY), now, every, dtype=np.int64)
    return Series(times, (level - (now - times) / DAY * daily) % 100.0)


@dataclass
class Town:
    """`sees` sets a container's past and newest level; `step` asks the service, `solve` does its jobs."""

    now: int = MONDAY + 9 * HOUR // 2
    settings: WasteSettings = field(default_factory=settings_of)
    memory: WasteMemory = field(default_factory=lambda: WasteMemory(began=1))  # it has run for long
    readings: dict[tuple[str, str], Reading] = field(default_factory=dict)
    series: dict[tuple[str, str], Series] = field(default_factory=dict)
    left_out: dict[tuple[str, str], str] = field(default_factory=dict)
    done: dict[str, bytes | None] = field(default_factory=dict)
    refused_plans: dict[tuple[str, str], str] = field(default_factory=dict)
    turn: Turn[WasteMemory] | None = None

    def sees(self, unit: str, level: float, daily: float = 10.0, property_id: str = "fill-level") -> Town:
        if property_id == "fill-level":
            self.series[unit, property_id] = rising(self.now, level, daily)
        self.readings[unit, property_id] = Reading(level, self.now, 0)
        return self

    def sees_all(self, level: float, daily: float = 10.0) -> Town:
        for unit in ALL:
            self.sees(unit, level, daily)
        return self

    @property
    def view(self) -> View[WasteSettings]:
        aged = {
            key: Reading(r.value, r.observed_at, max(0, self.now - r.observed_at)) for key, r in self.readings.items()
        }
        return View(
            now_us=self.now, position=(2.3, 54.9), settings=self.settings, members=UNITS, readings=aged, actuators={},
            last_commands={}, left_out=self.left_out, positions=positions(), series=self.series, done=self.done,
            refused_plans=self.refused_plans,
        )  # fmt: skip

    def step(self) -> Turn[WasteMemory]:
        turn = SERVICE.step(self.view, self.memory)
        self.memory, self.turn, self.done, self.refused_plans = turn.memory, turn, {}, {}
        return turn

    def solve(self) -> Turn[WasteMemory]:
        """A turn that asks, its jobs done, and the turn that answers."""
        self.done = {job.id: SERVICE.work(job.body) for job in self.step().jobs}
        return self.step()

    def round(self) -> Mapping[str, PlanProposal]:
        """Crew -> its plan, of the day's round."""
        return {plan.crew: plan for plan in self.solve().plans}

    def stops(self) -> dict[str, str]:
        """Unit -> why, of the day's round."""
        return {stop.subject: stop.why for plan in self.round().values() for stop in plan.stops}

    def later(self, days: float) -> Town:
        self.now += round(days * DAY)
        return self


def positions() -> dict[str, tuple[float, float]]:
    """A grid of streets, one for each group."""
    rows = enumerate(UNITS.items())
    return {
        unit: (2.30 + 0.004 * n, 54.90 + 0.006 * row) for row, (_, units) in rows for n, unit in enumerate(units, 1)
    }

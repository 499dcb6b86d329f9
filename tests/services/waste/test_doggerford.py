"""The demonstration city's round: from its own declaration, through its own roads and the permit gate."""

from __future__ import annotations

from dataclasses import replace

from cityward.compose.places import load_place
from cityward.guard.confidence import FULL
from cityward.guard.plans import AllowedPlan, permit_plan, plan_rules_for
from cityward.place.independence import traits_of
from cityward.place.registry import number
from cityward.services.contract import Reading, View
from cityward.services.waste import SERVICE
from cityward.services.waste.choice import Why
from cityward.services.waste.memory import WasteMemory
from cityward.services.waste.rounds import weekday
from cityward.services.waste.settings import WasteSettings
from cityward.time import DAY, HOUR
from exported import DOGGERFORD

WEDNESDAY = 19_893  # 2024-06-19


def test_on_a_wednesday_its_crews_drive_what_is_full_and_what_is_not_heard():
    loaded = load_place(DOGGERFORD)
    registry, declared = number(loaded.place), loaded.place.services["bin-collection"]
    settings = SERVICE.read_settings(declared.settings, "here")
    assert isinstance(settings, WasteSettings) and settings.roads is not None
    members = {name: [unit.id for unit in registry.units if unit.group == name] for name in SERVICE.reads(settings)}
    now = WEDNESDAY * DAY + 5 * HOUR
    assert weekday(WEDNESDAY) == 2
    full = {"harbour-bins-01", "harbour-bins-02", "harbour-bins-03"}
    levels = {unit: 96.0 if unit in full else 10.0 for unit in members["harbour-bins"]}
    view = View(
        now_us=now, position=(2.3, 54.9), settings=settings, members=members, actuators={}, last_commands={},
        readings={(unit, "fill-level"): Reading(level, now - HOUR, HOUR) for unit, level in levels.items()},
        positions={unit.id: unit.position for unit in registry.units if unit.position is not None},
    )  # fmt: skip
    turn = SERVICE.step(view, WasteMemory())
    turn = SERVICE.step(replace(view, done={job.id: SERVICE.work(job.body) for job in turn.jobs}), turn.memory)
    planned = [stop for plan in turn.plans for stop in plan.stops]
    stops = {stop.subject for stop in planned if stop.why != Why.WORTH_IT}
    # on Wednesdays the bins of the quay and the glass are due where nothing is heard of them, and nothing is
    assert stops == {*full, *members["quay-bins"], *members["glass-containers"]}
    rules = plan_rules_for("bin-collection", declared, loaded.place, registry, traits_of(loaded.place, registry))
    verdicts = [permit_plan(plan, rules, (), now, FULL) for plan in turn.plans]
    assert verdicts and all(isinstance(verdict, AllowedPlan) for verdict in verdicts), verdicts
    assert all(plan.cause["ways"] == "declared roads" and len(plan.way) > 20 for plan in turn.plans)
    # 6 containers of 900 kg and the bins of 25 kg in lorries of 3,500 kg: somebody unloads, or both drive
    assert sum(plan.figures["load_kg"] for plan in turn.plans) == 6 * 900 + (len(planned) - 6) * 25

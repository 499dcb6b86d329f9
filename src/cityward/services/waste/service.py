"""The waste service: each day a round from what containers hold, ordered by a job; forecasts, and alarms when one burns or lies.

Theory of operation
-------------------
Every turn looks at temperatures and tilts. Every `renew_s`, levels are cleaned, held to what each container's past allows, and
forecast (`knowing`). Once a day, at `plan_at`, the stops are chosen (`rounds`, `choice`) and a job is asked to put them in
order (`routing`). The job is named in every turn until its answer is there; then each crew's plan is proposed, once.

Safe state: where too few levels are known, or the gate refused what rests on them (`refusals`), the declared fixed round; where
no answer comes, stops in plain order; whatever levels say, the minimum round.

INVARIANT: pure and total: the same view and memory give the same turn; no reading, however absurd, raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cityward.errors import PlaceError
from cityward.services.contract import Job, Notice, PlanProposal, Turn, View, Window
from cityward.services.waste import alarms
from cityward.services.waste.board import board, estimates
from cityward.services.waste.knowing import LEVEL, SHAKEN, containers_of, know
from cityward.services.waste.memory import Day, WasteMemory
from cityward.services.waste.refusals import merged, notices, told_no, with_fixed
from cityward.services.waste.rounds import answer_of, asked_for, body_of, choice_of, day_due, day_of, is_early, plans_of
from cityward.services.waste.routing import route
from cityward.services.waste.settings import WasteSettings, read_settings
from cityward.time import DAY, SECOND

JOB_S = 300.0  # real seconds that the solver may take before it is stopped


class Waste:
    """The service, as `services.contract.Service` asks for it. Holds nothing."""

    settings = WasteSettings
    memory = WasteMemory
    example: Mapping[str, Any] = {
        "containers": {
            "quay-bins": {"kind": "street-bin", "full_kg": 25, "usual_daily_rise": 18, "longest_days": 7},
            "glass-containers": {"kind": "glass", "full_kg": 900, "service_s": 420, "usual_daily_rise": 6},
        },
        "places": {"depot": [2.31, 54.89], "tip": [2.36, 54.93]},
        "crews": {"early": {"depot": "depot", "unloads": ["tip"], "starts": 5, "finishes": 13}},
        "fixed": [{"days": [0, 3], "containers": ["quay-bins"]}, {"days": [1], "containers": ["glass-containers"]}],
    }

    def read_settings(self, raw: Mapping[str, Any], where: str) -> WasteSettings | PlaceError:
        """The settings, or what is wrong with them."""
        return read_settings(raw, where)

    def reads(self, settings: WasteSettings) -> Sequence[str]:
        """The containers."""
        return list(settings.containers)

    def commands(self, settings: WasteSettings) -> Sequence[str]:
        """None: what it makes is plans for people."""
        return ()

    def windows(self, settings: WasteSettings) -> Sequence[Window]:
        """The containers' levels, then their vibration, over `past_days`."""
        span = round(settings.past_days * DAY)
        return [Window(device, name, span) for name in (LEVEL, SHAKEN) for device in settings.containers]

    def documents(self, settings: WasteSettings) -> Sequence[str]:
        """None."""
        return ()

    def step(self, view: View[WasteSettings], memory: WasteMemory) -> Turn[WasteMemory]:
        """Alarms always; forecasts when they are due; the day's round when it is time."""
        memory = msgspec.structs.replace(memory, began=memory.began or view.now_us)
        renewed = _is_due(view, memory)
        memory = _watched(view, _renewed(view, memory) if renewed else memory)
        memory = _asked(view, memory)
        memory, again = told_no(view, memory)
        memory = with_fixed(view, memory, alarms.burning(memory.alarms))
        memory, plans = _answered(view, memory)
        asked = memory.asked
        return Turn(
            memory,
            plans=[*again, *plans],
            estimates=estimates(view, memory.known) if renewed else (),
            notices=[*alarms.notices(memory.alarms), *_notices(memory)],
            jobs=[Job(asked.job, body_of(asked, view.settings), JOB_S)] if asked is not None else (),
            board=board(view, memory),
        )

    def work(self, body: bytes) -> bytes:
        """A day's stops in order."""
        return route(body)


def _is_due(view: View[WasteSettings], memory: WasteMemory) -> bool:
    """Whether the forecasts are made anew: it is time, the clock went back, the containers are others, or the past just came."""
    age = view.now_us - memory.known_at
    if not 0 <= age < view.settings.renew_s * SECOND or memory.known.keys() != containers_of(view).keys():
        return True
    unheard = is_early(view, memory) or all(one.level is None for one in memory.known.values())
    return unheard and age >= 60 * SECOND and any(name == LEVEL for _, name in view.readings)


def _renewed(view: View[WasteSettings], memory: WasteMemory) -> WasteMemory:
    known = know(view)
    visited = {unit: min(memory.visited.get(unit, view.now_us), view.now_us) for unit in known}
    return msgspec.structs.replace(memory, known=known, known_at=view.now_us, visited=visited)


def _watched(view: View[WasteSettings], memory: WasteMemory) -> WasteMemory:
    warmth, standing = alarms.watch(view, list(memory.known), memory.warmth, memory.alarms)
    return msgspec.structs.replace(memory, warmth=warmth, alarms=standing)


def _asked(view: View[WasteSettings], memory: WasteMemory) -> WasteMemory:
    """With the job of the day's round, where one is due."""
    planned = memory.planned_day if memory.planned_day <= view.now_us // DAY + 1 else -1  # the clock went back
    day = day_due(view, planned)
    if memory.asked is not None or day is None or is_early(view, memory):
        return memory
    choice = choice_of(view, memory.known, memory, day, alarms.burning(memory.alarms))
    if not choice.stops:
        return msgspec.structs.replace(memory, planned_day=day)
    return msgspec.structs.replace(memory, asked=asked_for(view, choice, day), planned_day=day, refused={}, instead=())


def _answered(view: View[WasteSettings], memory: WasteMemory) -> tuple[WasteMemory, list[PlanProposal]]:
    """Without the job, and with its plans, once it is answered."""
    if memory.asked is None:
        return memory, []
    routed = answer_of(view, memory.asked)
    if routed is None:
        return memory, []
    day, instead = day_of(view, memory.asked, routed), memory.asked.instead
    visits = {stop.unit: due for crew in day.crews for stop, due in zip(crew.stops, crew.due, strict=True)}
    before = {unit: memory.visited[unit] for unit in visits if unit in memory.visited}
    plans = [plan for plan in plans_of(view, day) if plan.stops]
    return msgspec.structs.replace(
        memory,
        asked=None,
        today=merged(memory, day) if instead else day,
        visited=memory.visited | {unit: visits[unit] for unit in before},
        before=memory.before | before if instead else before,
        instead=tuple(plan.crew for plan in plans) if instead else (),
    ), plans


def _notices(memory: WasteMemory) -> list[Notice]:
    """What is due and no crew can do, or may not."""
    day = memory.today
    left: Sequence[str] = day.left_out if day is not None else ()
    return [*notices(memory), *(_left_out(day, left) if day is not None and left else ())]


def _left_out(day: Day, left: Sequence[str]) -> list[Notice]:
    first, units = next(iter(left)), ", ".join(left[:8]) + (" and others" if len(left) > 8 else "")
    do = "send another crew, or lengthen a shift"
    return [Notice(f"left-out-{day.day}", first, f"{len(left)} due containers fit no crew's day: {units}",
                   since=day.made_at, do=do)]  # fmt: skip

"""What follows when the permit gate refuses a crew's round: nothing of it counts as visited, and the fixed round is asked for.

Theory of operation
-------------------
A round that rests on readings may be refused for what it rests on, or for its shape: that is what the gate is for. The work is
still there. The declared fixed round rests on no reading, so the gate lets it pass: it is asked for in place of the refused
one, for the same crews, once a day, with what no other crew visits. What was refused for another reason is told to people, who
mend it. A round that could not be put on record was refused by nobody: it is proposed again until its first stop is due.

INVARIANTS
- What was refused is not proposed again: one fixed round a day, and then people are told.
- A refused round puts off no container's minimum round: its last visit is again the one before.
"""

from __future__ import annotations

import msgspec

from cityward.guard.plans import PlanReason
from cityward.services.contract import NOT_ON_RECORD, Notice, PlanProposal, View
from cityward.services.waste.memory import CrewDay, Day, WasteMemory
from cityward.services.waste.rounds import asked_for, choice_of, plans_of
from cityward.services.waste.settings import WasteSettings
from cityward.time import DAY

READINGS = frozenset({PlanReason.UNTRUSTED_SOURCE, PlanReason.TOO_FEW_SOURCES, PlanReason.ONE_AREA})
"""Why a round may be refused that the fixed round is never refused for."""


def told_no(view: View[WasteSettings], memory: WasteMemory) -> tuple[WasteMemory, list[PlanProposal]]:
    """With what the gate said to the last turn's rounds, and those that are proposed again."""
    no = {crew: why for (kind, crew), why in view.refused_plans.items() if kind == view.settings.plan}
    day = memory.today
    if not no or day is None:
        return memory, []
    unheard = {one.crew for one in day.crews if no.get(one.crew) == NOT_ON_RECORD and _lasts(view, one)}
    no = {crew: why for crew, why in no.items() if crew not in unheard}
    undriven = {stop.unit for one in day.crews if one.crew in no for stop in one.stops}
    visited = {
        unit: memory.before.get(unit, min(at, view.now_us)) if unit in undriven else at
        for unit, at in memory.visited.items()
    }
    instead = tuple(crew for crew in memory.instead if crew not in no)
    memory = msgspec.structs.replace(memory, refused=memory.refused | no, visited=visited, instead=instead)
    again = msgspec.structs.replace(day, crews=tuple(one for one in day.crews if one.crew in unheard))
    return memory, plans_of(view, again)


def _lasts(view: View[WasteSettings], one: CrewDay) -> bool:
    return view.now_us < min(one.due, default=0)


def with_fixed(view: View[WasteSettings], memory: WasteMemory, burning: frozenset[str]) -> WasteMemory:
    """With the job of the fixed round, where a round that rested on readings was refused today."""
    day = memory.today
    crews = frozenset(crew for crew, why in memory.refused.items() if why in READINGS)
    if memory.asked is not None or day is None or not crews or memory.fixed_day == day.day:
        return memory
    memory = msgspec.structs.replace(memory, fixed_day=day.day)
    if view.now_us >= (day.day + 1) * DAY:
        return memory
    driven = {stop.unit for one in day.crews if one.crew not in memory.refused for stop in one.stops}
    choice = choice_of(view, memory.known, memory, day.day, burning | driven, insist=True)
    asked = asked_for(view, choice, day.day, crews)
    if not asked.stops or not asked.work.crews:
        return memory
    return msgspec.structs.replace(
        memory, asked=msgspec.structs.replace(asked, job=f"round-{day.day}-fixed", instead=True)
    )


def merged(memory: WasteMemory, fixed: Day) -> Day:
    """The day as it is now: the crews whose rounds passed, and the fixed rounds in place of the others."""
    before = memory.today.crews if memory.today is not None else ()
    kept = tuple(one for one in before if one.crew not in memory.refused)
    return msgspec.structs.replace(fixed, crews=(*kept, *fixed.crews))


def notices(memory: WasteMemory) -> list[Notice]:
    """Rounds of the day that were refused, and what became of their crews."""
    day = memory.today
    if day is None:
        return []
    return [_notice(day, crew, why, crew in memory.instead) for crew, why in sorted(memory.refused.items())]


def _notice(day: Day, crew: str, why: str, instead: bool) -> Notice:
    then, do = "nobody was told to drive it", "drive the fixed round, or look at what the round rested on"
    if instead:
        then, do = "the fixed round was planned in its place", "look at what the round rested on"
    title = f"The round of {crew} was refused ({why}): {then}"
    return Notice(f"refused-{day.day}-{crew}"[:96], crew, title, since=day.made_at, do=do)

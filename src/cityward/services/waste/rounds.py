"""A day's round: which day, which stops, the job that orders them, and the plans that come of its answer.

Lives here: the way from what is known to `PlanProposal`s. Does not live here: what is worth a stop (`choice`), how stops are
ordered (`routing`).

INVARIANTS
- One round a day; what was asked for is proposed once, by the solver's answer or, without one in time, in plain order.
- Blind (too few levels known), the declared fixed round of the weekday is driven, and rests on no reading.
- The minimum round is part of every round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from cityward.place.things import Position
from cityward.services.contract import PlanProposal, Stop, View
from cityward.services.waste.choice import Candidate, Chosen, Policy, Why, choose
from cityward.services.waste.filling import Filling
from cityward.services.waste.knowing import containers_of, groups_of
from cityward.services.waste.memory import Asked, CrewDay, Day, Known, StopKept, WasteMemory
from cityward.services.waste.routing import (
    SOLVER,
    ByRoad,
    CrewRoute,
    JobCrew,
    JobStop,
    Routed,
    RoutingJob,
    Straight,
    plain_order,
)
from cityward.services.waste.settings import WasteSettings
from cityward.time import DAY, HOUR, SECOND

FIRST_WAIT = HOUR // 2  # before the first round ever
LEAST_SHIFT = HOUR  # of a shift that must be left, for a crew to be sent
KEPT_WAY = 8000  # points of all crews' ways that are remembered, at 25 bytes each


@dataclass(frozen=True, slots=True)
class Choice:
    """The stops of a day. blind: share of containers whose level is not known; fixed: whether the fixed round is driven
    for it.
    """

    stops: tuple[Chosen, ...]
    blind: float
    fixed: bool


def weekday(day: int) -> int:
    """Of days since 1970, which began on a Thursday: Monday is 0."""
    return (day + 3) % 7


def day_due(view: View[WasteSettings], planned_day: int) -> int | None:
    """The day whose round should be made now; None: none. At the very start tomorrow's, where today's shifts are over."""
    settings, today = view.settings, view.now_us // DAY
    first = planned_day < 0
    for day in (today, today + 1) if first else (today,):
        opens = day * DAY + round(settings.plan_at * HOUR)
        due = view.now_us >= opens or first
        if day > planned_day and due and weekday(day) in settings.days and _crews(view, day):
            return day
    return None


def is_early(view: View[WasteSettings], memory: WasteMemory) -> bool:
    """At the very start, while most containers may still be heard: the first round need not be blind for that."""
    if memory.planned_day >= 0 or not 0 <= view.now_us - memory.began < FIRST_WAIT or not memory.known:
        return False
    unknown = sum(1 for one in memory.known.values() if one.level is None)
    return unknown > view.settings.blind_share * len(memory.known)


def _crews(view: View[WasteSettings], day: int) -> dict[str, tuple[int, int]]:
    """Crew -> the seconds of the day between which it can still work."""
    found: dict[str, tuple[int, int]] = {}
    for name, crew in view.settings.crews.items():
        starts, ends = day * DAY + round(crew.starts * HOUR), day * DAY + round(crew.finishes * HOUR)
        starts = max(starts, view.now_us)
        if ends - starts >= LEAST_SHIFT:
            found[name] = ((starts - day * DAY) // SECOND, (ends - day * DAY) // SECOND)
    return found


def next_days(settings: WasteSettings, day: int) -> float:
    """Until the next working day after this, days."""
    return next(float(step) for step in range(1, 8) if weekday(day + step) in settings.days)


def choice_of(
    view: View[WasteSettings],
    known: Mapping[str, Known],
    memory: WasteMemory,
    day: int,
    passed: frozenset[str],
    insist: bool = False,
) -> Choice:
    """The stops of the day's round. passed: left out (what burns is not loaded). insist: the fixed round, whatever is known."""
    settings, declared, groups = view.settings, containers_of(view), groups_of(view)
    units = [unit for unit in declared if unit not in passed and unit in view.positions]
    blind = sum(1 for unit in units if known[unit].level is None) / len(units) if units else 1.0
    fixed = insist or blind > settings.blind_share
    on_day = fixed_on(view, day)
    candidates = [
        Candidate(
            unit=unit,
            group=groups[unit],
            level=None if fixed else known[unit].level,
            filling=Filling(known[unit].mean, known[unit].unsure, known[unit].spread, known[unit].noise),
            full=settings.full,
            days=_days_since(view, memory, unit),
            longest_days=declared[unit].longest_days,
            fixed_today=unit in on_day,
        )
        for unit in units
    ]
    policy = Policy(
        service_level=settings.service_level,
        next_days=next_days(settings, day),
        m_per_hour=settings.km_per_overflow_hour * 1000,
        m_per_visit=settings.km_per_visit * 1000,
        stops_most=settings.stops_most,
        group_share=settings.group_share,
        group_free=settings.group_free,
    )
    return Choice(tuple(choose(candidates, policy)), blind, fixed)


def fixed_on(view: View[WasteSettings], day: int) -> frozenset[str]:
    """The units of the fixed round of that weekday."""
    named = [device for one in view.settings.fixed if weekday(day) in one.days for device in one.containers]
    return frozenset(unit for device in named for unit in (*view.members.get(device, ()), device))


def _days_since(view: View[WasteSettings], memory: WasteMemory, unit: str) -> float:
    """Since it was last in a plan of ours: what a sensor says of visits is not asked. Never: since we began to count."""
    return max(0.0, (view.now_us - memory.visited.get(unit, view.now_us)) / DAY)


def asked_for(view: View[WasteSettings], choice: Choice, day: int, only: frozenset[str] | None = None) -> Asked:
    """The job that orders these stops. only: crews; None: all that can still work."""
    settings, declared = view.settings, containers_of(view)
    names = list(settings.places)
    crews = tuple(
        JobCrew(
            name=name,
            depot=names.index(crew.depot),
            ends=names.index(crew.ends or crew.depot),
            unloads=tuple(names.index(place) for place in crew.unloads),
            capacity=round(crew.capacity_kg),
            early=early,
            late=late,
            unload_s=crew.unload_s,
        )
        for name, (early, late) in _crews(view, day).items()
        for crew in (settings.crews[name],)
        if only is None or name in only
    )
    stops = tuple(
        JobStop(
            unit=one.unit,
            at=view.positions[one.unit],
            load=max(1, round(declared[one.unit].full_kg)),
            service_s=declared[one.unit].service_s,
            early=round(declared[one.unit].window[0] * 3600),
            late=round(declared[one.unit].window[1] * 3600),
            prize=one.prize,
        )
        for one in choice.stops
    )
    roads = settings.roads
    ways = (
        ByRoad(roads=roads) if roads is not None else Straight(detour=settings.detour, speed_km_h=settings.speed_km_h)
    )
    work = RoutingJob(
        places=tuple(settings.places.values()), crews=crews, stops=stops, ways=ways,
        iterations=settings.iterations, seed=settings.seed,
    )  # fmt: skip
    kept = tuple(
        StopKept(unit=one.unit, why=one.why.value, by_level=one.by_level, chance=one.chance) for one in choice.stops
    )
    # the roads stand in the settings: they are put back when the job is sent
    slim = msgspec.structs.replace(work, ways=Straight(detour=settings.detour, speed_km_h=settings.speed_km_h))
    return Asked(job=f"round-{day}", at=view.now_us, day=day, work=slim, stops=kept, blind=choice.blind)


def body_of(asked: Asked, settings: WasteSettings) -> bytes:
    """The job as it is sent."""
    ways = ByRoad(roads=settings.roads) if settings.roads is not None else asked.work.ways
    return msgspec.json.encode(msgspec.structs.replace(asked.work, ways=ways))


def answer_of(view: View[WasteSettings], asked: Asked) -> Routed | None:
    """The order of the stops, once there is one: the solver's; plain where it failed or took too long. None: wait."""
    if asked.job in view.done:
        body = view.done[asked.job]
        routed = _decoded(body, asked) if body is not None else None
        return routed if routed is not None and routed.feasible else plain_order(asked.work)
    waited = view.now_us - asked.at
    return plain_order(asked.work) if not 0 <= waited <= view.settings.patience_s * SECOND else None


def _decoded(body: bytes, asked: Asked) -> Routed | None:
    """The answer, if it is one to this job: its crews, its stops, each once."""
    try:
        routed = msgspec.json.decode(body, type=Routed)
    except (msgspec.MsgspecError, RecursionError):
        return None
    visits = [visit.unit for route in routed.routes for visit in route.visits]
    crews = [route.crew for route in routed.routes]
    known = {stop.unit for stop in asked.work.stops}
    fits = (
        len(set(visits)) == len(visits)
        and known.issuperset((*visits, *routed.left_out))
        and len(set(crews)) == len(crews)
    )
    return routed if fits and {crew.name for crew in asked.work.crews}.issuperset(crews) else None


def day_of(view: View[WasteSettings], asked: Asked, routed: Routed) -> Day:
    """The round as it is remembered and shown."""
    kept = {stop.unit: stop for stop in asked.stops}
    driven = [route for route in routed.routes if route.visits]
    crews = tuple(_crew_day(asked.day, route, kept, KEPT_WAY // len(driven)) for route in driven)
    must = [stop.unit for stop in asked.stops if stop.why != Why.WORTH_IT]
    left = tuple(unit for unit in must if unit in routed.left_out)
    return Day(
        day=asked.day,
        made_at=view.now_us,
        crews=crews,
        left_out=left,
        blind=asked.blind,
        by=routed.by,
        instead=asked.instead,
    )


def _crew_day(day: int, route: CrewRoute, kept: Mapping[str, StopKept], points: int) -> CrewDay:
    thin = max(1, -(-len(route.way) // points))
    return CrewDay(
        crew=route.crew,
        stops=tuple(kept[visit.unit] for visit in route.visits),
        due=tuple(day * DAY + visit.at_s * SECOND for visit in route.visits),
        trips=tuple(visit.trip for visit in route.visits),
        metres=route.metres,
        seconds=route.seconds,
        load=route.load,
        way=tuple((round(lon, 5), round(lat, 5)) for lon, lat in (*route.way[:-1:thin], *route.way[-1:])),
    )


def plans_of(view: View[WasteSettings], day: Day) -> list[PlanProposal]:
    """One plan for each crew."""
    return [_plan(view, day, crew) for crew in day.crews]


def _plan(view: View[WasteSettings], day: Day, crew: CrewDay) -> PlanProposal:
    rows = zip(crew.stops, crew.due, strict=True)
    stops = tuple(
        Stop(stop.unit, view.positions[stop.unit], due, stop.why) for stop, due in rows if stop.unit in view.positions
    )
    sources = tuple(sorted(stop.unit for stop in crew.stops if stop.by_level))
    return PlanProposal(
        kind=view.settings.plan,
        crew=crew.crew,
        stops=stops,
        cause=_cause(view, day, crew),
        made_at=view.now_us,
        sources=sources,
        way=_points(crew.way),
        figures={
            "km": crew.metres / 1000,
            "hours": crew.seconds / 3600,
            "load_kg": float(crew.load),
            "trips": float(max(crew.trips, default=1)),
        },
    )


def _points(way: Sequence[Position]) -> tuple[Position, ...]:
    return tuple((float(lon), float(lat)) for lon, lat in way)


def _cause(view: View[WasteSettings], day: Day, crew: CrewDay) -> dict[str, str]:
    reasons = {why: sum(1 for stop in crew.stops if stop.why == why) for why in (*Why,)}
    said = ", ".join(f"{count} {why.value}" for why, count in reasons.items() if count)
    ways = "declared roads" if view.settings.roads is not None and day.by == SOLVER else "straight lines made longer"
    instead = {"in_place_of": "a round that was refused"} if day.instead else {}
    return instead | {
        "stops": said or "none",
        "levels_not_known": f"{day.blind:.0%}",
        "ordered_by": day.by,
        "ways": ways,
        "service_level": f"{view.settings.service_level:g}",
    }

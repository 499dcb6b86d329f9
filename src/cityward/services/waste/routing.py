"""In which order, by whom: one day's stops as a vehicle routing problem, solved by PyVRP in a process of its own.

Lives here: the job and its answer (both JSON), the model that is made of it, plain order where no answer came.
Does not live here: which stops (`choice`), what is shown of it (`board`). PyVRP is imported when a job is done, and never before.

Theory of operation
-------------------
Metres and seconds between all places come from declared roads, from straight lines made longer, or are given. Each stop has
a load that is taken along, a duration and a window; each crew a capacity, a shift, a depot, places where it unloads between
trips, and where it ends. Metres are minimised. A stop with a prize may be left out where going there costs more; one
without is always visited. The solver is bounded by iterations, not by time, and seeded: the same job gives the same answer
on every machine.

Source: N. A. Wouda, L. Lan, W. Kool, "PyVRP: a high-performance VRP solver package", INFORMS Journal on Computing 36(4), 2024;
github.com/PyVRP/PyVRP (MIT).
Fails when: traffic changes during the day, turns are forbidden, or a lorry must stop on one side of the street: the honest
model of that is arc routing with turn penalties, which this is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from cityward.place.things import Position
from cityward.services.waste.roads import FAR, Roads, Ways, as_the_crow_flies, by_road, metres_between

MUST_PRIZE_M = 1_000_000  # no way is that long: such a stop is left out only where no crew can do it
SOLVER, PLAIN = "pyvrp", "plain order"  # who put a round in order
MOST_STOPS = 1000
MOST_WAY = 20_000  # points of one crew's way
Whole = Annotated[int, Meta(ge=0, le=10**9)]


class Straight(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="straight"):
    """Straight lines, made longer: where no roads are declared."""

    detour: float
    speed_km_h: float


class ByRoad(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="by-road"):
    """Declared roads."""

    roads: Roads


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="given"):
    """Metres between all places as they stand in the job: crews' places first. Seconds are as many."""

    metres: tuple[tuple[Whole, ...], ...]


class JobStop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stop. load in kg; early, late: seconds of the day; None: at any time. prize: in metres; None: it is visited
    whatever it costs.
    """

    unit: str
    at: Position
    load: Whole
    service_s: Whole = 0
    early: Whole = 0
    late: Whole | None = None
    prize: Whole | None = None


class JobCrew(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One crew, or `count` alike. depot, ends, unloads: numbers of the job's places."""

    name: str
    depot: Whole
    ends: Whole
    unloads: tuple[Whole, ...] = ()
    capacity: Whole
    early: Whole = 0
    late: Whole | None = None
    unload_s: Whole = 0
    count: Annotated[int, Meta(ge=1, le=1000)] = 1


class RoutingJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A day to be planned. places: depots and unloading places."""

    places: tuple[Position, ...]
    crews: tuple[JobCrew, ...]
    stops: tuple[JobStop, ...]
    ways: Straight | ByRoad | Given
    iterations: Annotated[int, Meta(ge=1, le=10_000_000)]
    seed: Whole = 1


class Visit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stop of a route. at_s: seconds of the day; trip: from 1, one more after each unloading."""

    unit: str
    at_s: int
    trip: int = 1


class CrewRoute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one crew does. way: points on the map, from the depot to the end."""

    crew: str
    visits: tuple[Visit, ...]
    metres: int
    seconds: int
    load: int
    way: tuple[Position, ...] = ()


class Routed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer. left_out: stops that no crew visits. metres, seconds: of all; by: what made it."""

    routes: tuple[CrewRoute, ...]
    left_out: tuple[str, ...] = ()
    metres: int = 0
    feasible: bool = True
    iterations: int = 0
    by: str = SOLVER


def route(body: bytes, until: Callable[[float], bool] | None = None) -> bytes:
    """One job, done.

    until: told the best cost so far, says whether to stop; for benchmarks, whose published figures are bounded by time. A
    city's jobs are bounded by their iterations alone, so that the same job gives the same answer.

    Raises:
        ValueError: it is no job: too large, malformed, or naming places it has not.
    """
    job = _read(body)
    ways = _ways(job)
    answer = _solve(job, ways, until) if job.stops else Routed(routes=())
    return msgspec.json.encode(answer)


def _read(body: bytes) -> RoutingJob:
    try:
        job = msgspec.json.decode(body, type=RoutingJob)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"this is no job: {error}") from None
    count = len(job.places) + len(job.stops)
    if len(job.stops) > MOST_STOPS or not job.crews or not job.places:
        raise ValueError(f"a job has 1 to {MOST_STOPS} stops, crews and places")
    if any(max(crew.depot, crew.ends, *crew.unloads) >= len(job.places) for crew in job.crews):
        raise ValueError("a crew names a place that the job has not")
    if isinstance(job.ways, Given) and {len(job.ways.metres), *map(len, job.ways.metres)} != {count}:
        raise ValueError(f"{count} places need metres in {count} rows of {count}")
    return job


def _ways(job: RoutingJob) -> Ways:
    at = [*job.places, *(stop.at for stop in job.stops)]
    if isinstance(job.ways, ByRoad):
        return by_road(at, job.ways.roads)
    if isinstance(job.ways, Straight):
        return as_the_crow_flies(at, job.ways.detour, job.ways.speed_km_h)
    metres = np.array(job.ways.metres, np.int64)
    return Ways(metres, metres, at, [[-1] * len(at)] * len(at), range(len(at)))


def _solve(job: RoutingJob, ways: Ways, until: Callable[[float], bool] | None) -> Routed:
    import pyvrp  # noqa: PLC0415 -- 0.2 s and a solver that only this process needs
    from pyvrp.stop import MaxIterations, MultipleCriteria  # noqa: PLC0415

    limits: list[Any] = [MaxIterations(job.iterations), *([until] if until else [])]

    def solved(job: RoutingJob) -> Any:
        data = _model(pyvrp, job, ways)
        return pyvrp.solve(data, MultipleCriteria(limits), seed=job.seed, collect_stats=False, display=False)

    # a prize, however high, can be missed by a search that must add an unloading to reach it: first as if none might be left out
    found = solved(_with_musts(job))
    if not found.is_feasible() and any(stop.prize is not None for stop in job.stops):
        found = solved(job)
    return _answer(job, ways, found)


def _with_musts(job: RoutingJob) -> RoutingJob:
    """The job with every stop that must be as one that is visited whatever it costs."""
    must = tuple(
        msgspec.structs.replace(stop, prize=None) if (stop.prize or 0) >= MUST_PRIZE_M else stop for stop in job.stops
    )
    return msgspec.structs.replace(job, stops=must)


def _model(pyvrp: Any, job: RoutingJob, ways: Ways) -> Any:
    """PyVRP's own problem data: locations are the job's places, then its stops."""
    first = len(job.places)
    spots = [pyvrp.Location(x=0, y=0) for _ in range(first + len(job.stops))]
    clients = [
        pyvrp.Client(
            location=first + number,
            pickup=[stop.load],
            service_duration=stop.service_s,
            tw_early=stop.early,
            **_until(stop.late),
            prize=stop.prize or 0,
            required=stop.prize is None,
        )
        for number, stop in enumerate(job.stops)
    ]
    depots = [pyvrp.Depot(location=number, service_duration=_unloading(job, number)) for number in range(first)]
    crews = [
        pyvrp.VehicleType(
            num_available=crew.count,
            capacity=[crew.capacity],
            start_depot=crew.depot,
            end_depot=crew.ends,
            tw_early=crew.early,
            **_until(crew.late),
            reload_depots=list(crew.unloads),
            name=crew.name,
        )
        for crew in job.crews
    ]
    return pyvrp.ProblemData(spots, clients, depots, crews, [ways.metres], [ways.seconds])


def _until(late: int | None) -> dict[str, int]:
    return {} if late is None else {"tw_late": late}


def _unloading(job: RoutingJob, place: int) -> int:
    """How long lorries stand there: the solver knows it of a place, not of a crew, and counts it at the start of a trip."""
    if any(crew.depot == place for crew in job.crews):
        return 0
    return max((crew.unload_s for crew in job.crews if place in crew.unloads), default=0)


def _answer(job: RoutingJob, ways: Ways, found: Any) -> Routed:
    if not found.is_feasible():
        return Routed(
            routes=(), left_out=tuple(stop.unit for stop in job.stops), feasible=False, iterations=found.num_iterations
        )
    routes = tuple(_crew_route(job, ways, route) for route in found.best.routes())
    visited = {visit.unit for route in routes for visit in route.visits}
    return Routed(
        routes=routes,
        left_out=tuple(stop.unit for stop in job.stops if stop.unit not in visited),
        metres=sum(route.metres for route in routes),
        iterations=found.num_iterations,
    )


def _crew_route(job: RoutingJob, ways: Ways, route: Any) -> CrewRoute:
    visits: list[Visit] = []
    spots: list[int] = []
    first = len(job.places)
    for done in route.schedule():
        spots.append(done.idx if done.is_depot() else first + done.idx)
        if done.is_client():
            visits.append(Visit(unit=job.stops[done.idx].unit, at_s=int(done.start_time), trip=int(done.trip) + 1))
    by_name = {stop.unit: stop.load for stop in job.stops}
    return CrewRoute(
        crew=job.crews[route.vehicle_type()].name,
        visits=tuple(visits),
        metres=int(route.distance()),
        seconds=int(route.duration()),
        load=sum(by_name[visit.unit] for visit in visits),
        way=_way(ways, spots),
    )


def _way(ways: Ways, spots: Sequence[int]) -> tuple[Position, ...]:
    points: list[Position] = []
    for start, end in pairwise(spots):
        leg = ways.way(start, end) if ways.metres[start, end] < FAR else []
        points += leg if not points else leg[1:]
    return tuple(points[:MOST_WAY])


def plain_order(job: RoutingJob) -> Routed:
    """Stops in plain order, where no answer came: each crew goes to the nearest that is left, while its lorry and shift last.

    Straight lines, no unloading in between, prizes not weighed: what must be goes first.
    """
    straight = job.ways if isinstance(job.ways, Straight) else Straight(detour=1.4, speed_km_h=25.0)
    left = {stop.unit: stop for stop in job.stops}
    routes = [route for crew in job.crews if (route := _nearest_first(job, crew, left, straight)).visits]
    metres = sum(route.metres for route in routes)
    return Routed(routes=tuple(routes), left_out=tuple(left), metres=metres, by=PLAIN)


def _nearest_first(job: RoutingJob, crew: JobCrew, left: dict[str, JobStop], straight: Straight) -> CrewRoute:
    """One crew's stops, taken out of `left`."""
    here, clock, load, metres = job.places[crew.depot], crew.early, 0, 0
    home = job.places[crew.ends]
    visits: list[Visit] = []
    way = [here]
    while left:
        stop = min(left.values(), key=lambda one: (_rank(one), metres_between(here, one.at), one.unit))
        leg = round(metres_between(here, stop.at) * straight.detour)
        starts = max(clock + _seconds(leg, straight), stop.early)
        back = _seconds(round(metres_between(stop.at, home) * straight.detour), straight)
        too_late = starts > _or_never(stop.late) or starts + stop.service_s + back > _or_never(crew.late)
        if load + stop.load > crew.capacity or too_late:
            break
        visits.append(Visit(unit=stop.unit, at_s=starts))
        here, clock, load, metres = stop.at, starts + stop.service_s, load + stop.load, metres + leg
        way.append(here)
        del left[stop.unit]
    leg = round(metres_between(here, home) * straight.detour)
    took = clock + _seconds(leg, straight) - crew.early
    return CrewRoute(
        crew=crew.name, visits=tuple(visits), metres=metres + leg, seconds=took, load=load, way=(*way, home)
    )


def _or_never(late: int | None) -> float:
    return math.inf if late is None else late


def _rank(stop: JobStop) -> int:
    return 0 if stop.prize is None or stop.prize >= MUST_PRIZE_M else 1


def _seconds(metres: int, straight: Straight) -> int:
    return round(metres / (straight.speed_km_h / 3.6))

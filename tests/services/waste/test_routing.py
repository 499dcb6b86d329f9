"""Routing: the job's answer keeps to capacities, windows, shifts and ways; the same job, the same answer."""

from __future__ import annotations

import msgspec
import pytest

from cityward.services.waste.roads import Roads
from cityward.services.waste.routing import (
    ByRoad,
    Given,
    JobCrew,
    JobStop,
    Routed,
    RoutingJob,
    Straight,
    plain_order,
    route,
)

DEPOT, TIP = (0.0, 0.0), (0.02, 0.0)
CREW = JobCrew(name="early", depot=0, ends=0, capacity=100, early=6 * 3600, late=14 * 3600)


def job(*stops: JobStop, crews: tuple[JobCrew, ...] = (CREW,), **changes: object) -> RoutingJob:
    ways = Straight(detour=1.0, speed_km_h=36.0)
    made = RoutingJob(places=(DEPOT, TIP), crews=crews, stops=stops, ways=ways, iterations=100)
    return msgspec.structs.replace(made, **changes)


def stop(n: int, load: int = 40, **changes: object) -> JobStop:
    return msgspec.structs.replace(JobStop(unit=f"u{n}", at=(0.01 * n, 0.0), load=load, prize=1_000_000), **changes)


def answered(asked: RoutingJob) -> Routed:
    return msgspec.json.decode(route(msgspec.json.encode(asked)), type=Routed)


def test_stops_on_a_line_are_driven_out_and_back():
    found = answered(job(stop(1), stop(2)))
    assert found.metres == 2 * 2224 and found.left_out == () and found.routes[0].load == 80
    assert found.routes[0].way[0] == found.routes[0].way[-1] == DEPOT


def test_what_is_beyond_the_capacity_is_left_out_or_taken_on_a_second_trip():
    assert len(answered(job(stop(1), stop(2), stop(3))).left_out) == 1
    unloading = msgspec.structs.replace(CREW, unloads=(1,), unload_s=1200)
    found = answered(job(stop(1), stop(2), stop(3), crews=(unloading,)))
    assert found.left_out == () and {visit.trip for visit in found.routes[0].visits} == {1, 2}
    times = sorted((visit.trip, visit.at_s) for visit in found.routes[0].visits)
    last_of_first = max(at for trip, at in times if trip == 1)
    assert min(at for trip, at in times if trip == 2) >= last_of_first + 1200, "the lorry stood at the tip"


def test_windows_and_shifts_hold():
    found = answered(job(stop(1, early=10 * 3600, late=11 * 3600), stop(2, early=0, late=3600)))
    assert found.left_out == ("u2",), "its window ended before the shift began"
    assert found.routes[0].visits[0].at_s >= 10 * 3600
    short = msgspec.structs.replace(CREW, late=CREW.early + 200)
    assert answered(job(stop(1), crews=(short,))).left_out == ("u1",), "111 s out, 111 s back"


def test_a_prize_is_weighed_against_the_way():
    found = answered(job(stop(1, prize=1000), stop(3, prize=7000)))
    assert found.left_out == (), "6,672 m for 7,000 and the other on the way"
    assert answered(job(stop(3, prize=6000))).left_out == ("u3",)


def test_each_crew_has_its_own_day():
    crews = (CREW, msgspec.structs.replace(CREW, name="late", early=14 * 3600, late=20 * 3600))
    found = answered(job(stop(1, load=90), stop(2, load=90), crews=crews))
    assert {one.crew for one in found.routes} == {"early", "late"} and found.left_out == ()


def test_the_way_follows_declared_roads():
    roads = Roads(origin=(0.0, 0.0), ways="street both 0,0 0,500 1000,0 0,-500", speed_km_h=36.0)
    found = answered(job(stop(1), ways=ByRoad(roads=roads)))
    assert found.metres == 2 * 2224 and (0.0, 0.005) in [(round(x, 6), round(y, 6)) for x, y in found.routes[0].way]


def test_the_same_job_gives_the_same_answer():
    body = msgspec.json.encode(job(*(stop(n, load=10 + n % 3) for n in range(1, 15)), iterations=300))
    assert route(body) == route(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        msgspec.json.encode(job(stop(1), crews=())),
        msgspec.json.encode(job(stop(1), crews=(msgspec.structs.replace(CREW, ends=7),))),
        msgspec.json.encode(job(stop(1), ways=Given(metres=((0, 1), (1, 0))))),
        msgspec.json.encode(job(*(stop(n) for n in range(1001)))),
    ],
    ids=["nothing", "empty", "deep", "no crew", "no such place", "too few metres", "too many stops"],
)
def test_what_is_no_job_is_a_value_error(body: bytes):
    with pytest.raises(ValueError):
        route(body)


def test_no_stops_no_routes():
    assert answered(job()).routes == ()


def test_plain_order_keeps_to_capacity_and_shift_and_takes_what_must_be_first():
    found = plain_order(job(stop(1, prize=10), stop(2), stop(3)))
    assert [visit.unit for visit in found.routes[0].visits] == ["u2", "u3"] and found.left_out == ("u1",)
    short = msgspec.structs.replace(CREW, late=CREW.early + 500)
    assert plain_order(job(stop(2), stop(3), crews=(short,))).left_out == ("u3",)

"""Every published rule: one feed that breaks it, and one beside it that does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.transit.realtime import Feed
from cityward.transit.rules import RULES, Case, Memory, Severity, judge, remember
from transits import NOON, alert, feed, stop, timetable, trip, update, vehicle

PLAN = timetable()
HUB = timetable(
    stop_times="trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "out-12,12:00:00,12:00:00,quay,1\nout-12,12:10:00,12:10:00,hub,3\n"
)
SOUND = feed(update(), vehicle())
LOOSE = {"tripId": "loose", "routeId": "r2", "startTime": "08:10:00", "scheduleRelationship": "UNSCHEDULED"}
STRICT = {"tripId": "strict", "routeId": "r2", "startTime": "08:10:00"}
RING = trip(tripId="ring", routeId="r2")


def of_loose(**changed: Any) -> dict[str, Any]:
    return trip(**{**LOOSE, **changed})


def at_vehicle(**position: Any) -> Feed:
    return feed(update(), vehicle(position=position))


def one(**changed: Any) -> Feed:
    return feed(update(stop(**changed), stop("bank", 3, 600)), vehicle())


BEFORE = Memory(NOON, "another content", NOON)

# rule -> (a case that breaks it, a case that does not)
CASES: dict[str, tuple[Case, Case]] = {
    "E001": (Case(feed(update(timestamp=(NOON - 5) * 1000))), Case(SOUND)),
    "E002": (
        Case(feed(update(stop("bank", 3, 300), stop("mole", 2, 600)))),
        Case(feed(update(stop(None, 2), stop(None, 3, 600)))),
    ),
    "E003": (
        Case(feed(update(of=trip(tripId="ghost"))), PLAN),
        Case(feed(update(of=trip(tripId="ghost", scheduleRelationship="ADDED"))), PLAN),
    ),
    "E004": (Case(feed(update(of=trip(routeId="r9"))), PLAN), Case(SOUND, PLAN)),
    "E006": (
        Case(feed(update(stop("bank", 2), of=of_loose(startTime=None))), PLAN),
        Case(feed(update(stop("bank", 2), of=of_loose())), PLAN),
    ),
    "E009": (
        Case(feed(update(stop(sequence=None), of=RING)), PLAN),
        Case(feed(update(stop(sequence=None))), PLAN),
    ),
    "E010": (Case(SOUND, HUB), Case(SOUND, PLAN)),
    "E011": (Case(one(stop_id="ghost"), PLAN), Case(SOUND, PLAN)),
    "E012": (Case(feed(vehicle(timestamp=NOON + 1))), Case(feed(vehicle(timestamp=NOON)))),
    "E013": (
        Case(feed(update(stop("bank", 2), of=of_loose(scheduleRelationship="SCHEDULED"))), PLAN),
        Case(feed(update(stop("bank", 2), of=of_loose(scheduleRelationship=None))), PLAN),
    ),
    "E015": (Case(one(stop_id="hub"), PLAN), Case(feed(alert({"stopId": "hub"})), PLAN)),
    "E016": (
        Case(feed(update(of=trip(scheduleRelationship="ADDED"))), PLAN),
        Case(feed(update(of=trip(tripId="extra", scheduleRelationship="ADDED"))), PLAN),
    ),
    "E017": (
        Case(SOUND, before=BEFORE),
        Case(SOUND, before=remember(Case(SOUND))),
    ),
    "E018": (Case(SOUND, before=Memory(NOON + 1, "")), Case(SOUND, before=Memory(NOON - 30, ""))),
    "E019": (
        Case(feed(update(stop("bank", 2), of=trip(**{**STRICT, "startTime": "08:15:00"}))), PLAN),
        Case(feed(update(stop("bank", 2), of=trip(**STRICT))), PLAN),
    ),
    "E020": (
        Case(feed(update(of=trip(startTime="12:60:00")))),
        Case(feed(update(of=trip(startTime="25:00:00")))),
    ),
    "E021": (Case(feed(update(of=trip(startDate="20240231")))), Case(SOUND)),
    "E022": (
        Case(feed(update(stop(), stop("bank", 3, 320)))),
        Case(feed(update(stop(), stop("bank", 3, 321)))),
    ),
    "E023": (
        Case(feed(update(of=trip(startTime="12:00:01"))), PLAN),
        Case(feed(update(of=trip(tripId="back-13", directionId=1, startTime="25:00:00"))), PLAN),
    ),
    "E024": (Case(feed(update(of=trip(directionId=1))), PLAN), Case(SOUND, PLAN)),
    "E025": (
        Case(one(departure={"time": NOON + 299})),
        Case(one(departure={"time": NOON + 300})),
    ),
    "E026": (Case(at_vehicle(latitude=91)), Case(at_vehicle(latitude=-90, longitude=180))),
    "E027": (Case(at_vehicle(bearing=361)), Case(at_vehicle(bearing=360))),
    # 1,609 m north of latitude 55 is 55.01447
    "E028": (Case(at_vehicle(latitude=55.0150), PLAN), Case(at_vehicle(latitude=55.0140), PLAN)),
    # 200 m north of latitude 55 is 55.00180
    "E029": (Case(at_vehicle(latitude=55.0019), PLAN), Case(at_vehicle(latitude=55.0017), PLAN)),
    "E030": (
        Case(feed(alert({"routeId": "r2", "trip": {"tripId": "out-12"}})), PLAN),
        Case(feed(alert({"routeId": "r1", "trip": {"tripId": "out-12"}})), PLAN),
    ),
    "E031": (
        Case(feed(alert({"routeId": "r1", "trip": {"routeId": "r2"}}))),
        Case(feed(alert({"routeId": "r1", "trip": {"routeId": "r1"}}))),
    ),
    "E032": (Case(feed(alert())), Case(feed(alert({"agencyId": "hb"})))),
    "E033": (Case(feed(alert({}))), Case(feed(alert({"routeType": 0})))),
    "E034": (Case(feed(alert({"agencyId": "xx"})), PLAN), Case(feed(alert({"agencyId": "hb"})), PLAN)),
    "E035": (Case(feed(update(of=trip(routeId="r2"))), PLAN), Case(SOUND, PLAN)),
    "E036": (Case(feed(update(stop(), stop("bank", 2, 600)))), Case(SOUND)),
    "E037": (
        Case(feed(update(stop(), stop("mole", 3, 600)))),
        Case(feed(update(stop("quay", 1, 0), stop("quay", 4, 1200), of=RING)), PLAN),
    ),
    "E038": (Case(feed(gtfsRealtimeVersion="3.7")), Case(feed(gtfsRealtimeVersion="1.0"))),
    "E039": (
        Case(feed({**update(), "isDeleted": True})),
        Case(feed({**update(), "isDeleted": True}, incrementality="DIFFERENTIAL")),
    ),
    "E040": (Case(one(stop_id=None, sequence=None)), Case(one(stop_id=None))),
    "E041": (
        Case(feed(update(stopTimeUpdate=[]))),
        Case(feed(update(stopTimeUpdate=[], of=trip(scheduleRelationship="CANCELED")))),
    ),
    "E042": (
        Case(one(scheduleRelationship="NO_DATA")),
        Case(one(scheduleRelationship="NO_DATA", arrival=None, departure=None)),
    ),
    "E043": (
        Case(one(arrival=None, departure=None)),
        Case(one(arrival=None, departure=None, scheduleRelationship="SKIPPED")),
    ),
    "E044": (Case(one(arrival={"uncertainty": 3})), Case(one(arrival={"delay": 0}))),
    "E045": (Case(one(stop_id="quay"), PLAN), Case(SOUND, PLAN)),
    "E046": (
        Case(feed(update(stop(arrival={"delay": 9}, departure=None), of=trip(tripId="untimed"))), PLAN),
        Case(one(arrival={"delay": 9}, departure=None), PLAN),
    ),
    "E047": (
        Case(feed(update(), vehicle(name="bus-2"))),
        Case(feed(update(), update(of=trip(tripId="next"), entity="w"), vehicle())),
    ),
    "E048": (Case(feed(timestamp=None)), Case(feed(timestamp=None, gtfsRealtimeVersion="1.0"))),
    "E049": (Case(feed(incrementality=None)), Case(feed(incrementality=None, gtfsRealtimeVersion="1.0"))),
    "E050": (Case(SOUND, now=NOON - 61), Case(SOUND, now=NOON - 60)),
    "E051": (Case(one(sequence=9), PLAN), Case(SOUND, PLAN)),
    "E052": (
        Case(feed(vehicle(), vehicle(2.02, entity="w"))),
        Case(feed(vehicle(), vehicle(2.02, name="bus-2", entity="w"))),
    ),
    "W001": (Case(feed(vehicle(timestamp=None))), Case(SOUND)),
    "W002": (Case(feed(vehicle(name=None))), Case(SOUND)),
    "W003": (Case(feed(update(of=trip(tripId="other")), vehicle())), Case(SOUND)),
    "W004": (Case(at_vehicle(speed=26.5)), Case(at_vehicle(speed=26))),
    "W005": (
        Case(feed(update(stop("bank", 2), of=of_loose(), vehicle=None)), PLAN),
        Case(feed(update(vehicle=None)), PLAN),
    ),
    "W006": (
        Case(feed(update(of=trip(tripId=None, startTime=None)))),
        Case(feed(update(of=trip(tripId=None)))),
    ),
    "W007": (
        Case(SOUND, before=Memory(NOON - 36, "", NOON - 30), received=NOON),
        Case(SOUND, before=Memory(NOON - 60, "", NOON - 59), received=NOON + 1),  # nobody looked in between
    ),
    "W008": (Case(SOUND, received=NOON + 66), Case(SOUND, received=NOON + 65)),
    "W009": (Case(one(scheduleRelationship=None)), Case(SOUND)),
}


def test_every_published_rule_has_a_case_of_each_kind() -> None:
    withdrawn = {5, 7, 8, 14}  # numbers that the published list leaves out
    errors = [f"E{n:03d}" for n in range(1, 53) if n not in withdrawn]
    assert sorted(CASES) == [rule.id for rule in RULES] == [*errors, *(f"W00{n}" for n in range(1, 10))]
    assert {r.id for r in RULES if r.severity is Severity.WARNING} == {f"W00{n}" for n in range(1, 10)}


@pytest.mark.parametrize("rule", sorted(CASES))
def test_a_feed_that_breaks_the_rule_is_found_and_its_place_named(rule: str) -> None:
    report = judge(CASES[rule][0])
    found = report.of(rule)
    assert found, report.counts
    assert all(breach.path and breach.what for breach in found)
    assert rule not in report.not_checked


@pytest.mark.parametrize("rule", sorted(CASES))
def test_a_feed_beside_it_is_not(rule: str) -> None:
    report = judge(CASES[rule][1])
    assert report.of(rule) == []
    assert rule not in report.not_checked


def test_a_sound_feed_breaks_no_rule() -> None:
    case = Case(SOUND, PLAN, Memory(NOON - 30, "", NOON - 29), now=NOON + 1, received=NOON + 1)
    report = judge(case)
    assert report.breaches == ()
    assert report.not_checked == {}


def test_rules_without_what_they_need_are_said_to_be_not_checked() -> None:
    report = judge(Case(feed()))
    assert report.not_checked["E003"] == "a timetable"
    assert report.not_checked["E017"] == "the feed before"
    assert report.not_checked["E050"] == "the time of day"
    assert report.not_checked["W008"] == "the moment it was received"
    assert report.not_checked["E047"] == "trip updates and vehicle positions"
    assert not set(report.counts) & set(report.not_checked)


def test_a_detour_that_an_alert_tells_of_excuses_a_vehicle_off_its_line() -> None:
    off = vehicle(position={"latitude": 55.005})
    told = alert({"trip": {"tripId": "out-12"}}, effect="DETOUR")
    assert judge(Case(feed(off), PLAN)).of("E029")
    assert judge(Case(feed(off), PLAN, beside=feed(told))).of("E029") == []


def test_a_position_of_exactly_zero_was_never_set() -> None:
    assert judge(Case(at_vehicle(latitude=0.0))).of("E026")
    assert judge(Case(at_vehicle(longitude=0.0))).of("E026")


def test_a_trip_named_in_the_way_of_nyct_is_looked_up_nowhere() -> None:
    named = feed(update(of={"tripId": "038236_A..N55R", "routeId": "r1"}))
    assert judge(Case(named, PLAN)).of("E003")  # in a feed that does not say it is theirs


def test_counts_hold_what_is_not_told() -> None:
    many = feed(*(vehicle(name=f"bus-{n}", entity=f"v{n}", position={"bearing": 400}) for n in range(250)))
    report = judge(Case(many))
    assert len(report.of("E027")) == 200
    assert report.counts["E027"] == 250


@given(st.data())
def test_any_feed_gets_a_report(data: st.DataObject) -> None:
    odd = st.one_of(st.none(), st.integers(0, 2**31 - 1))
    text = st.one_of(st.none(), st.sampled_from(["", "out-12", "ring", "loose", "25:61:00", "0000", "x" * 600]))
    stops = [
        stop(data.draw(text), data.draw(odd), data.draw(st.integers(-(10**9), 10**9)))
        for _ in range(data.draw(st.integers(0, 3)))
    ]
    of = trip(tripId=data.draw(text), startTime=data.draw(text), startDate=data.draw(text))
    floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
    entities = [
        update(*stops, of=of, timestamp=data.draw(odd)),
        vehicle(data.draw(floats), data.draw(floats), trip=of, timestamp=data.draw(odd)),
    ]
    report = judge(Case(feed(*entities, timestamp=data.draw(odd)), PLAN, BEFORE, now=NOON, received=NOON))
    assert sum(report.counts.values()) >= len(report.breaches)

"""The transport service, as playbooks: feeds in; proposals, notices and pages out."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from buslines import EAST, at, bus, feed, place, timetable_zip
from cityward.errors import PlaceError
from cityward.guard.permit import Urgency
from cityward.place.things import CommandLimits
from cityward.services import find_services
from cityward.services.contract import MOST_MEMORY, Actuator, Commanded, Document, Reading, Turn, View
from cityward.services.transport import SERVICE
from cityward.services.transport.headways import Headway, Spacing
from cityward.services.transport.holding import holds
from cityward.services.transport.pages import StopPages
from cityward.services.transport.runs import Call, Run, Stage
from cityward.services.transport.service import TransportMemory
from cityward.services.transport.settings import TransportSettings, read_settings
from cityward.time import SECOND
from cityward.transit.building import timetable
from cityward.transit.decoding import decode
from cityward.transit.realtime import Entity, Event, StopUpdate, Trip, TripUpdate
from cityward.transit.rules import Case, judge

HOLD = {"hold": CommandLimits(sets="hold-time", low=0, high=45, per_hour=60, fail_safe=0)}
BUSES = tuple(f"buses-{n:02d}" for n in range(1, 7))
TABLE = timetable_zip()


def settings(**changed: Any) -> TransportSettings:
    raw = {
        "feeds": ["live"],
        "timetable": "plan",
        "fleets": {"all": {"vehicles": ["buses"], "maker": "Ostra"}},
        "advised": ["buses"],
        **changed,
    }
    read = read_settings(raw, "here")
    assert isinstance(read, TransportSettings), read
    return read


def view(
    now: int,
    body: bytes | None,
    *,
    age_s: int = 0,
    table: bytes | None = TABLE,
    believed: Sequence[str] = BUSES,
    left_out: Mapping[tuple[str, str], str] | None = None,
    last: Mapping[str, Commanded] | None = None,
    **changed: Any,
) -> View[TransportSettings]:
    documents = {} if body is None else {"live": Document(body, (now - age_s) * SECOND, age_s * SECOND)}
    if table is not None:
        documents["plan"] = Document(table, 0, now * SECOND)
    readings = {(unit, "vehicle-speed"): Reading(0.0, now * SECOND, 0) for unit in believed}
    return View(
        now_us=now * SECOND,
        position=(2.3, 55.0),
        settings=settings(**changed),
        members={"buses": BUSES},
        readings=readings,
        actuators={unit: Actuator(HOLD) for unit in BUSES},
        last_commands=last or {},
        left_out=left_out or {},
        documents=documents,
    )


def pages(turn: Turn[TransportMemory]) -> StopPages:
    return msgspec.json.decode(turn.published["stops.json"], type=StopPages)


def due(turn: Turn[TransportMemory], stop: str) -> list[tuple[str, bool]]:
    """(trip, predicted) of what is due at a stop."""
    [page] = [page for page in pages(turn).stops if page.id == stop]
    return [(one.trip_id, one.expected is not None) for one in page.due]


def two_close(now: int) -> bytes:
    """The trip of 08:00 is 7 minutes late at `c`; that of 08:10 stands at `b`, a minute late: 8:11 and 8:13 at c."""
    return feed(now, bus("buses-01", "t0800", "c", now, late=420), bus("buses-02", "t0810", "b", now, late=0))


def test_it_is_found():
    assert find_services()["transport"] is SERVICE


# -- headways and advice to hold


def test_a_bus_that_stands_too_close_behind_another_is_held_for_half_of_what_is_missing():
    now = at("08:12")
    turn = SERVICE.step(view(now, two_close(now)), TransportMemory())
    [proposal] = turn.proposals
    assert (proposal.device, proposal.command) == ("buses-02", "hold")
    # planned 600 s apart; whatever is predicted, it is under 300 s, so more than 150 s are missing: the declared 45 s hold
    assert proposal.value == 45
    assert proposal.sources == ("buses-02", "buses-01")
    assert proposal.cause["planned_gap_s"] == "600"


def test_buses_a_headway_apart_are_left_alone():
    now = at("08:12")
    body = feed(now, bus("buses-01", "t0800", "f", now, late=120), bus("buses-02", "t0810", "b", now))
    turn = SERVICE.step(view(now, body), TransportMemory())
    assert turn.proposals == ()


def test_a_moving_bus_is_never_held():
    now = at("08:12")
    body = feed(
        now,
        bus("buses-01", "t0800", "c", now, late=420),
        bus("buses-02", "t0810", "c", now, status="IN_TRANSIT_TO", where=(place("b")[0] + EAST / 2, 55.0)),
    )
    assert SERVICE.step(view(now, body), TransportMemory()).proposals == ()


def test_a_hold_that_is_no_longer_wanted_is_taken_back_and_said_once():
    now = at("08:12")
    body = feed(now, bus("buses-01", "t0800", "f", now, late=120), bus("buses-02", "t0810", "b", now))
    held = Commanded("hold", 45.0, {"hold": "x"}, "acknowledged", (now - 120) * SECOND)
    [proposal] = SERVICE.step(view(now, body, last={"buses-02": held}), TransportMemory()).proposals
    assert (proposal.device, proposal.value, proposal.sources) == ("buses-02", 0.0, ())
    free = replace(held, value=0.0)
    assert SERVICE.step(view(now, body, last={"buses-02": free}), TransportMemory()).proposals == ()


def test_where_no_hold_is_not_the_lowest_value_nothing_but_the_fail_safe_is_proposed():
    now = at("08:12")
    odd = {"hold": CommandLimits(sets="hold-time", low=0, high=45, per_hour=60, fail_safe=20)}
    seen = replace(view(now, two_close(now)), actuators={"buses-02": Actuator(odd)})
    assert SERVICE.step(seen, TransportMemory()).proposals == ()


# -- what is not believed


@pytest.mark.parametrize(
    ("why", "shown"),
    [
        ("a stale feed", lambda now: view(now, two_close(now - 900), age_s=900)),
        ("a feed of an old time", lambda now: view(now, two_close(now - 900))),
        ("a feed of a later time", lambda now: view(now, two_close(now + 900))),
        ("no feed", lambda now: view(now, None)),
        ("bytes that are no feed", lambda now: view(now, b"\xff\xff\xff")),
        ("nothing", lambda now: view(now, b"")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_without_a_fresh_feed_the_timetable_is_shown_as_timetable_and_nothing_proposed(why: str, shown: Any):
    now = at("08:12")
    turn = SERVICE.step(shown(now), TransportMemory())
    assert turn.proposals == () and turn.estimates == ()
    assert pages(turn).state == "timetable"
    assert due(turn, "c")[:2] == [("t0810", False), ("t0820", False)]  # 08:14 and 08:24
    assert not decode(turn.published["trip-updates.pb"]).entities
    assert turn.board is not None and "No fresh feed" in turn.board.summary


def test_without_feed_and_timetable_it_says_that_nothing_is_known():
    turn = SERVICE.step(view(at("08:12"), None, table=None), TransportMemory())
    assert pages(turn) == msgspec.structs.replace(pages(turn), state="unknown", stops=())


@pytest.mark.parametrize("unit", ["buses-01", "buses-02"])
def test_a_quarantined_bus_is_not_looked_at_and_holds_nobody(unit: str):
    now = at("08:12")
    rest = [one for one in BUSES if one != unit]
    shown = view(now, two_close(now), believed=rest, left_out={(unit, "vehicle-speed"): "quarantined"})
    turn = SERVICE.step(shown, TransportMemory())
    assert turn.proposals == ()
    told = decode(turn.published["vehicle-positions.pb"])
    assert [one.vehicle.id for _, one in told.vehicles() if one.vehicle] == [one for one in BUSES[:2] if one != unit]


def test_a_bus_without_a_fresh_reading_holds_nobody():
    now = at("08:12")
    assert SERVICE.step(view(now, two_close(now), believed=["buses-02"]), TransportMemory()).proposals == ()


def test_a_bus_off_its_way_is_left_out_and_told():
    now = at("08:12")
    stray = bus("buses-01", "t0800", "c", now, where=(place("c")[0], 55.02))  # 2.2 km north
    turn = SERVICE.step(view(now, feed(now, stray)), TransportMemory())
    assert "buses-01" not in turn.memory.spots
    assert turn.board is not None
    [row] = next(table for table in turn.board.tables if table.title == "Not used").rows
    assert row[0].text == "buses-01" and "off its trip's way" in row[1].text


def test_a_bus_that_could_not_have_come_so_far_is_left_out_and_its_earlier_place_stands():
    now = at("08:12")
    first = SERVICE.step(view(now, feed(now, bus("buses-01", "t0800", "a", now, late=720))), TransportMemory())
    later = now + 60
    jumped = SERVICE.step(view(later, feed(later, bus("buses-01", "t0800", "f", later))), first.memory)
    # 5 km in a minute: 83 m/s, more than 35
    assert jumped.memory.spots["buses-01"].at == now
    assert jumped.board is not None and jumped.board.tables[-1].rows[0][0].text == "buses-01"


def test_a_replayed_report_is_left_out():
    now = at("08:12")
    first = SERVICE.step(view(now, feed(now, bus("buses-01", "t0800", "c", now))), TransportMemory())
    later = now + 60
    again = SERVICE.step(view(later, feed(later, bus("buses-01", "t0800", "c", now - 300))), first.memory)
    assert again.board is not None and "older than the one before" in again.board.tables[-1].rows[0][1].text


def test_what_is_not_a_trip_of_the_timetable_is_in_no_feed_of_ours():
    now = at("08:12")
    made_up = bus("buses-03", "t0805", "c", now)
    turn = SERVICE.step(view(now, feed(now, made_up)), TransportMemory())
    assert not decode(turn.published["trip-updates.pb"]).entities


# -- many vehicles standing still


def standing(now: int, minutes: int, names: Sequence[str], step: int = 1) -> TransportMemory:
    """A turn each minute in which these stand between stops, `step` legs apart, and the rest go on."""
    memory = TransportMemory()
    for minute in range(minutes + 1):
        when = now + 60 * minute
        buses = []
        for n, unit in enumerate(BUSES[:4]):
            moved = 0 if unit in names else 200 * minute
            where = (place("a")[0] + EAST * (n * step + 0.5) + EAST * moved / 1000, 55.0)
            stop = "f" if n * step + 1 > 4 else "abcdef"[n * step + 1]
            buses.append(bus(unit, f"t08{n}0", stop, when, status="IN_TRANSIT_TO", where=where))
        turn = SERVICE.step(view(when, feed(when, *buses)), memory)
        memory = turn.memory
        standing.turn = turn  # type: ignore[attr-defined]
    return memory


def test_many_buses_of_one_make_that_stop_at_once_between_stops_are_told_in_neutral_words():
    standing(at("08:30"), 4, BUSES[:3])
    [notice] = standing.turn.notices  # type: ignore[attr-defined]
    assert notice.urgency is Urgency.SAFETY
    assert notice.title.startswith("3 of 4 reporting vehicles of `all` (maker Ostra) stand still outside stops")
    assert notice.since == at("08:30") * SECOND
    for word in ("attack", "hostile", "sabotage", "guilty"):
        assert word not in notice.title + notice.do


def test_two_buses_that_stop_are_no_fleet():
    standing(at("08:30"), 4, BUSES[:2])
    assert standing.turn.notices == ()  # type: ignore[attr-defined]


def test_buses_that_stop_in_one_place_are_a_jam():
    standing(at("08:30"), 4, BUSES[:3], step=0)
    assert standing.turn.notices == ()  # type: ignore[attr-defined]


# -- what riders are told


def test_predicted_departures_are_called_so_and_the_rest_is_the_timetable():
    now = at("08:12")
    turn = SERVICE.step(view(now, two_close(now)), TransportMemory())
    assert pages(turn).state == "predicted"
    # at d: the late bus of 08:00, then that of 08:10; then those that have not left, by the timetable
    assert due(turn, "d")[:3] == [("t0800", True), ("t0810", True), ("t0820", False)]
    assert ("t0800", True) not in due(turn, "f")  # its last stop: nobody departs


def test_its_own_feeds_keep_the_published_rules():
    table, memory = timetable(TABLE), TransportMemory()
    for minute in range(12):
        now = at("08:12") + 60 * minute
        turn = SERVICE.step(view(now, two_close(now)), memory)
        memory = turn.memory
        updates, vehicles = (decode(turn.published[name]) for name in ("trip-updates.pb", "vehicle-positions.pb"))
        for one, other in ((updates, vehicles), (vehicles, updates), (decode(turn.published["alerts.pb"]), None)):
            assert judge(Case(feed=one, timetable=table, beside=other, now=now, received=now)).breaches == ()
        assert len(updates.entities) == 2


def test_siri_says_which_departures_are_monitored():
    now = at("08:12")
    turn = SERVICE.step(view(now, two_close(now)), TransportMemory())
    siri = msgspec.json.decode(turn.published["siri-sm.json"])["Siri"]["ServiceDelivery"]
    [delivery] = siri["StopMonitoringDelivery"]
    at_d = [visit for visit in delivery["MonitoredStopVisit"] if visit["MonitoringRef"] == {"value": "d"}]
    journeys = [visit["MonitoredVehicleJourney"] for visit in at_d]
    assert [journey["Monitored"] for journey in journeys[:3]] == [True, True, False]
    assert "ExpectedDepartureTime" not in journeys[2]["MonitoredCall"]
    assert journeys[2]["MonitoredCall"]["AimedDepartureTime"] == "2024-06-10T08:26:00Z"


# -- what every service keeps to


def test_the_same_views_give_the_same_turns():
    def play() -> list[Turn[TransportMemory]]:
        memory, turns = TransportMemory(), []
        for minute in range(5):
            now = at("08:12") + 60 * minute
            turns.append(SERVICE.step(view(now, two_close(now)), memory))
            memory = turns[-1].memory
        return turns

    assert play() == play()


def test_a_view_shown_twice_teaches_nothing_twice():
    now = at("08:12")
    first = SERVICE.step(view(now, two_close(now)), TransportMemory())
    again = SERVICE.step(view(now, two_close(now)), first.memory)
    assert again.memory.learned == first.memory.learned


def test_memory_stays_bounded_whatever_a_feed_says():
    memory = TransportMemory()
    for turn in range(6):
        now = at("08:12") + 60 * turn
        crowd = [
            bus(f"bus-{turn % 2}-{n}", "t0800", "abcdef"[(n + turn) % 6], now, late=60 * turn, where=None)
            for n in range(1500)
        ]
        named = [
            [msgspec.structs.replace(one, trip_update=_of(one, n)) if one.trip_update else one for one in some]
            for n, some in enumerate(crowd)
        ]
        memory = SERVICE.step(view(now, feed(now, *named), table=None), memory).memory
    assert len(msgspec.json.encode(memory)) < MOST_MEMORY
    assert len(memory.spots) <= 800 and memory.learned.dropped > 0


def test_memory_stays_bounded_where_every_name_is_as_long_as_it_may_be():
    memory = TransportMemory()
    for turn in range(12):
        now, first = at("08:12") + 60 * turn, turn % 4
        updates = [
            TripUpdate(
                trip=Trip(trip_id=f"{n:055d}"),
                stops=tuple(
                    StopUpdate(
                        stop_id=f"{turn // 4}-{n}-{k}".ljust(40, "x"), arrival=Event(time=now + 100 * (k - first))
                    )
                    for k in range(first, 14)
                ),
            )
            for n in range(300)
        ]
        body = feed(now, [Entity(id=str(n), trip_update=update) for n, update in enumerate(updates)])
        memory = SERVICE.step(view(now, body, table=None), memory).memory
    assert memory.learned.legs and memory.learned.judged > 0
    assert len(msgspec.json.encode(memory)) < MOST_MEMORY


def _of(entity: Any, n: int) -> Any:
    update = entity.trip_update
    trip = msgspec.structs.replace(update.trip, trip_id=f"{'long-' * 8}{n}")
    return msgspec.structs.replace(update, trip=trip)


@pytest.mark.parametrize("views", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_no_hold_lies_outside_its_limits_in_random_views(views: int):
    chance = random.Random(20240610)
    shown = view(at("08:12"), None)
    stages = list(Stage)
    proposed = 0
    for _ in range(views):
        low = chance.choice((0.0, 0.0, 10.0, -5.0))
        high = low + chance.choice((0.0, 5.0, 45.0, 1e6))
        safe = chance.choice((low, low, high))
        limits = CommandLimits(sets="hold-time", low=low, high=high, per_hour=60, fail_safe=safe)
        first, second = chance.choice(BUSES), chance.choice(BUSES)
        follower = Run("f", "l", "0", (Call("a", 0), Call("b", 60)), chance.choice(stages), "a", 0, first)
        gap, planned = chance.uniform(-1e4, 1e4), chance.choice((0.0, 600.0, chance.uniform(0, 1e5)))
        spacing = chance.choice(list(Spacing))
        found = [Headway("l", "0", "a", replace(follower, vehicle=second), follower, gap, planned, spacing)]
        last = Commanded("hold", chance.uniform(0, 100), {}, chance.choice(("sent", "acknowledged", "timed-out")), 0)
        random_view = replace(
            shown,
            actuators={first: Actuator({"hold": limits})},
            last_commands={first: last} if chance.random() < 0.5 else {},
            readings=shown.readings if chance.random() < 0.8 else {},
        )
        for proposal in holds(random_view, found):
            proposed += 1
            assert low <= proposal.value <= high
            if not random_view.readings or spacing is not Spacing.BUNCHED or follower.stage is not Stage.STANDING:
                assert proposal.value == safe
    assert proposed > views // 10


# -- settings


def test_settings_that_contradict_themselves_are_told_all_at_once():
    raw = {
        "feeds": ["live", "plan"],
        "timetable": "plan",
        "fleets": {"one": {"vehicles": ["buses"]}, "two": {"vehicles": ["buses"]}},
        "moved_m": 500,
        "advised": ["trams"],
    }
    wrong = read_settings(raw, "services.t.settings")
    assert isinstance(wrong, PlaceError)
    for words in (
        "named as a feed and as the timetable",
        "not below `off_route_m`",
        "in two fleets, `one` and `two`",
        "`trams` is to be advised",
    ):
        assert words in str(wrong)


def test_a_slip_of_the_pen_is_met_with_the_word_that_was_meant():
    wrong = read_settings({"feeds": ["live"], "of_route_m": 3}, "here")
    assert isinstance(wrong, PlaceError) and "off_route_m" in wrong.mend
    assert wrong.where == "here"

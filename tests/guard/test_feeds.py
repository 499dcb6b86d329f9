"""The gate for documents, as a play: what an honest feed does, and what replays, freezes and moves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.guard.feeds import AdmittedFeed, FeedMemory, JudgedFeed, Moment, Part, Standing, Whole, judge_feed
from cityward.transit.decoding import decode
from transits import NOON, body, stop, timetable, update, vehicle

PLAN = timetable()
FRESH = FeedMemory()
METRE = 1 / 111_195 / 0.5736  # degrees of longitude at latitude 55


class Play:
    """One flow: documents go in one after another, each a second after its header says that it was made."""

    def __init__(self, plan: bool = True) -> None:
        self.memory, self.plan = FRESH, PLAN if plan else None

    def shows(self, *entities: dict[str, Any], at: int, delay: int = 1, **head: Any) -> JudgedFeed:
        judged = judge_feed(body(*entities, timestamp=at, **head), Moment(at + delay, self.plan), self.memory)
        self.memory = judged.memory
        return judged


def bus(metres: float, at: int, name: str = "bus-1", **changed: Any) -> dict[str, Any]:
    """A bus so far down the street."""
    return vehicle(2.005 + metres * METRE, name=name, timestamp=at, entity=name, **changed)


def test_an_honest_bus_is_admitted_all_along_its_way() -> None:
    play = Play()
    for n in range(20):
        judged = play.shows(bus(12.0 * 30 * n / 4, NOON + 30 * n), at=NOON + 30 * n)
        assert (judged.standing, judged.admitted, dict(judged.refused)) == (Standing.ADMITTED, 1, {})


def test_the_same_document_again_is_no_news_until_it_is_too_old() -> None:
    play = Play()
    play.shows(bus(0, NOON), at=NOON)
    assert play.shows(bus(0, NOON), at=NOON, delay=30).standing is Standing.UNCHANGED
    assert play.shows(bus(0, NOON), at=NOON, delay=301).why == Whole.TOO_OLD


def test_a_replayed_document_is_refused_and_changes_nothing() -> None:
    play = Play()
    play.shows(bus(0, NOON), at=NOON)
    play.shows(bus(300, NOON + 30), at=NOON + 30)
    kept = play.memory
    judged = play.shows(bus(0, NOON), at=NOON, delay=40)
    assert (judged.standing, judged.why) == (Standing.REFUSED, Whole.RAN_BACK)
    assert play.memory == kept


def test_other_content_under_the_same_time_is_refused() -> None:
    play = Play()
    play.shows(bus(0, NOON), at=NOON)
    assert play.shows(bus(50, NOON), at=NOON).why == Whole.SAME_TIME


def test_a_replayed_vehicle_under_a_new_header_is_refused_alone() -> None:
    play = Play()
    play.shows(bus(0, NOON), bus(90, NOON, "bus-2"), at=NOON)
    play.shows(bus(300, NOON + 30), bus(400, NOON + 30, "bus-2"), at=NOON + 30)
    judged = play.shows(bus(0, NOON), bus(700, NOON + 60, "bus-2"), at=NOON + 60)
    assert dict(judged.refused) == {Part.RAN_BACK: 1}
    assert [e.id for e in decode(judged.body).entities] == ["bus-2"]


def test_a_moved_vehicle_is_refused_and_its_next_true_place_is_believed() -> None:
    play = Play()
    play.shows(bus(0, NOON), at=NOON)
    assert dict(play.shows(bus(2500, NOON + 30), at=NOON + 30).refused) == {Part.MOVED: 1}
    assert play.shows(bus(400, NOON + 60), at=NOON + 60).admitted == 1


def test_a_place_far_off_is_possible_when_enough_time_has_passed() -> None:
    play = Play()
    play.shows(bus(0, NOON), at=NOON)
    assert play.shows(bus(2500, NOON + 60), at=NOON + 60).admitted == 1  # 300 m and 60 s of 40 m/s make 2,700 m


def test_a_vehicle_that_says_it_drives_and_stands_is_frozen() -> None:
    play = Play()
    play.shows(bus(0, NOON, position={"speed": 8}), at=NOON)
    assert play.shows(bus(0, NOON + 20, position={"speed": 8}), at=NOON + 20).admitted == 1
    assert dict(play.shows(bus(0, NOON + 40, position={"speed": 8}), at=NOON + 40).refused) == {Part.FROZEN: 1}


def test_a_vehicle_that_waits_at_a_stop_is_not_frozen() -> None:
    play = Play()
    for n in range(60):
        at = NOON + 30 * n
        judged = play.shows(bus(0, at, currentStatus="STOPPED_AT"), bus(30.0 * n, at, "bus-2"), at=at)
        assert dict(judged.refused) == {}


def test_a_whole_feed_in_which_nothing_moves_under_new_times_is_refused() -> None:
    play = Play()
    fleet = ("bus-1", "bus-2", "bus-3")
    stood = [
        play.shows(*(bus(90.0 * n, NOON + s, b) for n, b in enumerate(fleet)), at=NOON + s) for s in range(0, 240, 30)
    ]
    assert [j.why for j in stood[:6]] == [""] * 6
    assert stood[6].why == Whole.FROZEN  # 180 s


def test_the_same_content_under_ever_new_headers_is_frozen() -> None:
    play = Play()
    said = [update(entity=f"u{n}") for n in range(3)]
    assert play.shows(*said, at=NOON).standing is Standing.ADMITTED
    assert play.shows(*said, at=NOON + 179).standing is Standing.ADMITTED
    assert play.shows(*said, at=NOON + 180).why == Whole.FROZEN


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"gtfsRealtimeVersion": "9.9"}, Whole.BAD_VERSION),
        ({"timestamp": None}, Whole.NO_TIME),
        ({"timestamp": NOON * 1000}, Whole.BAD_TIME),
        ({"timestamp": NOON + 62}, Whole.IN_THE_FUTURE),
        ({"timestamp": NOON - 301}, Whole.TOO_OLD),
    ],
    ids=lambda value: value.value if isinstance(value, Whole) else "",
)
def test_a_wrong_head_refuses_the_whole(changed: dict[str, Any], why: Whole) -> None:
    judged = judge_feed(body(vehicle(), **changed), Moment(NOON + 1, PLAN), FRESH)
    assert (judged.standing, judged.why, judged.body, judged.memory) == (Standing.REFUSED, why, b"", FRESH)


@pytest.mark.parametrize(
    ("entity", "why"),
    [
        (vehicle(lat=0.0), Part.NO_PLACE),
        (vehicle(lat=55.2), Part.OUTSIDE),
        (vehicle(lat=55.003), Part.OFF_ROUTE),
        (vehicle(trip={"tripId": "ghost"}), Part.UNKNOWN_TRIP),
        (vehicle(trip={"routeId": "r9"}), Part.UNKNOWN_ROUTE),
        (vehicle(stopId="ghost"), Part.UNKNOWN_STOP),
        (vehicle(trip={"tripId": "out-12", "routeId": "r2"}), Part.OTHER_TRIP),
        (vehicle(timestamp=NOON + 62), Part.IN_THE_FUTURE),
        (vehicle(timestamp=NOON - 901), Part.STALE),
        (vehicle(position={"speed": 55}), Part.TOO_FAST),
        (vehicle(name=None), Part.NAMELESS),
        (update(stop("ghost", None), entity="v"), Part.UNKNOWN_STOP),
        (update(stop("bank", 3, 300), stop("mole", 2, 600)), Part.BAD_ORDER),
        (update(stop(departure={"time": NOON})), Part.BAD_ORDER),
    ],
    ids=lambda value: value.value if isinstance(value, Part) else "",
)
def test_an_entity_that_is_not_believed_is_refused_alone(entity: dict[str, Any], why: Part) -> None:
    judged = judge_feed(
        body(entity, vehicle(name="bus-9", entity="sound", trip={"routeId": "r1"})), Moment(NOON + 1, PLAN), FRESH
    )
    assert (judged.standing, dict(judged.refused)) == (Standing.ADMITTED, {why: 1})
    assert [e.id for e in decode(judged.body).entities] == ["sound"]


def test_a_second_vehicle_of_one_id_is_refused_and_the_first_stays() -> None:
    judged = judge_feed(body(vehicle(), vehicle(2.02, entity="twin")), Moment(NOON + 1, PLAN), FRESH)
    assert dict(judged.refused) == {Part.DUPLICATE: 1}
    assert [e.id for e in decode(judged.body).entities] == ["v"]


def test_stops_that_the_timetable_does_not_know_are_left_out_of_an_update() -> None:
    judged = judge_feed(
        body(update(stop(), stop("ghost", None, 400), stop("bank", 3, 600))), Moment(NOON + 1, PLAN), FRESH
    )
    assert (judged.admitted, judged.left_out) == (1, 1)
    (entity,) = decode(judged.body).entities
    assert entity.trip_update is not None
    assert [s.stop_id for s in entity.trip_update.stops] == ["mole", "bank"]


def test_without_a_timetable_what_needs_one_is_said_to_be_not_checked() -> None:
    judged = judge_feed(body(vehicle(lat=55.2)), Moment(NOON + 1), FRESH)
    assert judged.admitted == 1
    assert judged.not_checked["E028"] == "a timetable"


def test_an_empty_feed_is_admitted() -> None:
    judged = judge_feed(body(), Moment(NOON + 1, PLAN), FRESH)
    assert (judged.standing, judged.entities, judged.admitted) == (Standing.ADMITTED, 0, 0)


def test_only_what_was_admitted_can_be_sealed() -> None:
    assert judge_feed(body(vehicle()), Moment(NOON + 1, PLAN), FRESH).seal(7).record == 7
    with pytest.raises(ValueError, match="refused"):
        judge_feed(b"", Moment(NOON, PLAN), FRESH).seal(7)
    with pytest.raises(TypeError):
        AdmittedFeed(object(), b"", decode(body()), (), 1)


def test_a_document_larger_than_its_flow_may_send_is_refused() -> None:
    assert judge_feed(body(vehicle()), Moment(NOON + 1, PLAN, most_bytes=10), FRESH).why == Whole.TOO_LARGE


@given(st.binary(max_size=400), st.integers(0, 2**40))
def test_any_bytes_get_a_verdict(data: bytes, received: int) -> None:
    for blob in (data, b"{" + data, b"\x0a\x05\x0a\x032.0" + data):
        judged = judge_feed(blob, Moment(received, PLAN), FRESH)
        assert judged.standing in Standing
        assert judged == judge_feed(blob, Moment(received, PLAN), FRESH)


@given(st.data())
def test_what_is_admitted_and_what_is_refused_is_all_there_was(data: st.DataObject) -> None:
    play = Play(plan=data.draw(st.booleans()))
    for step in range(data.draw(st.integers(1, 5))):
        at = NOON + 30 * step
        fleet = [
            {**bus(data.draw(st.floats(-1e6, 1e6)), at + data.draw(st.integers(-1000, 100)), name), "id": f"v{n}"}
            for n, name in enumerate(data.draw(st.lists(st.sampled_from(["a", "b", "c"]), max_size=4)))
        ]
        before = play.memory
        judged = play.shows(*fleet, at=at)
        assert judged.entities == judged.admitted + sum(judged.refused.values())
        if judged.standing is Standing.ADMITTED:
            assert len(decode(judged.body).entities) == judged.admitted
        else:
            assert (judged.body, judged.admitted, play.memory) == (b"", 0, before)


def test_one_vehicle_said_three_times_is_no_feed_that_stands_still() -> None:
    play = Play()
    for n in range(20):
        at = NOON + 30 * n
        judged = play.shows(*({**bus(0, at), "id": f"v{i}"} for i in range(3)), bus(0, at, "bus-2"), at=at)
        assert judged.standing is Standing.ADMITTED
        assert judged.refused[Part.DUPLICATE] == 2

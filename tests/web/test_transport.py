"""Public transport at the door: stop pages without a script, feeds, SIRI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec
import pytest

from cityward.runtime.releasing.opened import OpenDocument
from cityward.services.transport.pages import Due, StopPage, StopPages
from cityward.web.api.transport import _by_stop
from web.house import NOON, House, house, opened

NOW_S = NOON // 1_000_000  # 2025-10-09T08:53:20Z


@dataclass
class Opened:
    """`OpenDocuments`, as a mapping."""

    documents: Mapping[str, bytes]
    closed: tuple[str, ...] = ()

    def document(self, name: str) -> OpenDocument:
        return OpenDocument(None if self.closed else self.documents.get(name), NOON, self.closed)


def due(trip: str, aimed: int, expected: int | None) -> Due:
    low = None if expected is None else expected - 60
    return Due(
        route="l", line="7", direction="0", towards="<Far> end", trip_id=trip, start_date="20251009", stop_name="Quay",
        aimed=aimed, expected=expected, low=low, high=expected,
    )  # fmt: skip


def pages(state: str = "predicted", made_at: int = NOW_S) -> bytes:
    stop = StopPage(id="quay", name="Quay", due=(due("t1", NOW_S + 600, NOW_S + 840), due("t2", NOW_S + 1200, None)))
    of = StopPages(made_at=made_at, feed_at=made_at, state=state, zone="UTC", operator="Ring Transit", stops=(stop,))  # type: ignore[arg-type]
    return msgspec.json.encode(of)


def city(documents: Mapping[str, bytes], closed: tuple[str, ...] = ()) -> House:
    made = house()
    made.doors = replace(made.doors, opened=Opened(documents, closed), machine_us=lambda: NOON)
    return made


def test_anybody_reads_what_is_due_and_how_it_is_known():
    with opened(city({"stops.json": pages()})) as door, door.stranger() as rider:
        answer = rider.get("/stops/quay")
    assert answer.status_code == 200 and "<script" not in answer.text
    # expected 14 minutes from 08:53:20, between 09:06 and 09:07; planned 09:03; the next by the timetable at 09:13
    for words in ("09:07", "09:06 - 09:07", "planned 09:03", "09:13", "timetable", "predicted", "&lt;Far&gt; end"):
        assert words in answer.text, words


@pytest.mark.parametrize(("says", "words"), [(True, "Some vehicles can"), (False, "No vehicle can"), (None, "")])
def test_whether_one_can_board_with_a_wheelchair_is_said_where_the_timetable_does(says: bool | None, words: str):
    found = msgspec.json.decode(pages(), type=StopPages)
    told = msgspec.structs.replace(found, stops=(msgspec.structs.replace(found.stops[0], wheelchair=says),))
    with opened(city({"stops.json": msgspec.json.encode(told)})) as door, door.stranger() as rider:
        text = rider.get("/stops/quay").text
    assert (words in text) if words else ("wheelchair" not in text)


def test_times_that_are_old_are_shown_as_the_timetable_again():
    with opened(city({"stops.json": pages(made_at=NOW_S - 600)})) as door, door.stranger() as rider:
        text = rider.get("/stops/quay").text
    assert "Nothing new was heard" in text and "09:03" in text and "09:07" not in text
    assert 'class="predicted"' not in text


def test_without_vehicles_the_page_says_that_it_is_the_timetable():
    with opened(city({"stops.json": pages("timetable")})) as door, door.stranger() as rider:
        assert "No vehicles are heard of now" in rider.get("/stops/quay").text


def test_stops_are_listed_and_unknown_ones_are_not_found():
    with opened(city({"stops.json": pages()})) as door, door.stranger() as rider:
        assert '<a href="/stops/quay">Quay</a>' in rider.get("/stops/").text
        assert rider.get("/stops/elsewhere").status_code == 404


def test_what_is_not_open_is_not_shown():
    shut = city({"stops.json": pages(), "alerts.pb": b"x"}, ("posture `crisis` is in force",))
    with opened(shut) as door, door.stranger() as rider:
        answer = rider.get("/stops/quay")
        assert answer.status_code == 404 and "not open to the public" in answer.text and "09:" not in answer.text
        assert rider.get("/api/transport/gtfs-rt/alerts").status_code == 404
    with opened(house()) as door, door.stranger() as rider:
        assert rider.get("/api/transport/siri/estimated-timetable").status_code == 404


def test_feeds_are_given_as_they_were_published():
    with opened(city({"trip-updates.pb": b"\x0a\x00"})) as door, door.stranger() as rider:
        answer = rider.get("/api/transport/gtfs-rt/trip-updates")
        assert (answer.content, answer.headers["content-type"]) == (b"\x0a\x00", "application/x-protobuf")
        assert rider.get("/api/transport/gtfs-rt/vehicle-positions").status_code == 503
        assert rider.get("/api/transport/gtfs-rt/other").status_code == 404


def test_stop_monitoring_is_cut_to_the_stop_that_is_asked_for():
    visits = [{"MonitoringRef": {"value": stop}} for stop in ("quay", "hill", "quay")]
    body = {"Siri": {"ServiceDelivery": {"StopMonitoringDelivery": [{"MonitoredStopVisit": visits}]}}}
    with opened(city({"siri-sm.json": msgspec.json.encode(body)})) as door, door.stranger() as rider:
        answer = rider.get("/api/transport/siri/stop-monitoring", params={"MonitoringRef": "hill"}).json()
    [delivery] = answer["Siri"]["ServiceDelivery"]["StopMonitoringDelivery"]
    assert delivery["MonitoredStopVisit"] == [{"MonitoringRef": {"value": "hill"}}]


def test_whoever_asks_for_many_stops_has_the_document_read_once():
    _by_stop.cache_clear()
    visits = [{"MonitoringRef": {"value": f"stop-{n}"}} for n in range(20)]
    body = {"Siri": {"ServiceDelivery": {"StopMonitoringDelivery": [{"MonitoredStopVisit": visits}]}}}
    with opened(city({"siri-sm.json": msgspec.json.encode(body)})) as door, door.stranger() as rider:
        for n in range(40):
            answer = rider.get("/api/transport/siri/stop-monitoring", params={"MonitoringRef": f"stop-{n}"}).json()
            [delivery] = answer["Siri"]["ServiceDelivery"]["StopMonitoringDelivery"]
            assert len(delivery["MonitoredStopVisit"]) == (1 if n < 20 else 0)
    assert _by_stop.cache_info().misses == 1

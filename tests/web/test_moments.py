"""The city as it was, at the door: newest values by a moment, what happened in a span, both cut to the person who asks."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from itertools import islice
from typing import cast

import httpx
import msgspec
import numpy as np
import pytest

from cityward.insight.marks import Mark, MarkState
from cityward.runtime.ports import History
from cityward.time import DAY, HOUR, MINUTE
from cityward.watch.contract import Severity
from cityward.watch.findings import Incident, IncidentState
from cityward.web.api.moments import Held
from web.house import NOON, House, MemoryPeople, house, opened
from web.staff import staffed_place
from web.watching import MemoryBook

INCIDENT = Incident(
    id="i1",
    title="counter-1: frozen",
    shared="device:counter-1",
    severity=Severity.HIGH,
    began_at=NOON - 3 * HOUR,
    last_at=NOON - 2 * HOUR,
    findings=1,
    subjects=1,
    first_subjects=("counter-1",),
    kinds=("freeze/frozen",),
)
EARLIER = msgspec.structs.replace(INCIDENT, id="i0", began_at=NOON - 2 * DAY, last_at=NOON - 2 * DAY + HOUR)
CLOSED = msgspec.structs.replace(INCIDENT, id="i2", state=IncidentState.CLOSED)


@pytest.fixture
def city() -> Iterator[House]:
    built = house(watch=MemoryBook({one.id: one for one in (INCIDENT, EARLIER, CLOSED)}, [], {}))
    built.history.rows += [
        ("weather-1", "air-temperature", NOON - 20 * HOUR, 4.0),
        ("air-1", "pm2-5", NOON - 30 * HOUR, 80.0),
    ]
    with opened(built) as one:
        yield one


def ask(city: House, path: str, who: str = "operator", **asked_us: int) -> httpx.Response:
    with city.client(who) as client:
        return client.get(path, params={name: us // 1000 for name, us in asked_us.items()})


def moment(city: House, at: int, who: str = "operator", **more: int) -> dict[str, float]:
    answer = ask(city, "/api/moment", who, at_ms=at, **more)
    assert answer.status_code == 200
    return {f"{row['device']}/{row['property']}": row["value"] for row in answer.json()["latest"]}


def test_a_moment_holds_the_newest_value_observed_by_then_and_none_after_it(city: House) -> None:
    # the counter says n at NOON - n minutes, n = 1 .. 99
    assert moment(city, NOON) == {"counter-1/vehicle-speed": 1.0, "weather-1/air-temperature": 4.0}
    assert moment(city, NOON - 30 * MINUTE)["counter-1/vehicle-speed"] == 30.0
    assert moment(city, NOON - 30 * MINUTE + 59_000_000)["counter-1/vehicle-speed"] == 30.0
    assert "counter-1/vehicle-speed" not in moment(city, NOON - 100 * MINUTE)


def test_going_on_from_a_moment_tells_only_what_was_observed_since(city: House) -> None:
    assert moment(city, NOON, after_ms=NOON - 5 * MINUTE) == {"counter-1/vehicle-speed": 1.0}
    assert moment(city, NOON, after_ms=NOON - MINUTE) == {}


def test_a_value_that_a_mark_covers_is_told_as_doubted(city: House) -> None:
    city.state.marked = [
        Mark(id="m", device="counter-1", since=NOON - 10 * MINUTE, until=NOON, state=MarkState.SUSPECT)
    ]
    rows = ask(city, "/api/moment", at_ms=NOON).json()["latest"]
    assert {row["device"]: row["doubted"] for row in rows} == {"counter-1": True, "weather-1": False}


def test_the_future_and_more_than_a_day_are_refused(city: House) -> None:
    assert ask(city, "/api/moment", at_ms=NOON + 1000).status_code == 400
    assert ask(city, "/api/moment", at_ms=NOON, after_ms=NOON - DAY - 1000).status_code == 400
    assert ask(city, "/api/moment", at_ms=NOON - HOUR, after_ms=NOON).status_code == 400
    assert ask(city, "/api/span", from_ms=NOON - 8 * DAY, until_ms=NOON).status_code == 400


def test_a_span_tells_steps_of_services_and_the_incidents_that_were_in_it(city: House) -> None:
    [first] = city.state.issued
    city.state.issued += [
        replace(first, command_id="c-2", device="lamp-02"),
        replace(first, command_id="c-0", sent_at=NOON - HOUR),
    ]
    told = ask(city, "/api/span", from_ms=NOON - DAY, until_ms=NOON + 1000).json()
    assert [(row["at_ms"], row["devices"]) for row in told["commands"]] == [
        (NOON // 1000, 2),
        ((NOON - HOUR) // 1000, 1),
    ]
    assert "moonlight" in told["commands"][0]["because"]
    assert told["commands_in_all"] == 2
    assert {one["id"] for one in told["alerts"]} == {"i1", "i2"}


def test_a_suppliers_engineer_is_told_of_their_lamps_and_of_nothing_else() -> None:
    people = MemoryPeople()
    people.hold("eve", "engineer", party="northlight", until=NOON + HOUR)
    people.hold("desk", "desk")
    built = house(staffed_place(), watch=MemoryBook({"i1": INCIDENT}, [], {}), people=people)
    built.history.rows += [
        ("lamp-01", "lamp-level", NOON - MINUTE, 50.0),
        ("weather-1", "air-temperature", NOON - HOUR, 4.0),
    ]
    with opened(built) as city:
        assert moment(city, NOON, "eve") == {"lamp-01/lamp-level": 50.0}
        assert moment(city, NOON, "desk") == {"counter-1/vehicle-speed": 1.0}
        span = {"from_ms": NOON - DAY, "until_ms": NOON + 1000}
        told = {who: ask(city, "/api/span", who, **span).json() for who in ("eve", "desk")}
        assert told["eve"]["alerts"] is None and len(told["eve"]["commands"]) == 1
        assert [one["id"] for one in told["desk"]["alerts"]] == ["i1"] and told["desk"]["commands"] == []


def test_what_of_a_moment_was_read_is_put_on_record(city: House) -> None:
    moment(city, NOON)
    [(who, _, what)] = city.app.state.desk.reads._counts
    assert (who, what) == ("operator", "moment")


class SlowHistory:
    """Answers nothing before it is let go; counts who reads at a time."""

    def __init__(self) -> None:
        self.go, self._lock = threading.Event(), threading.Lock()
        self.reading = self.most = self.reads = 0

    def moment(self, since_us: int, until_us: int) -> Held:
        with self._lock:
            self.reads += 1
            self.reading += 1
            self.most = max(self.most, self.reading)
        assert self.go.wait(30)
        with self._lock:
            self.reading -= 1
        return np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0)


def test_two_moments_are_read_at_a_time_and_six_wait_beyond_that_none_is_begun(city: House) -> None:
    slow, people = SlowHistory(), MemoryPeople()
    for n in range(14):
        people.hold(f"p{n}", "operator")
    city.doors = replace(city.doors, history=cast(History, slow), people=people)
    with opened(city) as door, ThreadPoolExecutor(14) as pool:
        asked = [pool.submit(ask, door, "/api/moment", f"p{n}", at_ms=NOON - n * MINUTE) for n in range(14)]
        refused = [one.result() for one in islice(as_completed(asked), 6)]
        slow.go.set()
        assert {(one.status_code, one.headers["retry-after"]) for one in refused} == {(503, "3")}
        assert Counter(one.result().status_code for one in asked) == {200: 8, 503: 6}
    assert (slow.most, slow.reads) == (2, 8)

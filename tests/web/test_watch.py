"""The watch at the console's door: incidents are read, taken in hand by the person of the session, and evidence comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec import structs

from cityward.errors import PlaceError
from cityward.evidence.records import Acknowledged
from cityward.runtime.containing import ContainmentRow, Stand
from cityward.watch.contract import Severity
from cityward.watch.findings import DeviceStanding, Incident, Trust
from web.house import NOON, House, opened
from web.house import house as a_house
from web.watching import MemoryBook

INCIDENT = Incident(
    id="i1",
    title="lamp-01 is frozen",
    shared="device:lamp-01",
    severity=Severity.HIGH,
    began_at=NOON,
    last_at=NOON,
    findings=1,
    subjects=1,
    first_subjects=("lamp-01",),
    kinds=("freeze/frozen",),
)


STANDING = DeviceStanding(device="lamp-01", trust=0.4, state=Trust.QUARANTINED, since=NOON)


@dataclass
class Containments:
    """`Containing` in memory."""

    asked: list[tuple[str, ...]] = field(default_factory=list)

    def preview(self, target: str) -> Any:
        raise PlaceError(f"`{target}` is nothing", mend="name something")

    def begin(self, target: str, reason: str, person: str, seconds: int) -> ContainmentRow:
        self.asked.append((target, reason, person, str(seconds)))
        return ContainmentRow("c1", target, reason, person, NOON, seconds, ("lamp-01",), Stand.BEGUN)

    def approve(self, id_: str, person: str) -> ContainmentRow:
        raise PlaceError(f"`{person}` asked for this containment and cannot approve it")

    refuse = lift = approve

    def all(self) -> Sequence[ContainmentRow]:
        return []


@dataclass
class Pages:
    """`Ledger` in memory."""

    records: list[Any] = field(default_factory=list)

    def append(self, records: Sequence[Any]) -> Sequence[str]:
        self.records += records
        return [f"web:{n}" for n in range(len(records))]

    def tail(self, most: int) -> Sequence[Any]:
        return []


@pytest.fixture
def house() -> Iterator[House]:
    with opened(
        a_house(
            watch=MemoryBook({"i1": INCIDENT}, [], {"lamp-01": STANDING}), containing=Containments(), ledger=Pages()
        )
    ) as door:
        yield door


def test_incidents_and_what_is_not_trusted_are_told(house: House) -> None:
    with house.client() as person:
        told = person.get("/api/watch").json()
        assert person.get("/api/watch?after=i1").status_code == 400  # behind it, but of which?
    assert [(i["id"], i["severity"]) for i in told["incidents"]] == [("i1", "high")]
    assert told["counts"] == {"open": {"high": 1}}
    assert told["standings"][0]["state"] == "quarantined"


def test_of_many_devices_the_least_trusted_are_told_and_how_many_there_are_in_all() -> None:
    stands = {f"lamp-{n:03}": structs.replace(STANDING, device=f"lamp-{n:03}", trust=n / 1000) for n in range(500)}
    with opened(a_house(watch=MemoryBook({}, [], stands))) as door, door.client() as person:
        told = person.get("/api/watch").json()
        beyond = person.get("/api/watch/standings/lamp-499").json()["standing"]
        assert person.get("/api/watch/standings/nobody").json() == {"standing": None}
    assert [one["device"] for one in told["standings"]] == [f"lamp-{n:03}" for n in range(200)]
    assert told["standings_in_all"] == 500
    assert (beyond["device"], beyond["trust"]) == ("lamp-499", 0.499)


def test_who_takes_an_incident_in_hand_is_on_record_first(house: House) -> None:
    with house.client() as person:
        answer = person.post("/api/watch/incidents/i1", json={"state": "acknowledged", "note": "on my way"})
    assert (answer.status_code, answer.json()["person"]) == (200, "operator")
    [record] = [r for r in house.doors.ledger.records if isinstance(r, Acknowledged)]
    assert (record.incident, record.person, record.state, record.note) == (
        "i1",
        "operator",
        "acknowledged",
        "on my way",
    )


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/watch/incidents/none", {"state": "closed"}, 404),
        ("/api/watch/incidents/i1", {"state": "gone"}, 400),
        ("/api/watch/incidents/i1", {"state": "closed", "note": "x" * 501}, 400),
        ("/api/containments", {"target": "", "reason": "x", "hours": 1}, 400),
        ("/api/containments", {"target": "lamp-01", "reason": "x", "hours": -1}, 400),
        ("/api/containments/c1/approve", None, 409),
        ("/api/containments/c1/explode", None, 404),
    ],
)
def test_what_cannot_be_is_said(house: House, path: str, body: Any, status: int) -> None:
    with house.client() as person:
        answer = person.post(path, json=body) if body is not None else person.post(path)
    assert answer.status_code == status


def test_other_sites_cannot_post_for_a_person(house: House) -> None:
    with house.client() as person:
        answer = person.post(
            "/api/containments",
            json={"target": "lamp-01", "reason": "x", "hours": 1},
            headers={"sec-fetch-site": "cross-site"},
        )
    assert answer.status_code == 403


def test_containing_is_the_persons_of_the_session(house: House) -> None:
    with house.client() as person:
        answer = person.post("/api/containments", json={"target": "lamp-01", "reason": "it lies", "hours": 2})
    assert answer.status_code == 201
    assert house.doors.containing.asked == [("lamp-01", "it lies", "operator", "7200")]


def test_cards_say_when_a_detector_fails(house: House) -> None:
    with house.client() as person:
        told = person.get("/api/watch/detectors").json()
    assert all(card["fails_when"] and card["kinds"] for card in told["detectors"])


def test_a_device_may_read_none_of_it(house: House) -> None:
    with house.device("counter-1") as device:
        assert device.get("/api/watch").status_code == 403

"""What people of another party are told of commands: no value of what they may not see, by whatever door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from msgspec.structs import replace as replace_fields

from cityward.place.services import Service
from cityward.runtime.causes import cause_line
from cityward.runtime.overriding import ConsentRow, Operator
from cityward.runtime.ports import CommandRow, SourceSpan
from cityward.runtime.serving.acting.preview import OverridePreview, UnitPreview, Wanted
from cityward.runtime.serving.kept import NoticeRow, PlanRow, ProposalShown, ServiceStatus
from cityward.services.board import Board, Figure
from cityward.services.contract import Estimate
from cityward.time import HOUR, MINUTE
from web.house import NOON, MemoryPeople, house, opened
from web.staff import staffed_place
from web.test_services import PLAN, MemoryServices

CAUSE = {"sky": "night", "illuminance_lx": "41.5", "traffic_because": "41.5 vehicles an hour",
         "rests_on": "vehicle-speed of 1 sensor (41.5)"}  # fmt: skip


def built(**more: Any) -> Any:
    people, place = MemoryPeople(), staffed_place()
    people.hold("operator", "desk")
    people.hold("eve", "engineer", party="northlight", until=NOON + HOUR)
    desk = replace_fields(place.roles["desk"], services=("lighting",))
    services = {
        "lighting": replace_fields(place.services["lighting"], reads=("traffic", "lamps")),
        "heating": Service(kind="lighting", operator="council", actuators=("lamp",)),
    }
    one: Any = house(
        replace_fields(place, roles={**place.roles, "desk": desk}, services=services), people=people, **more
    )
    span = SourceSpan("counter-1", NOON - MINUTE, NOON)
    one.doors.state.issued[:] = [replace(one.doors.state.issued[0], cause=CAUSE, sources=(span,))]
    return one


def test_no_cause_tells_another_party_a_value() -> None:
    with opened(built()) as city:
        with city.client("eve") as eve:
            assert "41.5" not in eve.get("/api/commands").text
        with city.client("operator") as operator:
            assert "41.5" in operator.get("/api/commands").text


@dataclass
class Desk:
    row: CommandRow

    def overrides(self, most: int = 100, service: str | None = None) -> list[Any]:
        return []

    def consents(self, most: int = 100, service: str | None = None) -> list[ConsentRow]:
        return [
            ConsentRow("x", "lighting", "lamp-01", "dim", 40.0, CAUSE, ("counter-1",), NOON, NOON + HOUR, "waiting", "")
        ]

    def preview(
        self, wanted: Wanted, who: Operator, told: Callable[[CommandRow], CommandRow] = replace
    ) -> OverridePreview:
        unit = UnitPreview(device="lamp-01", verdict="allowed", because=cause_line(told(self.row)))
        return OverridePreview(
            service="lighting", target="lamp", command="dim", value=1.0, unit="%", low=0, high=100, fail_safe=100,
            two_person=False, longest_hours=1, counts={}, units=(unit,), sentence="",
        )  # fmt: skip


def test_what_an_override_would_do_and_what_waits_tells_another_party_no_value() -> None:
    one = built()
    one.doors = replace(one.doors, overriding=Desk(one.doors.state.issued[0]))
    with opened(one) as city, city.client("eve") as eve:
        seen = eve.post("/api/services/lighting/overrides/preview", json={"target": "lamp", "value": 1})
        assert seen.status_code == 200 and "41.5" not in seen.text
        told = eve.get("/api/services/lighting/overrides")
        assert told.status_code == 200 and told.json()["consents"] and "41.5" not in told.text


def test_a_service_that_is_not_seen_tells_not_who_holds_what() -> None:
    one = built()
    one.doors = replace(one.doors, overriding=Desk(one.doors.state.issued[0]))
    with opened(one) as city, city.client("eve") as eve:
        assert eve.get("/api/services/heating").status_code == 404
        assert eve.get("/api/services/heating/overrides").status_code == 404


class Kept(MemoryServices):
    """A service whose every part says what was read."""

    def statuses(self) -> dict[str, ServiceStatus]:
        shown = ProposalShown(at=NOON, device="lamp-01", command="dim", value=40, verdict="allowed", cause=CAUSE)
        return {"lighting": ServiceStatus(service="lighting", at=NOON, proposals=(shown,))}

    def board(self, service: str) -> Board | None:
        return Board(summary="41.5 vehicles.", figures=(Figure(label="Now", value="41.5"),))

    def notices_of(self, service: str, most: int) -> list[NoticeRow]:
        of = NoticeRow(service=service, id="a", subject="s", title="41.5", urgency="routine", since=NOON, first_at=NOON)
        theirs = replace_fields(of, id="b", title="A lamp failed", sources=("lamp-01",))
        return [of, replace_fields(of, id="c", sources=("counter-1", "lamp-01")), theirs]

    def estimates_of(self, service: str, since_us: int, most: int, subject: str | None = None) -> list[Estimate]:
        return [Estimate("counter-1", "vehicle-speed", NOON, NOON, 41.5, 40.0, 60.0)]

    def plan(self, plan_id: str) -> PlanRow | None:
        return replace_fields(PLAN, cause={"why": "41.5 full"}, sources=("counter-1",))


PAGES = (
    "/api/services",
    "/api/services/lighting",
    "/api/services/lighting/estimates",
    f"/api/services/lighting/plans/{PLAN.plan_id}",
)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_of_a_service_tells_another_party_what_it_read_and_they_may_not(path: str) -> None:
    with opened(built(services=Kept())) as city:
        with city.client("eve") as eve:
            told = eve.get(path)
            assert told.status_code == 200 and "41.5" not in told.text
        with city.client("operator") as operator:
            assert "41.5" in operator.get(path).text


def test_another_party_is_told_of_its_own_devices_and_that_the_rest_is_withheld() -> None:
    with opened(built(services=Kept())) as city, city.client("eve") as eve, city.client("operator") as operator:
        page = eve.get("/api/services/lighting").json()
        assert [one["id"] for one in page["notices"]] == ["b"] and page["withheld"] and page["board"] is None
        assert page["proposals"][0]["cause"]["sky"] == "night"
        assert not operator.get("/api/services/lighting").json()["withheld"]

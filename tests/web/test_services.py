"""What the console is told of the services: by whom they are seen, and plans as files."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from typing import Any

from cityward.runtime.ports import CommandRow
from cityward.runtime.serving.kept import NoticeRow, PlanRow, ProposalShown, ServiceStatus, StopRow
from cityward.services.board import Board, Figure
from cityward.services.contract import Estimate
from cityward.time import MINUTE
from cityward.web.plan_files import geojson_of, gpx_of
from web.house import NOON, House, house, opened

PLAN = PlanRow(
    plan_id="lighting.round.1.ab",
    service="lighting",
    kind="round",
    crew="truck <1>",
    stops=(
        StopRow(subject="bin-1", position=(2.37, 54.9), due=NOON, why="full & \u202eheavy"),
        StopRow(subject="bin-2", position=(2.38, 54.91), due=NOON + MINUTE),
    ),
    way=((2.37, 54.9), (2.375, 54.905), (2.38, 54.91)),
    cause={"why": "full"},
    issued_at=NOON,
    expires_at=NOON + 60 * MINUTE,
    record="service:9",
)


@dataclass
class MemoryServices:
    """`web.ports.ServiceReader` in memory."""

    issued: list[CommandRow] = field(default_factory=list[CommandRow])
    at: int = NOON

    def statuses(self) -> dict[str, ServiceStatus]:
        shown = ProposalShown(at=NOON, device="lamp-01", command="dim", value=40, verdict="rate-exceeded", mend="wait")
        return {
            "lighting": ServiceStatus(service="lighting", at=self.at, memory_bytes=12, proposals=(shown,), faults=2)
        }

    def board(self, service: str) -> Board | None:
        return Board(summary="Night.", figures=(Figure(label="Energy", value="12", unit="kWh"),))

    def notices_of(self, service: str, most: int) -> list[NoticeRow]:
        return [
            NoticeRow(
                service=service, id="n", subject="lamp-01", title="Failed", urgency="safety", since=NOON, first_at=NOON
            )
        ]

    def notices_standing(self) -> dict[str, int]:
        return {"lighting": 1}

    def estimates_of(self, service: str, since_us: int, most: int, subject: str | None = None) -> list[Estimate]:
        all_ = [Estimate("lamp-01", "energy", NOON, NOON, 5.0, 4.0, 6.0), Estimate("x", "energy", NOON, NOON, 1, 1, 1)]
        return [one for one in all_ if subject in (None, one.subject)]

    def published_names(self, service: str) -> dict[str, int]:
        return {}

    def plans_of(self, service: str, most: int) -> list[PlanRow]:
        return [PLAN]

    def plan(self, plan_id: str) -> PlanRow | None:
        return PLAN if plan_id == PLAN.plan_id else None

    def commands_of(self, service: str, most: int) -> list[CommandRow]:
        return self.issued

    def commands_open(self) -> dict[str, int]:
        return {"lighting": len(self.issued)}


def a_house(**more: Any) -> House:
    built = house(services=MemoryServices(**more))
    return built


def test_the_services_are_listed_with_how_they_stand() -> None:
    with opened(a_house()) as built, built.client() as client:
        lines = client.get("/api/services").json()["services"]
        line = next(line for line in lines if line["id"] == "lighting")
        assert (line["state"], line["notices"], line["faults"]) == ("running", 1, 2)
        assert line["summary"] == "Night."
        assert [(one["label"], one["value"]) for one in line["figures"]] == [("Energy", "12")]


def test_one_that_had_no_turn_for_long_is_silent() -> None:
    with opened(a_house(at=NOON - 10 * MINUTE)) as built, built.client() as client:
        lines = client.get("/api/services").json()["services"]
        assert {line["id"]: line["state"] for line in lines}["lighting"] == "silent"


def test_a_page_has_board_notices_proposals_estimates_and_plans() -> None:
    with opened(a_house()) as built, built.client() as client:
        page = client.get("/api/services/lighting").json()
        assert page["board"]["summary"] == "Night." and page["notices"][0]["urgency"] == "safety"
        assert page["proposals"][0]["mend"] == "wait" and page["status"]["proposals"] == []
        assert page["plans"][0]["stops"] == 2 and len(page["estimates"]) == 2
        one = client.get("/api/services/lighting/estimates?subject=lamp-01").json()
        assert [e["value"] for e in one["estimates"]] == [5.0]


def test_what_is_not_declared_or_not_its_plan_is_not_there() -> None:
    with opened(a_house()) as built, built.client() as client:
        for path in ("nobody", "nobody/plans", "lighting/plans/none", "lighting/plans/none?form=gpx"):
            assert client.get(f"/api/services/{path}").status_code == 404


def test_without_a_session_nothing_is_told() -> None:
    with opened(a_house()) as built, built.stranger() as client:
        for path in ("", "/lighting", "/lighting/plans", f"/lighting/plans/{PLAN.plan_id}"):
            assert client.get(f"/api/services{path}").status_code == 401


def test_a_plan_is_downloaded_as_geojson_and_gpx() -> None:
    with opened(a_house()) as built, built.client() as client:
        path = f"/api/services/lighting/plans/{PLAN.plan_id}"
        told = client.get(f"{path}?form=geojson")
        assert told.headers["content-type"].startswith("application/geo+json")
        assert 'filename="lighting.round.1.ab.geojson"' in told.headers["content-disposition"]
        assert client.get(f"{path}?form=gpx").headers["content-type"].startswith("application/gpx+xml")
        assert client.get(path).json()["crew"] == "truck <1>"
        assert client.get(f"{path}?form=kml").status_code == 400


def test_geojson_has_lon_lat_stops_in_order_and_the_way() -> None:
    told = json.loads(geojson_of(PLAN))
    first, second, way = told["features"]
    assert first["geometry"]["coordinates"] == [2.37, 54.9] and first["properties"]["stop"] == 1
    assert second["properties"]["subject"] == "bin-2" and way["geometry"]["type"] == "LineString"
    assert "\u202e" not in first["properties"]["why"]


def test_gpx_is_well_formed_whatever_the_texts_are() -> None:
    root = ElementTree.fromstring(gpx_of(PLAN))
    names = {"g": "http://www.topografix.com/GPX/1/1"}
    points = root.findall("g:rte/g:rtept", names)
    assert [(p.get("lat"), p.get("lon")) for p in points] == [("54.9000000", "2.3700000"), ("54.9100000", "2.3800000")]
    assert root.findtext("g:rte/g:name", namespaces=names) == "round, truck <1>"
    assert len(root.findall("g:trk/g:trkseg/g:trkpt", names)) == 3

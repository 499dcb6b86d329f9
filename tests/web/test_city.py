"""What the console asks, in the shapes of docs/api.md."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from re import search

import pytest
from msgspec.structs import replace as replace_fields

from cityward.insight.marks import OPEN, Mark, MarkState
from cityward.place.services import Service
from cityward.reach.chains import flow_graph
from cityward.reach.picture import Picture, layout
from cityward.runtime.ports import SourceSpan
from cityward.time import DAY, HOUR, MINUTE
from web.forecasts import kept_forecasts_of_a_counter
from web.house import NOON, House, MemoryPeople, house, opened
from web.staff import staffed_place

MS = NOON // 1000


def test_a_service_names_what_it_reads_as_far_as_that_is_seen() -> None:
    lighting = Service(kind="lighting", operator="council", actuators=("lamp",), reads=("traffic",))
    people = MemoryPeople()
    people.hold("operator", "desk")
    people.hold("eve", "engineer", party="northlight", until=NOON + HOUR)
    told: dict[str, list[str]] = {}
    with opened(house(replace_fields(staffed_place(), services={"lighting": lighting}), people=people)) as city:
        for who in ("operator", "eve"):
            with city.client(who) as client:
                told[who] = client.get("/api/place").json()["services"][0]["sources"]
    assert "counter-1" in told["operator"] and "lamp" not in told["operator"]
    assert told["eve"] == []


def test_the_place_is_drawn_from_the_declaration(shared: House) -> None:
    with shared.client() as person:
        place = person.get("/api/place").json()
    assert (place["id"], place["name"], place["position"]) == ("tinytown", "Tinytown", [-1.5, 53.8])
    assert place["clock"] == {"now_ms": MS, "speed": 1.0}
    assert {"id": "quay", "name": "quay", "centre": None, "outline": []} in place["areas"]
    assert {
        "id": "counts",
        "name": "counts",
        "from": "counter-1",
        "to": "cityward",
        "to_name": "cityward",
        "purpose": "running-the-city",
    } in place["flows"]
    by_id = {device["id"]: device for device in place["devices"]}
    assert by_id["counter-1"] == {
        "id": "counter-1",
        "group": "counter-1",
        "model": "counter",
        "name": "counter-1",
        "area": "quay",
        "position": None,
        "status": "active",
        "actuator": False,
        "properties": [
            {"id": "vehicle-speed", "title": "Vehicle speed", "unit": "m/s"},
            {"id": "vehicle-count", "title": "Vehicles passed", "unit": "count"},
        ],
    }
    assert by_id["lamp-02"]["actuator"] is True
    assert by_id["lamp-02"]["position"] == [-1.51, 53.81]


def test_one_device_tells_all_that_is_known_of_it(shared: House) -> None:
    with shared.client() as person:
        answer = person.get("/api/devices/counter-1")
    page = answer.json()
    assert page["latest"] == [
        {"property": "vehicle-speed", "value": 12.5, "observed_at_ms": (NOON - MINUTE) // 1000, "received_at_ms": MS}
    ]
    assert page["expected"] == [{"property": "vehicle-speed", "hour": 12, "low": 5.0, "high": 15.0, "count": 30}]
    assert (page["last_seen_ms"], page["flow"], page["chain"]) == (MS, "counts", ["counts"])
    assert page["credential"] == {"state": "active", "issued_at_ms": MS, "revoked_at_ms": None}
    assert page["refusals"][0]["reason"] == "out-of-range"
    assert "key" not in answer.text.replace("key_", "")


def test_a_device_without_credential_says_none(shared: House) -> None:
    with shared.client() as person:
        assert person.get("/api/devices/counter-2").json()["credential"]["state"] == "none"


@pytest.mark.parametrize(
    "path",
    [
        "/api/devices/nobody",
        "/api/devices/nobody/window",
        "/api/refusals?device=nobody",
        "/api/commands?device=nobody",
        "/api/indicators?property=colour",
    ],
)
def test_what_is_not_declared_is_404(shared: House, path: str) -> None:
    with shared.client() as person:
        answer = person.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:cityward:problem:not-found")


def test_the_window_is_the_last_day_when_nothing_is_said(shared: House) -> None:
    with shared.client() as person:
        window = person.get("/api/devices/counter-1/window").json()
    assert window["until_ms"] - window["since_ms"] == DAY // 1000
    speed, count = window["series"]
    assert (speed["property"], speed["unit"], len(speed["points"])) == ("vehicle-speed", "m/s", 99)
    assert speed["points"] == sorted(speed["points"])
    assert speed["points"][-1] == [(NOON - MINUTE) // 1000, 1.0]
    assert count["points"] == []


def test_the_window_is_the_one_asked_for(shared: House) -> None:
    since, until = (NOON - HOUR) // 1000, NOON // 1000
    with shared.client() as person:
        window = person.get(f"/api/devices/counter-1/window?since_ms={since}&until_ms={until}").json()
    assert (window["since_ms"], window["until_ms"]) == (since, until)
    assert len(window["series"][0]["points"]) == 60


def test_the_window_tells_which_of_it_is_not_to_be_relied_on(door: House) -> None:
    mark = {"id": "m1", "device": "counter-1", "state": MarkState.SUSPECT, "why": "drifts"}
    door.state.marked += [
        Mark(since=NOON - 2 * HOUR, until=OPEN, **mark),
        Mark(since=NOON - 9 * HOUR, until=NOON - 8 * HOUR, **mark),
    ]
    since, until = (NOON - HOUR) // 1000, NOON // 1000
    with door.client() as person:
        window = person.get(f"/api/devices/counter-1/window?since_ms={since}&until_ms={until}").json()
    told = {"id": "m1", "state": "suspect", "properties": [], "since_ms": since, "until_ms": until, "why": "drifts"}
    assert window["marks"] == [told]
    assert len(window["series"][0]["points"]) == 60, "marked readings are shown"


def test_a_window_has_a_bound_and_keeps_the_newest(door: House) -> None:
    door.history.rows = [("counter-1", "vehicle-speed", NOON - n * 1_000_000, float(n)) for n in range(1, 12_000)]
    with door.client() as person:
        points = person.get("/api/devices/counter-1/window").json()["series"][0]["points"]
    assert len(points) == 5000
    assert points[-1][1] == 1.0


def test_a_forecast_comes_with_its_interval_and_its_accuracy_so_far() -> None:
    with opened(house(forecasts=kept_forecasts_of_a_counter())) as built, built.client() as person:
        told = person.get("/api/devices/counter-1/forecast").json()
    speed = next(one for one in told["series"] if one["property"] == "vehicle-speed")
    assert speed["points"] == [[(NOON + n * HOUR) // 1000, 10.0, 8.0, 13.0] for n in (1, 2)]
    assert (speed["unit"], speed["model"], speed["coverage"], speed["why"]) == ("m/s", "pooled", 0.8, "")
    # worked out: absolute errors 30 of 20 forecasts, the last value's 40, 15 within
    assert speed["so_far"] == {"count": 20, "mae": 1.5, "skill": 0.25, "coverage": 0.75}
    assert [one["ahead_ms"] for one in speed["horizons"]] == [3_600_000]
    count = next(one for one in told["series"] if one["property"] == "vehicle-count")
    assert (count["points"], count["so_far"], count["why"]) == ([], None, "the device is quarantined")


def test_only_the_newest_forecast_is_told_and_a_device_without_one_has_none() -> None:
    reader = kept_forecasts_of_a_counter()
    with opened(house(forecasts=reader)) as built, built.client() as person:
        older = person.get("/api/devices/counter-1/forecast").json()["series"]
        assert len(next(one for one in older if one["property"] == "vehicle-speed")["points"]) == 2
        assert person.get("/api/devices/weather-1/forecast").json()["series"] == []


def test_forecasts_are_for_those_who_may_see_the_readings(door: House) -> None:
    people = door.doors.people
    assert isinstance(people, MemoryPeople)
    people.hold("passer-by")
    with door.client("passer-by") as person:
        assert person.get("/api/devices/counter-1/forecast").status_code == 403
        assert person.get("/api/devices/counter-1/window").status_code == 403
    with door.stranger() as nobody:
        assert nobody.get("/api/devices/counter-1/forecast").status_code == 401


def test_refusals_come_with_their_reason_and_how_to_mend_it(shared: House) -> None:
    with shared.client() as person:
        refusals = person.get("/api/refusals?limit=5").json()
    assert refusals["reasons"][0] == {
        "flow": "counts",
        "reason": "out-of-range",
        "count": 2,
        "mend": "check the sensor, or mend the limits on the device model",
    }
    (recent,) = refusals["recent"]
    assert recent["excerpt"] == '[{"n":"speed"\N{REPLACEMENT CHARACTER}'
    assert recent["observed_at_ms"] is None
    assert recent["mend"]


def test_commands_show_their_cause_and_their_record(shared: House) -> None:
    with shared.client() as person:
        (command,) = person.get("/api/commands?device=lamp-01").json()["commands"]
    assert command == {
        "id": "c-1",
        "service": "lighting",
        "device": "lamp-01",
        "command": "dim",
        "value": 40.0,
        "state": "sent",
        "sent_at_ms": MS,
        "settled_at_ms": None,
        "cause": {"why": "moonlight"},
        "because": "lamp-01 dim 40 <- lighting: why moonlight <- no reading",
        "record": "service:7",
        "rests": [],
        "more_rests": 0,
    }


def test_a_command_leads_to_the_readings_it_rests_on_as_far_as_they_are_seen() -> None:
    people, place = MemoryPeople(), staffed_place()
    people.hold("operator", "desk")
    people.hold("eve", "engineer", party="northlight", until=NOON + HOUR)
    desk = replace_fields(place.roles["desk"], services=("lighting",))
    built = house(replace_fields(place, roles={**place.roles, "desk": desk}), people=people)
    spans = tuple(SourceSpan(device, NOON - MINUTE, NOON - 1_000_000) for device in ("counter-1", "lamp-01", "gone-1"))
    cause = {"why": "traffic", "rests_on": "vehicle-speed of 1 sensor (31), lamp-level of 1 sensor (40)"}
    built.doors.state.issued[:] = [replace(built.doors.state.issued[0], cause=cause, sources=spans)]
    told: dict[str, list[tuple[str, str, int]]] = {}
    words: dict[str, tuple[str, str]] = {}
    with opened(built) as city:
        for who in ("operator", "eve"):
            with city.client(who) as client:
                (command,) = client.get("/api/commands").json()["commands"]
                told[who] = [(one["device"], one["property"], one["at_ms"]) for one in command["rests"]]
                words[who] = (command["cause"]["rests_on"], command["because"])
    assert told == {
        "operator": [("counter-1", "vehicle-speed", MS - 1000)],
        "eve": [("lamp-01", "lamp-level", MS - 1000)],
    }
    assert words["operator"][0] == cause["rests_on"]
    assert all("not yours to see" in one and "31" not in one for one in words["eve"]), (
        "values of others are not in the words"
    )


def test_indicators_are_hourly_means(shared: House) -> None:
    with shared.client() as person:
        rows = person.get("/api/indicators?property=vehicle-speed&hours=1").json()["rows"]
        none = person.get("/api/indicators?property=rain").json()["rows"]
    assert rows == [
        {
            "property": "vehicle-speed",
            "area": "quay",
            "hour_ms": NOON // HOUR * HOUR // 1000,
            "count": 4,
            "mean": 10.0,
            "low": 8.0,
            "high": 12.5,
            "total": 40.0,
        }
    ]
    assert none == []


def test_the_chain_picture_has_every_flow(shared: House) -> None:
    with shared.client() as person:
        chain = person.get("/api/chain").json()
    assert {edge["flow"] for edge in chain["edges"]} == set(shared.doors.place.flows)
    nodes = {node["id"] for node in chain["nodes"]}
    for edge in chain["edges"]:
        assert {edge["from"], edge["to"]} <= nodes
        assert len(edge["points"]) >= 2
    assert {"width", "height", "nodes", "edges"} == set(chain)


def test_the_svg_allows_its_own_style_by_hash_and_nothing_else(shared: House) -> None:
    with shared.client() as person:
        answer = person.get("/api/chain.svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    style = search(r"(?s)<style>(.*?)</style>", answer.text)
    assert style is not None
    allowed = b64encode(sha256(style[1].encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{allowed}'; frame-ancestors 'none'; base-uri 'none'"
    )


class KeptPicture:
    """`Drawn`, in memory."""

    def __init__(self) -> None:
        self.kept: list[Picture] = []

    def before(self) -> Picture | None:
        return self.kept[-1] if self.kept else None

    def keep(self, picture: Picture) -> None:
        self.kept.append(picture)


def test_the_chain_is_drawn_where_it_was_when_the_city_starts_again_with_one_flow_more() -> None:
    kept, drawn = KeptPicture(), list[dict[str, tuple[float, float]]]()
    place = house().doors.place
    more = replace_fields(place.flows["lamp-reports"], to="acme")
    for flows in (place.flows, place.flows, {"one-more": more, **place.flows}):
        built = house(replace_fields(place, flows=flows))
        built.doors = replace(built.doors, drawn=kept)
        with opened(built) as door, door.client() as person:
            drawn.append({node["id"]: (node["x"], node["y"]) for node in person.get("/api/chain").json()["nodes"]})
            tidy = person.get("/api/chain?tidy=true").json()["nodes"]
            again = person.get("/api/chain").json()["nodes"]
    assert drawn[0] == drawn[1] == {name: drawn[2][name] for name in drawn[0]}
    assert len(kept.kept) == 2  # what is as it was is not written again
    anew = {node.id: (node.x, node.y) for node in layout(flow_graph(replace_fields(place, flows=flows))).nodes}
    assert {node["id"]: (node["x"], node["y"]) for node in tidy} == anew != drawn[2]
    assert {node["id"]: (node["x"], node["y"]) for node in again} == drawn[
        2
    ]  # laid out anew for one answer, not for all

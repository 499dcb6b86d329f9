"""The first slice of NGSI-LD, with the real codec room behind it."""

from __future__ import annotations

from typing import Any

import pytest

from cityward.runtime.ports import Latest
from cityward.web.api.ngsi_ld import accepted_media
from cityward.web.problems import Problem
from web.house import NOON, House

UPSERT = "/ngsi-ld/v1/entityOperations/upsert"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
AIR = "urn:ngsi-ld:AirQualityObserved:air-1"


def entity(name: str = AIR, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "AirQualityObserved", "pm25": {"type": "Property", "value": 8.5}, **more}


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_known_entity_is_updated_with_204(door: House, slash: str) -> None:
    with door.device("air-1") as device:
        answer = device.post(UPSERT + slash, json=[entity()])
    assert answer.status_code == 204
    ((name, codec, payload),) = door.intake.log
    assert (name, codec) == ("air-1", "ngsi-ld")
    assert b"pm25" in payload


def test_an_entity_never_heard_is_created_with_201(door: House) -> None:
    door.state.heard.clear()
    with door.device("air-1") as device:
        answer = device.post(UPSERT, json=[entity()])
    assert answer.status_code == 201
    assert answer.json() == [AIR]


def test_another_devices_entity_is_refused_alone(door: House) -> None:
    strange = "urn:ngsi-ld:Device:counter-1"
    with door.device("air-1") as device:
        answer = device.post(
            UPSERT, json=[entity(), entity(strange), {"type": "X"}, entity("urn:ngsi-ld:Device:nobody")]
        )
    assert answer.status_code == 207
    body = answer.json()
    assert body["success"] == [AIR]
    refused = {one["entityId"]: one["error"] for one in body["errors"]}
    assert refused[strange]["status"] == 403
    assert refused[strange] == refused["urn:ngsi-ld:Device:nobody"]
    assert refused[""]["type"] == ERRORS + "BadRequestData"
    assert [name for name, _, _ in door.intake.log] == ["air-1"]
    assert door.app.state.desk.meters.door["wrong-device"] == 2


def test_a_member_speaks_for_its_group(door: House) -> None:
    with door.device("lamp-01") as gateway:
        ids = ["urn:ngsi-ld:Device:lamp-01", "urn:ngsi-ld:Device:lamp-02"]
        answer = gateway.post(UPSERT, json=[{"id": one, "type": "Device"} for one in ids])
    assert answer.status_code == 201
    assert answer.json() == ids
    assert [name for name, _, _ in door.intake.log] == ["lamp-01", "lamp-02"]


@pytest.mark.parametrize(
    ("body", "media", "status", "name"),
    [
        (b"[]", "application/json", 400, "BadRequestData"),
        (b"{}", "application/json", 400, "BadRequestData"),
        (b"not json", "application/json", 400, "InvalidRequest"),
        (b"[" * 10_000 + b"]" * 10_000, "application/json", 400, "InvalidRequest"),
        (b"\xff\xfe", "application/json", 400, "InvalidRequest"),
    ],
)
def test_what_is_no_batch_is_refused_in_the_words_of_ngsi_ld(
    shared: House, body: bytes, media: str, status: int, name: str
) -> None:
    with shared.device("air-1") as device:
        answer = device.post(UPSERT, content=body, headers={"content-type": media})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["type"] == ERRORS + name
    assert shared.intake.log == []


def test_the_context_rules_hold(door: House) -> None:
    json_ld = {"content-type": "application/ld+json"}
    link = {"link": '<https://x.example/c.jsonld>; rel="http://www.w3.org/ns/json-ld#context"'}
    with_context = entity(**{"@context": "https://x.example/c.jsonld"})
    with door.device("air-1") as device:
        assert device.post(UPSERT, json=[entity()], headers=json_ld).status_code == 207
        assert device.post(UPSERT, json=[with_context]).status_code == 207
        assert device.post(UPSERT, json=[with_context], headers={**json_ld, **link}).status_code == 400
        assert device.post(UPSERT, json=[entity()], headers={"content-type": "text/csv"}).status_code == 415
        assert door.intake.log == []
        assert device.post(UPSERT, json=[with_context], headers=json_ld).status_code == 204
        assert device.post(UPSERT, json=[entity()], headers=link).status_code == 204


def test_a_silent_log_is_503(door: House) -> None:
    door.intake.silent_after = 0
    with door.device("air-1") as device:
        answer = device.post(UPSERT, json=[entity()])
    assert answer.status_code == 503
    assert answer.json()["type"] == ERRORS + "InternalError"


def test_entities_are_listed_normalized(shared: House) -> None:
    with shared.client() as person:
        answer = person.get("/ngsi-ld/v1/entities", params={"type": "AirQualityObserved"})
    assert answer.headers["content-type"] == "application/json"
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in answer.headers["link"]
    (found,) = answer.json()
    assert found["id"] == AIR
    assert found["pm25"]["value"] == 11.0
    assert found["pm25"]["observedAt"].endswith("Z")


@pytest.mark.parametrize(
    "asked", [{"options": "keyValues"}, {"format": "simplified"}, {"format": "keyValues"}], ids=str
)
def test_entities_are_listed_simplified(shared: House, asked: dict[str, str]) -> None:
    with shared.client() as person:
        answer = person.get("/ngsi-ld/v1/entities/", params={"id": AIR, **asked})
    assert answer.json()[0]["pm25"] == 11.0


def test_ld_json_has_its_context_in_the_body(shared: House) -> None:
    with shared.client() as person:
        answer = person.get(f"/ngsi-ld/v1/entities/{AIR}", headers={"accept": "application/ld+json"})
    assert answer.headers["content-type"] == "application/ld+json"
    assert "link" not in answer.headers
    assert answer.json()["@context"].startswith("https://uri.etsi.org/ngsi-ld/")


def test_the_count_is_there_when_asked_for(shared: House) -> None:
    """ngsildclient asks like this when it connects; it must be 200."""
    with shared.client() as person:
        answer = person.get("/ngsi-ld/v1/entities?type=None&limit=0&count=true")
        all_of_them = person.get("/ngsi-ld/v1/entities?local=true&limit=2&offset=1&count=true")
    assert answer.status_code == 200
    assert answer.headers["ngsild-results-count"] == "0"
    assert all_of_them.headers["ngsild-results-count"] == "3"
    assert len(all_of_them.json()) == 2


def test_attrs_choose_and_limit(door: House) -> None:
    door.state.rows.append(Latest("air-1", "no2", 20.0, NOON, NOON, 9))
    with door.client() as person:
        (found,) = person.get("/ngsi-ld/v1/entities?attrs=no2").json()
        missing = person.get(f"/ngsi-ld/v1/entities/{AIR}?attrs=o3")
    assert set(found) == {"id", "type", "no2"}
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ("", 400, "BadRequestData"),
        ("type=X&limit=0", 400, "BadRequestData"),
        ("type=X&limit=1001", 400, "InvalidRequest"),
        ("type=X&colour=red", 400, "InvalidRequest"),
        ("type=X&q=pm25>10", 422, "OperationNotSupported"),
        ("type=X&options=concise", 400, "BadRequestData"),
        ("type=X&options=keyValues&format=normalized", 400, "BadRequestData"),
    ],
)
def test_a_query_we_cannot_answer_says_so(shared: House, query: str, status: int, name: str) -> None:
    with shared.client() as person:
        answer = person.get(f"/ngsi-ld/v1/entities?{query}")
    assert (answer.status_code, answer.json()["type"]) == (status, ERRORS + name)


@pytest.mark.parametrize(
    "name", ["urn:ngsi-ld:Wrong:air-1", "urn:ngsi-ld:Device:nobody", "air-1", "urn:ngsi-ld:Device:lamp-01"]
)
def test_an_entity_that_is_none_is_404(shared: House, name: str) -> None:
    with shared.client() as person:
        answer = person.get(f"/ngsi-ld/v1/entities/{name}")
    assert (answer.status_code, answer.json()["type"]) == (404, ERRORS + "ResourceNotFound")


def test_a_device_sees_its_own_group_only(shared: House) -> None:
    with shared.device("air-1") as device:
        assert [one["id"] for one in device.get("/ngsi-ld/v1/entities?local=true").json()] == [AIR]
        assert device.get("/ngsi-ld/v1/entities/urn:ngsi-ld:Device:counter-1").status_code == 404


def test_there_are_no_tenants(shared: House) -> None:
    tenant = {"ngsild-tenant": "other"}
    with shared.device("air-1") as device:
        read = device.get("/ngsi-ld/v1/entities?type=X", headers=tenant)
        written = device.post(UPSERT, json=[entity()], headers=tenant)
    assert (read.status_code, read.json()["type"]) == (404, ERRORS + "NonexistentTenant")
    assert (written.status_code, written.json()["type"]) == (501, ERRORS + "NoMultiTenantSupport")


@pytest.mark.parametrize(
    ("header", "media"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/ld+json", "application/ld+json"),
        ("application/json;q=0.5, application/ld+json", "application/ld+json"),
        ("application/*;q=0.2, application/ld+json;q=0.1", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
    ],
)
def test_accept_is_weighed(header: str, media: str) -> None:
    assert accepted_media(header) == media


@pytest.mark.parametrize("header", ["text/html", "application/json;q=0, text/csv", "application/json;q=x"])
def test_what_cannot_be_answered_is_406(header: str) -> None:
    with pytest.raises(Problem) as caught:
        accepted_media(header)
    assert caught.value.status == 406

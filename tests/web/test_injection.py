"""Hostile texts at the HTTP door, in every path, query, header and body: none is a fault of ours, each comes back as data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from cityward.evidence.records import Acknowledged
from cityward.text import harmless
from cityward.watch.findings import Incident
from hostile import BYTES, LONE_SURROGATE, TEXTS, drives
from web.house import KEYS, House, opened
from web.house import house as a_house
from web.test_watch import INCIDENT, Containments, Pages
from web.watching import MemoryBook

SHARE = 29
TAKEN = {"n": "speed", "v": 1}
HEADERS = (
    "accept", "accept-language", "authorization", "content-type", "cookie", "forwarded", "if-none-match", "last-event-id",
    "link", "ngsild-tenant", "origin", "range", "referer", "sec-fetch-site", "user-agent", "x-forwarded-for", "x-forwarded-host",
)  # fmt: skip


@pytest.fixture(scope="module")
def door() -> Iterator[House]:
    with opened(a_house(watch=MemoryBook({"i1": INCIDENT}), containing=Containments(), ledger=Pages())) as one:
        yield one


@pytest.fixture(scope="module")
def person(door: House) -> Iterator[httpx.Client]:
    with door.client() as client:
        yield client


def routes(door: House) -> list[tuple[str, str, list[str]]]:
    """(method, path, names of its query) of everything that the door declares to the world, and of the console's."""
    found = [(r.route.method, r.route.path, list(r.route.query.__struct_fields__)) for r in _endpoints(door)]
    assert len(found) > 20
    return found


def _endpoints(door: House) -> list[Any]:
    return [r.app for r in door.app.routes if hasattr(getattr(r, "app", None), "route")]


def held_harmless(answer: httpx.Response) -> None:
    """An answer that is data, whatever was asked."""
    assert answer.status_code < 500, answer.text
    assert not any("\r" in value or "\n" in value for value in answer.headers.values())
    assert "evil.example" not in str(answer.headers) and "stolen" not in str(answer.headers)
    if answer.text == "Invalid HTTP request received.":  # the parser's own word for what is no HTTP
        return
    assert answer.headers["x-content-type-options"] == "nosniff"
    media = answer.headers.get("content-type", "")
    if "json" in media:
        problem = answer.json()
        if answer.status_code >= 400 and isinstance(problem, dict) and "detail" in problem:
            assert drives(problem["detail"]) == []
            assert len(answer.content) < 4096
    elif media.startswith("text/html"):
        tags = re.findall(r"<[^>]*>", answer.text)
        assert not any(re.match(r"<script(?! type=.module. )|<img|<svg/|<iframe|<base", tag) for tag in tags)
        assert not any(re.search(r"\son\w+=", re.sub(r'"[^"]*"', '""', tag)) for tag in tags)


def addresses(door: House, text: str) -> list[str]:
    """Every route with the text for each part of its path, for each name and each value of its query."""
    out, safe = [], quote(text, safe="")
    for method, path, fields in routes(door):
        if path == "/api/live" or method != "GET":
            continue
        parts = path.replace("{", "\0").replace("}", "\0").split("\0")
        plain = "".join("counter-1" if n % 2 else part for n, part in enumerate(parts))
        out += ["".join(safe if n % 2 else part for n, part in enumerate(parts))] if len(parts) > 1 else []
        out += [f"{plain}?{field}={safe}" for field in fields] + [f"{plain}?{safe}=1"]
    return out


@pytest.mark.parametrize("name", TEXTS)
def test_in_every_path_and_every_query(door: House, person: httpx.Client, name: str) -> None:
    turn = list(TEXTS).index(name)
    for n, address in enumerate(addresses(door, TEXTS[name])):
        if (n + turn) % SHARE == 0:  # each text takes another share, so that every address meets a dozen of them
            held_harmless(person.get(address))


@pytest.mark.parametrize("name", TEXTS)
def test_in_every_header(door: House, name: str) -> None:
    value = TEXTS[name].encode().translate(None, b"\r\n\x00\x0b\x0c")[:2000].strip() or b"x"
    turn = list(TEXTS).index(name)
    paths = ("/api/watch", "/ngsi-ld/v1/entities", "/sign-in", "/")
    with door.stranger() as client:
        for n, header in enumerate(HEADERS[turn % 6 :: 6], start=turn):
            held_harmless(client.get(paths[n % 4], headers=[(header.encode(), value)]))
        held_harmless(client.get("/ngsi-ld/v1/entities", headers=[(b"authorization", b"Bearer " + value)]))
        held_harmless(client.post("/sign-in", data={"token": TEXTS[name]}, headers={"origin": door.url}))


@pytest.mark.parametrize("name", [*TEXTS, "lone surrogate"])
def test_what_a_person_says_is_kept_on_record_as_one_harmless_line(
    door: House, person: httpx.Client, name: str
) -> None:
    text = TEXTS.get(name, LONE_SURROGATE)
    said = json.dumps({"state": "acknowledged", "note": text})
    answer = person.post("/api/watch/incidents/i1", content=said, headers={"content-type": "application/json"})
    if name == "lone surrogate" or len(text) > 500:
        assert answer.status_code in {400, 413}
        held_harmless(answer)
        return
    assert answer.status_code == 200, answer.text
    assert answer.json()["note"] == harmless(text)
    # what was read meanwhile is summed up in records of its own, whenever that is due
    record = [one for one in door.doors.ledger.records if isinstance(one, Acknowledged)][-1]  # type: ignore[union-attr]
    assert record.note == harmless(text) and drives(record.note) == []


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_to_be_contained_and_why(door: House, person: httpx.Client, name: str) -> None:
    text = TEXTS[name]
    wanted = {"target": text[:128] or "x", "reason": text[:500] or "x", "hours": 1}
    answer = person.post("/api/containments", json=wanted)
    assert answer.status_code == 201, answer.text
    target, reason, *_ = door.doors.containing.asked[-1]  # type: ignore[union-attr]
    assert drives(target) == drives(reason) == []
    held_harmless(person.get(f"/api/containments/preview?target={quote(text[:128], safe='')}"))
    for field, value in (("state", text), (text, 1)):
        held_harmless(person.post("/api/watch/incidents/i1", json={"state": "closed", field: value}))
        held_harmless(person.post("/api/containments", json={**wanted, field: value}))


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_text(door: House, person: httpx.Client, name: str) -> None:
    data = BYTES[name]
    for body in (data, b'{"state":"closed","note":"%s"}' % data, b'{"%s":1}' % data, b"[" * 4000, b'{"a":' * 800):
        answer = person.post("/api/watch/incidents/i1", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400, answer.text
        held_harmless(answer)
    escaped = "".join(f"%{byte:02x}" for byte in data)
    for path in (f"/api/watch/incidents/{escaped}", f"/api/refusals?device={escaped}", f"/{escaped}"):
        held_harmless(person.get(path))
        with door.stranger() as nobody:
            held_harmless(nobody.get(path))


@pytest.mark.parametrize("name", TEXTS)
def test_in_every_field_that_a_device_sends(door: House, name: str) -> None:
    text = TEXTS[name]
    entity = {
        "id": f"urn:ngsi-ld:AirQualityObserved:{text}", "type": text,
        text or "x": {"type": text, "value": text, "unitCode": text},
        "@context": text,
    }  # fmt: skip
    with door.device("air-1") as device:
        for body in ([entity], [{**entity, "id": text}], [{**entity, "id": "urn:ngsi-ld:AirQualityObserved:air-1"}]):
            for media in ("application/json", "application/ld+json"):
                content = json.dumps(body)
                answer = device.post(
                    "/ngsi-ld/v1/entityOperations/upsert", content=content, headers={"content-type": media}
                )
                held_harmless(answer)
    with door.device("counter-1") as device:
        answer = device.post("/v1/observations", json=[{**TAKEN, "bn": text, "n": text, "u": text, "vs": text}])
        assert answer.status_code in {202, 413, 429}
        held_harmless(answer)
    with door.stranger() as nobody:
        held_harmless(
            nobody.post(
                "/v1/observations",
                json=[],
                headers={"authorization": b"Bearer " + (quote(text).encode()[:500] or b"x")},
            )
        )


def test_nothing_of_it_changed_what_the_door_says_of_itself(door: House, person: httpx.Client) -> None:
    assert set(KEYS) <= {row.device for row in door.credentials.all()}
    assert isinstance(door.doors.watch.incident("i1"), Incident)  # type: ignore[union-attr]
    told = person.get("/api/openapi.json")
    assert "__pwned" not in told.text

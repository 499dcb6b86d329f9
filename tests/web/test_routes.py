"""The typed-route layer, through the real server."""

from __future__ import annotations

import asyncio
import socket

import msgspec
import pytest
from starlette.requests import Request

from cityward.place.roles import Right
from cityward.web.api import (
    assurance,
    cameras,
    city,
    datum,
    exercises,
    incidents,
    me,
    moments,
    networks,
    ngsi_ld,
    observations,
    overrides,
    pages,
    people,
    postures,
    reach,
    received,
    registering,
    releases,
    report,
    services,
    shown,
    sign_in,
    transport,
    watch,
    whatif,
)
from cityward.web.app import CSP, build
from cityward.web.desk import BODY_BUDGET, set_up
from cityward.web.problems import Problem
from cityward.web.public import pages as public
from cityward.web.routes import Held, read_body, route
from web.house import KEYS, House, house

ROOMS = (
    cameras, city, datum, moments, reach, whatif, watch, observations, networks, ngsi_ld, pages, me, people, overrides, services,
    postures, received, registering, releases, report, assurance, exercises, incidents, sign_in, shown, transport, public,
)  # fmt: skip
DECLARED = [one for room in ROOMS for one in room.ROUTES]
CLOSED = [one for one in DECLARED if one.scopes or one.signed_in or one.right]


def test_a_route_that_says_of_nobody_that_they_may_does_not_import() -> None:
    with pytest.raises(TypeError, match=r"GET /naked declares neither a right and public"):
        route("GET", "/naked", summary="forgot")


def test_a_route_that_declares_both_a_right_and_public_does_not_import() -> None:
    with pytest.raises(TypeError, match="both"):
        route("GET", "/torn", summary="torn", right=Right.LOOK, public=True)


def test_a_body_without_a_limit_does_not_import() -> None:
    with pytest.raises(TypeError, match="limit"):
        route("POST", "/sink", summary="sink", public=True, media=("application/json",))


@pytest.mark.parametrize("one", CLOSED, ids=lambda one: f"{one.method} {one.path}")
def test_nobody_passes_without_saying_who_they_are(shared: House, one) -> None:  # type: ignore[no-untyped-def]
    with shared.stranger() as stranger:
        answer = stranger.request(one.method, one.path.replace("{id}", "counter-1"))
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["status"] == 401


@pytest.mark.parametrize("one", [o for o in CLOSED if not o.scopes], ids=lambda one: one.path)
def test_a_device_key_opens_nothing_of_the_console(shared: House, one) -> None:  # type: ignore[no-untyped-def]
    with shared.device("counter-1") as device:
        assert device.request(one.method, one.path.replace("{id}", "counter-1")).status_code == 403


@pytest.mark.parametrize("path", ["/v1/observations", "/v1/observations/batch"])
def test_a_session_does_not_speak_for_devices(shared: House, path: str) -> None:
    with shared.client() as person:
        assert person.post(path, content=b"[]").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/api/place?x=1",
        "/api/commands?limit=0",
        "/api/commands?limit=501",
        "/api/commands?limit=many",
        "/api/commands?limit=1&limit=2",
        "/api/commands?limit",
        "/api/commands?device=%ff",
        "/api/commands?" + "&".join(f"a{n}=1" for n in range(40)),
        "/api/devices/counter-1/window?since_ms=5&until_ms=4",
        "/api/devices/counter-1/window?since_ms=0",
        "/api/devices/counter-1/window?until_ms=99999999999999999999",
        "/api/indicators?hours=1000",
    ],
)
def test_a_query_that_was_not_declared_is_refused(shared: House, path: str) -> None:
    with shared.client() as person:
        answer = person.get(path)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_answer_carries_the_exact_policy(shared: House) -> None:
    with shared.client() as person:
        answers = [person.get(p) for p in ("/api/place", "/sign-in", "/sign-in.css", "/nowhere", "/api/place?x=1")]
        answers.append(person.post("/api/place"))
    for answer in answers:
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "server" not in answer.headers
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 400, 405]


def test_the_policy_is_strict() -> None:
    assert CSP == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "worker-src 'self'; font-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'self'; require-trusted-types-for 'script'; "
        "trusted-types svelte-trusted-html cityward-map-worker cityward-live-worker"
    )
    assert "unsafe" not in CSP


def test_only_a_secure_door_promises_to_stay_secure(shared: House) -> None:
    with shared.stranger() as stranger:
        assert "strict-transport-security" not in stranger.get("/sign-in").headers


def test_ten_megabytes_are_refused_before_they_are_read(door: House) -> None:
    """The header announces 10 MB and none of them is ever sent: the answer comes all the same, and the connection ends."""
    with socket.create_connection(("127.0.0.1", int(door.url.rsplit(":", 1)[1])), timeout=10) as wire:
        wire.sendall(_head("/v1/observations", "Content-Length: 10000000"))
        answer = _read_all(wire)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"urn:cityward:problem:too-large" in answer


def test_a_body_of_unknown_length_is_refused_and_the_sender_hears_why(door: House) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", int(door.url.rsplit(":", 1)[1])), timeout=10) as wire:
        wire.sendall(_head("/v1/observations", "Transfer-Encoding: chunked") + chunk * 40 + b"0\r\n\r\n")
        answer = _read_all(wire)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert door.intake.log == []
    assert door.app.state.desk.budget.left == BODY_BUDGET


def test_an_endless_body_is_read_no_further_than_its_limit() -> None:
    desk = set_up(house().doors)
    given = 0

    async def receive() -> dict[str, object]:
        nonlocal given
        given += 1000
        return {"type": "http.request", "body": b" " * 1000, "more_body": True}

    async def read() -> None:
        held = Held(desk)
        try:
            await read_body(Request({"type": "http", "method": "POST", "headers": []}, receive), 10_000, held)
        finally:
            held.release()

    with pytest.raises(Problem) as caught:
        asyncio.run(read())
    assert caught.value.status == 413
    assert given == 11_000
    assert desk.budget.left == BODY_BUDGET


def test_a_header_without_end_is_not_kept(door: House) -> None:
    with socket.create_connection(("127.0.0.1", int(door.url.rsplit(":", 1)[1])), timeout=10) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ")
        with pytest.raises(ConnectionError):
            for _ in range(4096):
                wire.sendall(b"a" * 4096)


def test_many_long_headers_are_refused(shared: House) -> None:
    with shared.stranger() as stranger:
        answer = stranger.get("/sign-in", headers={f"x-{n}": "a" * 4000 for n in range(12)})
    assert answer.status_code == 400


def test_bodies_of_all_together_are_bounded(door: House) -> None:
    door.app.state.desk.budget.left = 10
    with door.device("counter-1") as device:
        headers = {"content-type": "application/senml+json"}
        answer = device.post("/v1/observations", content=b"[" + b" " * 20 + b"]", headers=headers)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert door.app.state.desk.budget.left == 10


def test_the_api_describes_every_route_that_is_not_a_page(shared: House) -> None:
    with shared.stranger() as stranger:
        document = stranger.get("/api/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(one.method, one.path) for one in DECLARED if not one.hidden}
    assert document["paths"]["/api/place"]["get"]["security"] == [{"session": []}]
    references = {one for one in msgspec.json.encode(document).decode().split('"') if one.startswith("#/components/")}
    assert references
    for one in references:
        assert one.rsplit("/", 1)[1] in document["components"]["schemas"]


def test_a_path_never_becomes_a_file(shared: House) -> None:
    paths = (
        "/../pyproject.toml",
        "/..%2f..%2fapp.py",
        "/%2e%2e/app.py",
        "//etc/passwd",
        "/sign-in.css/../../app.py",
        "/app.py",
    )
    with shared.client() as person:
        for path in paths:
            request = httpx_raw(person, path)
            assert request.status_code == 404, path


def httpx_raw(client, path: str):  # type: ignore[no-untyped-def]
    """A request whose path is sent exactly as written."""
    request = client.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    return client.send(request)


def test_faults_of_ours_say_nothing_of_the_inside(door: House) -> None:
    door.state.reasons = lambda: 1 / 0  # type: ignore[assignment]
    with door.client() as person:
        answer = person.get("/api/refusals")
    assert answer.status_code == 500
    assert "division" not in answer.text
    assert answer.headers["content-security-policy"] == CSP


def test_a_silent_store_is_a_503_that_says_when_to_come_back(door: House) -> None:
    from cityward.errors import LinkError

    def silent() -> None:
        raise LinkError("the database does not answer")

    door.state.reasons = silent  # type: ignore[assignment]
    with door.client() as person:
        answer = person.get("/api/refusals")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_a_problem_never_shows_more_than_its_words() -> None:
    assert set(Problem(404, "not-found", "no device").body()) == {"type", "title", "status", "detail"}


def test_building_twice_shares_nothing() -> None:
    one, other = build(house().doors), build(house().doors)
    assert one.state.desk is not other.state.desk
    assert one.state.desk.meters.registry is not other.state.desk.meters.registry


def _head(path: str, length: str) -> bytes:
    key = KEYS["counter-1"]
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", "Content-Type: application/senml+json"]
    return "\r\n".join([*lines, length, "", ""]).encode()


def _read_all(wire: socket.socket) -> bytes:
    parts = []
    while part := wire.recv(65536):
        parts.append(part)
    return b"".join(parts)

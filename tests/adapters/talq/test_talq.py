"""TALQ-style objects, and a gateway that the test itself runs: what is listed, what is handed on, what is not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.talq.gateway import HOLD, PAGE, VERSION, Gateway
from cityward.adapters.talq.objects import LampController, encode_devices, encode_override, read_devices
from cityward.errors import DecodeError, LinkError, Refused
from cityward.runtime.commands import Command
from cityward.time import to_us
from outward import Door, Names, at

CITY = UUID("7d1c3a52-6a3e-4b1e-9a57-0d7d35f0a001")
ADDRESS = "2f9c1f60-1c7e-4b0e-8d64-5f3e0a9b0001"
LAMP = LampController(ADDRESS, "Quay 1", "actuator-1", 55.0, (2.37, 54.9))
NOW = datetime(2024, 1, 10, 2, tzinfo=UTC)


def command(level: float = 40.2, **changes: Any) -> Command:
    told = Command(
        id="quay.lamp-01.1",
        device="lamp-01",
        command="dim",
        set={"lamp-level": level},
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=2),
        nonce="abcdefghijklmnop",
    )
    return msgspec.structs.replace(told, **changes)


class Field:
    """What a gateway holds and heard."""

    def __init__(self, devices: list[LampController], status: int = 201) -> None:
        self.devices, self.status = devices, status
        self.heard: list[tuple[str, str, dict[str, list[str]], str, Any]] = []

    def obey(self, body: Any) -> None:
        """Do what an override command says: here nothing."""


@contextmanager
def gateway(field: Field) -> Iterator[int]:
    """A little TALQ-style gateway: pages its devices, takes override commands; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = self.hear(None)
            first, most = int(query["offset"][0]), int(query["limit"][0])
            self.say(200, encode_devices(field.devices[first : first + most]))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.hear(body)
            field.obey(body)
            self.say(field.status, b"")

        def hear(self, body: Any) -> dict[str, list[str]]:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            field.heard.append((self.command, parts.path, query, self.headers["talq-api-version"], body))
            return query

        def say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def link(port: int, path: str = "/talq") -> Gateway:
    return Gateway(Door(Names()), at(f"http://127.0.0.1:{port}/"), CITY, {"lamp-01": LAMP}, path)


def test_lamps_that_were_written_are_read_again():
    assert read_devices(encode_devices([LAMP])) == [LAMP]


def test_functions_and_attributes_that_nobody_knows_are_passed_over():
    body = json.loads(encode_devices([LAMP]))
    body[0]["functions"] += [{"id": "x", "type": "VendorFunction", "odd": {"type": "AttributeOdd", "value": [1]}}]
    body[0]["vendor"] = 1
    body.append({"address": "2f9c1f60-1c7e-4b0e-8d64-5f3e0a9b0002", "name": "cabinet", "class": "c"})
    assert read_devices(json.dumps(body).encode()) == [LAMP]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[1]",
        b'[{"address": "lamp-1", "name": "x"}]',
        b'[{"address": "2f9c1f60-1c7e-4b0e-8d64-5f3e0a9b0001", "functions": {}}]',
        b'[{"address": "2f9c1f60-1c7e-4b0e-8d64-5f3e0a9b0001", "functions": [{"type": "LampActuatorFunction", "id": "../x"}]}]',
        b"[" + b",".join([b"{}"] * 1001) + b"]",
        b"not json",
    ],
    ids=lambda body: str(body)[:30],
)
def test_what_is_no_list_of_devices_is_a_decode_error(body: bytes):
    with pytest.raises(DecodeError):
        read_devices(body)


@given(body=st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["address", "name", "functions", "type", "id", "value", "location"]), inner),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_random_bytes_raise_nothing_but_a_decode_error(body: bytes):
    with suppress(DecodeError):
        read_devices(body)


def test_a_level_is_rounded_up_to_whole_percents_and_the_command_ends():
    body = json.loads(encode_override(LAMP, 40.2, "ref", NOW))
    assert body["addresses"] == [{"resource": "devices", "address": f"{ADDRESS}/actuator-1/targetLightCommand"}]
    assert body["targetCommand"]["state"] == {"name": "LevelState", "value": 41}
    assert body["targetCommand"]["expiration"] == "2024-01-10T02:00:00+00:00"
    assert json.loads(encode_override(LAMP, 40.0, "ref", NOW))["targetCommand"]["state"]["value"] == 40


def test_a_permitted_command_reaches_the_gateway_once_with_the_citys_name_and_its_end():
    field = Field([LAMP])
    with gateway(field) as port:
        answer = link(port).send(command(), to_us(NOW))
    assert answer is not None and (answer.outcome, answer.id, answer.level) == ("done", "quay.lamp-01.1", 40.2)
    [(method, path, query, version, body)] = field.heard
    assert (method, path, version) == ("POST", "/talq/override-commands", VERSION)
    assert query["clientAddress"] == [str(CITY)] and UUID(query["talqRequestId"][0]).version == 5
    assert body["targetCommand"]["state"]["value"] == 41 and body["targetCommand"]["cmsRefId"] == "quay.lamp-01.1"
    assert datetime.fromisoformat(body["targetCommand"]["expiration"]) == NOW + HOLD


def test_what_was_taken_and_is_not_done_yet_is_no_acknowledgement():
    with gateway(Field([LAMP], status=202)) as port:
        assert link(port).send(command(), to_us(NOW)) is None


def test_a_gateways_refusal_is_a_rejection_with_its_status():
    with gateway(Field([LAMP], status=422)) as port:
        answer = link(port).send(command(), to_us(NOW))
    assert answer is not None and (answer.outcome, answer.reason, answer.level) == ("rejected", "gateway-422", None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device": "lamp-99"}, "unknown-device"),
        ({"set": {"lamp-level": 40.0, "colour": 1.0}}, "unknown-command"),
        ({"set": {"lamp-level": 140.0}}, "out-of-bounds"),
        ({"set": {"lamp-level": float("nan")}}, "out-of-bounds"),
        ({"expires_at": NOW}, "expired"),
    ],
    ids=str,
)
def test_what_may_not_be_handed_on_is_rejected_and_nothing_is_sent(changes: dict[str, Any], reason: str):
    field = Field([LAMP])
    with gateway(field) as port:
        answer = link(port).send(command(**changes), to_us(NOW))
    assert answer is not None and (answer.outcome, answer.reason) == ("rejected", reason)
    assert field.heard == []


def test_all_pages_of_lamps_are_listed():
    many = [LampController(str(UUID(int=n)), f"lamp {n}", "a", 40.0) for n in range(1, PAGE + 51)]
    with gateway(Field(many)) as port:
        assert link(port).lamps() == many


def test_a_gateway_that_is_not_there_is_a_link_error():
    with gateway(Field([])) as port:
        gone = port
    with pytest.raises(LinkError):
        link(gone).lamps()


def test_a_gateway_whose_name_leads_elsewhere_is_refused_and_hears_nothing():
    field = Field([LAMP])
    with gateway(field) as port:
        exit_ = at(f"http://gateway.example:{port}/", "gateway.example", "198.51.100.0/24")
        strayed = Gateway(Door(Names(gateway_example=["127.0.0.1"])), exit_, CITY, {"lamp-01": LAMP})
        with pytest.raises(Refused):
            strayed.send(command(), to_us(NOW))
    assert field.heard == []

"""The device door: accepted means held by the log."""

from __future__ import annotations

import pytest

from web.house import House, house, opened

SENML = {"content-type": "application/senml+json"}
JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
PACK = b'[{"bn":"","n":"speed","v":50},{"n":"count","v":3}]'


def test_a_pack_is_one_message_of_the_log(door: House) -> None:
    with door.device("counter-1") as device:
        answer = device.post("/v1/observations", content=PACK, headers=SENML)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "first_seq": 1, "last_seq": 1}
    assert door.intake.log == [("counter-1", "senml", PACK)]


@pytest.mark.parametrize(
    ("name", "headers", "codec"),
    [
        ("counter-1", SENML, "senml"),
        ("counter-1", JSON, "senml"),
        ("weather-1", JSON, "json"),
        ("weather-1", {"content-type": "application/json; charset=utf-8"}, "json"),
        ("air-1", JSON, "ngsi-ld"),
    ],
    ids=str,
)
def test_the_content_type_and_the_model_pick_the_codec(
    door: House, name: str, headers: dict[str, str], codec: str
) -> None:
    with door.device(name) as device:
        assert device.post("/v1/observations", content=b"{}", headers=headers).status_code == 202
    assert door.intake.log == [(name, codec, b"{}")]


@pytest.mark.parametrize(
    "headers",
    [{}, {"content-type": "text/plain"}, {"content-type": "application/json", "content-encoding": "gzip"}],
    ids=str,
)
def test_other_content_is_unsupported(door: House, headers: dict[str, str]) -> None:
    with door.device("counter-1") as device:
        assert device.post("/v1/observations", content=PACK, headers=headers).status_code == 415
    assert door.intake.log == []


@pytest.mark.parametrize("body", [b"not json", b"\xff\xfe", b"[" * 10_000, b'{"a":1,"a":2}', b"NaN"], ids=repr)
def test_what_a_body_says_is_for_the_gate_to_judge(door: House, body: bytes) -> None:
    """Bad content is held like all else: the worker refuses it, with its reason, where everybody can see it."""
    with door.device("counter-1") as device:
        assert device.post("/v1/observations", content=body, headers=SENML).status_code == 202
    assert door.intake.log == [("counter-1", "senml", body)]


def test_nothing_is_accepted_that_the_log_does_not_hold(door: House) -> None:
    door.intake.silent_after = 0
    with door.device("counter-1") as device:
        answer = device.post("/v1/observations", content=PACK, headers=SENML)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_an_empty_body_is_refused(door: House) -> None:
    with door.device("counter-1") as device:
        assert device.post("/v1/observations", headers=SENML).status_code == 400
        assert device.post("/v1/observations/batch", content=b"\n\n  \n", headers=NDJSON).status_code == 400


def test_an_inactive_device_is_refused(door: House) -> None:
    with door.device("old-counter") as device:
        answer = device.post("/v1/observations", content=PACK, headers=SENML)
    assert answer.status_code == 403
    assert "revoked" in answer.json()["detail"]
    with door.client() as person:
        assert {"reason": "inactive-device", "count": 1} in person.get("/api/refusals").json()["door"]


def test_a_message_over_the_flows_limit_is_refused_at_once(door: House) -> None:
    with door.device("counter-1") as device:
        answer = device.post("/v1/observations", content=b" " * 65_537, headers=SENML)
        assert answer.status_code == 413
        assert "65536" in answer.json()["detail"]
        assert device.post("/v1/observations", content=b" " * 65_536, headers=SENML).status_code == 202


def test_a_flood_is_told_when_to_come_back_and_starves_nobody(door: House) -> None:
    kept = b"[]\n" * 1000
    with door.device("counter-1") as flood, door.device("weather-1") as quiet:
        statuses = [flood.post("/v1/observations/batch", content=kept, headers=NDJSON) for _ in range(2)]
        assert quiet.post("/v1/observations", content=b"{}", headers=JSON).status_code == 202
    assert [answer.status_code for answer in statuses] == [202, 429]
    assert int(statuses[1].headers["retry-after"]) > 1
    assert len(door.intake.log) == 1001


def test_kept_messages_come_one_a_line_and_stay_messages_of_their_own(door: House) -> None:
    lines = [b'{"a":1}', b"not json", b'{"a":2}\r']
    with door.device("weather-1") as device:
        answer = device.post("/v1/observations/batch", content=b"\n".join(lines) + b"\n\n", headers=NDJSON)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 3, "first_seq": 1, "last_seq": 3}
    assert [payload for _, _, payload in door.intake.log] == lines


def test_a_batch_is_accepted_whole_or_not_at_all(door: House) -> None:
    door.intake.silent_after = 2
    with door.device("weather-1") as device:
        assert device.post("/v1/observations/batch", content=b"{}\n{}\n{}", headers=NDJSON).status_code == 503


@pytest.mark.parametrize("lines", [1001, 5000])
def test_a_batch_of_too_many_lines_is_refused(door: House, lines: int) -> None:
    with door.device("weather-1") as device:
        answer = device.post("/v1/observations/batch", content=b"{}\n" * lines, headers=NDJSON)
    assert answer.status_code == 413
    assert door.intake.log == []


def test_a_thousand_lines_are_taken(door: House) -> None:
    with door.device("weather-1") as device:
        answer = device.post("/v1/observations/batch", content=b"{}\n" * 1000, headers=NDJSON)
    assert answer.json()["accepted"] == 1000


def test_a_device_that_left_the_declaration_is_refused() -> None:
    built = house()
    registry = built.doors.registry
    registry.unit_index.pop("counter-1")
    with opened(built) as door, door.device("counter-1") as device:
        assert device.post("/v1/observations", content=PACK, headers=SENML).status_code == 403

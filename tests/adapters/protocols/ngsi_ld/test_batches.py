"""Upserts taken apart: each entity's own bytes, and a clear refusal for the rest."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.protocols.ngsi_ld.batches import (
    JSON,
    JSON_LD,
    MAX_BATCH_BYTES,
    MAX_ENTITIES,
    Batch,
    Problem,
    split_batch,
)

ONE = b'{"id":"urn:ngsi-ld:AirQualityObserved:air-1","type":"AirQualityObserved","no2": 4e1}'
OTHER = b'{ "id":"urn:ngsi-ld:AirQualityObserved:air-2","type":"AirQualityObserved","no2":"x"}'
WITH_CONTEXT = b'{"@context":"http://169.254.169.254/latest","id":"urn:ngsi-ld:T:air-1","type":"T","no2":1}'


def split(body: bytes, content_type: str = JSON) -> Batch:
    found = split_batch(body, content_type)
    assert isinstance(found, Batch)
    return found


def test_each_part_is_its_own_bytes_as_sent() -> None:
    parts = split(b" [" + ONE + b" ,\n" + OTHER + b"] ").parts
    assert [(p.device, p.body) for p in parts] == [("air-1", ONE), ("air-2", OTHER)]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "kind"),
    [
        (ONE, JSON, 400, "BadRequestData"),
        (b"[]", JSON, 400, "BadRequestData"),
        (b"3", JSON, 400, "BadRequestData"),
        (b"[" + ONE, JSON, 400, "InvalidRequest"),
        (b'[{"id":"urn:ngsi-ld:T:\\ud800"}]', JSON, 400, "InvalidRequest"),
        (b"\xff", JSON, 400, "InvalidRequest"),
        (b"", JSON, 400, "InvalidRequest"),
        (b"[" * 100_000, JSON, 400, "InvalidRequest"),
        (b"[" + b"1," * MAX_ENTITIES + b"1]", JSON, 400, "BadRequestData"),
        (b" " * (MAX_BATCH_BYTES + 1), JSON, 413, "InvalidRequest"),
        (b"[" + ONE + b"]", "text/plain", 415, "InvalidRequest"),
    ],
    ids=["one entity", "empty", "number", "cut off", "half a character", "not utf-8", "nothing", "deep", "too many",
         "too large", "type"],
)  # fmt: skip
def test_refuses_the_whole(body: bytes, content_type: str, status: int, kind: str) -> None:
    found = split_batch(body, content_type)
    assert isinstance(found, Problem)
    assert (found.status, found.type) == (status, f"https://uri.etsi.org/ngsi-ld/errors/{kind}")


@pytest.mark.parametrize(
    "misfit",
    [b"7", b"{}", b'{"id":3}', b'{"id":"urn:ngsi-ld:T:a","id":"urn:ngsi-ld:T:b"}', b'{"id":"ghost"}', WITH_CONTEXT,
     b'{"id":"\xff"}', b'{"id":"urn:ngsi-ld:T:a","x":' + b"[" * 40 + b"]" * 40 + b"}"],
)  # fmt: skip
def test_a_misfit_does_not_take_its_neighbours_along(misfit: bytes) -> None:
    found = split(b"[" + ONE + b"," + misfit + b"," + OTHER + b"]")
    assert [p.device for p in found.parts] == ["air-1", "air-2"]
    assert [m.problem.status for m in found.misfits] == [400]
    json.dumps(found.misfits[0].entity, ensure_ascii=False).encode()


def test_json_ld_carries_its_context_and_json_has_none() -> None:
    assert [p.body for p in split(b"[" + WITH_CONTEXT + b"]", JSON_LD).parts] == [WITH_CONTEXT]
    assert split(b"[" + ONE + b"]", JSON_LD).parts == ()


@given(
    st.one_of(st.binary(), st.lists(st.sampled_from([ONE, b"[", b"]", b",", b"{", b"\\", b'"', b"1"])).map(b"".join))
)
def test_splitting_is_total(body: bytes) -> None:
    assert isinstance(split_batch(body, JSON), (Batch, Problem))

"""A SenML pack that says which modem and SIM card it came by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.protocols.samples import REGISTRY, as_rows
from cityward.adapters.protocols.senml.codec import create
from cityward.guard.batch import Frame, Messages

IMEI, ICCID = "490154203237518", "89490200001234567890"


def decode(pack: Any):
    unit = REGISTRY.unit_index["counter-1"]
    return create().decode(Messages([unit], [json.dumps(pack).encode()], [1_785_585_600_000_000], [1]), REGISTRY)


@pytest.mark.parametrize(
    "base", [f"urn:imei:{IMEI}_", f"urn:dev:imei:{IMEI}_", "urn:gsma:imei:49015420-323751-8:", f"urn:imei:{IMEI}/"]
)
def test_a_name_behind_an_imei_is_the_devices_own_and_the_imei_is_told(base: str) -> None:
    claims = decode([{"bn": base, "n": "count", "v": 3}])
    assert [row["value"] for row in as_rows(claims)] == [3.0]
    assert claims.frames == (Frame(0, imei=IMEI),)


def test_records_of_modem_and_sim_card_are_no_readings() -> None:
    claims = decode([{"n": "count", "v": 3}, {"n": "imei", "vs": IMEI}, {"n": "iccid", "vs": ICCID}])
    assert len(as_rows(claims)) == 1
    assert claims.frames == (Frame(0, imei=IMEI, iccid=ICCID),)


@pytest.mark.parametrize(
    "text", ["", "49015420323751", "4901542032375188", "٤٩٠١٥٤٢٠٣٢٣٧٥١٨", "\x1b[2J", "9" * 100_000]
)
def test_an_imei_that_is_none_is_refused_as_any_other_text(text: str) -> None:
    claims = decode([{"n": "count", "v": 3}, {"n": "imei", "vs": text}])
    assert [row.get("fault", "") for row in as_rows(claims)] == ["", "unknown-property"]
    assert claims.frames == ()


def test_a_pack_with_nothing_but_its_modem_has_no_reading() -> None:
    claims = decode([{"n": "imei", "vs": IMEI}])
    assert [row["fault"] for row in as_rows(claims)] == ["wrong-shape"]


def test_a_plain_pack_tells_nothing_of_its_radio() -> None:
    assert decode([{"n": "count", "v": 3}]).frames == ()

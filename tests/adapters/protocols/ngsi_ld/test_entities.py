"""Entities on the way out, and that what goes out can come in again."""

from __future__ import annotations

import json

import pytest

from adapters.protocols.samples import REGISTRY, as_rows
from cityward.adapters.protocols.ngsi_ld import codec
from cityward.adapters.protocols.ngsi_ld.entities import Form, entity
from cityward.adapters.protocols.ngsi_ld.identity import device_of, entity_id
from cityward.adapters.protocols.ngsi_ld.units import symbols, unit_code
from cityward.catalogue import PROPERTIES
from cityward.guard.batch import Messages
from cityward.runtime.ports import Latest

NOW_US = 1_785_585_600_250_999
AIR, COUNTER, LAMP = (REGISTRY.unit_index[d] for d in ("air-1", "counter-1", "lamp-02"))


def latest(device: str, prop: str, value: float) -> Latest:
    return Latest(device=device, property=prop, value=value, observed_at=NOW_US, received_at=NOW_US, seq=1)


def test_normalized_has_time_to_the_millisecond_and_unit() -> None:
    assert entity(REGISTRY, AIR, [latest("air-1", "pm2-5", 12.5)]) == {
        "id": "urn:ngsi-ld:AirQualityObserved:air-1",
        "type": "AirQualityObserved",
        "pm25": {"type": "Property", "value": 12.5, "observedAt": "2026-08-01T12:00:00.250Z", "unitCode": "GQ"},
    }


def test_simplified_has_values_only() -> None:
    assert entity(REGISTRY, LAMP, [latest("lamp-02", "lamp-level", 80.0)], Form.SIMPLIFIED) == {
        "id": "urn:ngsi-ld:Device:lamp-02",
        "type": "Device",
        "lamp-level": 80.0,
        "location": {"type": "Point", "coordinates": [-1.51, 53.81]},
    }


def test_a_property_the_model_no_longer_declares_is_left_out() -> None:
    assert "rain" not in entity(REGISTRY, AIR, [latest("air-1", "rain", 1.0)])


@pytest.mark.parametrize("form", list(Form))
def test_what_goes_out_comes_in_again(form: Form) -> None:
    readings = [latest("air-1", "pm2-5", 12.5), latest("air-1", "fill-level", 55.0)]
    body = json.dumps(entity(REGISTRY, AIR, readings, form)).encode()
    claims = codec.create().decode(Messages([AIR], [body], [NOW_US // 1000 * 1000], [1]), REGISTRY)
    at = NOW_US // 1000 * 1000
    assert as_rows(claims) == [{"property": r.property, "value": r.value, "observed_at": at} for r in readings]


def test_every_unit_of_the_catalogue_has_a_code_that_means_it() -> None:
    for prop in PROPERTIES.values():
        code = unit_code(prop.unit)
        assert code is not None, prop.unit
        assert prop.unit in symbols(code)


def test_an_id_names_its_device() -> None:
    for unit, known in enumerate(REGISTRY.units):
        assert device_of(entity_id(REGISTRY, unit)) == known.id


@pytest.mark.parametrize(
    "text",
    ["", "air-1", "urn:ngsi-ld:air-1", "urn:ngsi-ld::air-1", "urn:ngsi-ld:T:", "urn:ngsi-ld:T:Air 1", "urn:ngsi-ld:T:in.>",
     "urn:ngsi-ld:T:../../etc", "urn:ngsi-ld:T:a\n", "urn:ngsi-ld:T:" + "a" * 65],
)  # fmt: skip
def test_no_other_text_names_a_device(text: str) -> None:
    assert device_of(text) is None

"""Lamps and cabinets as Smart Data Models' `Streetlight` and `StreetlightControlCabinet`."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from adapters.protocols.samples import REGISTRY
from cityward.adapters.protocols.ngsi_ld.entities import Form, entity
from cityward.adapters.protocols.ngsi_ld.streetlight import cabinet, streetlight
from cityward.place.things import PropertyMapping
from cityward.runtime.ports import Latest

LAMP = REGISTRY.unit_index["lamp-02"]
MODEL = REGISTRY.units[LAMP].model


def latest(**values: float) -> dict[str, Latest]:
    named = {name.replace("_", "-"): value for name, value in values.items()}
    return {name: Latest("lamp-02", name, value, 1_785_585_600_000_000, 0, 1) for name, value in named.items()}


def values(**readings: float) -> dict[str, float | str]:
    return {name: value for name, (value, _) in streetlight(latest(**readings)).items()}


@pytest.mark.parametrize(
    ("level", "power", "state", "status"),
    [(80, 56, "on", "ok"), (40, 28, "low", "ok"), (0, 0.5, "off", "ok"), (80, 0.4, "on", "defectiveLamp")],
)
def test_level_and_power_become_the_models_words(level: float, power: float, state: str, status: str):
    assert values(lamp_level=level, lamp_power=power) == {
        "illuminanceLevel": level / 100,
        "powerState": state,
        "powerConsumption": power,
        "status": status,
    }


def test_what_cannot_be_told_is_left_out():
    assert "status" not in values(lamp_level=80)
    assert values() == {}


def test_a_model_that_says_it_is_a_streetlight_is_offered_as_one():
    declared = msgspec.structs.replace(REGISTRY.models[MODEL], ngsi_type="Streetlight")
    registry = replace(REGISTRY, models={**REGISTRY.models, MODEL: declared})
    body = entity(registry, LAMP, latest(lamp_level=80.0).values(), Form.SIMPLIFIED)
    assert body["id"] == "urn:ngsi-ld:Streetlight:lamp-02" and body["type"] == "Streetlight"
    assert (body["illuminanceLevel"], body["powerState"]) == (0.8, "on")
    assert body["location"] == {"type": "Point", "coordinates": [-1.51, 53.81]}


def test_a_cabinets_line_is_told_in_kilowatts_and_volts():
    told = {name: value for name, (value, _) in cabinet(latest(line_power=6970.0, line_voltage=223.5)).items()}
    assert told == {"totalActivePower": 6.97, "voltageR": 223.5}
    assert cabinet(latest(line_power=-5.0)) == cabinet(latest(lamp_level=40.0)) == {}, "the model knows no feeding back"


def test_a_model_that_says_it_is_a_cabinet_is_offered_as_one_beside_its_own_keys():
    own = {"line-power": PropertyMapping(key="power"), "line-voltage": PropertyMapping()}
    declared = msgspec.structs.replace(REGISTRY.models[MODEL], ngsi_type="StreetlightControlCabinet", properties=own)
    registry = replace(REGISTRY, models={**REGISTRY.models, MODEL: declared})
    body = entity(registry, LAMP, latest(line_power=4600.0, line_voltage=230.0).values())
    assert body["id"] == "urn:ngsi-ld:StreetlightControlCabinet:lamp-02"
    at = "2026-08-01T12:00:00Z"
    assert body["totalActivePower"] == {"type": "Property", "value": 4.6, "observedAt": at}
    assert body["power"] == {"type": "Property", "value": 4600.0, "observedAt": at, "unitCode": "WTT"}
    assert "workingMode" not in body

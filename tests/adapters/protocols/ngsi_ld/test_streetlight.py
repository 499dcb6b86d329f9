"""Lamps as Smart Data Models' `Streetlight`."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from adapters.protocols.samples import REGISTRY
from cityward.adapters.protocols.ngsi_ld.entities import Form, entity
from cityward.adapters.protocols.ngsi_ld.streetlight import streetlight
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

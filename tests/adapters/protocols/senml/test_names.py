"""Who a SenML name means."""

from __future__ import annotations

import msgspec
import pytest

from cityward.adapters.protocols.senml.names import Names
from cityward.place.registry import Registry, number
from cityward.place.things import PropertyMapping
from places import tiny_place


def registry(**keys: str) -> Registry:
    """The tiny place, its counters' two properties under these keys."""
    place = tiny_place()
    properties = {prop.replace("_", "-"): PropertyMapping(key=key) for prop, key in keys.items()}
    counter = msgspec.structs.replace(place.device_models["counter"], properties=properties)
    return number(msgspec.structs.replace(place, device_models=place.device_models | {"counter": counter}))


def meaning(known: Registry, device: str, name: str) -> str | None:
    channel = Names(known).of(known.unit_index[device]).get(name)
    return None if channel is None else known.channel_property[channel]


@pytest.mark.parametrize("name", ["speed", "counter-1/speed", "counter-1:speed", "urn:dev:ops:counter-1_speed"])
def test_a_property_may_be_named_alone_or_behind_its_device(name: str) -> None:
    assert meaning(registry(vehicle_speed="speed"), "counter-1", name) == "vehicle-speed"


@pytest.mark.parametrize("name", ["Speed", "speed ", "counter-1", "counter-1_speed", "counter-2/speed", "//speed", ""])
def test_nothing_else_names_it(name: str) -> None:
    assert meaning(registry(vehicle_speed="speed"), "counter-1", name) is None


def test_a_key_that_looks_like_a_prefixed_one_wins_over_it() -> None:
    known = registry(vehicle_count="counter-1/speed", vehicle_speed="speed")
    assert meaning(known, "counter-1", "counter-1/speed") == "vehicle-count"
    assert meaning(known, "counter-2", "counter-2/speed") == "vehicle-speed"


def test_a_base_name_may_end_anywhere() -> None:
    known = registry(vehicle_speed="speed")
    unit = known.unit_index["counter-1"]
    whole = Names(known).of(unit)
    for name, channel in whole.items():
        for cut in range(len(name) + 1):
            assert Names(known).after(unit, name[:cut])[name[cut:]] == channel


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("counter-2/speed", "WRONG_DEVICE"),
        ("counter-2:anything", "WRONG_DEVICE"),
        ("urn:dev:ops:lamp-01_speed", "WRONG_DEVICE"),
        ("counter-2", "WRONG_DEVICE"),
        ("counter-1/anything", "UNKNOWN_PROPERTY"),
        ("nobody/speed", "UNKNOWN_PROPERTY"),
        ("anything", "UNKNOWN_PROPERTY"),
        ("", "UNKNOWN_PROPERTY"),
    ],
)
def test_explains_a_name_that_leads_nowhere(name: str, reason: str) -> None:
    known = registry(vehicle_speed="speed")
    assert Names(known).explain(known.unit_index["counter-1"], name).reason == reason

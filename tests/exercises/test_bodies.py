"""Bodies of scenarios are what the gates' own codecs read: the value that was meant, at the time that was meant."""

from __future__ import annotations

import json

import pytest

from cityward.compose.exercising.saying import put_in
from cityward.compose.places import demo_place, load_place
from cityward.exercises.bodies import answer, flow_line, message, pack, reading
from cityward.exercises.scene import Scene
from cityward.place.registry import Unit

NOW = 1_790_000_000_000_000  # 2026-09-21T14:13:20Z


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(load_place(demo_place()), NOW, 60.0)


def unit(scene: Scene, name: str) -> Unit:
    return scene.registry.units[scene.registry.unit_index[name]]


def test_a_senml_value_is_sent_in_the_models_unit_at_a_time_that_is_a_number(scene: Scene) -> None:
    """10 m/s are 36 km/h."""
    body = put_in(message(scene, unit(scene, "ring-road-loops-01"), {"vehicle-speed": 10.0}, 60), NOW, 0)
    assert json.loads(body) == [{"n": "speed", "u": "km/h", "t": NOW // 1_000_000 - 60, "v": 36.0}]


def test_a_json_object_has_the_value_and_the_time_at_their_paths(scene: Scene) -> None:
    body = put_in(message(scene, unit(scene, "harbour-counters-01"), {"pedestrian-count": 12}), NOW, 0)
    assert json.loads(body) == {"at": "2026-09-21T14:13:20Z", "count": 12}


def test_an_entity_says_when_it_was_observed(scene: Scene) -> None:
    [entity] = json.loads(put_in(message(scene, unit(scene, "car-parks-01"), {"parking-occupied": 7}), NOW, 0))
    assert entity["id"] == "urn:ngsi-ld:OffStreetParking:car-parks-01"
    assert entity["occupiedSpotNumber"] == {"type": "Property", "value": 7, "observedAt": "2026-09-21T14:13:20Z"}


def test_a_pack_holds_its_rows_oldest_first(scene: Scene) -> None:
    rows = [(20.0, {"illuminance": 5.0}), (0.0, {"illuminance": 6.0})]
    told = json.loads(put_in(pack(scene, unit(scene, "quay-street-light-sensor"), rows), NOW, 0))
    assert [(one["t"], one["v"]) for one in told] == [(NOW // 1_000_000 - 20, 5.0), (NOW // 1_000_000, 6.0)]


def test_a_reading_that_names_nothing_is_one_that_may_be(scene: Scene) -> None:
    [told] = json.loads(put_in(reading(scene, unit(scene, "ring-road-loops-01")), NOW, 0))
    assert 0 < told["v"] < 144


def test_answers_and_log_lines_carry_the_time_of_sending() -> None:
    assert json.loads(put_in(answer("x-1", 55), NOW, 0))["at"] == "2026-09-21T14:13:20Z"
    line = put_in(flow_line("192.0.2.1", "203.0.113.254").encode(), NOW, 0)
    assert line == b"2026-09-21T14:13:20Z,192.0.2.1,203.0.113.254,443,tcp"

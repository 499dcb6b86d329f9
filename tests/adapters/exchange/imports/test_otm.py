"""Open Threat Model."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cityward.adapters.exchange.imports.formats.otm import sensitivity_of
from cityward.compose.asking.imports import File, Imported, import_model

Read = Callable[..., Imported]


@pytest.fixture
def parking(sample: Callable[[str], list[File]]) -> Imported:
    return import_model("otm", sample("otm"))


def test_a_rating_of_trust_becomes_a_rank(parking: Imported):
    zones = parking.fragment["zones"]
    assert [(name, zone["trust"]) for name, zone in zones.items()] == [("internet", 0), ("council", 5), ("plant", 3)]
    assert zones["plant"]["parent"] == "council"


def test_a_component_lies_in_the_zone_of_the_component_around_it(parking: Imported):
    assert parking.fragment["systems"]["totals-job"]["zone"] == "council"


def test_a_type_that_says_nothing_is_told(parking: Imported):
    assert ("components[2].type", "wibble") in [(one.where, one.what) for one in parking.unmapped]
    assert parking.fragment["systems"]["hub"]["kind"] == "broker"


def test_a_bidirectional_flow_is_two(parking: Imported):
    flows = parking.fragment["flows"]
    assert list(flows) == ["report", "sum", "sum-back"]
    assert (flows["sum-back"]["from"], flows["sum-back"]["to"]) == ("totals-job", "hub")
    assert flows["report"]["protection"] == flows["report"]["route"] == "unknown"


def test_a_flow_without_data_or_without_an_end_is_told(parking: Imported):
    assert ("dataflows[2]", "Ping") in [(one.where, one.what) for one in parking.unmapped]
    assert ("dataflows[3].destination", "nowhere") in [(one.where, one.what) for one in parking.unmapped]


def test_the_owner_of_the_project_is_not_read(parking: Imported):
    assert "Person" not in repr(parking)


@pytest.mark.parametrize(
    ("rating", "word"),
    [(None, "restricted"), (0, "public"), (1, "internal"), (33, "internal"), (34, "restricted"), (67, "secret")],
)
def test_confidentiality_in_four_words(rating: float | None, word: str):
    assert sensitivity_of(rating) == word


def test_yaml_is_read_too_and_a_rating_out_of_range_is_assumed(read: Read):
    imported = read("otm", "otmVersion: 0.1.0\ntrustZones:\n- {id: z, name: Z, risk: {trustRating: 900}}\n")
    assert imported.fragment["zones"]["z"]["trust"] == 5
    assert [one.path for one in imported.assumed] == ["zones.z.trust"]


def test_components_in_one_another_in_a_circle_are_told(read: Read):
    parts = [{"id": "a", "name": "A", "type": "server", "parent": {"component": "b"}},
             {"id": "b", "name": "B", "type": "server", "parent": {"component": "a"}}]  # fmt: skip
    imported = read("otm", json.dumps({"components": parts}))
    assert [one.what for one in imported.unmapped] == ["a", "b"]


def parts(read: Read, *components: dict[str, str]) -> Imported:
    return read("otm", json.dumps({"components": components}))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("edge-7", "edge-7"),
        ("Edge_7", "street-hub"),
        ("0a7d3c52-9f1e-4b8a-8c1d-2f6e5b4a3c21", "street-hub"),
        ("unknown", "unknown-2"),
        ("x" * 65, "street-hub"),
    ],
)
def test_an_id_that_can_be_ours_stays_and_a_uuid_gives_way_to_the_name(read: Read, theirs: str, ours: str):
    imported = parts(read, {"id": theirs, "name": "Street hub", "type": "server"})
    assert list(imported.fragment["systems"]) == [ours]


def test_a_component_that_is_a_party_is_the_party_and_what_it_operates(read: Read):
    imported = parts(read, {"id": "dogger-grid", "name": "Dogger Grid", "type": "party"})
    assert imported.fragment["parties"]["dogger-grid"]["name"] == "Dogger Grid"
    (system,) = imported.fragment["systems"].items()
    assert (system[0], system[1]["operator"]) == ("dogger-grid-system", "dogger-grid")
    assert imported.unmapped == ()

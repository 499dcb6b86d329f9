"""CycloneDX bills of materials."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cityward.compose.asking.imports import File, Imported, import_model
from cityward.errors import DecodeError

Read = Callable[..., Imported]


@pytest.fixture
def vendor(sample: Callable[[str], list[File]]) -> Imported:
    return import_model("cyclonedx", sample("cyclonedx"))


def test_services_and_applications_are_systems(vendor: Imported):
    systems = vendor.fragment["systems"]
    assert {"bay-manager", "sensor-os", "bay-api", "store"} <= systems.keys()
    assert (systems["bay-manager"]["supplier"], systems["bay-manager"]["operator"]) == ("acme-sensors", "unknown")
    assert systems["bay-api"]["operator"] == "padders"
    assert systems["bay-api"]["zone"] == "vendor-cloud"


def test_a_device_is_a_model_with_its_maker(vendor: Imported):
    assert vendor.fragment["device_models"]["bx-1"]["maker"] == "acme-sensors"
    assert "devices" not in vendor.fragment


def test_an_address_is_presence_and_no_incorporation(vendor: Imported):
    acme = vendor.fragment["parties"]["acme-sensors"]
    assert (acme["presence"], acme["incorporated_in"]) == (["xb"], "unknown")


def test_data_flows_where_both_ends_are_given(vendor: Imported):
    flows = vendor.fragment["flows"]
    assert [(f["from"], f["to"], f["datasets"], f["protection"]) for f in flows.values()] == [
        ("bay-manager", "bay-api", ["bay-events"], "unknown"),
        ("bay-api", "totals-example-net", ["totals"], "tls"),
    ]
    assert vendor.fragment["systems"]["totals-example-net"]["operator"] == "unknown"
    assert any("the other end" in one.why for one in vendor.unmapped)


def test_classification_decides_sensitivity_where_it_is_a_word_of_ours(vendor: Imported):
    data = vendor.fragment["datasets"]
    assert (data["totals"]["sensitivity"], data["plates"]["sensitivity"]) == ("public", "restricted")
    assert data["plates"]["categories"] == ["confidential", "number plates"]
    assert "datasets.bay-events.sensitivity" in [one.path for one in vendor.assumed]


def test_dependencies_between_systems_are_needs(vendor: Imported):
    assert vendor.fragment["systems"]["bay-manager"]["needs"] == [{"of": ["sensor-os"]}]
    assert vendor.fragment["systems"]["bay-api"]["needs"] == [{"of": ["store"]}]


def test_parts_of_software_are_counted(vendor: Imported):
    left = {one.where: one.what for one in vendor.unmapped}
    assert (left["components[] of type library"], left["components[] of type file"]) == ("once", "once")
    assert left["bom.vulnerabilities"] == "once"


@pytest.mark.parametrize("version", ["1.4", "1.5", "1.6", "1.7", "9.9"])
def test_every_version_is_read_and_an_unknown_one_noted(read: Read, version: str):
    data = [{"flow": "inbound", "classification": "PII"}]
    bom = {"bomFormat": "CycloneDX", "specVersion": version, "services": [{"name": "S", "data": data}]}
    imported = read("cyclonedx", json.dumps(bom))
    assert "s" in imported.fragment["systems"]
    assert "pii" in imported.fragment["datasets"]
    assert bool(imported.notes) == (version == "9.9")


@pytest.mark.parametrize(
    "raw", ['<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><bom/>', "{}", '{"bomFormat": "SPDX"}']
)
def test_what_is_no_cyclonedx_json_is_refused(read: Read, raw: str):
    with pytest.raises(DecodeError, match=r"XML|bomFormat"):
        read("cyclonedx", raw)

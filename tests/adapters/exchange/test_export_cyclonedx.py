"""The inventory as CycloneDX 1.7: its shape, that what it names is there, and that unknown stays unknown."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from cityward.adapters.exchange.exports.cyclonedx import serial_of
from exported import AT, HOSTILE, doggerford, exported, hostile
from shapes import wrong

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"  # of version 5
LINK = re.compile(rf"urn:cdx:{UUID}/1#[a-z]+:[a-z0-9-]+|urn:cityward:party:[a-z0-9-]+")
PROPERTIES = [{"name!": re.compile(r"cityward:[a-z_]+"), "value": str}]
ORGANISATION = {"name": str, "address": {"country": str}}
REFERENCE = {"type!": {"distribution"}, "url!": (LINK, {"urn:cityward:unknown"}), "comment": str}
DATA = {"type!": {"dataset"}, "name": str, "classification": str, "sensitiveData": [str]}
COMPONENT = {
    "type!": {"device", "data", "cryptographic-asset", "application", "platform"},
    "bom-ref": str,
    "manufacturer": ORGANISATION,
    "group": str,
    "name!": str,
    "version": str,
    "description": str,
    "externalReferences": [REFERENCE],
    "data": [DATA],
    "cryptoProperties": {
        "assetType!": {"related-crypto-material"},
        "relatedCryptoMaterialProperties": {"type!": {"key"}},
    },
    "properties": PROPERTIES,
}
FLOW = {
    "flow!": {"inbound", "outbound"},
    "classification!": {"public", "internal", "restricted", "secret"},
    "name": str,
    "description": str,
    "source": [LINK],
    "destination": [LINK],
}
SERVICE = {
    "bom-ref": str,
    "provider": ORGANISATION,
    "group": str,
    "name!": str,
    "description": str,
    "x-trust-boundary": bool,
    "trustZone": str,
    "data": [FLOW],
    "externalReferences": [REFERENCE],
    "properties": PROPERTIES,
}
BOM = {
    "$schema": {"http://cyclonedx.org/schema/bom-1.7.schema.json"},
    "bomFormat!": {"CycloneDX"},
    "specVersion!": {"1.7"},
    "serialNumber": re.compile(f"urn:uuid:{UUID}"),
    "version": int,
    "metadata": {
        "timestamp": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        "lifecycles": [{"phase!": {"operations"}}],
        "tools": {"components": [COMPONENT]},
        "component": COMPONENT,
        "supplier": ORGANISATION,
        "properties": PROPERTIES,
        "distributionConstraints": {"tlp": {"CLEAR", "GREEN", "AMBER", "AMBER_AND_STRICT", "RED"}},
    },
    "components": [COMPONENT],
    "services": [SERVICE],
    "dependencies": [{"ref!": str, "dependsOn": [str]}],
}
"""What the schema of CycloneDX 1.7 allows of what is written here; its objects are closed."""


@cache
def bom() -> dict[str, Any]:
    return json.loads(exported("cyclonedx"))


def element(ref: str) -> dict[str, Any]:
    return next(one for one in (*bom()["components"], *bom()["services"]) if one["bom-ref"] == ref)


def properties(ref: str) -> dict[str, str]:
    return {one["name"].removeprefix("cityward:"): one["value"] for one in element(ref)["properties"]}


def test_doggerford_is_a_bill_of_materials():
    assert list(wrong(bom(), BOM)) == []


def test_hostile_names_leave_it_one():
    document = json.loads(exported("cyclonedx", hostile()))
    assert list(wrong(document, BOM)) == []
    assert HOSTILE[:40] in document["components"][0]["name"]


def test_every_device_dataset_key_system_and_service_is_there_once():
    place = doggerford().place
    refs = [one["bom-ref"] for one in (*bom()["components"], *bom()["services"])]
    kinds = {"device": place.devices, "dataset": place.datasets, "key": place.keys}
    kinds |= {"system": place.systems, "service": place.services}
    assert sorted(refs) == sorted(f"{kind}:{name}" for kind, records in kinds.items() for name in records)


def test_every_link_and_dependency_leads_to_an_element_of_the_document():
    refs = {one["bom-ref"] for one in (*bom()["components"], *bom()["services"])}
    linked = set(re.findall(r'"urn:cdx:[^#"]+#([^"]+)"', exported("cyclonedx")))
    needed = {on for one in bom()["dependencies"] for on in one.get("dependsOn", [])}
    assert linked | needed <= refs
    assert {one["ref"] for one in bom()["dependencies"]} <= refs | {"place:doggerford"}
    assert all(
        len(set(one["dependsOn"])) == len(one["dependsOn"]) for one in bom()["dependencies"] if "dependsOn" in one
    )


def test_a_flow_is_told_at_both_its_ends():
    video = [f for f in element("system:video-archive")["data"] if f["flow"] == "inbound"]
    sent = [
        f for f in element("system:video-management")["data"] if f["name"] == "street-video" and f["flow"] == "outbound"
    ]
    assert [(f["name"], f["classification"], f["source"][0].rpartition("#")[2]) for f in video] == [
        ("street-video", "restricted", "system:video-management")
    ]
    assert any(f["destination"][0].endswith("#system:video-archive") for f in sent)


def test_the_maker_of_a_device_is_its_manufacturer_and_an_unknown_one_says_so():
    assert element("device:harbour-cameras")["manufacturer"] == {"name": "Halden Optics", "address": {"country": "XA"}}
    assert element("device:buses")["manufacturer"] == {"name": "unknown"}


def test_what_is_unknown_is_written_as_unknown():
    assert properties("system:halden-cloud")["site"] == "unknown"
    assert properties("system:halden-cloud")["place_jurisdiction"] == "unknown"
    assert properties("key:beacon-salt")["holder"] == "unknown"
    assert properties("dataset:beacon-sightings")["retention_days"] == "unknown"


def test_dependencies_follow_needs_and_updates():
    needs = {one["ref"]: one.get("dependsOn", []) for one in bom()["dependencies"]}
    assert needs["system:cityward"] == ["system:platform-host", "system:civic-network", "system:package-mirror"]
    assert "system:northlight-updates" in needs["device:quay-street-lamps"]
    # of its two functions: the signals, the control centre, and the group of three loops
    assert needs["service:ring-signal-plans"] == [
        "device:ring-signals",
        "system:signal-control",
        "device:ring-road-loops",
    ]


def test_the_serial_number_is_that_of_the_declaration_and_the_time_is_the_one_given():
    assert bom()["serialNumber"] == f"urn:uuid:{serial_of(doggerford().digest)}"
    assert serial_of("a") != serial_of("b")
    assert "timestamp" not in bom()["metadata"]
    assert json.loads(exported("cyclonedx", at=AT))["metadata"]["timestamp"] == "2026-05-01T12:30:00Z"


def test_it_bears_a_mark_that_limits_who_may_read_it():
    assert bom()["metadata"]["distributionConstraints"] == {"tlp": "AMBER"}

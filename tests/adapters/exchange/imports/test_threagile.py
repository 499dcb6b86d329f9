"""Threagile, in the spellings of several versions of the tool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cityward.compose.asking.imports import File, Imported, import_model

Read = Callable[..., Imported]


@pytest.fixture
def parking(sample: Callable[[str], list[File]]) -> Any:
    return import_model("threagile", sample("threagile"))


def asset(technology: str = "database", **fields: str) -> str:
    lines = "".join(
        f"    {name}: {value}\n" for name, value in {"id": "thing", "technology": technology, **fields}.items()
    )
    return f"technical_assets:\n  Thing:\n{lines}"


def link(protocol: str, more: str = "") -> str:
    return f"""\
data_assets: {{Data: {{id: data, confidentiality: public}}}}
technical_assets:
  A:
    id: a
    technology: database
    communication_links: {{L: {{target: b, protocol: {protocol}, data_assets_sent: [data]{more}}}}}
  B: {{id: b, technology: database}}
"""


def test_an_asset_of_the_street_is_a_device_with_a_model(parking: Imported):
    device = parking.fragment["devices"]["bay-sensor"]
    assert (device["model"], device["owner"], device["site"]) == ("bay-sensor-model", "acme-sensors", "unknown")
    assert parking.fragment["device_models"]["bay-sensor-model"]["maker"] == "unknown"


def test_merge_keys_and_aliases_are_read(parking: Imported):
    totals = parking.fragment["datasets"]["parking-totals"]
    assert totals["sensitivity"] == "public"  # its own
    assert totals["note"].startswith("Cars that came and went.")  # inherited


def test_what_is_received_flows_back(parking: Imported):
    flows = parking.fragment["flows"]
    there, back = flows["hub-publish"], flows["hub-publish-back"]
    assert (there["from"], there["to"], there["datasets"]) == ("hub", "portal", ["parking-totals"])
    assert (back["from"], back["to"], back["datasets"]) == ("portal", "hub", ["permits"])
    assert {flow["observability"] for flow in flows.values()} == {"imported"}


def test_a_boundary_is_a_zone_and_a_runtime_is_needed(parking: Imported):
    assert parking.fragment["zones"]["dmz"]["parent"] == "council-net"
    assert parking.fragment["systems"]["hub"]["zone"] == "council-net"
    assert parking.fragment["systems"]["stats"]["needs"] == [{"of": ["cluster"]}]


def test_encryption_is_a_key_whose_holder_is_unknown(parking: Imported):
    key = parking.fragment["keys"]["hub-at-rest"]
    assert (key["holder"], key["protects"], key["kind"]) == ("unknown", ["hub"], "at-rest")


def test_the_author_is_not_read(parking: Imported):
    assert "Person" not in repr(parking.fragment)


def test_the_owner_is_taken_as_operator_and_that_is_told(parking: Imported):
    assert parking.fragment["systems"]["hub"]["operator"] == "tinytown-council"
    assert "systems.hub.operator" in [one.path for one in parking.assumed]
    assert parking.fragment["systems"]["portal"]["operator"] == "unknown"


@pytest.mark.parametrize(
    ("protocol", "more", "ours"),
    [
        ("https", "", ("http", "tls")),
        ("HTTPS", ", authentication: clientCertificate", ("http", "mutual-tls")),
        ("http", "", ("http", "none")),
        ("http", ", vpn: true", ("http", "unknown")),
        ("mqtt", "", ("mqtt", "none")),
        ("sftp", "", ("sftp", "tls")),
        ("jdbc_encrypted", "", ("proprietary", "tls")),
        ("in-process-library-call", "", ("proprietary", "none")),
        ("InterProcessCommunication", "", ("proprietary", "none")),
        ("inter_process_communication", "", ("proprietary", "none")),
        ("pigeon", "", ("proprietary", "unknown")),
    ],
)
def test_protocols_in_every_spelling(read: Read, protocol: str, more: str, ours: tuple[str, str]):
    imported = read("threagile", link(protocol, more))
    (flow,) = imported.fragment["flows"].values()
    assert (flow["protocol"], flow["protection"]) == ours
    assert (protocol == "pigeon") == any(one.what == "pigeon" for one in imported.unmapped)


def test_what_leaves_no_machine_has_no_route_and_the_rest_an_unknown_one(read: Read):
    (local,) = read("threagile", link("local-file-access")).fragment["flows"].values()
    (remote,) = read("threagile", link("https")).fragment["flows"].values()
    assert "route" not in local
    assert remote["route"] == "unknown"


@pytest.mark.parametrize(
    "field",
    ["technology", "encryption", "availability", "confidentiality", "machine", "type", "size", "usage", "wobble"],
)
def test_an_unknown_word_or_field_never_refuses_the_file(read: Read, field: str):
    imported = read("threagile", asset(**{field: "wibble"}))
    assert "thing" in imported.fragment["systems"]
    assert any(field in one.where or "wibble" in one.what for one in imported.unmapped)


def test_an_unknown_technology_is_a_platform_by_assumption(read: Read):
    imported = read("threagile", asset("quantum-box"))
    assert imported.fragment["systems"]["thing"]["kind"] == "platform"
    assert [one.path for one in imported.assumed] == ["systems.thing.kind"]
    assert ("technical_assets.Thing.technology", "quantum-box") in [(one.where, one.what) for one in imported.unmapped]


def test_names_that_lead_nowhere_are_told(read: Read):
    imported = read(
        "threagile",
        """\
technical_assets:
  A:
    id: a
    data_assets_stored: [no-data]
    communication_links: {L: {target: nobody}, M: {target: a}}
trust_boundaries: {Z: {id: z, technical_assets_inside: [ghost], trust_boundaries_nested: [z, mist]}}
shared_runtimes: {R: {id: r, technical_assets_running: [spook]}}
""",
    )
    assert {"no-data", "nobody", "ghost", "z", "mist", "spook"} <= {one.what for one in imported.unmapped}
    assert "flows" not in imported.fragment


def test_boundaries_in_a_circle_are_broken_and_told(read: Read):
    imported = read(
        "threagile",
        "trust_boundaries: {A: {id: a, trust_boundaries_nested: [b]}, B: {id: b, trust_boundaries_nested: [a]}}",
    )
    assert [zone.get("parent") for zone in imported.fragment["zones"].values()] == [None, "a"]
    assert "a" in [one.what for one in imported.unmapped]


def test_an_id_given_twice_is_told_and_both_are_kept(read: Read):
    imported = read("threagile", "technical_assets: {A: {id: x}, B: {id: x}}")
    assert list(imported.fragment["systems"]) == ["x", "x-2"]
    assert any("given twice" in one.why for one in imported.unmapped)


def test_two_models_read_together_keep_their_own_names(sample: Callable[[str], list[File]]):
    (file,) = sample("threagile")
    imported = import_model("threagile", [file, File("again.yaml", file.raw)])
    assert {"hub", "hub-2"} <= imported.fragment["systems"].keys()
    assert imported.fragment["flows"]["hub-2-publish"]["from"] == "hub-2"


def test_an_asset_titled_like_an_owner_leaves_the_plain_id_to_the_party(read: Read):
    imported = read(
        "threagile",
        """\
technical_assets:
  Dogger Grid: {id: dogger-grid, type: external-entity, owner: Dogger Grid}
  Lamp Works: {id: lamp-works, technology: iot-device}
  Hub: {id: hub, owner: Lamp Works, communication_links: {Send: {target: dogger-grid, data_assets_sent: [d]}}}
data_assets: {D: {id: d, confidentiality: public}}
""",
    )
    assert list(imported.fragment["parties"]) == ["dogger-grid", "lamp-works"]
    assert list(imported.fragment["systems"]) == ["dogger-grid-system", "hub"]
    assert list(imported.fragment["devices"]) == ["lamp-works-device"]
    assert imported.fragment["systems"]["dogger-grid-system"]["operator"] == "dogger-grid"
    (flow,) = imported.fragment["flows"].values()
    assert flow["to"] == "dogger-grid-system"

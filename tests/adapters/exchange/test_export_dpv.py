"""The transfer register: which borders are crossed, on which axis, and which facts are missing."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import msgspec
import pytest

from cityward.adapters.exchange.exports.crossing import Crossing, Stop, judge
from cityward.compose.asking.exchange import export_model
from cityward.place.loader import Loaded
from cityward.place.parties import Jurisdiction, JurisdictionKind
from exported import AT, doggerford, exported, hostile

DPV = {
    *(
        "Access",
        "Contract",
        "Country",
        "CrossBorderTransfer",
        "DataProcessingAgreement",
        "DataSubject",
        "DataTransferRecord",
    ),
    *(
        "CryptographicAuthentication",
        "DigitalSignatures",
        "EncryptionAtRest",
        "EncryptionInTransfer",
        "EndToEndEncryption",
    ),
    *("Jurisdiction", "LegalEntity", "PersonalData", "Purpose", "Region", "Transfer"),
    *("hasDataExporter", "hasDataImporter", "hasDataSubject", "hasJurisdiction", "hasLegalBasis", "hasLocation"),
    *("hasPersonalData", "hasPurpose", "hasTechnicalMeasure"),
}
"""The terms of DPV 2.2 that are written by themselves; further ones come from the declaration's own mapping of purposes."""

NONE, UNKNOWN_ROUTE = None, ["flows.beacons-report.route"]

CROSSING = {
    # council (GB) -> harbour authority (NO); civic data centre (GB) -> harbour data centre (NO)
    "flow.backup-harbour": ("yes", "yes", NONE),
    # Tessel to Tessel, both ends in GB, by a route that nobody could say
    "flow.beacons-report": ("no", "unknown", UNKNOWN_ROUTE),
    # the council's own cameras on quays in NO, watched in GB
    "flow.harbour-video": ("no", "yes", NONE),
    # the same cameras, to the council's platform in GB
    "flow.harbour-pictures": ("no", "yes", NONE),
    # Parkwell (GB) -> Open Moorings (XC), over XC
    "flow.tickets-to-desk": ("yes", "yes", NONE),
    # Dogger Grid (NO) to itself: posts in GB, back office in NO
    "flow.charging-report": ("no", "yes", NONE),
    "access.backup-night-desk": ("yes", "yes", NONE),
    # Halden Optics (XA) on a system of the council's, from a place that is not known
    "access.cameras-remote": ("yes", "unknown", ["accesses.cameras-remote.from_places"]),
    "access.parking-desk": ("yes", "yes", NONE),
}
"""Entry -> crosses by party, by place, missing facts: worked out by hand from examples/doggerford."""


@cache
def graph() -> dict[str, dict[str, Any]]:
    nodes = json.loads(exported("dpv"))["@graph"]
    by_id = {node["@id"].removeprefix("place:"): node for node in nodes}
    assert len(by_id) == len(nodes)
    return by_id


def entries(nodes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: node for name, node in nodes.items() if re.match(r"(flow|access)\.", name)}


def test_the_entries_of_doggerford_are_those_worked_out_by_hand():
    found = {
        name: (node["cw:crossesByParty"], node["cw:crossesByPlace"], node.get("cw:missingFact"))
        for name, node in entries(graph()).items()
    }
    assert found == CROSSING


def test_what_is_not_in_the_register_is_counted():
    place = doggerford().place
    personal = [flow for flow in place.flows.values() if any(place.datasets[name].personal for name in flow.datasets)]
    listed = sum(name.startswith("flow.") for name in entries(graph()))
    assert graph()["transfers"]["cw:flowsWithinOneJurisdiction"] == len(personal) - listed
    # of the council on the platform, Fathom and the harbour on the backups they keep, the police twice
    assert graph()["transfers"]["cw:accessesWithinOneJurisdiction"] == 5


def test_a_certain_crossing_is_a_cross_border_transfer_and_an_uncertain_one_a_transfer():
    assert graph()["flow.backup-harbour"]["@type"] == ["dpv:CrossBorderTransfer"]
    assert graph()["flow.beacons-report"]["@type"] == ["dpv:Transfer"]
    assert graph()["access.parking-desk"]["@type"] == ["dpv:CrossBorderTransfer", "dpv:Access"]


def test_an_entry_names_who_what_for_and_by_which_agreement():
    entry = graph()["flow.tickets-to-desk"]
    assert entry["dpv:hasDataExporter"] == {"@id": "place:party.parkwell"}
    assert entry["dpv:hasDataImporter"] == {"@id": "place:party.open-moorings"}
    assert entry["dpv:hasPersonalData"] == [{"@id": "place:dataset.parking-tickets"}]
    assert entry["dpv:hasDataSubject"] == [{"@id": "place:subject.driver"}]
    assert entry["dpv:hasLegalBasis"] == {"@id": "place:agreement.moorings-support-2025"}
    assert entry["dpv:hasTechnicalMeasure"] == [{"@id": "dpv:EncryptionInTransfer"}]
    assert graph()["purpose.citizen-support"]["skos:broader"] == {"@id": "dpv:CustomerCare"}
    assert graph()["party.open-moorings"]["dpv:hasJurisdiction"] == {"@id": "place:jurisdiction.xc"}


def test_unknown_is_a_value_of_its_own_and_so_is_what_nobody_declared():
    beacons = graph()["flow.beacons-report"]
    assert {"@id": "cw:unknown"} in beacons["dpv:hasLocation"]
    assert beacons["dpv:hasTechnicalMeasure"][0] == {"@id": "cw:unknown"}
    assert beacons["dpv:hasLegalBasis"] == {"@id": "cw:not-declared"}
    assert graph()["key.beacon-salt"]["cw:keyHolder"] == {"@id": "cw:unknown"}
    assert graph()["dataset.beacon-sightings"]["cw:retentionDays"] == "unknown"


def test_codes_of_real_jurisdictions_are_those_of_the_vocabulary_and_user_assigned_ones_are_described_here():
    assert graph()["loc:NO"]["skos:prefLabel"] == "Norway"
    assert graph()["jurisdiction.xc"]["@type"] == "dpv:Country"
    assert "loc:XC" not in exported("dpv")


@pytest.mark.parametrize("loaded", [doggerford, hostile], ids=["doggerford", "hostile"])
def test_every_reference_leads_to_a_node_or_a_term(loaded: Any):
    document = json.loads(exported("dpv", loaded()))
    nodes = {node["@id"] for node in document["@graph"]}
    named = set(re.findall(r'"@id": "([^"]+)"', json.dumps(document)))
    terms = {purpose.dpv for purpose in doggerford().place.purposes.values()}
    rest = {name for name in named - nodes if not name.startswith(("dpv:", "cw:"))}
    assert rest == set()
    used = set(re.findall(r'"dpv:([A-Za-z]+)"', json.dumps(document["@graph"])))
    assert used <= DPV | {term.removeprefix("dpv:") for term in terms if term}
    assert document["@context"]["loc"] == "https://w3id.org/dpv/loc#"
    assert all(" " not in name for name in named)


def test_the_time_is_the_one_given():
    assert "dct:created" not in graph()["transfers"]
    assert json.loads(exported("dpv", at=AT))["@graph"][0]["dct:created"] == "2026-05-01T12:30:00Z"


def changed(**records: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The entries of Doggerford with fields of records changed: kind={id: {field: value}}."""
    place = doggerford().place
    kinds = {
        kind: {
            **getattr(place, kind),
            **{n: msgspec.structs.replace(getattr(place, kind)[n], **f) for n, f in of.items()},
        }
        for kind, of in records.items()
    }
    loaded = doggerford()
    other = Loaded(msgspec.structs.replace(place, **kinds), loaded.origins, loaded.warnings, loaded.digest)
    nodes = json.loads(export_model("dpv", other))["@graph"]
    return entries({node["@id"].removeprefix("place:"): node for node in nodes})


def test_a_party_that_may_keep_data_here_or_there_is_an_open_question():
    entry = changed(agreements={"police-protocol-2025": {"sites": ("town-hall", "harbour-dc")}})["flow.video-to-police"]
    assert entry["cw:crossesByPlace"] == "unknown"
    assert entry["cw:missingFact"] == ["agreements.police-protocol-2025.sites"]


def test_without_sites_the_allowed_jurisdictions_say_where_a_party_may_keep_data():
    gone = changed(agreements={"police-protocol-2025": {"sites": ()}})
    assert "flow.video-to-police" not in gone  # street-video is allowed in GB only
    wider = changed(
        agreements={"police-protocol-2025": {"sites": ()}}, datasets={"street-video": {"allowed_jurisdictions": ()}}
    )
    assert wider["flow.video-to-police"]["cw:crossesByPlace"] == "unknown"


def test_an_unknown_home_of_a_party_is_named_as_missing():
    entry = changed(parties={"dogger-police": {"incorporated_in": "unknown"}})["access.plates-for-police"]
    assert (entry["@type"][0], entry["cw:crossesByParty"]) == ("dpv:Transfer", "unknown")
    assert entry["cw:missingFact"] == ["parties.dogger-police.incorporated_in"]


def test_a_subdivision_counts_as_its_state():
    part = Jurisdiction(kind=JurisdictionKind.SUBDIVISION, code="GB-SCT", parent="gb")
    place = doggerford().place
    sites = {**place.sites, "town-hall": msgspec.structs.replace(place.sites["town-hall"], jurisdiction="gb-sct")}
    other = msgspec.structs.replace(place, sites=sites, jurisdictions={**place.jurisdictions, "gb-sct": part})
    loaded = Loaded(other, doggerford().origins, (), doggerford().digest)
    names = [node["@id"] for node in json.loads(export_model("dpv", loaded))["@graph"]]
    assert "place:flow.plates-to-police" not in names
    assert "place:flow.town-hall-video" not in names


@pytest.mark.parametrize(
    ("states", "crossing"),
    [
        (["a", "a"], Crossing.NO),
        (["a", "b"], Crossing.YES),
        (["a", None], Crossing.UNKNOWN),
        (["a", None, "b"], Crossing.YES),
        (["ab", "a"], Crossing.UNKNOWN),
        (["ab", "c"], Crossing.YES),
        (["ab", "ab"], Crossing.UNKNOWN),
    ],
)
def test_a_border_is_crossed_where_two_stops_have_no_state_in_common(states: list[str | None], crossing: Crossing):
    stops = tuple(Stop(None if one is None else frozenset(one)) for one in states)
    assert judge(stops).crossing is crossing

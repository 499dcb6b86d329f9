"""Threat models of other tools: Open Threat Model and Threagile. Their shapes, and what of a declaration is in them."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
import yaml

from cityward.adapters.exchange.exports.threagile import TECHNOLOGY
from cityward.reach.chains import flow_graph
from exported import AT, HOSTILE, doggerford, exported, hostile
from shapes import wrong

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NUMBER = (int, float)
ATTRIBUTES = {"*": str}
LINE = {"representation!": {"declaration"}, "id!": ID, "file": str, "line": int}
OTM = {
    "otmVersion!": {"0.2.0"},
    "project!": {"name!": str, "id!": ID, "owner": str, "attributes": ATTRIBUTES},
    "representations": [{"name!": str, "id!": ID, "type!": {"code"}}],
    "assets": [
        {
            "name!": str,
            "id!": ID,
            "description": str,
            "risk!": {"confidentiality!": NUMBER, "integrity!": NUMBER, "availability!": NUMBER, "comment": str},
            "attributes": ATTRIBUTES,
        }
    ],
    "trustZones": [
        {
            "id!": ID,
            "name!": str,
            "type": str,
            "description": str,
            "risk!": {"trustRating!": NUMBER},
            "parent": ({"trustZone!": ID}, {"component!": ID}),
        }
    ],
    "components": [
        {
            "id!": ID,
            "name!": str,
            "type!": str,
            "description": str,
            "parent!": ({"trustZone!": ID}, {"component!": ID}),
            "representations": [LINE],
            "assets": {"processed": [str], "stored": [str]},
            "attributes": ATTRIBUTES,
        }
    ],
    "dataflows": [
        {
            "id!": ID,
            "name!": str,
            "description": str,
            "bidirectional": bool,
            "source!": ID,
            "destination!": ID,
            "assets": [str],
            "tags": [str],
            "attributes": ATTRIBUTES,
        }
    ],
}

RATING = {"archive", "operational", "important", "critical", "mission-critical"}
SECRECY = {"public", "internal", "restricted", "confidential", "strictly-confidential"}
USAGE = {"business", "devops"}
PROTOCOLS = {"unknown-protocol", "http", "https", "mqtt", "binary", "binary-encrypted", "sftp"}
COMMON = {"id!": ID, "description!": str, "tags": [str]}
LINK = {
    "target!": ID,
    "description!": str,
    "protocol!": PROTOCOLS,
    "authentication!": {
        "none",
        "credentials",
        "session-id",
        "token",
        "client-certificate",
        "two-factor",
        "externalized",
    },
    "authorization!": {"none", "technical-user", "enduser-identity-propagation"},
    "tags": [str],
    "vpn!": bool,
    "ip_filtered!": bool,
    "readonly!": bool,
    "usage!": USAGE,
    "data_assets_sent": [ID],
    "data_assets_received": [ID],
}
TECHNICAL = {
    **COMMON,
    "type!": {"external-entity", "process", "datastore"},
    "usage!": USAGE,
    "used_as_client_by_human!": bool,
    "out_of_scope!": bool,
    "justification_out_of_scope": str,
    "size!": {"system", "service", "application", "component"},
    "technology!": {"iot-device", "unknown-technology", *TECHNOLOGY.values()},
    "internet!": bool,
    "machine!": {"physical", "virtual", "container", "serverless"},
    "encryption!": {"none", "transparent", "data-with-symmetric-shared-key"},
    "owner!": str,
    "confidentiality!": SECRECY,
    "integrity!": RATING,
    "availability!": RATING,
    "justification_cia_rating": str,
    "multi_tenant!": bool,
    "redundant!": bool,
    "custom_developed_parts!": bool,
    "data_assets_processed": [ID],
    "data_assets_stored": [ID],
    "data_formats_accepted!": [str],
    "communication_links!": {"*": LINK},
}
DATA = {
    **COMMON,
    "usage!": USAGE,
    "origin": str,
    "owner": str,
    "quantity!": {"very-few", "few", "many", "very-many"},
    "confidentiality!": SECRECY,
    "integrity!": RATING,
    "availability!": RATING,
    "justification_cia_rating": str,
}
ZONE = {**COMMON, "type!": {"network-on-prem"}, "technical_assets_inside!": [ID], "trust_boundaries_nested!": [ID]}
OVERVIEW = {"description": str, "images": [str]}
THREAGILE = {
    "threagile_version!": {"1.0.0"},
    "title!": str,
    "date": (str, type(AT.date())),
    "author!": {"name!": str, "homepage": str},
    "business_criticality!": RATING,
    "business_overview": OVERVIEW,
    "technical_overview": OVERVIEW,
    "questions": {"*": str},
    "abuse_cases": {},
    "security_requirements": {},
    "data_assets!": {"*": DATA},
    "technical_assets!": {"*": TECHNICAL},
    "trust_boundaries": {"*": ZONE},
    "shared_runtimes!": {},
    "individual_risk_categories": {},
    "risk_tracking": {},
    "tags_available!": [str],
}
"""What the schemas of OTM 0.2.0 and Threagile 1.0.0 demand and allow of what is written here."""


@cache
def otm() -> dict[str, Any]:
    return json.loads(exported("otm"))


@cache
def threagile() -> dict[str, Any]:
    return yaml.safe_load(exported("threagile"))


def component(name: str) -> dict[str, Any]:
    return next(one for one in otm()["components"] if one["id"] == name)


def asset(name: str) -> dict[str, Any]:
    return next(one for one in threagile()["technical_assets"].values() if one["id"] == name)


@pytest.mark.parametrize("loaded", [doggerford, hostile], ids=["doggerford", "hostile"])
def test_otm_has_the_shape_of_its_schema(loaded: Any):
    assert list(wrong(json.loads(exported("otm", loaded())), OTM)) == []


@pytest.mark.parametrize("loaded", [doggerford, hostile], ids=["doggerford", "hostile"])
def test_threagile_has_the_shape_of_its_schema(loaded: Any):
    assert list(wrong(yaml.safe_load(exported("threagile", loaded())), THREAGILE)) == []


def test_otm_names_only_what_it_has():
    components = {one["id"] for one in otm()["components"]}
    assets = {one["id"] for one in otm()["assets"]}
    zones = {one["id"] for one in otm()["trustZones"]}
    assert len(components) == len(otm()["components"])
    assert {end for flow in otm()["dataflows"] for end in (flow["source"], flow["destination"])} <= components
    assert {name for flow in otm()["dataflows"] for name in flow["assets"]} <= assets
    assert {name for one in otm()["components"] for kind in one["assets"].values() for name in kind} <= assets
    assert {one["parent"]["trustZone"] for one in otm()["components"]} <= zones


def test_otm_has_every_flow_dataset_and_thing():
    place = doggerford().place
    assert [flow["id"] for flow in otm()["dataflows"]] == list(place.flows)
    assert [one["id"] for one in otm()["assets"]] == list(place.datasets)
    assert {*place.devices, *place.systems} <= {one["id"] for one in otm()["components"]}


def test_otm_keeps_where_a_record_stands_and_what_is_unknown():
    line = component("halden-cloud")["representations"][0]
    assert doggerford().where("systems.halden-cloud").startswith(f"{line['file']}:{line['line']}  ")
    assert component("halden-cloud")["attributes"]["site"] == "unknown"
    assert component("buses")["attributes"]["maker"] == "unknown"


def test_otm_rates_by_what_is_declared_and_says_what_is_not():
    risks = {one["id"]: one["risk"] for one in otm()["assets"]}
    assert [risks[name]["confidentiality"] for name in ("weather", "bin-levels", "street-video", "backups")] == [
        0,
        30,
        60,
        100,
    ]
    assert "not declared" in risks["weather"]["comment"]
    assert {one["id"]: one["risk"]["trustRating"] for one in otm()["trustZones"]}["operations"] == 60


def test_threagile_names_only_what_it_has():
    model = threagile()
    things = {one["id"] for one in model["technical_assets"].values()}
    data = {one["id"] for one in model["data_assets"].values()}
    links = [link for one in model["technical_assets"].values() for link in one["communication_links"].values()]
    assert {link["target"] for link in links} <= things
    assert {name for link in links for name in link["data_assets_sent"]} <= data
    inside = [name for zone in model["trust_boundaries"].values() for name in zone["technical_assets_inside"]]
    assert set(inside) <= things
    assert len(inside) == len(set(inside))  # a thing is inside one boundary at most
    tagged = [
        *model["technical_assets"].values(),
        *model["data_assets"].values(),
        *model["trust_boundaries"].values(),
        *links,
    ]
    assert {tag for one in tagged for tag in one["tags"]} == set(model["tags_available"])


@pytest.mark.parametrize("loaded", [doggerford, hostile], ids=["doggerford", "all called alike"])
def test_threagile_loses_nothing_where_names_are_alike(loaded: Any):
    place = loaded().place
    model = yaml.safe_load(exported("threagile", loaded()))
    assert [one["id"] for one in model["data_assets"].values()] == list(place.datasets)
    assert {*place.devices, *place.systems} <= {one["id"] for one in model["technical_assets"].values()}
    links = [link for one in model["technical_assets"].values() for link in one["communication_links"]]
    assert len(links) == len(flow_graph(place).edges)
    assert len(model["trust_boundaries"]) == len(place.zones)


def test_threagile_asks_what_the_declaration_does_not_know():
    asked = threagile()["questions"]
    assert asked["What is parties.halden-optics.owners?"] == ""
    assert len(asked) == sum(warning.word == "unknown" for warning in doggerford().warnings)


def test_threagile_keeps_kinds_places_and_protection_as_words_or_tags():
    assert asset("harbour-cameras")["technology"] == "iot-device"
    assert asset("dogger-police")["out_of_scope"]
    assert asset("video-archive")["type"] == "datastore"
    assert asset("video-archive")["encryption"] != asset("video-management")["encryption"] == "none"
    assert asset("binwise-cloud")["internet"]
    assert {"kind:vms", "site:town-hall", "place-jurisdiction:gb"} <= set(asset("video-management")["tags"])
    links = {tag: link for link in asset("plate-reader")["communication_links"].values() for tag in link["tags"]}
    assert links["flow:plates-to-police"]["authentication"] == "client-certificate"


def test_threagile_bears_the_date_given_and_none_else():
    assert "date" not in threagile()
    assert str(yaml.safe_load(exported("threagile", at=AT))["date"]) == "2026-05-01"


def test_hostile_names_are_one_yaml_text():
    model = yaml.safe_load(exported("threagile", hostile()))
    assert model["title"].startswith(HOSTILE.split("\n")[0])
    assert "\n" not in model["title"]

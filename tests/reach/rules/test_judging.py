"""House rules judged: each rule of the demo city broken and kept, unknowns in between, and the camera sentence in one rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cityward.place.data import Protection
from cityward.place.loader import load
from cityward.place.model import Place
from cityward.place.parties import InstrumentStatus
from cityward.reach.rules.judging import evaluate, standing_of
from cityward.reach.rules.truth import Truth
from cityward.reach.rules.why import missing_of, sentences_of
from cityward.reach.sign.changes import changed
from declarations import TOWN, loaded

FOLDER = Path(__file__).parents[3] / "examples" / "doggerford"
CITY = load("place.yaml", lambda name: (FOLDER / name).read_bytes()).place
DAY = date(2026, 8, 1)

Edit = Callable[[Place], Place]


def truth_of(place: Place, rule: str, subject: str, day: date = DAY) -> Truth:
    standing = standing_of(place, day, [place.rules[rule]])
    return max(
        (f.held.truth for f in evaluate(standing, {rule: [subject.partition(".")[2]]}) if f.subject == subject),
        default=Truth.NO,
    )


def edit(path: str, **fields: Any) -> Edit:
    kind, _, name = path.partition(".")
    return lambda place: changed(place, kind, name, **fields)


def half_of_the_critical_systems(place: Place) -> Place:
    """Of the eight, `northlight` supplies four."""
    for name in ("platform-host", "admin-directory", "civic-network", "transit-control"):
        place = changed(place, "systems", name, supplier="northlight", maintained_by=())
    return place


def as_it_is(place: Place) -> Place:
    return place


BROKEN_AND_KEPT: dict[str, tuple[str, Edit, Edit]] = {
    "no-addressee-cameras-on-sensitive-sites": (
        "devices.harbour-cameras", as_it_is, edit("devices.harbour-cameras", site="quay-street"),
    ),
    "no-addressee-cameras-joined-to-the-core": (
        "devices.harbour-cameras", as_it_is, edit("device_models.street-camera", maker="doggerford-council"),
    ),
    "camera-makers-are-known": ("devices.harbour-cameras", as_it_is, edit("parties.halden-optics", owners=())),
    "personal-data-stays-in-reach-of-the-allowed": (
        "datasets.parking-tickets", edit("systems.parking-backoffice", operator="corvane-holding"), as_it_is,
    ),
    "restricted-data-lies-at-home": (
        "datasets.parking-tickets", edit("systems.parking-backoffice", site="corvane-campus"), as_it_is,
    ),
    "personal-data-goes-by-known-ways": (
        "flows.tickets-to-desk", as_it_is, edit("flows.tickets-to-desk", route=("gb",)),
    ),
    "read-by-agreement-only": (
        "datasets.charging-sessions", as_it_is, edit("sites.harbour-dc", operator="doggerford-council"),
    ),
    "personal-data-is-protected-on-its-way": (
        "flows.harbour-video", as_it_is, edit("flows.harbour-video", protection=Protection.TLS),
    ),
    "retention-is-known": (
        "datasets.beacon-sightings", as_it_is, edit("datasets.beacon-sightings", retention_days=30),
    ),
    "no-hands-from-abroad-on-control": (
        "accesses.lamps-night-desk", as_it_is, edit("accesses.lamps-night-desk", from_places=("gb", "harbour-dc")),
    ),
    "suppliers-come-when-called": ("accesses.lamps-remote", as_it_is, edit("accesses.lamps-remote", standing=False)),
    "owners-of-critical-suppliers-are-known": (
        "systems.video-management", as_it_is, edit("parties.halden-optics", owners=()),
    ),
    "critical-systems-are-not-run-from-the-compact": (
        "systems.signal-control", as_it_is, edit("parties.tessel-systems", owners=()),
    ),
    "no-supplier-has-too-much": ("parties.northlight", half_of_the_critical_systems, as_it_is),
    # greycask, binwise, the council and a recipient are four; the mobile network on the way is the fifth
    "chains-stay-short": ("devices.quay-bins", as_it_is, edit("flows.quay-bins-report", route=("xc",))),
    "sub-contracting-is-agreed": (
        "agreements.greycask-collection-2025", as_it_is,
        edit("agreements.greycask-collection-2025", subcontracting="forbidden"),
    ),
    "we-can-leave": ("agreements.tessel-supply-2025", as_it_is, edit("agreements.tessel-supply-2025", exit_days=183)),
    "flows-rest-on-an-agreement": (
        "flows.beacons-report", as_it_is, edit("flows.beacons-report", agreement="tessel-supply-2025"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", BROKEN_AND_KEPT)
def test_a_rule_of_the_demo_city_can_be_broken(rule: str):
    subject, broken, _ = BROKEN_AND_KEPT[rule]
    assert truth_of(broken(CITY), rule, subject) is Truth.YES


@pytest.mark.parametrize("rule", BROKEN_AND_KEPT)
def test_a_rule_of_the_demo_city_can_be_kept(rule: str):
    subject, _, kept = BROKEN_AND_KEPT[rule]
    assert truth_of(kept(CITY), rule, subject) is Truth.NO


def test_every_rule_of_the_demo_city_is_broken_and_kept_here():
    assert BROKEN_AND_KEPT.keys() == CITY.rules.keys()
    assert len(CITY.rules) >= 8


POSSIBLY: dict[str, tuple[str, str, Edit, str]] = {
    "maker": (
        "no-addressee-cameras-on-sensitive-sites", "devices.harbour-cameras",
        edit("device_models.street-camera", maker="unknown"), "device_models.street-camera.maker",
    ),
    "incorporation": (
        "no-addressee-cameras-on-sensitive-sites", "devices.harbour-cameras",
        edit("parties.halden-optics", incorporated_in="unknown"), "parties.halden-optics.incorporated_in",
    ),
    "site": (
        "restricted-data-lies-at-home", "datasets.parking-tickets",
        edit("systems.parking-backoffice", site="unknown"), "systems.parking-backoffice.site",
    ),
    "jurisdiction of a site": (
        "restricted-data-lies-at-home", "datasets.parking-tickets",
        edit("sites.fathom-east", jurisdiction="unknown"), "sites.fathom-east.jurisdiction",
    ),
    "route": ("personal-data-goes-by-known-ways", "flows.beacons-report", as_it_is, "flows.beacons-report.route"),
    "protection": (
        "personal-data-is-protected-on-its-way", "flows.beacons-report", as_it_is, "flows.beacons-report.protection",
    ),
    "place of an access": (
        "no-hands-from-abroad-on-control", "accesses.cameras-remote", as_it_is, "accesses.cameras-remote.from_places",
    ),
    "exit days": (
        "we-can-leave", "agreements.police-protocol-2025", as_it_is, "agreements.police-protocol-2025.exit_days",
    ),
    "owners": (
        "critical-systems-are-not-run-from-the-compact", "systems.video-management", as_it_is,
        "parties.halden-optics.owners",
    ),
}  # fmt: skip


@pytest.mark.parametrize("unknown", POSSIBLY)
def test_what_rests_on_an_unknown_is_possibly_broken_and_names_the_fact(unknown: str):
    rule, subject, change, fact = POSSIBLY[unknown]
    place = change(CITY)
    standing = standing_of(place, DAY)
    found = next(f for f in evaluate(standing, {rule: [subject.partition(".")[2]]}) if f.subject == subject)
    assert found.held.truth is Truth.POSSIBLY
    assert fact in missing_of(standing, found.held)


def test_a_contested_instrument_breaks_a_rule_possibly():
    place = edit("instruments.xa-cooperation-act", status=InstrumentStatus.CONTESTED)(CITY)
    rule, subject = "no-addressee-cameras-on-sensitive-sites", "devices.harbour-cameras"
    assert truth_of(place, rule, subject) is Truth.POSSIBLY


def test_a_parent_that_is_an_addressee_counts_only_where_the_rule_asks_for_parents():
    place = edit("device_models.street-camera", maker="northlight")(CITY)  # 60 % of its votes are held from XA
    place = edit("instruments.xa-cooperation-act", addressees=CITY.instruments["xa-cooperation-act"].addressees[:1])(
        place
    )
    rule, subject = "no-addressee-cameras-on-sensitive-sites", "devices.harbour-cameras"
    assert truth_of(place, rule, subject) is Truth.YES
    forbid = place.rules[rule].forbid[0]
    assert forbid.party is not None
    plain = msgspec.structs.replace(forbid, party=msgspec.structs.replace(forbid.party, or_parents=False))
    assert truth_of(edit(f"rules.{rule}", forbid=(plain,))(place), rule, subject) is Truth.NO


def test_a_minority_stake_is_no_parent():
    place = edit("device_models.street-camera", maker="meridian-telecom")(CITY)  # 30 % held from XA
    assert truth_of(place, "no-addressee-cameras-on-sensitive-sites", "devices.harbour-cameras") is Truth.NO


def test_a_waiver_is_told_while_it_runs_and_ends_on_its_day():
    rule, subject = "no-addressee-cameras-on-sensitive-sites", "devices.town-hall-cameras"
    for day, waived in ((date(2027, 6, 30), True), (date(2027, 7, 1), False)):
        standing = standing_of(CITY, day)
        found = next(f for f in evaluate(standing, {rule: [subject.partition(".")[2]]}) if f.subject == subject)
        assert (found.waiver is not None) is waived


def test_what_lifts_a_rule_lifts_it_and_an_unknown_does_so_possibly():
    text = TOWN + (
        "rules:\n  no-cloud:\n    about: systems\n    forbid: [{site: {in: [xb]}}]\n"
        "    unless: [{party: {as: [operator], incorporated_in: [xa]}}]\n"
    )
    abroad = text.replace("workbench: {kind: analytics, site: yard,", "workbench: {kind: analytics, site: cloud,")
    ours = abroad.replace("site: cloud, operator: acme}", "site: cloud, operator: council}")
    nobody = abroad.replace("site: cloud, operator: acme}", "site: cloud, operator: unknown}")
    for case, truth in ((text, Truth.NO), (abroad, Truth.YES), (ours, Truth.NO), (nobody, Truth.POSSIBLY)):
        assert truth_of(loaded(case).place, "no-cloud", "systems.workbench") is truth


SENTENCE = (
    TOWN.replace("  yard: {jurisdiction: xa}", "  yard: {jurisdiction: xa, tags: [sensitive]}")
    + """\
instruments:
  xb-act: {jurisdiction: xb, powers: [disclose], addressees: [{nexus: incorporated-in}]}
rules:
  no-addressee-cameras-on-sensitive-sites:
    name: No device whose maker is an addressee of the act, on a sensitive site, with a path to the core network
    about: devices
    forbid:
      - {party: {as: [maker], addressee_of: [xb-act]}}
      - {site: {tags: [sensitive]}}
      - {path_to: {zones: [core]}}
    weight: deny
"""
)


def test_the_sentence_of_the_statement_is_one_rule_with_its_path():
    place = loaded(SENTENCE).place
    standing = standing_of(place, DAY)
    found = next(f for f in evaluate(standing) if f.subject == "devices.counter-1")
    assert found.held.truth is Truth.YES
    assert {path for fact in found.held.facts for path in fact.paths} == {
        "device_models.counter.maker",
        "instruments.xb-act",
        "devices.counter-1.site",
        "sites.yard.tags",
        "flows.counts-in",
    }
    assert "parties.acme.incorporated_in" in {path for said in sentences_of(standing, found) for path in said.paths}


@pytest.mark.parametrize(
    "change",
    [
        edit("device_models.counter", maker="council"),
        edit("sites.yard", tags=("public",)),
        edit("systems.cityward", zone=None),
        edit("instruments.xb-act", status=InstrumentStatus.PROPOSED),
    ],
    ids=["another maker", "another site", "another network", "no instrument"],
)
def test_the_sentence_is_kept_where_any_part_of_it_does_not_hold(change: Edit):
    place = change(loaded(SENTENCE).place)
    assert truth_of(place, "no-addressee-cameras-on-sensitive-sites", "devices.counter-1") is Truth.NO


def test_findings_are_the_same_for_the_same_place():
    first, second = (evaluate(standing_of(CITY, DAY)) for _ in range(2))
    assert first == second

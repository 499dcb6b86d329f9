"""A proposal that changes the facts by which it is judged is told so, and is never simply allowed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cityward.place.loader import load_with
from cityward.reach.sign.report import report_of
from cityward.reach.sign.whatif import Judgement, Verdict, judge
from declarations import TOWN, ZONES, reader

DAY = date(2026, 8, 1)
FOLDER = Path(__file__).parents[3] / "examples" / "doggerford"
LAW = """\
instruments:
  order: {jurisdiction: xb, powers: [disclose], addressees: [{nexus: incorporated-in}]}
"""
PLACE = TOWN.replace(
    "  workbench: {kind: analytics, site: yard, operator: acme}",
    "  workbench: {kind: analytics, site: yard, operator: acme}\n  desk: {kind: analytics, site: unknown, operator: acme}",
)


def judged(overlay: str) -> Judgement:
    files = reader({"place.yaml": PLACE + LAW})
    return judge(load_with("place.yaml", files, "offer.yaml", overlay.encode(), ZONES), DAY)


CHANGED = {
    "a jurisdiction that gets a parent": (
        "jurisdictions:\n  xb: {code: XB, parent: xa}\n",
        ["jurisdictions.xb.parent"],
    ),
    "a jurisdiction that becomes home": ("jurisdictions:\n  xb: {code: XB, home: true}\n", ["jurisdictions.xb.home"]),
    "a new bloc with a declared member": (
        "jurisdictions:\n  bloc: {code: BLOC, kind: bloc, parent: xa, members: [xb]}\n",
        ["jurisdictions.bloc.members", "jurisdictions.bloc.parent"],
    ),
    "a party that is at home now, and has no owner": (
        "parties:\n  acme: {kind: company, incorporated_in: xa}\n",
        ["parties.acme.incorporated_in", "parties.acme.owners"],
    ),
    "sub-processors": (
        "parties:\n  acme-group: {kind: group, incorporated_in: xb, subprocessors: [acme]}\n",
        ["parties.acme-group.subprocessors"],
    ),
    "an instrument that is repealed": (
        LAW.replace("{jurisdiction", "{status: repealed, jurisdiction"),
        ["instruments.order.status"],
    ),
    "an instrument that is gone": ("removes: {instruments: [order]}\n", ["instruments.order"]),
    "an instrument that ended": (
        LAW.replace("{jurisdiction", "{valid_to: 2026-01-01, jurisdiction"),
        ["instruments.order.valid_to"],
    ),
    "data of another sensitivity": (
        "datasets:\n  levels: {personal: false, sensitivity: public, retention_days: 90, properties: [lamp-level]}\n",
        ["datasets.levels.sensitivity"],
    ),
    "a site with another tag": ("sites:\n  cloud: {jurisdiction: xb, tags: [cloud]}\n", ["sites.cloud.tags"]),
    "an area with more people": ("areas:\n  quay: {population: 12}\n", ["areas.quay.population"]),
    "a zone of another trust": ("zones:\n  core: {trust: 1}\n", ["zones.core.trust"]),
    "a function that is essential": (
        "functions:\n  lit: {service: lights, needs: [{of: [lamps-01, lamps-02], k: 1}], areas: [quay], essential: true}\n",
        ["functions.lit.essential"],
    ),
    "a system of another kind": (
        "systems:\n  workbench: {kind: portal, site: yard, operator: acme}\n",
        ["systems.workbench.kind"],
    ),
    "a place that was not known": (
        "systems:\n  desk: {kind: analytics, site: yard, operator: acme}\n",
        ["systems.desk.site"],
    ),
}


@pytest.mark.parametrize("case", CHANGED)
def test_a_fact_that_is_changed_is_told_and_the_proposal_not_simply_allowed(case: str):
    overlay, paths = CHANGED[case]
    judgement = judged(overlay)
    assert [fact.path for fact in judgement.facts] == paths
    assert judgement.verdict is Verdict.CONDITIONS


PROPOSED = {
    "a system moved and handed over": "systems:\n  workbench: {kind: analytics, site: cloud, operator: council}\n",
    "an agreement changed": (
        "agreements:\n  acme-2026:\n    {kind: supply, parties: [council, acme], datasets: [counts],"
        " purposes: [planning], sites: [yard], subcontracting: forbidden}\n"
    ),
    "a flow dropped": "removes: {flows: [to-acme]}\n",
    "another name": "sites:\n  cloud: {name: Cloud, note: as before, source: a letter, jurisdiction: xb}\n",
    "new records with facts of their own": (
        "jurisdictions:\n  xd: {code: XD}\nparties:\n  newcomer: {kind: company, incorporated_in: xd, owners: unknown}\n"
        "sites:\n  shed: {jurisdiction: xd, operator: newcomer}\n"
    ),
}


@pytest.mark.parametrize("case", PROPOSED)
def test_what_is_for_a_proposal_to_bring_is_no_change_of_facts(case: str):
    judgement = judged(PROPOSED[case])
    assert judgement.facts == ()
    assert judgement.verdict is Verdict.ALLOW


RELABELLED = """\
jurisdictions:
  xa: {name: Xanthia, code: XA, parent: gb}
parties:
  halden-optics: {name: Halden Optics, kind: company, incorporated_in: gb, source: a letter of the supplier}
"""


def test_a_supplier_that_calls_itself_at_home_is_not_allowed_by_that():
    def verdict(overlay: str) -> Judgement:
        read = lambda name: (FOLDER / name).read_bytes()  # noqa: E731
        return judge(load_with("place.yaml", read, "offer.yaml", overlay.encode()), DAY)

    offer = (FOLDER / "proposals" / "crowd-cameras.yaml").read_text()
    assert verdict(offer).verdict is Verdict.DENY
    judgement = verdict(RELABELLED + offer)
    assert judgement.verdict is Verdict.CONDITIONS and not judgement.broken
    told = report_of(judgement, lambda path: f"there:1  {path}", lambda path: f"here:1  {path}")
    fact = next(fact for fact in told.facts if fact.path == "parties.halden-optics.incorporated_in")
    assert (fact.before, fact.after, fact.source) == ("xa", "gb", "a letter of the supplier")
    assert (fact.where_before, fact.where_after) == (f"here:1  {fact.path}", f"there:1  {fact.path}")
    assert "take over these facts into the declaration first" in told.conditions[0].told
    assert fact.path in told.conditions[0].told

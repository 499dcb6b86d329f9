"""Suppliers: what they touch makes their tier, the tier asks for papers, and papers end."""

from __future__ import annotations

from datetime import date

import pytest

from cityward.assurance.examples import TOWN, changed
from cityward.assurance.suppliers.concentration import concentration
from cityward.assurance.suppliers.showing import Held, shown_by
from cityward.assurance.suppliers.telling import Support, standing_of, told_of_supplier
from cityward.assurance.suppliers.touching import Tier, suppliers_of
from cityward.place.loader import load
from cityward.place.model import Place

FIRM = ("purposes:", "  firm: {kind: company, incorporated_in: xa}\npurposes:")
MAKES_LAMPS = ("  lamp: {maker: council,", "  lamp: {maker: firm,")
MAKES_COUNTERS = ("counter: {maker: council,", "counter: {maker: firm,")


def place(*changes: tuple[str, str]) -> Place:
    return load("place.yaml", {"place.yaml": changed(FIRM, *changes).encode()}.__getitem__).place


@pytest.mark.parametrize(
    ("change", "tier"),
    [
        (MAKES_LAMPS, Tier.HIGH),  # a lamp takes commands
        (MAKES_COUNTERS, Tier.STANDARD),
        (("services:", "accesses:\n  in: {party: firm, target: counter-1, modes: [read]}\nservices:"), Tier.STANDARD),
        (("services:", "accesses:\n  in: {party: firm, target: lamp-1, modes: [update]}\nservices:"), Tier.HIGH),
        (("platform, site: yard,", "platform, critical: true, supplier: firm, site: yard,"), Tier.HIGH),
        (("platform, site: yard,", "platform, supplier: firm, site: yard,"), Tier.STANDARD),
    ],
)
def test_what_a_supplier_touches_makes_its_tier(change: tuple[str, str], tier: Tier) -> None:
    found = suppliers_of(place(change))
    assert [(name, one.tier) for name, one in found.items()] == [("firm", tier)]


def test_who_touches_nothing_and_who_answers_for_the_place_are_no_suppliers() -> None:
    assert suppliers_of(place()) == {}


PAPERS = (
    "services:",
    "agreements:\n  buy: {kind: supply, parties: [council, firm]}\nsupplier_evidence:\n"
    "  old: {party: firm, kind: questionnaire, says: x, issued: 2025-01-01, ends: 2025-12-31}\n"
    "  new: {party: firm, kind: questionnaire, says: x, issued: 2026-03-01, ends: 2026-12-31}\nservices:",
)


@pytest.mark.parametrize(
    ("day", "held", "record"),
    [
        (date(2025, 12, 31), Held.IN_FORCE, "old"),
        (date(2026, 1, 1), Held.EXPIRED, "old"),  # the new one is not issued yet
        (date(2026, 3, 1), Held.IN_FORCE, "new"),
        (date(2027, 1, 1), Held.EXPIRED, "new"),
        (date(2024, 1, 1), Held.MISSING, ""),
    ],
)
def test_a_paper_counts_from_its_issue_to_its_end(day: date, held: Held, record: str) -> None:
    shown = shown_by(place(MAKES_COUNTERS, PAPERS), "firm", Tier.STANDARD, day)
    assert [(one.held, one.record) for one in shown] == [(held, record), (Held.MISSING, "")]


def test_a_page_says_what_is_wanting_and_how_long_things_are_mended() -> None:
    there = place(("  lamp: {maker: council,", "  lamp: {maker: firm, support_ends: 2030-01-01,"), PAPERS)
    page = told_of_supplier(there, suppliers_of(there)["firm"], date(2026, 6, 1))
    assert page.tier is Tier.HIGH
    assert [one.held for one in page.asked].count(Held.MISSING) == 6
    assert [(one.device, one.standing) for one in page.support] == [("lamp-1", Support.UNKNOWN)]
    assert page.wanting


@pytest.mark.parametrize(
    ("ends", "stays", "standing"),
    [
        (date(2030, 1, 1), date(2030, 1, 1), Support.COVERS),
        (date(2030, 1, 1), date(2030, 1, 2), Support.ENDS_BEFORE),
        (date(2025, 1, 1), None, Support.ENDED),
        (None, date(2030, 1, 1), Support.UNKNOWN),
        (date(2030, 1, 1), None, Support.UNKNOWN),
    ],
)
def test_support_is_held_against_the_planned_life(ends: date | None, stays: date | None, standing: Support) -> None:
    assert standing_of(ends, stays, date(2026, 1, 1)) is standing


def test_a_critical_service_rests_on_the_maker_its_holder_and_their_foreign_country() -> None:
    text = (
        TOWN.replace("xa: {code: XA, home: true}", "xa: {code: XA, home: true}\n  xb: {code: XB}")
        .replace("purposes:", "  firm: {kind: company, incorporated_in: xa, owners: [{party: group, share: 60}, {party: few, "
                 "share: 40}]}\n  group: {kind: group, incorporated_in: xb}\n  few: {kind: company, "
                 "incorporated_in: xb}\npurposes:")
        .replace(*MAKES_LAMPS)
        .replace("services:", "functions:\n  lit: {service: street-light, essential: true}\nservices:")
    )  # fmt: skip
    found = concentration(load("place.yaml", {"place.yaml": text.encode()}.__getitem__).place)
    assert found.critical == ("street-light",)
    assert set(found.on) == {"parties.firm", "parties.group", "jurisdictions.xb"}
    assert found.unsettled == ()

"""What a declaration of supplier evidence may not say."""

from __future__ import annotations

import pytest

from cityward.assurance.examples import TOWN
from cityward.errors import PlaceErrors
from cityward.place.loader import load

SUPPLIED = TOWN.replace("purposes:", "  firm: {kind: company, incorporated_in: xa}\npurposes:").replace(
    "services:",
    "agreements:\n  buy: {kind: supply, parties: [council, firm]}\n  rent: {kind: supply, parties: [council]}\nservices:",
)


def told(record: str) -> list[tuple[str, str]]:
    """What is wrong with a record of supplier evidence, and where."""
    text = f"{SUPPLIED}supplier_evidence:\n  paper: {{{record}}}\n"
    try:
        load("place.yaml", {"place.yaml": text.encode()}.__getitem__)
    except PlaceErrors as errors:
        assert all(error.mend for error in errors.errors)
        return [(error.what, error.where.partition("  ")[2]) for error in errors.errors]
    return []


FINE = "party: firm, says: all is answered, issued: 2026-01-01, ends: 2027-01-01"


def test_a_paper_that_says_what_it_is_and_when_it_ends_is_fine() -> None:
    assert told(f"{FINE}, kind: questionnaire") == []
    assert told(f"{FINE}, kind: clause, clause: exit, agreement: buy") == []


@pytest.mark.parametrize(
    ("record", "what", "path"),
    [
        ("party: firm, says: x, issued: 2026-01-01, kind: certificate", "ends", "supplier_evidence.paper.ends"),
        ("party: firm, says: x, issued: 2026-01-02, ends: 2026-01-01, kind: certificate", "before it was issued",
         "supplier_evidence.paper.ends"),
        (f"{FINE}, kind: clause, agreement: buy", "what the clause is about is not said", "supplier_evidence.paper"),
        (f"{FINE}, kind: clause, clause: exit", "in which agreement", "supplier_evidence.paper"),
        (f"{FINE}, kind: clause, clause: exit, agreement: rent", "is with `council`, not with `firm`",
         "supplier_evidence.paper.agreement"),
        (f"{FINE}, kind: certificate, clause: exit", "is about no clause", "supplier_evidence.paper.clause"),
        (f"{FINE}, kind: certificate, document: abc", "abc", "supplier_evidence.paper.document"),
        (f"{FINE.replace('party: firm', 'party: frim')}, kind: certificate", "frim", "supplier_evidence.paper.party"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(record: str, what: str, path: str) -> None:
    [(said, where)] = told(record)
    assert what in said
    assert where == path

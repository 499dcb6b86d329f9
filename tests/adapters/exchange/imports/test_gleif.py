"""GLEIF golden copy files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cityward.compose.asking.imports import File, Imported, import_model
from cityward.errors import DecodeError

Read = Callable[..., Imported]
HEAD = "Relationship.StartNode.NodeID,Relationship.EndNode.NodeID,Relationship.RelationshipType,Relationship.RelationshipStatus\n"


def lei(letter: str) -> str:
    return letter * 20


@pytest.fixture
def register(sample: Callable[[str], list[File]]) -> Imported:
    return import_model("gleif", sample("gleif"))


def owners(register: Imported, number: str) -> object:
    return next(p.get("owners") for p in register.fragment["parties"].values() if p["ids"]["lei"] == f"XB{number:0>18}")


def test_consolidation_is_management_and_never_a_share(register: Imported):
    assert owners(register, "A1") == [{"party": "lei-xb0000000000000000b2", "mechanism": "management"}]
    assert "share" not in repr(register.fragment)
    assert "80.00 percentage" in register.fragment["parties"]["acme-sensors-ltd"]["note"]


def test_an_ultimate_parent_is_an_owner_where_the_direct_ones_do_not_lead_there(register: Imported):
    assert owners(register, "D4") == [{"party": "brennmark-holdings", "mechanism": "management"}]
    assert "direct parent: NO_LEI" in register.fragment["parties"]["lei-xb0000000000000000d4"]["note"]


def test_a_reporting_exception_is_an_unknown_owner_with_its_reason(register: Imported):
    top = register.fragment["parties"]["brennmark-holdings"]
    assert top["owners"] == "unknown"
    assert "ultimate parent: NO_KNOWN_PERSON, NATURAL_PERSONS" in top["note"]


def test_evidence_source_and_names(register: Imported):
    acme = register.fragment["parties"]["acme-sensors-ltd"]
    assert (acme["evidence"], acme["source"]) == ("registry", "GLEIF, 2026-02-03")
    assert acme["incorporated_in"] == "xb"
    assert register.fragment["parties"]["lei-xb0000000000000000b2"]["incorporated_in"] == "unknown"


def test_feeders_and_what_is_not_active_are_counted(register: Imported):
    left = {one.why: one.what for one in register.unmapped if one.where == "relationships"}
    assert left == {
        "a feeder fund invests, and is not controlled": "once",
        "they are not active, or their registration is void": "once",
    }


def test_the_older_names_of_the_exception_columns_are_read(read: Read):
    imported = read(
        "gleif", f"LEI,ExceptionCategory,ExceptionReason.1\n{lei('A')},DIRECT_ACCOUNTING_CONSOLIDATION_PARENT,NO_LEI\n"
    )
    (party,) = imported.fragment["parties"].values()
    assert party["owners"] == "unknown"


@pytest.mark.parametrize("kind", ["IS_SUBFUND_OF", "IS_FUND-MANAGED_BY", "IS_INTERNATIONAL_BRANCH_OF"])
def test_funds_and_branches(read: Read, kind: str):
    imported = read("gleif", f"{HEAD}{lei('A')},{lei('B')},{kind},ACTIVE\n")
    (stake,) = imported.fragment["parties"][f"lei-{'a' * 20}"]["owners"]
    assert stake["mechanism"] == ("contractual" if kind == "IS_SUBFUND_OF" else "management")


def test_an_unknown_relationship_and_a_wrong_lei_are_told_with_their_line(read: Read):
    imported = read(
        "gleif", f"{HEAD}{lei('A')},{lei('B')},IS_FOND_OF,ACTIVE\nxyz,{lei('B')},IS_SUBFUND_OF,ACTIVE\n", "rr.csv"
    )
    assert [(one.where, one.what) for one in imported.unmapped] == [
        ("rr.csv:2 Relationship.RelationshipType", "IS_FOND_OF"),
        ("rr.csv:3", "xyz"),
    ]


def test_parents_in_a_circle_stay(read: Read):
    rows = f"{lei('A')},{lei('B')},IS_DIRECTLY_CONSOLIDATED_BY,ACTIVE\n{lei('B')},{lei('A')},IS_DIRECTLY_CONSOLIDATED_BY,ACTIVE\n"
    parties = read("gleif", HEAD + rows).fragment["parties"]
    assert [p["owners"][0]["party"] for p in parties.values()] == [f"lei-{'b' * 20}", f"lei-{'a' * 20}"]


def test_other_columns_are_no_gleif_file(read: Read):
    with pytest.raises(DecodeError, match="of no GLEIF file"):
        read("gleif", "a,b\n1,2\n")

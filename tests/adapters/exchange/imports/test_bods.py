"""Beneficial ownership statements."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cityward.adapters.exchange.imports.formats.bods.stakes import share_of
from cityward.compose.asking.imports import File, Imported, fragment_text, import_model

Read = Callable[..., Imported]


@pytest.fixture
def register(sample: Callable[[str], list[File]]) -> Imported:
    return import_model("bods", sample("bods"))


def entity(key: str, **details: Any) -> dict[str, Any]:
    return {
        "recordId": key,
        "recordType": "entity",
        "recordDetails": {"name": key, "entityType": {"type": "registeredEntity"}, **details},
    }


def relation(subject: Any, party: Any, *interests: dict[str, Any], **more: Any) -> dict[str, Any]:
    details = {"subject": subject, "interestedParty": party, "interests": list(interests), **more}
    return {"recordId": f"{subject}-{json.dumps(party)}", "recordType": "relationship", "recordDetails": details}


def owners(read: Read, *statements: dict[str, Any], of: str = "a") -> Any:
    return read("bods", json.dumps(statements)).fragment["parties"][of].get("owners")


def test_named_owners_stay_beside_one_that_is_not_named(register: Imported):
    acme = register.fragment["parties"]["acme-sensors-ltd"]
    assert acme["owners"] == [
        {"party": "acme-holding", "share": 60.0},
        {"party": "acme-holding", "share": 50.0, "mechanism": "voting"},  # 50 to 75: half is certain
        {"party": "unnamed-owner-of-acme-sensors-ltd"},
    ]
    stand_in = register.fragment["parties"]["unnamed-owner-of-acme-sensors-ltd"]
    assert (stand_in["incorporated_in"], stand_in["owners"]) == ("unknown", "unknown")
    assert "interestedPartyHasNotProvidedInformation" in stand_in["note"]


def test_a_natural_person_is_a_number(register: Imported):
    text = fragment_text(register.fragment, register.notes) + repr(register)
    for told in ("Secretname", "Jo ", "1970", "PASS-77"):
        assert told not in text
    person = register.fragment["parties"]["natural-person-1"]
    assert (person["kind"], person["incorporated_in"]) == ("group", "unknown")
    assert "owners" not in person  # nobody owns a person


def test_a_minority_in_a_range_is_written_with_its_lower_end(register: Imported):
    assert register.fragment["parties"]["acme-holding"]["owners"] == [
        {"party": "natural-person-1", "share": 25.0},
        {"party": "natural-person-1", "mechanism": "trust"},
    ]
    assert "natural-person-1: 25 to 49 % by ownership." in register.fragment["parties"]["acme-holding"]["note"]


def test_what_is_no_control_is_told(register: Imported):
    assert {"rightsToProfitOrIncome", "boardMember"} <= {one.what for one in register.unmapped}
    assert any(one.why == "they have ended" for one in register.unmapped)


def test_evidence_source_and_identifiers_are_kept(register: Imported):
    acme, holding = (register.fragment["parties"][name] for name in ("acme-sensors-ltd", "acme-holding"))
    assert (acme["evidence"], acme["source"]) == ("registry", "BODS, Register of Brennmark, 2026-01-10")
    assert acme["ids"] == {"XB-REG": "0001"}
    assert holding["ids"] == {"lei": "00000000000000000042"}


def test_a_subdivision_comes_with_its_state(register: Imported):
    places = register.fragment["jurisdictions"]
    assert (places["xc-n"]["kind"], places["xc-n"]["parent"]) == ("subdivision", "xc")
    assert places["xc"]["code"] == "XC"


@pytest.mark.parametrize(
    ("low", "high", "share"), [(50, 75, 50), (75, 100, 75), (25, 49, 25), (0, 10, 0), (25, 50, None), (25, 75, None)]
)
def test_a_share_is_written_where_control_does_not_hang_on_the_rest(low: float, high: float, share: float | None):
    assert share_of(low, high) == share


@pytest.mark.parametrize(
    ("type_", "mechanism"),
    [
        ("shareholding", "ownership"), ("votingRights", "voting"), ("voting-rights", "voting"),
        ("appointmentOfBoard", "appointment"), ("seniorManagingOfficial", "management"),
        ("otherInfluenceOrControl", "contractual"), ("controlViaCompanyRulesOrArticles", "contractual"),
        ("controlByLegalFramework", "contractual"), ("settlor", "trust"), ("nominee", "nominee"),
        ("unpublishedInterest", "contractual"), ("somethingNew", "contractual"),
    ],
)  # fmt: skip
def test_interests_become_mechanisms(read: Read, type_: str, mechanism: str):
    (stake,) = owners(read, entity("a"), entity("b"), relation("a", "b", {"type": type_}))
    assert stake.get("mechanism", "ownership") == mechanism
    assert "share" not in stake


def test_a_state_that_controls_by_law_does_so_as_a_state(read: Read):
    state = entity("b", entityType={"type": "state"})
    (stake,) = owners(read, entity("a"), state, relation("a", "b", {"type": "controlByLegalFramework"}))
    assert stake["mechanism"] == "state"


@pytest.mark.parametrize(
    "reason", ["unknown", "subjectExemptFromDisclosure", "informationUnknownToPublisher", "new-reason"]
)
def test_an_owner_that_is_not_specified_is_unknown(read: Read, reason: str):
    assert owners(read, entity("a"), relation("a", {"reason": reason})) == "unknown"


def test_no_beneficial_owners_is_not_unknown(read: Read):
    assert owners(read, entity("a"), relation("a", {"reason": "noBeneficialOwners"})) is None


def test_an_entity_of_which_no_relationship_tells_has_unknown_owners(read: Read):
    assert owners(read, entity("a")) == "unknown"


def test_an_owner_that_is_not_in_the_file_is_unknown(read: Read):
    assert (
        owners(read, entity("a"), relation("a", "nobody", {"type": "shareholding", "share": {"exact": 90}}))
        == "unknown"
    )


def test_an_indirect_interest_is_told_by_its_components(read: Read):
    share = {"type": "shareholding", "share": {"exact": 100}}
    found = owners(
        read,
        entity("a"), entity("b"), entity("c"),
        relation("b", "c", share) | {"recordId": "r1"},
        relation("a", "b", share) | {"recordId": "r2"},
        relation("a", "c", share | {"directOrIndirect": "indirect"}, componentRecordIds=["r1", "b", "r2"]),
    )  # fmt: skip
    assert found == [{"party": "b", "share": 100.0}]


def test_shares_beyond_a_hundred_lose_the_indirect_ones_first(read: Read):
    direct = {"type": "shareholding", "share": {"exact": 100}, "directOrIndirect": "direct"}
    found = owners(
        read, entity("a"), entity("b"), entity("c"),
        relation("a", "b", direct), relation("a", "c", direct | {"directOrIndirect": "indirect"}),
    )  # fmt: skip
    assert found == [{"party": "b", "share": 100.0}, {"party": "c"}]


def test_the_last_statement_about_a_record_counts_and_closed_ones_do_not(read: Read):
    old = relation("a", "b", {"type": "shareholding", "share": {"exact": 10}}) | {
        "recordId": "r",
        "statementDate": "2024-01-01",
    }
    new = relation("a", "b", {"type": "shareholding", "share": {"exact": 20}}) | {
        "recordId": "r",
        "statementDate": "2025-01-01",
    }
    shut = relation("a", "c", {"type": "shareholding", "share": {"exact": 70}}) | {"recordStatus": "closed"}
    assert owners(read, entity("a"), entity("b"), entity("c"), new, old, shut) == [{"party": "b", "share": 20.0}]


def test_statements_of_version_0_2_are_read(read: Read):
    statements = [
        {"statementID": "e1", "statementType": "entityStatement", "entityType": "registeredEntity", "name": "a",
         "incorporatedInJurisdiction": {"name": "Brennmark", "code": "XB"}},
        {"statementID": "p1", "statementType": "personStatement", "personType": "knownPerson", "names": [{"fullName": "Jo S"}]},
        {"statementID": "o1", "statementType": "ownershipOrControlStatement", "subject": {"describedByEntityStatement": "e1"},
         "interestedParty": {"describedByPersonStatement": "p1"},
         "interests": [{"type": "shareholding", "interestLevel": "direct", "share": {"exact": 51}}]},
    ]  # fmt: skip
    party = read("bods", json.dumps(statements)).fragment["parties"]["a"]
    assert (party["incorporated_in"], party["owners"]) == ("xb", [{"party": "natural-person-1", "share": 51.0}])


def test_a_name_of_a_scheme_longer_than_yaml_reads_is_cut(read: Read):
    imported = read("bods", json.dumps([entity("a", identifiers=[{"scheme": "x" * 5000, "id": "1"}])]))
    (scheme,) = imported.fragment["parties"]["a"]["ids"]
    assert len(scheme) == 100

"""Parties that the place declares already: what a register adds, as a proposal."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from cityward.compose.asking.imports import Imported, fragment_text, import_model
from cityward.place.loader import Proposed, load, load_with
from cityward.reach.sign.whatif import Verdict, judge
from registers import TOWN, bods, gleif, lei

ACME = """\
  acme:
    {{kind: company, incorporated_in: xa, note: Makes lamps., source: the contract, ids: {{lei: {a}, xb-reg: {a}}}{more}}}
"""


def town(more: str = "", others: str = "") -> str:
    return TOWN + ACME.format(a=lei("A"), more=more) + others


def beside(text: str, format: str = "gleif", *pairs: str) -> Imported:
    register = gleif if format == "gleif" else bods
    return import_model(format, register(*(pairs or ("AB",))), load("place.yaml", lambda _: text.encode()).place)


def laid(text: str, imported: Imported) -> Proposed:
    raw = fragment_text(imported.fragment).encode()
    return load_with("place.yaml", lambda _: text.encode(), "owners.yaml", raw)


@pytest.mark.parametrize(("format", "mechanism"), [("gleif", "management"), ("bods", "ownership")])
def test_owners_of_a_declared_party_come_as_a_proposal_that_replaces_it(format: str, mechanism: str):
    text = town()
    imported = beside(text, format)
    given = laid(text, imported)
    assert given.changes.replaced == imported.replaces == ("parties.acme",)
    was, now = given.base.place.parties["acme"], given.proposed.place.parties["acme"]
    (stake,) = now.owners
    assert (stake.mechanism, given.proposed.place.parties[stake.party].ids.popitem()[1]) == (mechanism, lei("B"))
    assert now.evidence == "registry"
    assert now.source.startswith("the contract; ")
    kept = ("kind", "incorporated_in", "ids", "note")
    assert [getattr(was, field) for field in kept] == [getattr(now, field) for field in kept]


def test_asked_to_sign_it_the_owners_are_told_as_facts_that_change_with_their_source():
    text = town()
    judgement = judge(laid(text, beside(text)), date(2026, 8, 1))
    (fact,) = judgement.facts
    assert (fact.path, fact.before) == ("parties.acme.owners", "nothing")
    assert fact.after == f"[{{party: lei-{'b' * 20}, mechanism: management}}]"
    assert fact.source is not None and fact.source.startswith("the contract; ")
    assert judgement.verdict is Verdict.CONDITIONS


def test_nothing_but_the_register_s_fields_differs():
    text = town(", presence: [brennmark], valid_from: 2026-01-01, addresses: [192.0.2.1]")
    given = laid(text, beside(text))
    was, now = (msgspec.to_builtins(side.place.parties["acme"]) for side in (given.base, given.proposed))
    assert {field for field in was if was[field] != now[field]} == {"owners", "evidence", "source"}


def test_with_the_old_record_taken_out_the_file_is_included_as_it_is():
    text = town()
    files = {"place.yaml": TOWN + "include: [owners.yaml]\n", "owners.yaml": fragment_text(beside(text).fragment)}
    assert load("place.yaml", lambda name: files[name].encode()).place.parties["acme"].owners


def test_a_declared_owner_is_named_by_its_id_and_no_second_party_comes():
    text = town(others=f"  lamp-group: {{kind: group, incorporated_in: xa, ids: {{LEI: {lei('b')}}}}}\n")
    imported = beside(text)
    assert list(imported.fragment["parties"]) == ["acme"]
    assert imported.fragment["parties"]["acme"]["owners"] == [{"party": "lamp-group", "mechanism": "management"}]
    assert any("`lamp-group`" in note and "nothing new" in note for note in imported.notes)


def test_declared_owners_stay_and_new_ones_are_added():
    text = town(", owners: [{party: council, share: 20}]")
    owners = beside(text).fragment["parties"]["acme"]["owners"]
    assert [stake["party"] for stake in owners] == ["council", f"lei-{'b' * 20}"]
    assert owners[0]["share"] == 20


def test_owners_that_are_declared_already_are_no_proposal():
    group = f"  lamp-group: {{kind: group, incorporated_in: xa, ids: {{lei: {lei('B')}}}}}\n"
    imported = beside(town(", owners: [{party: lamp-group, mechanism: management}]", group))
    assert (imported.replaces, imported.fragment) == ((), {})


def test_another_share_than_the_declared_one_is_told_and_the_declared_one_stays():
    group = f"  lamp-group: {{kind: group, incorporated_in: xa, ids: {{xb-reg: {lei('B')}}}}}\n"
    imported = beside(town(", owners: [{party: lamp-group, share: 25}]", group), "bods")
    assert imported.replaces == ()
    assert ("parties.acme.owners", "lamp-group 60 %") in [(one.where, one.what) for one in imported.unmapped]


def test_new_shares_that_exceed_a_hundred_with_the_declared_ones_are_left_out():
    imported = beside(town(", owners: [{party: council, share: 50}]"), "bods")
    assert imported.fragment["parties"]["acme"]["owners"] == [{"party": "council", "share": 50.0}, {"party": "b"}]
    assert any("exceed 100 %" in one.why for one in imported.unmapped)
    laid(town(", owners: [{party: council, share: 50}]"), imported)


def test_a_register_without_owners_changes_nothing():
    imported = beside(town(), "gleif", "CA")
    assert imported.replaces == ()
    assert ("parties.acme.owners", "no owner") in [(one.where, one.what) for one in imported.unmapped]


def test_another_country_is_told_and_an_unknown_one_is_filled_in():
    other = beside(town(), "bods")
    assert ("parties.acme.incorporated_in", "brennmark") in [(one.where, one.what) for one in other.unmapped]
    assert other.fragment["parties"]["acme"]["incorporated_in"] == "xa"
    unknown = beside(
        town().replace("company, incorporated_in: xa", "company, incorporated_in: unknown"),
        "bods",
    )
    assert unknown.fragment["parties"]["acme"]["incorporated_in"] == "brennmark"


def test_a_record_that_rests_on_nothing_known_still_does():
    assert beside(town(", evidence: unknown")).fragment["parties"]["acme"]["evidence"] == "unknown"


def test_the_same_number_under_another_scheme_is_another_party_and_told():
    text = TOWN + f"  acme: {{kind: company, incorporated_in: xa, ids: {{company-number: {lei('A')}}}}}\n"
    imported = beside(text, "bods")
    assert (imported.replaces, list(imported.fragment["parties"])) == ((), ["a", "b"])
    (near,) = [one for one in imported.unmapped if one.where == "parties.a.ids.XB-REG"]
    assert "`acme`" in near.why
    assert "`company-number`" in near.why


def test_a_party_that_owns_itself_is_told():
    imported = beside(town(), "gleif", "AA")
    assert imported.replaces == ()
    assert any("owns itself" in one.why for one in imported.unmapped)

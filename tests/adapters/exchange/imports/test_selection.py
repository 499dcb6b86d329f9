"""Parties taken out of a register, with everyone above them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.adapters.exchange.imports.selection import Above
from cityward.compose.asking.imports import EVERYTHING, File, Imported, import_formats, import_model
from cityward.compose.asking.imports import registers as known_registers
from cityward.place.loader import load
from cityward.place.model import Place
from registers import TOWN, bods, gleif, lei


def told_of(imported: Imported) -> set[str]:
    """The letters of the parties that came in."""
    return {next(iter(party["ids"].values()))[0] for party in imported.fragment.get("parties", {}).values()}


def place_with(**ids: dict[str, str]) -> Place:
    """The tiny place with parties that have identifiers."""
    parties = "".join(
        f"  {name}: {{kind: company, incorporated_in: xa, ids: {json.dumps(told)}}}\n" for name, told in ids.items()
    )
    return load("place.yaml", lambda _: (TOWN + parties).encode()).place


BOTH = pytest.mark.parametrize(
    ("format", "register"), [("gleif", gleif), ("bods", bods), ("bods", lambda *p, **k: bods(*p, **k, lines=True))],
    ids=["gleif", "bods", "bods-lines"],
)  # fmt: skip
Register = Callable[..., list[File]]


def test_the_registers_are_the_formats_of_ownership():
    assert set(known_registers()) == {"bods", "gleif"} < set(import_formats())


@BOTH
def test_a_party_comes_with_everyone_above_it_and_nobody_else(format: str, register: Register):
    files = register("AB", "BC", "DC", "CE", "FA")
    assert told_of(import_model(format, files, only=[lei("A")])) == set("ABCE")


@BOTH
def test_what_comes_is_told_as_in_the_whole(format: str, register: Register):
    files = register("AB", "BC", "DC")
    whole, part = (import_model(format, files, only=only).fragment["parties"] for only in ((), [lei("D")]))
    assert part == {name: record for name, record in whole.items() if name in part}
    assert len(part) == 2


@BOTH
def test_who_was_above_once_is_not_above(format: str, register: Register):
    files = register("AB", "CD", old=["AC"])
    assert told_of(import_model(format, files, only=[lei("A")])) == {"A", "B"}


@BOTH
def test_a_circle_above_a_party_ends(format: str, register: Register):
    files = register("AB", "BC", "CB", "DA")
    assert told_of(import_model(format, files, only=[lei("A")])) == set("ABC")


@BOTH
def test_a_party_that_is_not_in_the_files_is_told(format: str, register: Register):
    imported = import_model(format, register("AB"), only=[lei("A"), "nobody"])
    assert [(one.where, one.what) for one in imported.unmapped] == [("--only", "nobody")]


@BOTH
def test_identifiers_are_read_in_any_case_and_spacing(format: str, register: Register):
    assert told_of(import_model(format, register("AB", "CB"), only=["aaaaa aaaaa aaaaa aaaaa"])) == {"A", "B"}


@BOTH
def test_beside_a_place_its_parties_with_an_identifier_are_the_default(format: str, register: Register):
    place = place_with(acme={"lei": lei("A"), "xb-reg": lei("A")}, other={"fax": "1"})
    imported = import_model(format, register("AB", "CB", "CD"), place)
    assert told_of(imported) == {"A", "B"}
    assert any("have an identifier" in note for note in imported.notes)


@BOTH
def test_beside_a_place_everything_comes_where_that_is_asked_for(format: str, register: Register):
    place = place_with(acme={"lei": lei("A"), "xb-reg": lei("A")})
    assert told_of(import_model(format, register("AB", "CD"), place, [EVERYTHING])) == set("ABCD")


@BOTH
def test_beside_a_place_without_identifiers_everything_comes_and_that_is_told(format: str, register: Register):
    imported = import_model(format, register("AB", "CD"), place_with(acme={}))
    assert told_of(imported) == set("ABCD")
    assert any("every party of the files was taken" in note for note in imported.notes)


@BOTH
def test_a_party_of_the_place_can_be_named_by_its_id(format: str, register: Register):
    place = place_with(acme={"lei": lei("A"), "xb-reg": lei("A")}, other={"lei": lei("C"), "xb-reg": lei("C")})
    assert told_of(import_model(format, register("AB", "CD"), place, ["other"])) == {"C", "D"}


def test_a_party_of_the_place_that_the_files_do_not_have_is_told_by_its_id():
    imported = import_model("gleif", gleif("AB"), place_with(acme={"lei": lei("A")}, gone={"lei": lei("Z")}))
    assert [one.what for one in imported.unmapped if one.where == "--only"] == [f"gone ({lei('Z')})"]


def test_jurisdictions_of_those_that_are_left_out_are_left_out():
    entities = f"LEI,Entity.LegalName,Entity.LegalJurisdiction\n{lei('A')},A,XB-N\n{lei('C')},C,XC\n"
    imported = import_model("gleif", [*gleif("AB"), File("lei2.csv", entities.encode())], only=[lei("A")])
    assert set(imported.fragment["jurisdictions"]) == {"xb", "xb-n"}


def test_an_indirect_interest_is_told_by_its_components_also_in_a_part():
    share = {"type": "shareholding", "share": {"exact": 100}}
    files = bods("AB", "BC", "DC")
    told = json.loads(files[0].raw)
    indirect = {"subject": "e-A", "interestedParty": "e-C", "componentRecordIds": ["AB", "BC", "e-B"],
                "interests": [share | {"directOrIndirect": "indirect"}]}  # fmt: skip
    told.append({"recordId": "AC", "recordType": "relationship", "recordDetails": indirect})
    imported = import_model("bods", [File("r.json", json.dumps(told).encode())], only=[lei("A")])
    assert imported.fragment["parties"]["a"]["owners"] == [{"party": "b", "share": 60.0}]
    assert told_of(imported) == set("ABC")


def test_whether_an_interest_has_ended_is_judged_by_the_whole_file():
    told = json.loads(bods("AB", "CD")[0].raw)
    told[4]["recordDetails"]["interests"][0]["endDate"] = "2026-01-15"
    told[5]["statementDate"] = "2026-02-01"
    imported = import_model("bods", [File("r.json", json.dumps(told).encode())], only=[lei("A")])
    assert imported.fragment["parties"]["a"]["owners"] == "unknown"


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40), st.integers(0, 12))
def test_those_reached_are_those_of_a_plain_walk(edges: list[tuple[int, int]], start: int):
    above, walked, pending = Above(), {start}, [start]
    for one, other in edges:
        above.add(str(one), str(other))
    while pending:
        at = pending.pop()
        new = {other for one, other in edges if one == at} - walked
        walked |= new
        pending += new
    is_kept = above.reached([str(start)])
    assert {n for n in range(13) if is_kept(str(n))} == walked


PAIRS = st.lists(st.sampled_from([a + b for a in "ABCDEF" for b in "ABCDEF"]), min_size=1, max_size=14, unique=True)


@BOTH
@settings(max_examples=150, deadline=None)
@given(pairs=PAIRS, old=st.sets(st.integers(0, 13)), wanted=st.sampled_from("ABCDEF"))
def test_a_part_is_the_whole_without_the_rest(
    format: str, register: Register, pairs: list[str], old: set[int], wanted: str
):
    files = register(
        *(pair for i, pair in enumerate(pairs) if i not in old),
        old=[pair for i, pair in enumerate(pairs) if i in old],
    )
    whole = import_model(format, files).fragment.get("parties", {})
    part = import_model(format, files, only=[lei(wanted)]).fragment.get("parties", {})
    above = [name for name, party in whole.items() if lei(wanted) in party["ids"].values()]
    for name in above:
        stakes = whole[name]["owners"]
        above += [stake["party"] for stake in stakes if stake["party"] not in above] if stakes != "unknown" else []
    assert {name: part[name] for name in above} == {name: whole[name] for name in above}
    # a register may name the wanted only where something no longer holds: then it alone comes, and nothing is known of it
    assert part.keys() - set(above) <= {name for name in part if lei(wanted) in part[name]["ids"].values()}

"""What people say: it makes stated or failed, never proven; the word on one thing comes before the word on all; it ends."""

from __future__ import annotations

import pytest
from msgspec import structs

from cityward.assurance.concluding import conclude
from cityward.assurance.control import Dossier
from cityward.assurance.controls import find_controls
from cityward.assurance.examples import NOW_US, TOWN, admission, attested, changed
from cityward.assurance.results import EvidenceClass, Judged, Result
from cityward.assurance.statements.checklist import OFFICES, PEOPLE, PLACES, subjects
from cityward.assurance.trail import Trail
from cityward.evidence.records import AnyRecord, Attested, RiskAccepted, decode
from cityward.place.loader import load
from cityward.time import DAY

CONTROLS = find_controls()
MANNED = "parties.council.watch-manned"


def dossier(*records: AnyRecord, text: str = TOWN) -> Dossier:
    loaded = load("place.yaml", {"place.yaml": text.encode()}.__getitem__)
    return Dossier(loaded, Trail((f"statements:{n}", record) for n, record in enumerate(records)), NOW_US)


def judged(subject: str, *records: AnyRecord, control: str = "H-03") -> Judged:
    [found] = [one for one in conclude(CONTROLS[control], dossier(*records)).subjects if one.subject == subject]
    return found


ALL = attested("H-03", "*", "all offices are held")
NOT_THIS = attested("H-03", MANNED, "nobody is there at night", word="does-not-hold")
TAKEN_BACK = attested("H-03", MANNED, "wrong", word="withdrawn")


@pytest.mark.parametrize(
    ("records", "result"),
    [
        ((), Result.UNKNOWN),
        ((ALL,), Result.STATED),
        ((ALL, NOT_THIS), Result.FAILED),
        ((NOT_THIS, ALL), Result.FAILED),
        ((ALL, NOT_THIS, TAKEN_BACK), Result.STATED),  # the word on all still counts
        ((NOT_THIS, TAKEN_BACK), Result.UNKNOWN),
        ((structs.replace(ALL, until=NOW_US),), Result.UNKNOWN),
        ((structs.replace(NOT_THIS, until=NOW_US),), Result.UNKNOWN),
    ],
)
def test_the_newest_word_on_the_subject_itself_counts_until_its_end(
    records: tuple[Attested, ...], result: Result
) -> None:
    found = judged(MANNED, *records)
    assert found.result is result
    assert all(ground.cls is EvidenceClass.ATTESTED for ground in found.grounds)


def test_whoever_says_that_it_does_not_hold_is_named_with_the_entry() -> None:
    found = judged(MANNED, NOT_THIS)
    assert found.said == "ada states that it does not hold: nobody is there at night"
    assert [(ground.record, ground.cls) for ground in found.grounds] == [("statements:0", EvidenceClass.ATTESTED)]
    assert found.mend


def test_no_word_makes_or_unmakes_what_was_observed() -> None:
    seen = structs.replace(admission("counts-in", 5), declaration=dossier().loaded.digest)
    for word in ("holds", "does-not-hold"):
        said = attested("K-04", "flows.counts-in", "said", word=word)
        assert judged("flows.counts-in", said, control="K-04").result is Result.UNKNOWN
        assert judged("flows.counts-in", seen, said, control="K-04").result is Result.PROVEN


def test_what_is_borne_is_borne_of_the_thing_as_it_was_declared() -> None:
    now = dossier().digest_of("parties.council")
    bearing = RiskAccepted(
        at=NOW_US - DAY, by="statements", control="H-03", subject=MANNED, owner="council", person="ada", why="from May on",
        until=NOW_US + DAY, declared=now,
    )  # fmt: skip
    assert judged(MANNED, NOT_THIS, bearing).result is Result.ACCEPTED
    assert judged(MANNED, NOT_THIS, structs.replace(bearing, declared="0" * 64)).result is Result.FAILED
    assert judged(MANNED, bearing).result is Result.UNKNOWN  # what nobody knows is not made better by bearing it


def test_a_statement_of_an_older_city_is_read_as_one_that_holds() -> None:
    told = '"control":"R-02","subject":"*","person":"ada","said":"x","scope":"","until":2'
    old = f'{{"kind":"attestation","at":1,"by":"web",{told}}}'.encode()
    found = decode(old)
    assert isinstance(found, Attested)
    assert (found.word, found.declaration, found.declared) == ("holds", "", "")


def test_the_list_asks_of_what_is_there() -> None:
    text = changed(
        ("services:", "roles:\n  lamps: {party: council, rights: [look, operate]}\n"
         "  eyes: {party: council, rights: [look]}\nservices:"),
        ("purposes:", "  firm: {kind: company, incorporated_in: xa}\npurposes:"),
        ("  lamp: {maker: council,", "  lamp: {maker: firm,"),
    )  # fmt: skip
    place = dossier(text=text).place
    assert [subject for subject, _, _ in subjects(place, PLACES)] == [
        "sites.yard.cabinets-locked", "sites.yard.tamper-told", "sites.yard.seals-checked", "sites.yard.rooms-guarded",
        "sites.yard.media-destroyed",
    ]  # fmt: skip
    assert [subject for subject, _, _ in subjects(place, PEOPLE)] == [
        "roles.lamps.vetted", "roles.lamps.leavers-told", "roles.eyes.leavers-told", "parties.firm.supplier-staff-vetted",
    ]  # fmt: skip
    assert {record for _, record, _ in subjects(place, OFFICES)} == {"parties.council"}


def test_each_thing_on_the_list_supports_the_principle_of_its_control() -> None:
    for control, items in (("H-01", PLACES), ("H-02", PEOPLE), ("H-03", OFFICES)):
        assert {item.principle for item in items} == set(CONTROLS[control].supports["NCSC"])

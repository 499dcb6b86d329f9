"""A proposal laid over a declaration: what it may do, and what is said where it may not."""

from __future__ import annotations

import pytest

from cityward.errors import PlaceErrors
from cityward.place.loader import Proposed, load, load_with
from declarations import TOWN, ZONES, reader

PROPOSAL = """\
parties:
  newcomer: {kind: company, incorporated_in: xb}
agreements:
  newcomer-2026: {kind: sharing, parties: [council, newcomer], datasets: [counts], purposes: [planning]}
flows:
  to-newcomer:
    from: cityward
    to: newcomer
    datasets: [counts]
    purpose: planning
    protocol: http
    agreement: newcomer-2026
    observability: enforced
"""


def laid(overlay: str | bytes, text: str = TOWN) -> Proposed:
    raw = overlay if isinstance(overlay, bytes) else overlay.encode()
    return load_with("place.yaml", reader({"place.yaml": text}), "offer.yaml", raw, ZONES)


def errors_of(overlay: str | bytes) -> list[str]:
    with pytest.raises(PlaceErrors) as caught:
        laid(overlay)
    return [str(error) for error in caught.value.errors]


def test_both_sides_are_whole_places_and_only_the_proposed_one_has_the_records():
    given = laid(PROPOSAL)
    assert "newcomer" not in given.base.place.parties
    assert given.proposed.place.flows["to-newcomer"].to == "newcomer"
    assert given.changes.added == ("parties.newcomer", "agreements.newcomer-2026", "flows.to-newcomer")


def test_the_base_is_what_loading_it_alone_gives():
    alone = load("place.yaml", reader({"place.yaml": TOWN}), ZONES)
    assert laid(PROPOSAL).base == alone


def test_paths_of_the_proposal_lead_into_its_own_file():
    given = laid(PROPOSAL)
    assert given.proposed.where("flows.to-newcomer.to") == "proposal offer.yaml:8  flows.to-newcomer.to"
    assert given.proposed.where("flows.to-acme").startswith("place.yaml:")


def test_a_record_that_is_there_is_replaced_whole_and_that_is_told():
    given = laid("sites:\n  cloud: {jurisdiction: xa, tags: [cloud]}\n")
    assert given.changes.replaced == ("sites.cloud",)
    assert given.base.place.sites["cloud"].jurisdiction == "xb"
    assert given.proposed.place.sites["cloud"].jurisdiction == "xa"


def test_a_record_declared_again_without_a_difference_is_no_replacement():
    given = laid(f"{PROPOSAL}sites:\n  cloud: {{jurisdiction: xb}}\n")
    assert (given.changes.replaced, given.changes.same) == ((), ("sites.cloud",))


def test_a_record_that_is_removed_is_gone_and_that_is_told():
    given = laid("removes: {flows: [to-acme]}\n")
    assert given.changes.removed == ("flows.to-acme",)
    assert "to-acme" not in given.proposed.place.flows


def test_the_same_proposal_has_the_same_digest_and_another_another():
    assert laid(PROPOSAL).digest == laid(PROPOSAL).digest != laid(f"{PROPOSAL}# a remark\n").digest


MISTAKES = {
    "removing what is still named": (
        "removes: {agreements: [acme-2026]}\n",
        "`acme-2026` is removed, and 1 line names it still: place.yaml:64 flows.to-acme.agreement",
    ),
    "removing what is not there": (
        "removes: {flows: [to-acmee]}\n",
        "none of the declared flows (did you mean `to-acme`?)",
    ),
    "removing a kind that is none": (
        "removes: {flaws: [to-acme]}\n",
        "removes.flaws: is no kind of record (did you mean `flows`?)",
    ),
    "removing and declaring": (
        "removes: {sites: [cloud]}\nsites:\n  cloud: {jurisdiction: xa}\n",
        "is both removed and declared",
    ),
    "naming what is not there": (PROPOSAL.replace("to: newcomer", "to: newcomers"), "found `newcomers`"),
    "bringing its own rules": (
        "rules:\n  ours: {about: flows, forbid: [{data: {personal: true}}]}\n",
        "it is judged by",
    ),
    "removing rules": ("removes: {rules: [any]}\n", "it is judged by"),
    "including": ("include: [more.yaml]\n", "a proposal is one file"),
    "renaming the place": ("place: elsewhere\n", "is no kind of record"),
    "changing nothing": ("flows: {}\n", "the proposal changes nothing"),
    "a list": ("- flows\n", "the proposal is not a mapping"),
    "no YAML": ("flows: [", "not YAML"),
    "no text": (b"\xff\xfe\x00", "is not UTF-8"),
    "an alias": ("flows: &a {}\nsystems: *a\n", "is an alias"),
    "breaking an agreement": (PROPOSAL.replace("purposes: [planning]", "purposes: [lighting]"), "purpose"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_wrong_is_told_with_the_line_of_the_proposal(mistake: str):
    overlay, said = MISTAKES[mistake]
    errors = errors_of(overlay)
    assert any(said in error for error in errors), errors
    assert any("offer.yaml" in error or "place.yaml" in error for error in errors)


def test_errors_of_the_place_itself_come_first_and_alone():
    with pytest.raises(PlaceErrors) as caught:
        laid("flows: [", TOWN.replace("kind: group", "kind: grup"))
    assert [str(error).splitlines()[1] for error in caught.value.errors] == [
        "  where: place.yaml:13  parties.acme-group.kind"
    ]


def test_what_others_need_is_told_once_at_the_proposals_own_line_with_the_proposals_own_mend():
    said = errors_of("removes:\n  parties: [acme]\n  devices: [lamps]\n")
    assert [error.splitlines()[1] for error in said] == [
        "  where: proposal offer.yaml:2  removes.parties",
        "  where: proposal offer.yaml:3  removes.devices",
    ]
    assert "`acme` is removed, and 5 lines name it still: place.yaml:16 agreements.acme-2026.parties[1]" in said[0]
    assert (
        "`lamps` is removed, and 5 lines name it still" in said[1]
    )  # as end of two flows, as actuator, and its two units
    assert all("leave it out of `removes`, or remove what names it too" in error for error in said)


@pytest.mark.parametrize("name", ["rules:\n  ours: {about: flows}\n", "removes: {rules: [ours]}\n", "flaws: {a: {}}\n"])
def test_what_a_proposal_may_not_bring_is_told_once(name: str):
    assert len(errors_of(name)) == 1


def test_rules_are_not_among_the_kinds_a_proposal_is_said_to_hold():
    assert "`rules`" not in errors_of("flaws: {a: {}}\n")[0]


def test_a_proposal_named_like_a_file_of_the_place_is_told_from_it():
    raw = b"parties:\n  acme: {kind: company, incorporated_in: xa}\n"
    given = load_with("place.yaml", reader({"place.yaml": TOWN}), "place.yaml", raw, ZONES)
    assert given.proposed.where("parties.acme.incorporated_in").startswith("proposal place.yaml:2  ")
    assert given.base.where("parties.acme.incorporated_in").startswith("place.yaml:12  ")


def test_no_file_of_the_place_is_called_what_the_proposal_is_called():
    place = reader({"proposal offer.yaml": TOWN})
    given = load_with("proposal offer.yaml", place, "offer.yaml", PROPOSAL.encode(), ZONES)
    assert given.proposed.where("parties.newcomer").startswith("proposal proposal offer.yaml:2  ")
    assert given.proposed.where("parties.acme").startswith("proposal offer.yaml:")

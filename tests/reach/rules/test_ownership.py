"""Who holds whom, by the share a rule names."""

from __future__ import annotations

import pytest

from cityward.place.model import Place
from cityward.place.parties import Jurisdiction, Mechanism, Party, PartyKind, Stake
from cityward.reach.rules.ownership import held_from, parents
from cityward.reach.rules.truth import Truth

XA = frozenset({"xa"})


def firm(*owners: Stake, at: str = "gb", unknown: bool = False) -> Party:
    return Party(kind=PartyKind.COMPANY, incorporated_in=at, owners="unknown" if unknown else owners)


def stake(party: str, share: float | None = None, mechanism: Mechanism = Mechanism.OWNERSHIP) -> Stake:
    return Stake(party=party, share=share, mechanism=mechanism)


def place(**parties: Party) -> Place:
    lands = {name: Jurisdiction(code=name.upper()) for name in ("gb", "xa")}
    return Place(place="t", name="T", position=(0, 0), responsible="f", jurisdictions=lands, parties=parties)


TOP = firm(at="xa")


@pytest.mark.parametrize(
    ("owners", "truth"),
    [
        ((stake("top", 50),), Truth.YES),
        ((stake("top", 49.9),), None),
        ((stake("top"),), Truth.POSSIBLY),
        ((stake("top", 1, Mechanism.APPOINTMENT),), Truth.YES),
        ((stake("top", 10, Mechanism.NOMINEE),), Truth.POSSIBLY),
        ((stake("top", 30), stake("twin", 20)), Truth.YES),
        ((stake("top", 30), stake("twin", 20, Mechanism.VOTING)), None),
    ],
    ids=["half", "just below", "share not known", "appoints", "nominee", "two of one kind", "two of two kinds"],
)
def test_held_from_adds_shares_of_one_kind_and_takes_no_minority_for_control(owners, truth):
    found = held_from(place(top=TOP, twin=TOP, f=firm(*owners)), XA, 50.0)
    assert (found["f"][0] if "f" in found else None) is truth


def test_held_through_a_firm_that_is_held():
    found = held_from(place(f=firm(stake("mid", 60)), mid=firm(stake("top", 60)), top=TOP), XA, 50.0)
    assert found["f"][0] is Truth.YES


def test_a_circle_of_ownership_holds_itself_from_nowhere():
    assert held_from(place(f=firm(stake("g", 60)), g=firm(stake("f", 60))), XA, 50.0) == {}


def test_an_unknown_owner_far_above_is_named():
    found = held_from(place(f=firm(stake("mid", 60)), mid=firm(unknown=True)), XA, 50.0)
    assert found["f"] == (Truth.POSSIBLY, "parties.mid.owners")


def test_parents_come_nearest_first_each_once():
    city = place(f=firm(stake("mid", 60)), mid=firm(stake("top", 60), stake("f", 10)), top=TOP)
    assert [(name, truth) for name, truth, _ in parents(city, "f", 50.0)] == [("mid", Truth.YES), ("top", Truth.YES)]


def test_a_link_that_is_only_possible_makes_all_above_it_possible():
    city = place(f=firm(stake("mid")), mid=firm(stake("top", 60)), top=TOP)
    assert [truth for _, truth, _ in parents(city, "f", 50.0)] == [Truth.POSSIBLY, Truth.POSSIBLY]

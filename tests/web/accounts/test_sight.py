"""Which refused rows a person sees, and which values people of other parties see none of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as replace_fields

from cityward.place.model import Place
from cityward.place.parties import Jurisdiction, JurisdictionKind, Party, PartyKind
from cityward.place.registry import number
from cityward.place.roles import Right, Role
from cityward.runtime.people import Held, HeldRole
from cityward.runtime.ports import Quarantined
from cityward.web.accounts.sight import Sights, reaches
from places import tiny_place

WHOLE = Held(
    rights=frozenset({Right.LOOK, Right.DATA, Right.WATCH}), datasets=frozenset(tiny_place().datasets), of_the_city=True
)
REFUSED = {
    "a reading": ("counter-1", "vehicle-speed"),
    "unreadable": ("counter-1", ""),
    "undeclared property": ("counter-1", "faces-seen"),
    "stranger": ("nobody-declared", "vehicle-speed"),
    "no sender": ("", ""),
}


@pytest.mark.parametrize(
    ("held", "seen"),
    [
        (WHOLE, set(REFUSED)),
        (replace(WHOLE, rights=WHOLE.rights - {Right.WATCH}), {"a reading", "unreadable", "undeclared property"}),
        (replace(WHOLE, datasets=frozenset()), {"stranger", "no sender"}),
        (replace(WHOLE, of_the_city=False), {"a reading", "unreadable", "undeclared property"}),
        (Held(), set()),
    ],
    ids=["all of it", "does not watch", "without data", "not of the city", "nothing"],
)
def test_a_refused_row_is_seen_by_who_may_see_what_it_was_or_who_watches_for_strangers(
    held: Held, seen: set[str]
) -> None:
    rows = [
        Quarantined(n, 0, device, "counts", prop, "out-of-range", None, None, 0, b"")
        for n, (device, prop) in enumerate(REFUSED.values())
    ]
    place = tiny_place()
    shown = Sights(place, number(place)).of(held).refused(rows)
    assert {(row.device, row.property) for row in shown} == {REFUSED[name] for name in seen}


ENGINEER = Role(party="maker", rights=(Right.LOOK, Right.DATA), datasets=("lamps", "air"))


def maker_of(land: str | None, allowed: tuple[str, ...], personal: bool = False) -> Place:
    """The tiny place with a maker of lamps in a land (None: nobody knows which), and lamps that some lands may know of."""
    tiny = tiny_place()
    lamps = replace_fields(tiny.datasets["lamps"], allowed_jurisdictions=allowed, personal=personal)
    return replace_fields(
        tiny,
        parties=tiny.parties | {"maker": Party(kind=PartyKind.COMPANY, incorporated_in=land or "unknown")},
        jurisdictions=tiny.jurisdictions | {"xb": Jurisdiction(code="XB", kind=JurisdictionKind.STATE)},
        datasets=tiny.datasets | {"lamps": lamps},
        roles={"engineer": ENGINEER},
    )


@pytest.mark.parametrize(
    ("land", "allowed", "personal", "seen"),
    [
        pytest.param("xb", (), False, True, id="open to all"),
        pytest.param("xb", ("xa", "xb"), False, True, id="allowed there"),
        pytest.param("xb", ("xa",), False, False, id="not allowed there"),
        pytest.param(None, ("xa",), False, False, id="nobody knows where"),
        pytest.param("xb", (), True, False, id="about people, allowed nowhere"),
    ],
)
def test_people_of_another_party_see_values_only_where_the_law_over_it_is_allowed(
    land: str | None, allowed: tuple[str, ...], personal: bool, seen: bool
) -> None:
    place = maker_of(land, allowed, personal)
    role = HeldRole("engineer", "maker", 0, "g1", False, True)
    sight = Sights(place, number(place)).of(
        Held(frozenset(ENGINEER.rights), frozenset(ENGINEER.datasets), roles=(role,))
    )
    assert sight.reading("lamp-01", "lamp-level") is seen
    assert sight.reading("air-1", "pm2-5"), "the other dataset stays as it is"


@pytest.mark.parametrize(("allowed", "datasets"), [(("xa",), 1), (("xa", "xb"), 2)])
def test_a_dataset_whose_values_are_withheld_is_not_counted_as_reached(allowed: tuple[str, ...], datasets: int) -> None:
    place = maker_of("xb", allowed)
    role = HeldRole("engineer", "maker", 0, "g1", False, True)
    held = Held(frozenset(ENGINEER.rights), frozenset(ENGINEER.datasets), roles=(role,))
    registry = number(place)
    assert reaches(Sights(place, registry).of(held), held, place, registry)[2] == datasets


def test_people_of_the_city_are_kept_from_nothing_by_the_law_over_another() -> None:
    place = maker_of("xb", ("xa",))
    role = HeldRole("desk", "council", 0, "g1", False, True)
    held = replace(WHOLE, roles=(role,))
    assert Sights(place, number(place)).of(held).reading("lamp-01", "lamp-level")

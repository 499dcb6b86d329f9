"""What anybody may know of what is sensed: worked out by hand from examples/doggerford, and what must not be in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from cityward.compose.places import load_place
from cityward.place.model import Place
from cityward.reach.exposure.answers import expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.notices import Known, Notice, Notices, Reached, notices_of


def told(place: Place) -> Notices:
    return notices_of(place, expose(compile_place(place), scenarios_of(place)), "d" * 64)


@cache
def doggerford() -> Notices:
    return told(load_place(Path("examples/doggerford")).place)


def of(name: str, notices: Notices | None = None) -> Notice:
    return next(one for one in (notices or doggerford()).notices if one.id == name)


def test_a_camera_says_what_it_looks_at_for_whom_and_whose_law_can_reach_it():
    cameras = of("harbour-cameras")
    assert cameras.personal and cameras.count == 6
    assert [somebody.land for somebody in (cameras.owner, cameras.operator, cameras.maker) if somebody] == [
        "NO",
        "GB",
        "XA",
    ]
    assert "Public safety" in cameras.purposes
    # the police are given street video over a link that only its own log shows; the maker's support is only declared
    known = {receiver.who.id: receiver.known for receiver in cameras.receivers}
    assert known["dogger-police"] is Known.SEEN and known["halden-optics"] is Known.DECLARED
    # the maker is incorporated in XA, whose act may ask it for what its support can read
    assert [land.code for land in cameras.lands if land.reached is Reached.LAW] == ["XA"]
    [quay] = cameras.cameras
    assert quay.view == "The quay and the way along it" and quay.hours == 4 and quay.seen
    assert not quay.plates
    assert [one.plates for one in of("ring-road-cameras").cameras] == [True, True]


def test_what_is_about_people_stands_first():
    personal = [one.personal for one in doggerford().notices]
    assert personal == sorted(personal, reverse=True) and any(personal) and not all(personal)


def test_what_is_not_on_the_street_any_more_has_no_notice():
    assert "old-quay-lamps" not in {one.id for one in doggerford().notices}


def test_where_it_could_be_harmed_is_not_told():
    place = load_place(Path("examples/doggerford")).place
    assert "sensitive" in place.sites[place.devices["harbour-cameras"].site].tags
    assert of("harbour-cameras").where == ""
    assert of("quay-street-lamps").where == "Quay Street"


def test_nothing_that_helps_an_attacker_is_in_it():
    place = load_place(Path("examples/doggerford")).place
    text = msgspec.json.encode(doggerford()).decode()
    parties = {one.id for one in doggerford().notices} | set(place.parties)
    hidden = {
        *place.systems,
        *place.zones,
        *place.keys,
        *place.accesses,
        *place.conduits,
        *place.device_models,
    } - parties
    assert not {name for name in hidden if f'"{name}"' in text}
    addresses = {
        one
        for kind in (place.systems, place.devices, place.parties)
        for record in kind.values()
        for one in record.addresses
    }
    assert addresses and not {one for one in addresses if one in text}


def test_what_is_not_known_is_said():
    place = load_place(Path("examples/doggerford")).place
    device = msgspec.structs.replace(place.devices["noise-meters"], owner="unknown")
    changed = msgspec.structs.replace(place, devices={**place.devices, "noise-meters": device})
    assert of("noise-meters", told(changed)).owner is None

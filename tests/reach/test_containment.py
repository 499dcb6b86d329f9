"""What containing a subject takes from the city, worked out by hand on Doggerford's declaration."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from cityward.compose.places import load_place
from cityward.errors import PlaceError
from cityward.place.model import Place
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.containment import Containment, containment_of, target_named

DOGGERFORD = Path(__file__).parents[2] / "examples" / "doggerford"


@cache
def doggerford() -> Place:
    return load_place(DOGGERFORD).place


def contained(words: str) -> Containment:
    place = doggerford()
    return containment_of(place, compile_cascade(place), target_named(place, words))


def test_a_group_is_all_its_members_and_its_service_loses_them():
    found = contained("quay-street-lamps")
    assert found.units == tuple(f"quay-street-lamps-{n:02d}" for n in range(1, 25))
    [hit] = found.services
    assert (hit.service, hit.actuators, hit.of_actuators) == ("quay-street-lighting", 24, 24)
    assert hit.fail_safe == ("Lamps burn at full level on their own.",)
    assert [effect.function for blast in found.cost for effect in blast.outcome.effects] == ["lit-quay-street"]


def test_one_member_is_one_unit():
    assert contained("quay-street-lamps-03").units == ("quay-street-lamps-03",)


def test_of_a_supplier_everything_that_it_makes_is_meant():
    place, found = doggerford(), contained("party:northlight")
    made = [name for name, device in place.devices.items() if place.device_models[device.model].maker == "northlight"]
    owned = [name for name, device in place.devices.items() if "northlight" in (device.owner, device.operator)]
    assert found.devices == tuple(name for name in place.devices if name in {*made, *owned})
    assert "quay-street-lamps" in made


def test_of_a_party_those_it_controls_are_meant_too():
    assert "northlight" in contained("party:corvane-holding").parties


def test_of_a_jurisdiction_its_parties_and_its_sites_are_meant():
    found = contained("jurisdiction:xa")
    assert {"northlight", "corvane-holding"} <= set(found.parties)
    assert "corvane-campus" in found.sites
    assert set(contained("party:northlight").units) <= set(found.units)


def test_what_is_not_known_is_not_cut_off_and_is_told():
    place, found = doggerford(), contained("party:northlight")
    unknown = [f"parties.{name}.owners" for name, party in place.parties.items() if party.owners == "unknown"]
    assert unknown
    assert set(unknown) <= set(found.unknown)


@pytest.mark.parametrize("words", ["flow:loops-to-city", "nobody"])
def test_what_cannot_be_contained_is_said(words: str):
    with pytest.raises(PlaceError):
        target_named(doggerford(), words)


def test_one_of_a_group_is_named_as_a_device_too() -> None:
    plain, with_kind = (contained(words) for words in ("ring-road-loops-02", "device:ring-road-loops-02"))
    assert plain == with_kind
    assert with_kind.units == ("ring-road-loops-02",)


def test_what_comes_in_by_the_systems_of_others_is_no_source_that_is_lost():
    place, found = doggerford(), contained("party:northlight")
    closed = {name for name, device in place.devices.items() if device.model == "closed-lamp"}
    enforced = {flow.from_ for flow in place.flows.values() if flow.observability == "enforced"}
    assert closed & set(found.devices)
    assert not closed & enforced
    [hit] = found.services
    ours = ("quay-street-lamps-", "quay-street-light-sensor", "harbour-lamps-")
    speaking = [unit for unit in found.units if unit.startswith(ours)]
    assert hit.sources == len(speaking)

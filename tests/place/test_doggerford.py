"""The demonstration city: whole, of full size, and exactly what the demonstration feeds."""

from __future__ import annotations

import shutil
from pathlib import Path
from zoneinfo import available_timezones

import pytest

from cityward.place.checks.whole import Word
from cityward.place.loader import Loaded, load
from cityward.place.registry import members, number

FOLDER = Path(__file__).parents[2] / "examples" / "doggerford"


@pytest.fixture(scope="module")
def city() -> Loaded:
    return load("place.yaml", lambda name: (FOLDER / name).read_bytes(), available_timezones())


def test_has_no_error_and_a_short_list_of_unknowns(city: Loaded):
    unknown = [warning.path for warning in city.warnings if warning.word is Word.UNKNOWN]
    assert 5 <= len(unknown) <= 30
    assert "parties.halden-optics.owners" in unknown
    told = [w.path for w in city.warnings if w.word is not Word.UNKNOWN]
    # the maker's engineers have no access of their own: each view is opened for a task
    # where only people walk, fences and windows would be covered for plates
    assert told == [
        "flows.beacons-report",
        "roles.camera-engineer.party",
        "cameras.station-forecourt.no_vehicles",
        "cameras.harbour-quay.no_vehicles",
    ]


def test_has_the_size_a_person_can_check_by_hand(city: Loaded):
    place = city.place
    assert 20 <= len(place.parties) <= 25
    assert len(place.jurisdictions) == 6
    assert len(place.sites) == 12
    assert 30 <= len(place.systems) <= 35
    assert 40 <= len(place.devices) <= 55
    assert 60 <= len(place.flows) <= 90
    assert len(place.instruments) == 2
    assert {service.kind for service in place.services.values()} == {
        "lighting",
        "signals",
        "waste",
        "transport",
        "cctv",
    }


def test_means_no_real_state_but_its_own_two(city: Loaded):
    for jurisdiction in city.place.jurisdictions.values():
        assert jurisdiction.home or jurisdiction.code.startswith("X")
    instruments = city.place.instruments.values()
    assert all(city.place.jurisdictions[instrument.jurisdiction].code.startswith("X") for instrument in instruments)


def test_shows_itself_in_the_declaration(city: Loaded):
    assert city.place.platform == "cityward"
    assert city.place.systems["cityward"].kind == "platform"
    assert any(access.target == "cityward" for access in city.place.accesses.values())


@pytest.mark.parametrize(
    ("group", "size", "model", "protocol"),
    [
        ("ring-road-loops", 24, "loop-detector", "mqtt"),
        ("harbour-counters", 4, "pedestrian-counter", "mqtt"),
        ("car-parks", 12, "car-park-counter", "ngsi-ld"),
        ("air-station", 1, "air-monitor", "mqtt"),
        ("quay-street-light-sensor", 1, "light-sensor", "mqtt"),
        ("quay-street-lamps", 24, "street-lamp", "mqtt"),
    ],
)
def test_what_the_demonstration_feeds_enters_by_an_enforced_flow(
    city: Loaded, group: str, size: int, model: str, protocol: str
):
    registry, device = number(city.place), city.place.devices[group]
    units = [i for i, unit in enumerate(registry.units) if unit.group == group]
    assert (len(units), device.model, len(members(group, device))) == (size, model, size)
    for unit in units:
        flow = city.place.flows[registry.flows[registry.unit_flow[unit]]]
        assert (flow.to, flow.protocol, flow.limits.max_age_s) == ("cityward", protocol, 691_200)
        assert all(registry.channel_flow[channel] == registry.unit_flow[unit] for channel in registry.channels_of(unit))


def test_every_street_unit_has_a_district_and_a_place_in_the_city(city: Loaded):
    for unit in number(city.place).units:
        if unit.position is not None:
            assert unit.area in city.place.areas
            assert 2.1 < unit.position[0] < 2.5
            assert 54.8 < unit.position[1] < 55.0


def test_reads_the_same_from_another_folder(city: Loaded, tmp_path: Path):
    for file in FOLDER.glob("*.yaml"):
        shutil.copy(file, tmp_path)
    assert load("place.yaml", lambda name: (tmp_path / name).read_bytes()).digest == city.digest

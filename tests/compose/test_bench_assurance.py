"""The places that `cityward bench assurance` makes, and what it tells of them."""

from __future__ import annotations

from cityward.assurance.controls import find_controls
from cityward.compose.bench.assurance import NOW_US, Sized, growth, log_of, measure, place_of
from cityward.evidence.records import decode, encode
from cityward.place.loader import digest_of


def test_a_place_has_three_flows_for_each_asset_and_is_the_same_each_time() -> None:
    place = place_of(200)
    assets = len(place.systems) + len(place.devices)
    assert 150 < assets < 300
    assert len(place.flows) == 3 * assets
    assert digest_of(place_of(200)) == digest_of(place)


def test_its_log_is_of_records_as_a_city_writes_them() -> None:
    place = place_of(200)
    entries = list(log_of(place, digest_of(place)))
    assert len(dict(entries)) == len(entries)
    assert all(record.at <= NOW_US for _, record in entries)
    assert all(decode(encode(record)) == record for _, record in entries)


def test_every_control_is_asked_and_its_seconds_are_told() -> None:
    controls = find_controls()
    found = measure(200, controls)
    assert found.controls.keys() == controls.keys()
    assert found.subjects > found.assets


def test_growth_is_told_for_each_doubling() -> None:
    sizes = [Sized(1, 3, 9, 1, 0.0, 0.5, {"K-01": seconds}) for seconds in (0.5, 1.5, 3.5)]
    assert growth(sizes) == [2.0, 2.0]

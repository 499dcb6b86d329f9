"""Quorums: those that the declared devices cannot meet are told, and only those."""

from __future__ import annotations

import pytest

from cityward.place.checks.whole import Word
from declarations import loaded, town

ASKED = ("fail_safe: 100}", "fail_safe: 100, quorum: 2}")
READS = ("actuators: [lamps]", "actuators: [lamps], reads: [counts]")
PATH = "device_models.lamp.commands.dim.quorum"
MODEL = ("  lamp:\n", "  twin: {maker: council, properties: {vehicle-count: {}, vehicle-speed: {}}}\n  lamp:\n")
DEVICE = "  lamps: {model: lamp"
FLOW = "  levels-in: {from: lamps"
COUNTS_IN = (
    "  {0}-in: {{from: {0}, to: cityward, datasets: [counts], purpose: planning, protocol: mqtt, "
    "observability: enforced}}\n"
)


def second(
    owner: str = "acme", zone: str = "core", model: str = "twin", status: str = "active"
) -> list[tuple[str, str]]:
    """A second device that counts, on a flow of its own."""
    device = f"  twin: {{model: {model}, site: yard, zone: {zone}, owner: {owner}, status: {status}}}\n"
    flow = COUNTS_IN.format("twin")
    return [MODEL, (DEVICE, device + DEVICE), (FLOW, flow + FLOW)]


def told(*edits: tuple[str, str]) -> list[tuple[str, str]]:
    found = loaded(town(ASKED, READS, *edits)).warnings
    return [(w.path, w.what) for w in found if w.word is Word.QUORUM]


def test_one_source_meets_no_quorum_of_two() -> None:
    [(path, what)] = told()
    assert path == PATH
    assert "asks for 2 independent sources" in what and "1 owner, 1 maker, 1 zone" in what


def test_a_second_source_of_another_owner_maker_and_zone_meets_it() -> None:
    assert told(*second()) == []


@pytest.mark.parametrize(
    ("how", "has"),
    [
        ({"owner": "council"}, "1 owner, 2 makers, 2 zones"),
        ({"zone": "street"}, "2 owners, 2 makers, 1 zone"),
        ({"model": "counter"}, "2 owners, 1 maker, 2 zones"),
        ({"owner": "unknown"}, "1 owner, 2 makers, 2 zones"),
        ({"status": "retired"}, "1 owner, 1 maker, 1 zone"),
    ],
    ids=["its owner", "its zone", "its maker", "an unknown owner", "a device that is no more"],
)
def test_what_two_sources_share_makes_them_one(how: dict[str, str], has: str) -> None:
    [(_, what)] = told(*second(**how))
    assert has in what


def test_two_of_each_do_not_make_two_that_are_independent() -> None:
    # the counter is council's, of acme, on the street; each of the other two shares one of these with it, and one with the other
    third = second(owner="acme", zone="street")
    fourth = (DEVICE, "  more: {model: counter, site: yard, zone: core, owner: acme}\n" + DEVICE)
    flow = COUNTS_IN.format("more")
    [(_, what)] = told(*third, fourth, (FLOW, flow + FLOW))
    assert "2 owners, 2 makers, 2 zones" in what


def test_a_service_that_declares_no_datasets_may_read_any_device() -> None:
    found = loaded(town(ASKED)).warnings  # the counter and the lamps themselves: one owner
    assert [w.path for w in found if w.word is Word.QUORUM] == [PATH]
    assert "1 owner" in next(w.what for w in found if w.word is Word.QUORUM)


def test_a_quorum_of_one_asks_nothing() -> None:
    assert loaded(town(READS)).warnings == ()

"""How much hangs on one: counts with their denominators, by hand."""

from __future__ import annotations

from cityward.reach.blast.concentration import Basis, Count, Measure, Share, concentration, top
from cityward.reach.blast.wiring import compile_cascade
from declarations import loaded, town
from reach.blast.doggerford import doggerford


def shares(text: str) -> dict[tuple[Basis, str], Share]:
    place = loaded(text).place
    return {(share.basis, share.id): share for share in concentration(place, compile_cascade(place))}


def test_counts_what_goes_dark_with_a_party() -> None:
    text = town(("zone: core, operator: council}", "zone: core, operator: council, stores: [counts], critical: true}"))
    share = shares(text)[Basis.PARTY, "council"]
    assert share.functions == Count(n=1, of=1)
    assert share.essential == Count(n=0, of=0)
    assert share.critical_systems == Count(n=1, of=1)
    # `counts` is kept on the platform only; `levels` nowhere, and both of its senders, lamps and platform, are the council's.
    assert share.datasets == Count(n=2, of=2)
    assert share.devices == Count(n=3, of=3)  # a counter and a group of two lamps
    assert share.supplied == Count(n=0, of=5)  # everything is made by Acme


def test_a_dataset_that_is_kept_twice_hangs_on_neither() -> None:
    text = town(
        ("zone: core, operator: council}", "zone: core, operator: council, stores: [counts]}"),
        ("site: yard, operator: acme}", "site: yard, operator: acme, stores: [counts]}"),
    )
    assert shares(text)[Basis.PARTY, "council"].datasets.n == 1
    assert shares(text)[Basis.PARTY, "acme"].datasets.n == 0


def test_a_group_counts_what_its_subsidiaries_run_and_a_party_alone_does_not() -> None:
    found = shares(town(("site: yard, operator: acme}", "site: yard, operator: acme, critical: true}")))
    assert (Basis.PARTY, "acme-group") not in found
    assert found[Basis.GROUP, "acme-group"].critical_systems == Count(n=1, of=1)
    assert found[Basis.GROUP, "acme-group"].supplied == Count(n=3, of=5)
    assert (Basis.GROUP, "acme") not in found  # it controls nobody


def test_a_country_is_counted_by_parties_and_by_places_apart() -> None:
    found = shares(town(("site: yard, operator: acme}", "site: yard, operator: acme, critical: true}")))
    assert found[Basis.COUNTRY_OF_PARTIES, "xb"].critical_systems.n == 1
    assert (Basis.COUNTRY_OF_PLACES, "xb") not in found  # nothing stands in the cloud
    assert found[Basis.COUNTRY_OF_PLACES, "xa"].critical_systems.n == 1


def test_doggerford_hangs_on_its_grid() -> None:
    place, cascade = doggerford()
    found = concentration(place, cascade)
    first, second, *_ = top(found, Basis.PARTY, Measure.ESSENTIAL)
    # The council runs most of it; then the grid: lit streets and safe crossings, two of four essential functions.
    assert (first.id, second.id) == ("doggerford-council", "dogger-grid")
    assert second.essential == Count(n=2, of=4)
    assert second.functions == Count(n=3, of=7)


def test_the_top_are_the_largest_by_the_measure_asked_for() -> None:
    place, cascade = doggerford()
    found = concentration(place, cascade)
    counts = [share.supplied.n for share in top(found, Basis.PARTY, Measure.SUPPLIED)]
    assert len(counts) == 3
    everyone = (share.supplied.n for share in found if share.basis is Basis.PARTY)
    assert counts == sorted(everyone, reverse=True)[:3]
    # Tessel makes 24 + 8 + 4 + 3 + 2 + 6 + 4 + 6 + 2 units: loops, signals, crossings, approach loops, radars, beacons, signs;
    # and supplies signal control, its remote centre and travel times.
    tessel = next(share for share in found if share.basis is Basis.PARTY and share.id == "tessel-systems")
    # Of 264 devices one is retired: the old lamps of the quay.
    assert tessel.supplied == Count(n=59 + 3, of=263 + 32)

"""What detectors of events share: whom an event is counted under."""

from __future__ import annotations

import pytest

from cityward.watch import find_detectors
from cityward.watch.contract import Phase
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import address_of
from watch.sample_town import sample_world


def turned_away(n: int, source: str) -> Event:
    return Event(at=n, kind=EventKind.TURNED_AWAY, by="door", subject=f"ghost-{n}", source=source)


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("", ""),
        ("192.0.2.7", "address:192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "address:2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "address:192.0.2.7"),
        ("a: no address", "address:a: no address"),
    ],
)
def test_an_address_counts_as_what_one_host_owns(source: str, key: str) -> None:
    assert address_of(turned_away(1, source)) == key


def test_who_guesses_from_ever_new_addresses_of_one_ipv6_network_is_one_who_guesses() -> None:
    world, detector = sample_world(), find_detectors()["failed-entries"]
    events = [turned_away(n, f"2001:db8:1:2::{n:x}") for n in range(1, 30)]
    signs = detector.hear(detector.begin(world), events, 100, world)
    begun = [(sign.kind, sign.about) for sign in signs if sign.phase is Phase.BEGAN]
    assert begun == [("guessing-from-one-address", "address:2001:db8:1:2::/64")]

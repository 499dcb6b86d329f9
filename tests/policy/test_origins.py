"""Which declared block an address lies in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.policy.origins import NOWHERE, origins_of, origins_of_addresses
from policy.towns import releasing

DECLARED = ("desk.example", "192.0.2.0/28", "2001:db8::/48", "no address", "192.0.2.4", "::ffff:198.51.100.0/124")


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.0", 1), ("192.0.2.15", 1), ("192.0.2.16", NOWHERE), ("192.0.2.4", 1), ("2001:db8::1", 2),
        ("2001:db8:1::", NOWHERE),
        ("::ffff:192.0.2.3", 1), ("::ffff:c000:203", 1), ("198.51.100.7", 5), ("::ffff:198.51.100.7", 5),
        ("fe80::1%eth0", NOWHERE), ("2001:db8::1%eth0", NOWHERE), ("desk.example", NOWHERE), ("", NOWHERE),
        ("192.0.2.3/28", NOWHERE),
        ("192.0.2.003", NOWHERE), ("0xc0000203", NOWHERE), ("3221225987", NOWHERE), ("192.0.2.3 ", NOWHERE), ("0.0.0.0", NOWHERE),
    ],
)  # fmt: skip
def test_an_address_lies_in_the_first_block_that_holds_it(address: str, origin: int):
    assert origins_of_addresses(DECLARED).find(address) == origin


@given(st.text(max_size=60))
def test_whatever_is_asked_is_answered(text: str):
    assert origins_of_addresses(DECLARED).find(text) in (NOWHERE, 1, 2, 4, 5)


def test_the_place_of_a_block_is_that_in_the_declaration():
    recipient = releasing().recipients["acme-desk"]
    assert [origins_of(recipient).find(address) for address in ("192.0.2.200", "198.51.100.7")] == [0, 1]

"""What a chain passes, told by the field that says it."""

from __future__ import annotations

from cityward.reach.chain_facts import chain_report
from declarations import loaded, town


def test_a_device_that_nobody_operates_is_its_owners_and_an_unknown_owner_is_told_as_such():
    text = town(("counter-1: {model: counter, site: yard, zone: street, area: quay, owner: council",
                 "counter-1: {model: counter, site: yard, zone: street, area: quay, owner: unknown"))  # fmt: skip
    longest = chain_report(loaded(text).place).unresolved
    assert {path for facts in longest for path in facts.unresolved} == {"devices.counter-1.owner"}

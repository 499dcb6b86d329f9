"""Which refused rows a person sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cityward.place.registry import number
from cityward.place.roles import Right
from cityward.runtime.people import Held
from cityward.runtime.ports import Quarantined
from cityward.web.accounts.sight import Sights
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

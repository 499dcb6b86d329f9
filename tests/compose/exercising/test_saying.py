"""Times and numbers put into what is sent; nothing else of it is touched."""

from __future__ import annotations

import json

import pytest

from cityward.compose.exercising.saying import put_in

AT_US = 1_790_000_000_500_000


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'[{"t":{at}}]', b'[{"t":1790000000.5}]'),
        (b"{at-3600}", b"1789996400.5"),
        (b"{at+0.5}", b"1790000001"),
        (b"{iso-0.5}", b"2026-09-21T14:13:20Z"),
        (b'{"n":{n}}', b'{"n":4}'),
        (b'{"at":1,"name":"{now}"}', b'{"at":1,"name":"{now}"}'),
        (b"\xff{at}\x00", b"\xff1790000000.5\x00"),
    ],
)
def test_it_is_put_in_where_it_is_asked_for(body: bytes, said: bytes) -> None:
    assert put_in(body, AT_US, 4) == said


def test_a_number_stays_one() -> None:
    assert json.loads(put_in(b"[{at},{at-7},{n}]", AT_US, 0)) == [1790000000.5, 1789999993.5, 0]

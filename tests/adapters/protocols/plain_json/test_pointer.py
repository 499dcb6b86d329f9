"""JSON Pointers, by the RFC's own examples."""

from __future__ import annotations

import pytest

from cityward.adapters.protocols.plain_json.pointer import MISSING, follow, tokens

# Source: RFC 6901 5
DOCUMENT = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [("", DOCUMENT), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
     ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8), ("foo", ["bar", "baz"]), ("a/b", 1)],
)  # fmt: skip
def test_finds(pointer: str, expected: object) -> None:
    assert follow(DOCUMENT, tokens(pointer)) == expected


@pytest.mark.parametrize(
    "pointer",
    [
        "/x",
        "/foo/2",
        "/foo/-1",
        "/foo/01",
        "/foo/-",
        "/foo/bar",
        "/foo/0/0",
        "/a~1b/c",
        "/foo/99999999999999",
        "/foo/²",
    ],
)
def test_finds_nothing(pointer: str) -> None:
    assert follow(DOCUMENT, tokens(pointer)) is MISSING

"""The strict reader: what it refuses, and that it agrees with the standard parser on everything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.protocols.strict_json import MAX_BYTES, MAX_DEPTH, nests_too_deep, parse
from cityward.errors import DecodeError

TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=30,
)


def reason(payload: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        parse(payload)
    return caught.value.reason


def nested(levels: int, inside: bytes = b"") -> bytes:
    return b"[" * levels + inside + b"]" * levels


@given(TREES, st.booleans())
def test_reads_what_the_standard_parser_reads(tree: object, ascii_only: bool) -> None:
    text = json.dumps(tree, ensure_ascii=ascii_only)
    assert parse(text.encode()) == json.loads(text)


@given(TREES, st.text(), st.integers(0, 3))
def test_finds_a_duplicate_key_anywhere(tree: object, key: str, depth: int) -> None:
    pair = json.dumps(key)
    text = f"{{{pair}: 1, {pair}: {json.dumps(tree)}}}"
    for _ in range(depth):
        text = f'[{text}, {{"a:b": ":"}}]'
    assert reason(text.encode()) == "DUPLICATE_KEY"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"a":1,"\\u0061":2}', "DUPLICATE_KEY"),
        (b'{"\\u003a":1,"a":1,"a":2}', "DUPLICATE_KEY"),
        (b"[NaN]", "NOT_FINITE"),
        (b"[-Infinity]", "NOT_FINITE"),
        (b'"\xff"', "NOT_UTF8"),
        (b'{"\xed\xa0\x80":1}', "NOT_UTF8"),
        (b'"\\udfff"', "NOT_UTF8"),
        ("[1]".encode("utf-16"), "NOT_UTF8"),
        (b"\xef\xbb\xbf[1]", "NOT_JSON"),
        (b"", "NOT_JSON"),
        (b"[1] [2]", "NOT_JSON"),
        (b"[1,]", "NOT_JSON"),
        (b"[01]", "NOT_JSON"),
        (b'["a\tb"]', "NOT_JSON"),
        (b"[1]\x00", "NOT_JSON"),
        (b" " * (MAX_BYTES + 1), "TOO_LARGE"),
    ],
    ids=lambda v: str(v)[:24],
)
def test_refuses(payload: bytes, expected: str) -> None:
    assert reason(payload) == expected


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_depth_ends_exactly_at_the_limit() -> None:
    assert parse(nested(MAX_DEPTH)) is not None
    assert reason(nested(MAX_DEPTH + 1)) == "TOO_DEEP"
    mixed = b'[{"a":' * (MAX_DEPTH // 2) + b"1" + b"}]" * (MAX_DEPTH // 2)
    assert parse(mixed) is not None
    assert reason(b"[" + mixed + b"]") == "TOO_DEEP"


def test_brackets_in_strings_are_no_depth() -> None:
    many = json.dumps(["[[[[{{{{" * 20, '"[[[' * 20, "\\[" * 50, "]]]}}"] * 20).encode()
    assert len(parse(many)) == 80  # type: ignore[arg-type]


def test_closing_brackets_in_strings_hide_no_depth() -> None:
    assert reason(b'["]",' * 40 + b"1" + b"]" * 40) == "TOO_DEEP"
    assert reason(b'["\\"]",' * 40 + b"1" + b"]" * 40) == "TOO_DEEP"


def test_width_is_no_depth() -> None:
    assert len(parse(b"[" + b"[[]]," * 5000 + b"0]")) == 5001  # type: ignore[arg-type]


@given(st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b"a", b","]), max_size=200).map(b"".join))
def test_the_depth_check_is_total(soup: bytes) -> None:
    assert nests_too_deep(soup) in (True, False)


@given(TREES)
def test_the_depth_check_counts_as_a_walk_does(tree: object) -> None:
    def depth(node: object) -> int:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    around = 28
    text = nested(around, json.dumps([tree, [[]] * 40]).encode())
    assert nests_too_deep(text) == (around + 1 + max(depth(tree), 2) > MAX_DEPTH)

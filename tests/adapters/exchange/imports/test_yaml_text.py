"""A fragment as text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.exchange.imports.yaml_text import fragment_text, scalar
from cityward.place.reading.source import plain, read_yaml

TEXTS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=40).filter(str.isprintable)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXTS, st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3), min_size=1, max_size=3))
def test_what_is_written_reads_back(records: dict[str, Any]):
    errors: list = []
    tree = read_yaml("f.yaml", fragment_text({"parties": records}, ["a heading"]).encode(), errors)
    assert errors == []
    assert tree is not None
    assert plain(tree) == {"parties": records}


@pytest.mark.parametrize(
    "text", ["no", "1e5", "0o7", "12:30", "null", "~", "true", "", " a", "a: b", "#a", "- a", "2026-01-31", "=1+1"]
)
def test_a_text_stays_a_text(text: str):
    tree = read_yaml("f.yaml", f"a: {scalar(text)}".encode(), [])
    assert tree is not None
    assert plain(tree) == {"a": text}


def test_what_cannot_be_printed_is_a_space():
    assert scalar("a\x1b[31m\nb") == '"a [31m b"'

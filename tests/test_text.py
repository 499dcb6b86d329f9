"""Texts that others wrote are shown as texts: nothing drives a terminal, turns or hides letters, or makes a line of its own."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.exchange.imports.contract import DecodeErrors
from cityward.errors import DecodeError, PlaceError, PlaceErrors
from cityward.text import harmless, harmless_json, harmless_lines, harmless_tree
from declarations import loaded, town

HARMFUL = {
    "escape": "\x1b[2J",
    "bell": "\x07",
    "delete": "\x7f",
    "C1": "\x9b",
    "override": "\u202e",
    "isolate": "\u2066",
    "mark": "\u200f",
    "Arabic mark": "\u061c",
    "zero width space": "\u200b",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "tag": "\U000e0041",
    "joiner among Latin letters": "\u200d",
    "lone surrogate": "\ud800",
}


@pytest.mark.parametrize("found", HARMFUL.values(), ids=HARMFUL)
def test_each_harmful_character_is_marked(found: str):
    assert harmless(f"Ac{found}me") == f"Ac\ufffd{found[1:]}me"


@pytest.mark.parametrize(
    "text", ["Ærø 東京 مرحبا", "e\u0301", "می\u200cخواهم", "क\u094d\u200dष", "\U0001f469\u200d\U0001f527"]
)
def test_every_script_passes(text: str):
    assert harmless(text) == text


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029", "\x1c"], ids=ascii)
def test_a_line_break_becomes_a_space(line_break: str):
    assert harmless(f"a{line_break}b") == "a b"


def test_lines_of_ours_stay():
    assert harmless_lines("a\x1bb\n\n  c\rd\n") == "a\ufffdb\n\n  c d\n"


@given(st.text())
def test_what_is_harmless_stays_as_it_is(text: str):
    assert harmless(harmless(text)) == harmless(text)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_stays_the_same_document(document: object):
    shown = harmless_json(json.dumps(document, ensure_ascii=False, indent=1))
    assert json.loads(shown) == document
    assert harmless_lines(shown) == shown


def test_a_tree_is_harmless_in_keys_and_values():
    assert harmless_tree({"a\x1b": ["b\u202e", 1, None]}) == {"a\ufffd": ["b\ufffd", 1, None]}


def test_every_part_of_an_error_is_one_harmless_line():
    error = PlaceError("a\x1b\nb", where="c\u202e", mend="d\r")
    assert str(error) == "a\ufffd b\n  where: c\ufffd\n  mend:  d "


@pytest.mark.parametrize("many", [PlaceErrors, DecodeErrors])
def test_many_errors_are_told_one_below_the_other(many: type[PlaceErrors] | type[DecodeErrors]):
    one, two = DecodeError("R", "one", mend="x"), DecodeError("R", "two\x1b", mend="y")
    assert str(many([one, two])) == "one\n  mend:  x\ntwo\ufffd\n  mend:  y"  # type: ignore[list-item]


def test_a_loaded_place_holds_harmless_texts_only():
    change = ("acme: {kind: company,", r'acme: {name: "A\e[2J\u202eb\nc", ids: {"lei\e": "\x9b"}, kind: company,')
    acme = loaded(town(("name: Tinytown", r'name: "Tiny\u2066town"'), change)).place.parties["acme"]
    assert acme.name == "A\ufffd[2J\ufffdb c"
    assert acme.ids == {"lei\ufffd": "\ufffd"}

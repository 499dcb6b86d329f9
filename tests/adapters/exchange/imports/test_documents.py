"""JSON and YAML from somebody else, within bounds."""

from __future__ import annotations

import pytest

from cityward.adapters.exchange.imports import documents
from cityward.adapters.exchange.imports.contract import File
from cityward.adapters.exchange.imports.documents import read_document, read_lines
from cityward.errors import DecodeError


def read(text: str) -> object:
    return read_document(File("m.yaml", text.encode()))


def test_an_alias_is_the_value_once_more_and_merge_keys_give_way():
    assert read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}]}\nd: *a\n") == {
        "a": {"x": 1, "y": 2},
        "b": {"y": 3, "x": 1},
        "c": {"x": 1, "y": 2, "z": 4},
        "d": {"x": 1, "y": 2},
    }


def test_words_are_those_of_yaml_1_2_and_tags_are_passed_over():
    assert read("a: no\nb: !!python/object:os.system ls\nc: 2026-01-31\n") == {"a": "no", "b": "ls", "c": "2026-01-31"}


def test_a_bomb_of_aliases_meets_the_bound_on_values():
    """Nine levels of ten aliases each would be a thousand million values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(DecodeError, match="more than 2,000,000 values"):
        read("\n".join(lines))


def test_a_tower_of_aliases_meets_the_bound_on_depth():
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 40))]
    with pytest.raises(DecodeError, match="nested deeper"):
        read("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "words", "where"),
    [
        ("a: &a [*a]", "names nothing before it", "m.yaml:1"),
        ("a: 1\na: 2", "`a` is given twice", "m.yaml:2"),
        ('{"a": 1, "a": 2}', "`a` is given twice", "m.yaml"),
        ('{"a": NaN}', "NaN is not a JSON number", "m.yaml"),
        ('{"a": 1,\n}', "not JSON", "m.yaml:2"),
        ("[" * 100, "nested deeper", "m.yaml"),
        ("a: ]", "not YAML", "m.yaml:1"),
        ("a: 1\n---\nb: 2", "a second document begins", "m.yaml:2"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, words: str, where: str):
    with pytest.raises(DecodeError, match=words) as caught:
        read(text)
    assert caught.value.where == where


def test_a_file_beyond_its_bound_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(documents, "MAX_YAML", 10)
    with pytest.raises(DecodeError, match="11 bytes are more than"):
        read("a: 12345678")


def test_json_lines_tell_the_line():
    lines = read_lines(File("m.jsonl", b'\xef\xbb\xbf{"a": 1}\n\n{"b": }\n'))
    assert next(lines) == (1, {"a": 1})
    with pytest.raises(DecodeError) as caught:
        next(lines)
    assert caught.value.where == "m.jsonl:3"

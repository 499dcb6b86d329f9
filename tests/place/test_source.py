"""YAML is read strictly: the core schema of 1.2, every value with its line, every trick refused, everything bounded."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cityward.errors import PlaceError
from cityward.place.reading import source
from cityward.place.reading.source import Node, plain, read_yaml, resolve


def read(text: str | bytes) -> tuple[object, list[str]]:
    errors: list[PlaceError] = []
    node = read_yaml("a.yaml", text if isinstance(text, bytes) else text.encode(), errors)
    return None if node is None else plain(node), [error.what for error in errors]


@pytest.mark.parametrize(
    ("text", "value"),
    {
        "Norway": ("no", "no"),
        "on": ("on", "on"),
        "yes": ("Yes", "Yes"),
        "true": ("true", True),
        "a time of day is no number in base 60": ("12:30", "12:30"),
        "a date is a text until its record makes it one": ("2026-01-31", "2026-01-31"),
        "underscores make no number": ("1_000", "1_000"),
        "leading zero": ("0123", 123),
        "octal": ("0o17", 15),
        "hexadecimal": ("0xFF", 255),
        "float": ("-1.5e3", -1500.0),
        "null": ("~", None),
        "nothing": ("", None),
        "not a number": (".nan", ".nan"),
        "infinity": ("-.inf", "-.inf"),
        "a number beyond float": ("1e999", "1e999"),
        "digits without end": ("9" * 5000, "9" * 5000),
        "dots": ("1.2.3", "1.2.3"),
        "a line break does not end a number": ("1\n", "1\n"),
    }.values(),
    ids=lambda value: repr(value)[:20],
)
def test_an_unquoted_scalar_is_what_the_core_schema_says(text: str, value: object):
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_a_quoted_scalar_is_a_text_and_so_is_every_key():
    assert read("""{a: "1", 'b': '', no: true, 1: x, 2026-01-31: y}""") == (
        {"a": "1", "b": "", "no": True, "1": "x", "2026-01-31": "y"},
        [],
    )


def test_every_value_knows_the_line_of_its_key():
    errors: list[PlaceError] = []
    node = read_yaml("a.yaml", b"# first\na:\n  b: 1\n  c:\n    - x\n    -\n      d: 2\n", errors)
    assert node is not None
    lines: dict[str, int] = {}

    def walk(at: Node, path: str) -> None:
        lines[path] = at.line
        children = (
            at.value if isinstance(at.value, dict) else dict(enumerate(at.value)) if isinstance(at.value, list) else {}
        )
        for key, child in children.items():
            walk(child, f"{path}/{key}")

    walk(node, "")
    assert lines == {"": 2, "/a": 2, "/a/b": 3, "/a/c": 4, "/a/c/0": 5, "/a/c/1": 7, "/a/c/1/d": 7}


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "doubled key": ("a: 1\nb: 2\na: 3", "`a` is given twice, on line 1 and on line 3"),
        "doubled key deep inside": ("x: [{b: 1, b: 2}]", "`b` is given twice, on line 1 and on line 1"),
        "anchor": ("a: &x 1", "`&x` is an anchor"),
        "tag": ("a: !!binary aGk=", "`tag:yaml.org,2002:binary` is a tag"),
        "own tag": ("a: !Place x", "`!Place` is a tag"),
    }.values(),
)
def test_tells_and_reads_on(text: str, said: str):
    value, errors = read(text)
    assert errors == [said]
    assert value is not None


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "alias": (b"a: *x", "`*x` is an alias"),
        "two documents": (b"a: 1\n---\nb: 2", "a second document begins"),
        "mapping as a key": (b"{a: 1}: 2", "a key is a list or a mapping"),
        "empty": (b"# nothing\n", "the file is empty"),
        "not UTF-8": (b"a: caf\xe9", "byte 6 (0xe9) is not UTF-8"),
        "tab": (b"a:\n\t- b", "not YAML"),
        "control character": (b"a: \x07", "not YAML"),
        "deep": (b"[" * 100_000, "nested deeper than 24 levels"),
    }.values(),
)
def test_refuses_the_file(text: bytes, said: str):
    value, errors = read(text)
    assert value is None
    assert errors[-1].startswith(said)


def test_an_alias_bomb_is_refused_before_it_grows():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    value, errors = read(bomb)
    assert value is None
    assert errors[-1] == "`*a` is an alias"


def test_a_file_of_mistakes_is_given_up_after_a_thousand():
    value, errors = read("{" + "a: 1, " * 5000 + "}")
    assert value is None
    assert len(errors) == source.MAX_ERRORS + 2


def test_a_byte_order_mark_and_windows_line_ends_are_read():
    assert read(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n") == ({"a": 1, "b": 2}, [])


@given(st.binary(max_size=200) | st.text(alphabet="{}[]:,-&*!|>'\"#%@` \n\tab01~<.", max_size=60).map(str.encode))
def test_whatever_the_bytes_nothing_is_raised(raw: bytes):
    errors: list[PlaceError] = []
    assert read_yaml("a.yaml", raw, errors) is not None or errors


@pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="PyYAML without libyaml")
@given(st.text(alphabet="{}[]:,- \n'ab01", max_size=40))
def test_with_and_without_libyaml_the_same_tree_is_read(text: str):
    fast: list[PlaceError] = []
    slow: list[PlaceError] = []
    with pytest.MonkeyPatch.context() as patch:
        first = read_yaml("a.yaml", text.encode(), fast)
        patch.delattr(yaml, "CSafeLoader")
        second = read_yaml("a.yaml", text.encode(), slow)
    if first is not None and second is not None:  # the two differ in a few texts that one of them refuses
        assert first == second

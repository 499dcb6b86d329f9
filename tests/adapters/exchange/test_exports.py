"""What every export format keeps: it is found by itself, deterministic, and hostile texts stay harmless texts."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.exchange.exports import find_exports
from cityward.adapters.exchange.exports.texts import as_yaml, unique
from cityward.compose.asking.exchange import export_formats, export_model
from cityward.errors import CitywardError
from cityward.place.loader import Loaded, digest_of
from cityward.text import harmless, harmless_tree
from exported import AT, DOGGERFORD, HARMFUL, HOSTILE, doggerford, exported, hostile
from places import tiny_place

FORMATS = sorted(find_exports())

DIGESTS = """
import hashlib, sys
from pathlib import Path
from cityward.compose.asking.exchange import export_formats, export_model
from cityward.compose.places import load_place
loaded = load_place(Path(sys.argv[1]))
print(*(f"{f.id}={hashlib.sha256(export_model(f.id, loaded)).hexdigest()}" for f in export_formats()))
"""


def test_the_formats_are_found_by_scanning_and_named_apart():
    assert FORMATS == ["cedar", "cyclonedx", "dot", "dpv", "graphml", "otm", "sarif", "svg", "threagile"]
    formats = export_formats()
    assert len({one.suffix for one in formats}) == len({one.name for one in formats}) == len(formats)


@pytest.mark.parametrize("format_id", FORMATS)
def test_the_same_place_gives_the_same_bytes(format_id: str):
    assert exported(format_id, at=AT) == exported(format_id, at=AT)


def test_the_bytes_do_not_depend_on_the_process():
    runs = [
        subprocess.run(
            [sys.executable, "-c", DIGESTS, str(DOGGERFORD)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    here = {one.id: hashlib.sha256(export_model(one.id, doggerford())).hexdigest() for one in export_formats()}
    assert runs[0] == runs[1]
    assert dict(pair.split("=") for pair in runs[0].split()) == here


@pytest.mark.parametrize("format_id", FORMATS)
def test_no_export_reads_the_clock(format_id: str):
    assert "T12:30:00Z" not in exported(format_id)


@pytest.mark.parametrize("format_id", FORMATS)
def test_hostile_texts_leave_no_harmful_character(format_id: str):
    text = exported(format_id, hostile())
    assert not HARMFUL.search(text)
    assert "\nsecond: line" not in text


@pytest.mark.parametrize("format_id", FORMATS)
def test_a_place_with_little_in_it_exports_too(format_id: str):
    place = tiny_place()
    assert exported(format_id, Loaded(place, {"": ("place.yaml", 1)}, (), digest_of(place)))


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(CitywardError, match=r"no export format `sarf` \(did you mean `sarif`\?\)"):
        export_model("sarf", doggerford())


def test_harmless_keeps_letters_of_every_script_and_marks_what_it_takes():
    assert harmless("Ærø 東京 مرحبا e\u0301") == "Ærø 東京 مرحبا e\u0301"
    assert harmless("a\r\nb\u202ec\x1bd") == "a b�c�d"
    assert not HARMFUL.search(harmless(HOSTILE))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"a": "Lamp", "b": "Pole"}, ["Lamp", "Pole"]),
        ({"a": "Lamp", "b": "Lamp"}, ["Lamp (a)", "Lamp (b)"]),
        ({"a": "", "b": "\n"}, ["a", "b"]),
        ({"a": "x" * 3000 + "1", "b": "x" * 3000 + "2"}, ["x" * 200 + " (a)", "x" * 200 + " (b)"]),
        ({"a": "X (b)", "b": "X", "c": "X"}, ["X (b) (a)", "X (b)", "X (c)"]),
    ],
    ids=["apart", "alike", "empty", "alike when cut", "called like another with its id"],
)
def test_titles_are_made_unique(names: dict[str, str], told: list[str]):
    assert list(unique(names).values()) == told


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "yes",
        "null",
        "true",
        "off",
        "on",
        "1e3",
        "0x1f",
        "2026-05-01",
        "12:30:00",
        "*a",
        "&a b",
        "!x",
        "- a",
        "a: b",
        "#",
        "~",
        "",
        " a ",
    ],
)
def test_yaml_texts_come_back_as_the_texts_they_were(text: str):
    document = {
        "plain-word": text,
        text: [text, {}, [], True, 1.5, None],
        "deep": {"er": {"list": [{"x": text}, [text]]}},
    }
    assert yaml.safe_load(as_yaml(document)) == document


@given(
    st.recursive(
        st.text() | st.integers() | st.booleans() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_yaml_holds_any_document(value: object):
    document = {"value": value}
    assert yaml.safe_load(as_yaml(document)) == harmless_tree(document)

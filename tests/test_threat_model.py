"""The threat model names what is there: every file, and every test by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
TEXT = (HERE / "docs" / "threat-model.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:tests|src|docs|console|\.ci|requirements)[\w./-]*(?:::\w+)?)`", TEXT)))


def test_it_names_tests_for_what_it_claims():
    assert len([one for one in NAMED if one.startswith("tests/")]) > 50


@pytest.mark.parametrize("name", NAMED)
def test_what_it_names_is_there(name: str):
    path, _, test = name.partition("::")
    file = HERE / path
    assert file.exists(), f"docs/threat-model.md names {path}, which is not there"
    if test:
        assert f"def {test}(" in file.read_text(), f"{path} has no {test}"


def test_every_boundary_has_its_threats_and_says_what_remains():
    parts = {part[:2]: part for part in re.split(r"^## ", TEXT, flags=re.MULTILINE) if re.match(r"B\d ", part)}
    assert list(parts) == [f"B{n}" for n in range(1, 10)]
    for part in parts.values():
        assert "\n**Remains" in part
        rows = re.findall(r"^\| ([STRIDE, ]+) \|(.*)$", part, flags=re.MULTILINE)
        assert len(rows) > 2
        assert all("`" in row for _, row in rows), "each threat names what shows its defence"


def test_documents_that_it_points_to_are_there():
    named = re.findall(r"docs/[\w.-]+\.md", TEXT)
    assert named
    assert [name for name in named if not (HERE / name).exists()] == []

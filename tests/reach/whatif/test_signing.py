"""May, may not, or cannot be known: one word for a judgement."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cityward.errors import PlaceError
from cityward.place.loader import load_with
from cityward.reach.sign.report import report_of
from cityward.reach.sign.whatif import judge
from cityward.reach.whatif.signing import Word, mistake_of, signed, word_of

DEMO = Path(__file__).parents[3] / "examples" / "doggerford"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("noise-research", Word.MAY),
        ("night-desk", Word.MAY_IF),
        ("charging-app", Word.NOT_KNOWN),
        ("crowd-cameras", Word.MAY_NOT),
    ],
)
def test_every_example_has_its_word(name: str, word: Word):
    """As `proposals/README.md` argues for each; the charging app breaks nothing for certain, and two facts are missing."""
    raw = (DEMO / "proposals" / f"{name}.yaml").read_bytes()
    given = load_with("place.yaml", lambda file: (DEMO / file).read_bytes(), f"{name}.yaml", raw)
    report = report_of(judge(given, date(2026, 8, 1)), given.proposed.where, given.base.where)
    assert word_of(report) is word
    answer = signed(report, f"{name}.yaml")
    assert answer.said.startswith("By the house rules") and f"{name}.yaml." in answer.said
    assert (word is Word.NOT_KNOWN) == ("cannot be known" in answer.said)


def test_a_mistake_quotes_the_file_without_what_would_deceive_the_reader():
    told = mistake_of(PlaceError("found `a\u202eb`", where="x.yaml:1", mend="write\x1b[31m it"))
    assert "\u202e" not in told.what and "\x1b" not in told.mend

"""The answer in one sentence, over rows written by hand."""

from __future__ import annotations

import pytest

from cityward.reach.exposure.answers import Verdict
from cityward.reach.questions import Row
from cityward.reach.telling.answers import in_one
from declarations import loaded

PLACE = loaded().place


def row(who: str, item: str, verdict: Verdict, *, axis: str = "", kind: str = "dataset", mode: str = "read",
        allowed: bool | None = None) -> Row:  # fmt: skip
    return Row(
        who=who,
        who_name=who,
        axis=axis,
        kind=kind,
        item=item,
        item_name=item,
        mode=mode,
        verdict=verdict,
        allowed=allowed,
    )


SURE, MAYBE, NEAR = Verdict.REACHABLE, Verdict.UNKNOWN, Verdict.ACCESS_WITHOUT_INSTRUMENT
ROWS = [
    row("council", "counts", SURE), row("council", "counts", SURE, mode="write"), row("acme", "counts", SURE),
    row("acme-group", "counts", MAYBE), row("acme", "counts", MAYBE),
    row("xb", "counts", SURE, axis="party", allowed=False), row("xb", "counts", MAYBE, axis="place", allowed=False),
    row("xa", "counts", NEAR, axis="party"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "rows", "told"),
    [
        (
            "who reaches this dataset",
            ROWS,
            "2 parties can read Counts for certain, and possibly 1 more; the law of 1 country reaches it for certain. "
            "1 country of these is not among those its owner allows.",
        ),
        ("who reaches this dataset", [], "No party can read Counts for certain; the law of no country reaches it for certain."),
        (
            "what this party reaches",
            [row("acme", "counts", SURE), row("acme", "levels", MAYBE), row("acme", "lamps", SURE, kind="thing", mode="command")],
            "Counts can read 1 kind of data for certain, and possibly 1 more; 1 system or device and 0 services and functions "
            "are within its reach for certain, 0 more possibly.",
        ),
        (
            "who reaches this service",
            [row("acme", "lights", MAYBE, kind="service", mode="command")],
            "No party can command, mislead or stop Counts for certain, and possibly 1 more; "
            "the law of no country reaches it for certain.",
        ),
    ],
    ids=["dataset", "nobody", "party", "service"],
)  # fmt: skip
def test_the_answer_counts_each_once_and_keeps_certain_and_possible_apart(
    question: str, rows: list[Row], told: str
) -> None:
    assert in_one(PLACE, question, "Counts", rows) == told

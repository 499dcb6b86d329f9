"""The cheapest steps, found by a child: the same as here, within its time, and nothing of it left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cityward.compose.asking.lessening import LesseningDesk
from cityward.compose.places import load_place
from cityward.errors import LinkError
from cityward.reach.blast.subjects import Subject, SubjectKind
from cityward.reach.whatif.asking import How, Ready
from cityward.reach.whatif.lessening import lessened

DOGGERFORD = Path(__file__).parents[3] / "examples" / "doggerford"
CLOUD = Subject(kind=SubjectKind.PARTY, id="fathom-cloud")


def test_the_child_finds_what_is_found_here_with_its_lines_as_paths() -> None:
    place = load_place(DOGGERFORD).place
    found = asyncio.run(LesseningDesk().steps(place, How.DARK, CLOUD))
    assert found == lessened(Ready(place), How.DARK, CLOUD, str)
    assert found.tried > 0 and all(step.where.partition(".")[0] in place.__struct_fields__ for step in found.steps)


def test_a_child_that_takes_too_long_or_fails_is_told_as_no_answer() -> None:
    place = load_place(DOGGERFORD).place
    with pytest.raises(LinkError, match="not found within"):
        asyncio.run(LesseningDesk(longest_s=0.01).steps(place, How.DARK, CLOUD))
    with pytest.raises(LinkError, match="were not found"):
        asyncio.run(LesseningDesk("cityward.no_such_module").steps(place, How.DARK, CLOUD))

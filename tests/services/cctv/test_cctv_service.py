"""The cameras as a service: who is blind and why, what was counted in each hour, and what is not known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cityward.insight.sight.seen import TROUBLE_CODES
from cityward.services.cctv.service import Awaited, Cctv, CctvSettings
from cityward.services.contract import Reading, Series, Turn, View
from cityward.time import HOUR, SECOND

NOW = 1_800_000_000_000_000 // HOUR * HOUR + HOUR // 2
ONE, TWO = "quay-01", "quay-02"


def view(troubles: dict[str, tuple[float, int]], **more: object) -> View[CctvSettings]:
    """unit -> (trouble, seconds since it said so)."""
    return View(
        NOW,
        (2.3, 54.9),
        CctvSettings(cameras=("quay",), silent_s=600),
        {"quay": [ONE, TWO]},
        {
            (unit, "camera-trouble"): Reading(code, NOW - age * SECOND, age * SECOND)
            for unit, (code, age) in troubles.items()
        },
        {},
        {},
        **more,  # type: ignore[arg-type]
    )


def turn(shown: View[CctvSettings], since: dict[str, int] | None = None) -> Turn[Awaited]:
    return Cctv().step(shown, Awaited(since=since or {}))


def titles(shown: View[CctvSettings]) -> list[str]:
    return [notice.title for notice in turn(shown).notices]


def test_cameras_that_see_are_told_as_such_and_nobody_is_bothered() -> None:
    told = turn(view({ONE: (0, 10), TWO: (0, 599)}))
    assert told.board is not None
    assert (told.board.summary, list(told.notices)) == ("2 of 2 cameras see.", [])


def test_a_camera_with_trouble_is_blind_by_its_own_word() -> None:
    assert titles(view({ONE: (TROUBLE_CODES["covered"], 5), TWO: (0, 5)})) == ["quay-01 does not see: covered"]


def test_a_camera_that_said_it_too_long_ago_is_silent() -> None:
    assert titles(view({ONE: (0, 601), TWO: (0, 5)})) == ["quay-01 does not see: silent"]


def test_a_camera_that_was_never_heard_is_awaited_and_then_silent() -> None:
    began = turn(view({ONE: (0, 5)}))
    assert began.board is not None and list(began.notices) == []
    assert began.board.summary == "1 of 2 cameras see; 1 has not been heard yet."
    assert [row[1].text for row in began.board.tables[0].rows] == ["sees", "not heard yet"]
    assert began.memory.since == {TWO: NOW}
    for waited_s, notices in ((600, 0), (601, 1)):
        later = turn(view({ONE: (0, 5)}), {TWO: NOW - waited_s * SECOND})
        assert len(later.notices) == notices
        assert later.memory.since == {TWO: NOW - waited_s * SECOND}
    assert turn(view({ONE: (0, 5), TWO: (0, 5)}), {TWO: NOW - HOUR}).memory.since == {}
    # a clock that was put back makes nobody wait longer than once
    assert turn(view({ONE: (0, 5)}), {TWO: NOW + HOUR}).memory.since == {TWO: NOW}


def test_a_camera_that_is_not_believed_does_not_see_for_us() -> None:
    left_out = {(ONE, "camera-trouble"): "quarantined"}
    assert titles(view({TWO: (0, 5)}, left_out=left_out)) == ["quay-01 does not see: quarantined"]


@pytest.mark.parametrize("number", [28.6, -1.0, 1e300, math.inf, math.nan])
def test_a_number_that_means_nothing_here_is_trouble_all_the_same(number: float) -> None:
    assert titles(view({ONE: (number, 5), TWO: (0, 5)})) == ["quay-01 does not see: unknown trouble"]


def test_counts_are_summed_by_whole_hours_and_an_hour_without_a_word_is_no_nought() -> None:
    this = NOW // HOUR * HOUR
    times = np.array([this - 3 * HOUR + 1, this - 3 * HOUR + 2, this - HOUR, this + 1], dtype=np.int64)
    series = {(ONE, "vehicle-count"): Series(times, np.array([2.0, 3.0, 4.0, 50.0]))}
    board = turn(view({ONE: (0, 1), TWO: (0, 1)}, series=series)).board
    assert board is not None
    (line,) = board.lines
    assert line.points == (((this - 3 * HOUR) // 1000, 5.0), ((this - HOUR) // 1000, 4.0))
    cells = [[cell.text for cell in row] for row in board.tables[0].rows]
    assert cells == [[ONE, "sees", "not known", "50"], [TWO, "sees", "not known", "not known"]]

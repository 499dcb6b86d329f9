"""What was so a week ago at the same hour is a habit: it takes away from a deviation, and from nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY
from cityward.watch.residual import Remains
from cityward.watch.season import SLOT_US, Slot
from cityward.watch.weekly import begin_weekly, forget_week, remember, unlike_last_week

AT = 20_000 * DAY
NOBODY = np.zeros(4, dtype=np.bool_)


def remains(at: int, mean: list[float], expected: float = 10.0, size: float = 2.0) -> Remains:
    """Four channels that should say `expected`, with a usual deviation of `size`."""
    said = np.array(mean)
    u: NDArray[np.float64] = (said - expected) / size
    flat = np.full(4, expected)
    slot = Slot(at=at, of_day=int(at % DAY // SLOT_US), weekend=False, mean=said, rough=np.zeros(4))
    return Remains(slot, u, u, flat, np.full(4, size), flat, np.ones(4, dtype=np.bool_), u * size)


def test_only_what_a_week_ago_was_beyond_one_usual_deviation_is_taken_away() -> None:
    weekly = begin_weekly(4)
    remember(weekly, remains(AT, [18.0, 11.0, 2.0, 30.0]), NOBODY)  # 4, 0.5, -4, 10 usual deviations
    now = unlike_last_week(weekly, remains(AT + 7 * DAY, [18.0, 18.0, 18.0, 18.0]))
    assert now.tolist() == [1.0, 4.0, 4.0, 0.0]


def test_another_hour_and_another_day_take_nothing_away() -> None:
    weekly = begin_weekly(4)
    remember(weekly, remains(AT, [18.0] * 4), NOBODY)
    for later in (7 * DAY + SLOT_US, 6 * DAY):
        assert unlike_last_week(weekly, remains(AT + later, [18.0] * 4)).tolist() == [4.0] * 4


def test_what_is_suspect_is_not_remembered_and_what_is_forgotten_counts_no_more() -> None:
    weekly = begin_weekly(4)
    remember(weekly, remains(AT, [18.0] * 4), np.array([True, False, False, False]))
    forget_week(weekly, 3)
    assert unlike_last_week(weekly, remains(AT + 7 * DAY, [18.0] * 4)).tolist() == [4.0, 1.0, 1.0, 4.0]


def test_what_is_not_known_stays_unknown_and_what_is_as_expected_stays_nought() -> None:
    weekly = begin_weekly(4)
    remember(weekly, remains(AT, [18.0] * 4), NOBODY)
    now = unlike_last_week(weekly, remains(AT + 7 * DAY, [float("nan"), 10.0, 18.0, 2.0]))
    assert np.isnan(now[0])
    assert now[1:].tolist() == [0.0, 1.0, -4.0]

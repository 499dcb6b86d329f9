"""What season and surroundings leave unexplained, and how the baseline follows the year."""

from __future__ import annotations

import numpy as np

from cityward.time import DAY
from cityward.watch.contract import STEP_US, Step
from cityward.watch.residual import MOST_A_DAY, Residual, advance, begin_residual, forget_channel
from watch.sample_town import sample_world

MONDAY = 4 * DAY  # 5 January 1970
WORLD = sample_world()
ONE = 0


def lived(residual: Residual, days: int, a_day: float, first: int = 0) -> list[float]:
    """The deviations of a lonely channel that rises by `a_day` a day, and is 1 off up and down from half-hour to half-hour."""
    out: list[float] = []
    free = np.zeros(WORLD.channels, np.bool_)
    for n in range(first * 288, (first + days) * 288):
        mean = np.full(WORLD.channels, np.nan)
        mean[ONE] = 50.0 + a_day * n / 288 + (1.0 if (n // 6 + n // 288) % 2 else -1.0)
        step = Step(MONDAY + (n + 1) * STEP_US, mean, mean, np.isfinite(mean).astype(np.int32))
        remains = advance(residual, step, WORLD, lambda: free)
        if remains is not None:
            out.append(float(remains.z[ONE]))
    return out


def test_a_baseline_that_follows_keeps_up_with_a_slow_year():
    still, following = begin_residual(WORLD), begin_residual(WORLD, MOST_A_DAY)
    behind = np.nanmean(lived(still, 70, 0.05)[-48 * 7 :])
    beside = np.nanmean(lived(following, 70, 0.05)[-48 * 7 :])

    assert behind > 0.3
    assert abs(beside) < behind / 2


def test_it_follows_a_step_by_no_more_than_its_bound():
    residual = begin_residual(WORLD, MOST_A_DAY)
    lived(residual, 21, 0.0)
    before = residual.shift[ONE]
    residual.season.level[:, :, ONE] -= 100.0  # the channel stands a hundred higher from now on

    lived(residual, 3, 0.0, first=21)

    assert 0.9 * 3 * MOST_A_DAY <= residual.shift[ONE] - before <= 3 * MOST_A_DAY + 1e-9


def test_who_asks_for_none_is_not_followed():
    residual = begin_residual(WORLD)
    lived(residual, 30, 0.2)

    assert not residual.shift.any()


def test_what_became_usual_has_no_shift():
    residual = begin_residual(WORLD, MOST_A_DAY)
    lived(residual, 30, 0.2)
    forget_channel(residual, ONE)

    assert residual.shift[ONE] == 0.0
    assert not residual.season.days[:, :, ONE].any()

"""Jumps: an episode is told when it begins, again when it grows, and once at its end."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.time import DAY, HOUR, MINUTE, SECOND
from cityward.watch.contract import Held, Phase, Sign
from cityward.watch.detectors.rate_of_change import DETECTOR
from watch.sample_town import sample_world

WORLD = sample_world()
LOOP = WORLD.registry.channel_by_property[(WORLD.registry.unit_index["ring-loops-01"], "vehicle-speed")]
START = 1_800_000_000 * SECOND // DAY * DAY
EVERY = 5 * MINUTE


def signs(jumps: list[float], calm_us: int) -> list[Sign]:
    """Two quiet days around 20, then values one after another, then as many quiet hours."""
    quiet = [20 + 0.5 * (n % 2) for n in range(2 * DAY // EVERY)]
    after = [20 + 0.5 * (n % 2) for n in range(calm_us // EVERY)]
    value = np.array([*quiet, *jumps, *after])
    at = START + EVERY * np.arange(len(value), dtype=np.int64)
    state = DETECTOR.begin(WORLD)
    told: list[Sign] = []
    for day in np.unique(at // DAY).tolist():
        mine = at // DAY == day
        channel = np.full(int(mine.sum()), LOOP, np.int32)
        seq = np.arange(len(channel), dtype=np.int64)
        told += DETECTOR.rows(state, Held(channel, value[mine], at[mine], at[mine], seq, int(at[mine][-1])), WORLD)
    return told


def test_a_leap_that_is_larger_than_the_first_is_told_of_the_same_episode() -> None:
    told = signs([17.0, 17.0, 5.0, 17.0, 6.0], 2 * HOUR)
    assert [one.phase for one in told] == [Phase.BEGAN, Phase.GOES_ON, Phase.ENDED]
    assert len({one.began_at for one in told}) == 1
    first, worse, _ = told
    assert worse.score == pytest.approx(
        first.score * 12 / 3.5, rel=1e-6
    )  # 20.5 to 17, then 17 to 5; the later ones are no larger
    assert first.facts["tolerated"] == worse.facts["tolerated"]

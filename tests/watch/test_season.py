"""A robust profile of the half-hours of a day."""

from __future__ import annotations

import numpy as np

from cityward.time import DAY, MINUTE
from cityward.watch.contract import STEP_US, Step
from cityward.watch.season import (
    Season,
    Slot,
    begin_season,
    begin_slots,
    expected,
    forget_season,
    gather,
    learn,
)
from watch.sample_town import sample_world

MONDAY = 4 * DAY  # 5 January 1970
FREE = np.zeros(1, np.bool_)


def slot_of(value: float, of_day: int = 0, *, weekend: bool = False) -> Slot:
    return Slot(0, of_day, weekend, np.array([value]), np.array([np.nan]))


def taught(days: int, value: float = 10.0) -> Season:
    season = begin_season(1)
    for n in range(days):
        learn(season, slot_of(value + (n % 2)), FREE)  # 10, 11, 10, 11, ...
    return season


def test_a_half_hour_is_told_with_its_last_step() -> None:
    world = sample_world()
    slots = begin_slots(world)
    out = []
    for n in range(12):
        mean = np.full(world.channels, np.nan)
        mean[0] = float(n)
        out.append(gather(slots, Step(MONDAY + (n + 1) * STEP_US, mean, mean, np.isfinite(mean).astype(np.int32))))

    assert [n for n, slot in enumerate(out) if slot is not None] == [5, 11]
    first, second = (slot for slot in out if slot is not None)
    assert (first.of_day, first.weekend, first.mean[0], first.rough[0]) == (0, False, 2.5, 1.0)  # mean of 0 to 5
    assert (second.of_day, second.mean[0]) == (1, 8.5)
    assert np.isnan(first.mean[1])
    assert first.at == MONDAY + 30 * MINUTE


def test_saturday_is_a_weekend() -> None:
    world = sample_world()
    mean = np.ones(world.channels)
    slot = gather(
        begin_slots(world), Step(MONDAY + 5 * DAY + 30 * MINUTE, mean, mean, np.ones(world.channels, np.int32))
    )

    assert slot is not None
    assert slot.weekend


def test_what_was_never_seen_is_not_expected() -> None:
    level, spread = expected(begin_season(1), slot_of(1.0))

    assert np.isnan(level[0])
    assert np.isnan(spread[0])


def test_it_expects_what_it_was_taught() -> None:
    level, spread = expected(taught(40), slot_of(0.0))

    assert 10.2 < level[0] < 10.8
    assert 0.4 < spread[0] < 1.2  # errors of half a unit, up or down


def test_one_strange_day_moves_the_level_little() -> None:
    season = taught(40)
    learn(season, slot_of(1e9), FREE)

    assert expected(season, slot_of(0.0))[0][0] < 11.0


def test_a_held_channel_teaches_nothing() -> None:
    season = begin_season(1)

    learn(season, slot_of(10.0), np.ones(1, np.bool_))

    assert np.isnan(expected(season, slot_of(0.0))[0][0])


def test_a_weekend_not_seen_yet_is_expected_to_be_as_all_days_are() -> None:
    season = taught(10, 10.0)

    assert 9.9 < expected(season, slot_of(0.0, weekend=True))[0][0] < 11.1


def test_a_weekend_that_differs_has_a_level_of_its_own() -> None:
    season = taught(20)
    for _ in range(6):
        learn(season, slot_of(50.0, weekend=True), FREE)

    assert expected(season, slot_of(0.0, weekend=True))[0][0] > 45
    assert expected(season, slot_of(0.0))[0][0] < 13


def test_a_forgotten_channel_is_learned_anew() -> None:
    season = taught(20)
    forget_season(season, 0)
    learn(season, slot_of(70.0), FREE)

    assert expected(season, slot_of(0.0))[0][0] == 70.0

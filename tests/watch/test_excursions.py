"""Clipped sums whose heights follow from their own past."""

from __future__ import annotations

import numpy as np

from cityward.time import DAY, MINUTE
from cityward.watch.contract import Phase
from cityward.watch.excursions import (
    DOWN,
    UP,
    Excursions,
    Rule,
    Turn,
    begin_excursions,
    feed,
    forget,
    heights,
    running,
)

RULE = Rule(
    allowance=1.0, clip=3.0, least=6.0, per_day=48.0, settled_days=0.0, young=0.0, margin=1.5, once_in_days=10.0
)
ONE = np.zeros(1, np.int32)


def fed(state: Excursions, values: list[float], start: int = 0, *, learning: bool = False) -> list[Turn]:
    """Values of one column, half an hour apart."""
    turns: list[Turn] = []
    for n, value in enumerate(values):
        at = (start + n) * 30 * MINUTE
        turns += feed(state, np.array([value]), at, RULE, ONE, learning=learning)
    return turns


def test_a_lasting_rise_begins_an_episode_whose_onset_is_the_beginning_of_the_run() -> None:
    state = begin_excursions(1)

    turns = fed(state, [0.0, 0.0, 9.0, 9.0, 9.0])  # each counts 3 - 1

    assert [(t.phase, t.side, t.began_at, t.at) for t in turns] == [(Phase.BEGAN, UP, 2 * 30 * MINUTE, 4 * 30 * MINUTE)]
    assert turns[0].score == 1.0


def test_a_lasting_fall_is_seen_as_one() -> None:
    assert [t.side for t in fed(begin_excursions(1), [-9.0] * 3)] == [DOWN]


def test_one_wild_reading_is_no_episode() -> None:
    assert not fed(begin_excursions(1), [1e15, 0.0, 0.0, -1e15])


def test_deviations_within_the_allowance_are_never_an_episode() -> None:
    assert not fed(begin_excursions(1), [1.0] * 5000)


def test_missing_values_neither_add_nor_end() -> None:
    state = begin_excursions(1)

    turns = fed(state, [9.0, np.nan, 9.0, np.nan, np.nan, 9.0])

    assert [t.at for t in turns] == [5 * 30 * MINUTE]


def test_an_episode_ends_when_the_sum_has_run_dry_and_has_one_beginning() -> None:
    turns = fed(begin_excursions(1), [9.0] * 3 + [0.0] * 6)

    assert [t.phase for t in turns] == [Phase.BEGAN, Phase.ENDED]
    assert turns[0].began_at == turns[1].began_at


def test_a_column_whose_past_ran_high_needs_to_run_higher() -> None:
    state = begin_excursions(1)
    fed(state, [9.0] * 5 + [0.0] * 11, learning=True)  # a run of 10, and back to nought

    assert 14.9 < heights(state, RULE, ONE)[0] <= 15.0
    assert not fed(state, [9.0] * 7, 16)  # 14
    assert fed(state, [9.0], 23)  # 16


def test_a_past_longer_than_the_rule_may_have_passed_the_height_once() -> None:
    state = begin_excursions(1)
    fed(state, [9.0] * 20 + [0.0] * 41, learning=True)  # one run of 40 ...
    fed(state, [9.0] * 4 + [0.0] * 9, 61, learning=True)  # ... and one of 8
    fed(state, [0.0] * (11 * 48), 74, learning=True)  # eleven days in all

    assert 10.0 < heights(state, RULE, ONE)[0] < 12.1  # 1.5 times 8, a little forgotten


def test_the_past_read_again_has_no_episodes() -> None:
    state = begin_excursions(1)

    assert not fed(state, [9.0] * 100, learning=True)
    assert not fed(state, [0.0], 100)  # what still ran belongs to the past


def test_a_poisoned_past_of_one_column_is_bounded_by_those_of_its_pool() -> None:
    state, pool = begin_excursions(6), np.zeros(6, np.int32)
    for n in range(400):
        poisoned = 9.0 if n < 150 else -1.0
        feed(state, np.array([poisoned, 0, 0, 0, 0, 0.0]), n, RULE, pool, learning=True)

    assert heights(state, RULE, pool).tolist() == [18.0, 6, 6, 6, 6, 6]  # three times the median


def test_from_half_the_height_on_a_column_is_running() -> None:
    state = begin_excursions(1)
    fed(state, [9.0])
    assert not running(state, 0.5)[0]

    fed(state, [9.0], 1)

    assert running(state, 0.5)[0]


def test_a_forgotten_column_begins_anew() -> None:
    state = begin_excursions(1)
    fed(state, [9.0] * 4)

    forget(state, 0)

    assert not running(state, 0.01)[0]
    assert [t.phase for t in fed(state, [9.0] * 3, 4)] == [Phase.BEGAN]


def test_an_episode_is_told_again_once_a_day() -> None:
    turns = fed(begin_excursions(1), [9.0] * (3 + 2 * 48))

    assert [t.phase for t in turns].count(Phase.BEGAN) == 1
    told = [t.at for t in turns]
    assert told[-1] - told[-2] == DAY

"""Rows become steps: the same ones however they come, and every row is in one step or counted."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.time import HOUR, MINUTE, SECOND
from cityward.watch.contract import STEP_US, Held, Step
from cityward.watch.grid import Grid, GridRules, new_grid, open_steps, take

NOON = 1_760_000_400 * SECOND // STEP_US * STEP_US
RULES = GridRules()
Row = tuple[int, int, int, float]  # channel, observed_at, received_at, value


def held(rows: list[Row], now: int = 0) -> Held:
    ordered = sorted((c, at, i, received, value) for i, (c, at, received, value) in enumerate(rows))
    channel, at, seq, received, value = zip(*ordered, strict=True) if ordered else ((),) * 5
    return Held(
        np.array(channel, dtype=np.int32),
        np.array(value, dtype=float),
        np.array(at, dtype=np.int64),
        np.array(received, dtype=np.int64),
        np.array(seq, dtype=np.int64),
        now,
    )


def steps_of(grid: Grid, batches: list[list[Row]], now: int) -> list[Step]:
    out: list[Step] = []
    newest = 0
    for rows in batches:
        newest = max([newest, *(r[2] for r in rows)])
        out += take(grid, held(rows), newest, RULES)
    return [*out, *take(grid, held([]), now, RULES)]


def test_a_step_has_the_mean_the_newest_and_the_count_of_each_channel() -> None:
    rows = [(0, NOON + MINUTE, NOON + MINUTE, 2.0), (0, NOON + 3 * MINUTE, NOON + 3 * MINUTE, 4.0)]
    (step,) = steps_of(new_grid(2, NOON, RULES), [rows], NOON + STEP_US + RULES.waits_us)
    assert (step.at, step.mean[0], step.newest[0]) == (NOON + STEP_US, 3.0, 4.0)
    assert step.count.tolist() == [2, 0] and np.isnan(step.mean[1]) and np.isnan(step.newest[1])


def test_a_step_waits_for_its_lateness_and_no_longer() -> None:
    grid = new_grid(1, NOON, RULES)
    end = NOON + STEP_US
    assert list(take(grid, held([]), end + RULES.waits_us - 1, RULES)) == []
    assert [s.at for s in take(grid, held([]), end + RULES.waits_us, RULES)] == [end]


def test_a_row_that_was_received_after_the_lateness_is_late_whenever_it_is_read() -> None:
    end = NOON + STEP_US
    late = (0, NOON + MINUTE, end + RULES.lateness_us + 1, 9.0)
    for now in (end, end + HOUR):
        grid = new_grid(1, NOON, RULES)
        list(take(grid, held([late]), now, RULES))
        assert (grid.late, open_steps(grid)) == (1, 0)


def test_a_row_for_a_step_that_is_gone_is_late() -> None:
    grid = new_grid(1, NOON, RULES)
    list(take(grid, held([]), NOON + HOUR, RULES))
    list(take(grid, held([(0, NOON + MINUTE, NOON + MINUTE, 1.0)]), NOON + HOUR, RULES))
    assert grid.late == 1


def test_a_row_from_too_far_ahead_is_counted_and_holds_nothing_up() -> None:
    grid = new_grid(1, NOON, RULES)
    list(take(grid, held([(0, NOON + 1000 * HOUR, NOON, 1.0)]), NOON, RULES))
    assert (grid.early, open_steps(grid)) == (1, 0)


def test_a_long_gap_gives_a_day_of_empty_steps_and_then_one_jump() -> None:
    grid = new_grid(1, NOON, RULES)
    steps = list(take(grid, held([]), NOON + 100 * HOUR, RULES))
    assert len(steps) == RULES.most_empty and grid.jumps == 1
    last = (NOON + 100 * HOUR - RULES.waits_us) // STEP_US * STEP_US  # the last step that was due
    (after,) = take(grid, held([]), last + STEP_US + RULES.waits_us, RULES)
    assert after.at == last + STEP_US


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(0, 10)), max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=5),
)
def test_steps_do_not_depend_on_the_batches_that_rows_come_in(
    rows: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    """(channel, observed at that minute, received so many minutes later), cut into batches as they were received."""
    made = [(c, NOON + at * MINUTE, NOON + (at + more) * MINUTE, float(i)) for i, (c, at, more) in enumerate(rows)]
    made.sort(key=lambda r: r[2])
    edges = [0, *sorted(min(c, len(made)) for c in cuts), len(made)]
    batches = [made[a:b] for a, b in itertools.pairwise(edges)]
    one, many = new_grid(3, NOON, RULES), new_grid(3, NOON, RULES)
    whole = steps_of(one, [made], NOON + 3 * HOUR)
    cut = steps_of(many, batches, NOON + 3 * HOUR)
    assert [s.at for s in whole] == [s.at for s in cut] == [NOON + (n + 1) * STEP_US for n in range(len(whole))]
    for a, b in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(a.count, b.count)
        np.testing.assert_allclose(a.mean, b.mean)
        np.testing.assert_array_equal(a.newest, b.newest)
    assert one.late == many.late
    assert sum(int(s.count.sum()) for s in whole) + one.late + one.early == len(made)

"""Orders that follow from what is told: beside NumPy's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.guard.ordering import order_by, sort_ties

CHANCE = np.random.default_rng(3)


def ordered(code: np.ndarray, at: np.ndarray) -> tuple[list[int], list[int]]:
    order = order_by(code, at)
    back = slice(None) if order is None else order
    return code[back].tolist(), at[back].tolist()


def right(code: np.ndarray, at: np.ndarray) -> tuple[list[int], list[int]]:
    order = np.lexsort((at, code))
    return code[order].tolist(), at[order].tolist()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9) | st.integers(0, 2**61)), max_size=60))
def test_rows_come_in_the_order_of_code_and_time(rows: list[tuple[int, int]]):
    code, at = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    assert ordered(code, at) == right(code, at)


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_sorted_parts_one_after_the_other_are_put_in_order_by_runs(parts: int):
    """As they come from history: each part by device and time, under names that sort otherwise."""
    names = CHANCE.permutation(20)
    code = np.concatenate([np.repeat(names, 50) for _ in range(parts)]).astype(np.int64)
    at = np.concatenate([np.tile(np.arange(50) + 50 * p, 20) for p in range(parts)]).astype(np.int64)
    assert ordered(code, at) == right(code, at)
    late = at.copy()
    late[10:30] -= 25  # parts that overlap
    assert ordered(code, late) == right(code, late)


def test_rows_in_order_stay_as_they_are():
    assert order_by(np.array([0, 0, 1]), np.array([1, 2, 0])) is None
    assert order_by(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.floats(-5, 5)), max_size=40))
def test_values_of_equal_code_and_time_rise(rows: list[tuple[int, int, float]]):
    rows = sorted(rows, key=lambda row: row[:2])
    code, at = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    value = np.array([row[2] for row in rows], dtype=np.float64)
    assert sort_ties(value, code, at).tolist() == [row[2] for row in sorted(rows)]

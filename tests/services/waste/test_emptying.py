"""Emptyings: in a series by lasting falls, in labelled events by the trees."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.services.waste.cleaning import clean
from cityward.services.waste.emptying import COLUMNS, Forest, chances, emptyings, features, numbers, trained
from cityward.time import HOUR


def levels(values: list[float]) -> object:
    return clean(np.arange(len(values), dtype=np.int64) * HOUR, np.array(values, np.float64))


def test_a_lasting_fall_is_one_emptying_where_it_happened():
    (found,) = emptyings(levels([60, 62, 64, 66, 68, 5, 6, 7, 8, 9]))  # type: ignore[arg-type]
    assert found.index == 5 and found.before == pytest.approx(66, abs=2) and found.after == pytest.approx(6, abs=2)


@pytest.mark.parametrize(
    "values", [[50, 52, 50, 53, 51, 54, 52, 53], [60, 60, 5, 60, 61, 61], [10, 20, 30, 40, 50, 60], [], [5]],
    ids=["jitter", "a spike", "filling", "nothing", "one"],
)  # fmt: skip
def test_what_is_no_emptying(values: list[float]):
    assert emptyings(levels(values)) == []  # type: ignore[arg-type]


def test_a_forest_goes_left_right_and_by_what_is_missing():
    # one tree: vibration at most 5 -> -2, else +3; missing goes left
    forest = Forest(
        base=0.5, roots=(0,), feature=(2, 0, 0), threshold=(5.0, 0.0, 0.0), missing_left=(1, 0, 0), left=(1, -1, -1),
        right=(2, -1, -1), value=(0.0, -2.0, 3.0), kinds=(), fractions=(),
    )  # fmt: skip
    table = np.zeros((3, 4))
    table[:, 2] = (5.0, 5.1, np.nan)
    odds = np.array([-1.5, 3.5, -1.5])
    assert chances(forest, table) == pytest.approx(1 / (1 + np.exp(-odds)))


def test_the_shipped_trees_know_a_strongly_shaken_emptying_from_a_still_container():
    rows = np.array([[90, 30, 8, 88, 32, 91, 28], [60, 58, 1, 61, 59, 62, 57]], np.float64)
    unknown = np.full(2, np.nan)
    shaken, still = chances(trained(), features(rows, unknown, unknown))
    assert shaken > 0.5 > still


def test_features_are_whole_whatever_is_missing():
    rows = np.full((4, COLUMNS), np.nan)
    rows[0] = 50.0
    table = features(rows, numbers(["Cubic", "?"] * 2, ("Cubic",)), np.zeros(4))
    assert table.shape == (4, 40) and np.isfinite(table[0]).all() and table[1, -2] != table[1, -2]
    assert np.isfinite(chances(trained(), table)).all()

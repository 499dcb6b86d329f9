"""Steps and squares: each in exactly one of the next, none finer than asked."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.guard.ladder import ROTATIONS_DAYS, STEPS_S, rotation_us, squares, step_us, width_m
from cityward.time import DAY, SECOND

places = st.tuples(st.floats(-180, 180), st.floats(-89, 89))
widths = st.integers(1, 100_000)


@pytest.mark.parametrize("ladder", [STEPS_S, ROTATIONS_DAYS])
def test_each_step_divides_the_next(ladder: tuple[int, ...]):
    assert all(more % less == 0 and more > less for less, more in itertools.pairwise(ladder))


@pytest.mark.parametrize(
    ("asked", "step"), [(0, 0), (1, 1), (59, 60), (60, 60), (61, 300), (5400, 10_800), (2_678_400, 4_838_400)]
)
def test_a_step_is_at_least_what_was_asked(asked: int, step: int):
    assert step_us(asked) == step * SECOND


@pytest.mark.parametrize(("asked", "days"), [(1, 1), (6, 1), (7, 7), (30, 28), (363, 28), (366, 364)])
def test_names_change_at_least_as_often_as_asked(asked: int, days: int):
    assert rotation_us(asked) == days * DAY


@given(places, widths, widths)
def test_a_wider_square_can_be_told_from_a_narrower_one(place: tuple[float, float], one: int, other: int):
    where = (np.array([place[0]]), np.array([place[1]]))
    narrow, wide = sorted((one, other))
    direct = squares(*where, wide)
    by_way = squares(*squares(*where, narrow), wide)
    assert np.allclose(direct, by_way, rtol=0, atol=1e-9)


@given(places, widths)
def test_a_square_is_as_wide_as_asked_on_the_ellipsoid(place: tuple[float, float], asked: int):
    """What lies in the same square: half a width less a hair, from its middle, in each direction."""
    middle = squares(np.array([place[0]]), np.array([place[1]]), asked)
    longitude, latitude = float(middle[0][0]), float(middle[1][0])
    if abs(latitude) > 88:
        return
    phi, e2 = math.radians(latitude), 0.00669437999014
    flat = 1 - e2 * math.sin(phi) ** 2
    north_m = math.pi / 180 * 6_378_137 * (1 - e2) / flat**1.5  # metres of a degree: meridian and parallel of WGS 84
    east_m = math.pi / 180 * 6_378_137 * math.cos(phi) / flat**0.5
    half = 0.499 * asked
    for east, north in ((half, 0), (-half, 0), (0, half), (0, -half)):
        there = (np.array([longitude + east / east_m]), np.array([latitude + north / north_m]))
        assert np.allclose(squares(*there, asked), middle, rtol=0, atol=1e-9)


def test_no_square_of_a_city_is_much_wider_than_its_step():
    assert [width_m(m) for m in (0, 1, 3, 100, 128, 1000, 100_000)] == [0, 1, 4, 128, 128, 1024, 131_072]
    one, other = (squares(np.array([lon]), np.array([54.9]), 100)[0][0] for lon in (2.3, 2.3 + 150 / 64_100))
    assert one != other


def test_no_place_stays_no_place():
    assert np.isnan(squares(np.array([np.nan]), np.array([np.nan]), 100)).all()

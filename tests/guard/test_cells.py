"""Cells: nothing of fewer than k devices, by no question and no difference of questions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.guard.cells import whole
from cityward.guard.release import Asked, Atoms, Passed, Rows
from cityward.place.release import Aggregate, Form, Posture
from cityward.time import DAY, HOUR, MINUTE, SECOND
from releases import LATER, NIGHT, hour, laid_out, passed, rows_of, table, town

HOURLY = Form(aggregate=Aggregate(least=3, period_s=3600))
TOWN = laid_out(HOURLY)
LIGHT = [
    (f"meter-0{n}", 10 * n, float(n), "illuminance") for n in range(1, 7)
]  # three devices on the quay, three on the hill


def test_tells_count_and_mean_of_an_area_and_hour():
    told = passed(rows_of(TOWN, *LIGHT, ("meter-01", 59, 14.0, "illuminance")), HOURLY, TOWN)
    assert table(told) == [  # quay: 1, 2, 3, 14 within the hour; hill: 4 and 5 and, at the turn of the hour, 6
        {"property": "illuminance", "value": 5.0, "unit": "lx", "observed_at": NIGHT, "area": "quay", "count": 4},
    ]
    assert (told.withheld.too_few, told.readings, told.units.tolist()) == (3, 4, [0, 1, 2])
    assert (told.since, told.until) == (NIGHT, NIGHT + HOUR)


def test_counts_devices_and_not_readings():
    rows = rows_of(TOWN, *((f"meter-0{n % 2 + 1}", n, 1.0, "illuminance") for n in range(30)))
    assert passed(rows, HOURLY, TOWN).withheld.too_few == 30


@pytest.mark.parametrize(
    ("now", "told"),
    [
        pytest.param(hour(1) + 15 * MINUTE - 1, 0, id="still settling"),
        pytest.param(hour(1) + 15 * MINUTE, 3, id="settled"),
    ],
)
def test_a_cell_is_told_when_it_is_over_and_has_settled(now: int, told: int):
    found = passed(rows_of(TOWN, *LIGHT[:3]), HOURLY, TOWN, now_us=now)
    assert (found.readings, found.withheld.incomplete) == (told, 3 - told)


def test_a_cell_waits_for_the_forms_delay():
    late = Form(aggregate=Aggregate(least=3, period_s=3600), delay_s=7200)
    rows = rows_of(TOWN, *LIGHT[:3])
    assert passed(rows, late, TOWN, now_us=hour(3) - 1).readings == 0
    assert passed(rows, late, TOWN, now_us=hour(3)).readings == 3


def test_what_comes_after_a_cell_settled_is_in_no_cell():
    rows = rows_of(TOWN, *LIGHT[:3], ("meter-01", 50, 99.0, "illuminance", 26))
    told = passed(rows, HOURLY, TOWN)
    assert [row["value"] for row in table(told)] == [2.0]
    assert told.withheld.late == 1
    in_time = rows_of(TOWN, *LIGHT[:3], ("meter-01", 50, 98.0, "illuminance", 25))
    assert [row["value"] for row in table(passed(in_time, HOURLY, TOWN))] == [26.0]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(Asked(NIGHT + 1, hour(1)), id="begins later"),
        pytest.param(Asked(NIGHT, hour(1) - 1), id="ends earlier"),
        pytest.param(Asked(NIGHT, hour(1), TOWN.rank != TOWN.rank[0]), id="leaves a device out"),
    ],
)
def test_the_edges_of_a_question_never_cut_a_cell(asked: Asked):
    rows = rows_of(TOWN, *((f"meter-0{n}", n, 1.0) for n in range(1, 4)))
    assert passed(rows, HOURLY, TOWN, asked=Asked(NIGHT, hour(1))).readings == 3
    assert passed(rows, HOURLY, TOWN, asked=asked).withheld.incomplete == 3


def test_a_question_is_widened_to_whole_cells():
    assert whole(NIGHT + 1, hour(1) + 1, HOURLY) == (NIGHT, hour(2))
    assert whole(NIGHT, hour(1), HOURLY) == (NIGHT, hour(1))
    assert whole(3, 5, Form()) == (3, 5)


def test_a_cell_told_once_is_never_told_with_another_value():
    rows = rows_of(TOWN, *LIGHT[:3], ("meter-01", 50, 9.0, "illuminance"))
    first = passed(rows, HOURLY, TOWN)
    assert passed(rows, HOURLY, TOWN, told=first.atoms).digest == first.digest
    marked = passed(rows, HOURLY, TOWN, told=first.atoms, suspect=np.array([False, False, False, True]))
    assert (marked.rows, marked.withheld.changed, marked.withheld.suspect) == (0, 3, 1)


def test_a_cell_of_which_a_part_was_erased_is_not_told_again():
    day = Form(aggregate=Aggregate(least=3, period_s=86_400))
    rows = rows_of(TOWN, *LIGHT[:3], *((d, m + 90, v, p) for d, m, v, p in LIGHT[:3]))
    first = passed(rows, day, TOWN)
    assert (first.rows, first.readings) == (1, 6)
    assert passed(rows.take(slice(0, 3)), day, TOWN, told=first.atoms).withheld.changed == 3


def test_a_day_is_told_whole_or_not_at_all():
    """Else the day without the hours that were told would be the hour that was not."""
    day = Form(aggregate=Aggregate(least=3, period_s=86_400))
    lonely = ("meter-01", 90, 50.0, "illuminance")
    rows = rows_of(TOWN, *LIGHT[:3], lonely)
    assert passed(rows, day, TOWN).withheld.too_few == 4
    alone = laid_out(day)  # where nobody is given hours, a day is all there is
    assert passed(rows_of(alone, *LIGHT[:3], lonely), day, alone).readings == 4


def test_the_grain_is_the_shortest_period_declared_for_anybody_postures_too():
    hours, days = Form(aggregate=Aggregate(period_s=3600)), Form(aggregate=Aggregate(period_s=86_400))
    assert set(laid_out(days, hours).grain.tolist()) == {HOUR, 0}
    assert set(laid_out(days).grain.tolist()) == {DAY, 0}
    place = town(Form())
    from msgspec.structs import replace

    from cityward.guard.layout import layout_of
    from cityward.place.registry import number

    under = replace(
        place, forms=dict(place.forms) | {"tight": hours}, postures={"crisis": Posture(by=("o",), form="tight")}
    )
    assert set(layout_of(under, number(under)).grain.tolist()) == {HOUR, 0}


def test_two_datasets_never_differ_by_a_device():
    """`warmth` is `weather` of the hill's first meter: told as a cell of one, it would be the difference."""
    rows = rows_of(TOWN, *((f"meter-0{n}", n, float(n)) for n in range(4, 7)))
    two = Form(aggregate=Aggregate(least=2, period_s=3600))
    assert passed(rows, two, TOWN, "weather").rows == 0  # {4} and {5, 6}: the first is one device
    assert passed(rows, two, TOWN, "warmth").rows == 0


def test_an_area_that_is_not_told_does_not_part_the_cells():
    hidden = Form(aggregate=Aggregate(least=3, period_s=3600), drop=("area",))
    told = table(passed(rows_of(TOWN, *(r[:1] + (5,) + r[2:] for r in LIGHT)), hidden, TOWN))
    assert [(row["value"], row["count"]) for row in told] == [(3.5, 6)]
    assert "area" not in told[0]


@pytest.mark.parametrize("field", ["property", "value", "observed_at"])
def test_cells_without_what_makes_them_cells_are_not_told(field: Any):
    told = passed(rows_of(TOWN, *LIGHT), Form(aggregate=Aggregate(), drop=(field,)), TOWN)
    assert (told.rows, told.withheld.other) == (0, 6)


# --- whoever asks what, as often as they like

PERIODS = (60, 300, 3600, 10_800)
ALL = [Form(aggregate=Aggregate(least=2, period_s=p)) for p in PERIODS[1:]]
OPEN = laid_out(*ALL)


@st.composite
def tagged(draw: st.DrawFn) -> tuple[Rows, list[tuple[str, str, int]]]:
    """Some rows, each of a value that is a power of two of its own: a sum says which rows are in it."""
    units = [u.id for u in OPEN.registry.units]
    kinds = st.sampled_from(("air-temperature", "illuminance"))
    one = st.tuples(st.sampled_from(units), st.integers(0, 5), st.integers(0, 59), kinds)
    said = draw(st.lists(one, max_size=30, unique=True))
    rows = rows_of(OPEN, *((d, h * 60 + m, 2.0**n, p) for n, (d, h, m, p) in enumerate(said)))
    return rows, [(d, p, h) for d, h, _, p in said]


questions = st.tuples(
    st.sampled_from(ALL),
    st.sampled_from(("weather", "warmth")),
    st.integers(0, 6),
    st.integers(0, 6),
    st.none() | st.sets(st.integers(0, len(OPEN.rank) - 1), max_size=4),
    st.integers(2, 4),
    st.booleans(),
)


def answered(rows: Rows, question: tuple[Any, ...]) -> Passed:
    form, dataset, first, last, without, least, hidden = question
    cells = Aggregate(least=least, period_s=form.aggregate.period_s)
    form = Form(aggregate=cells, drop=("area",) if hidden else ())
    channels = None
    if without is not None:
        channels = np.array([c not in without for c in range(len(OPEN.rank))])
    since, until = NIGHT + first * 31 * MINUTE, NIGHT + last * 61 * MINUTE
    mine = (rows.observed_at >= since) & (rows.observed_at < until)
    if channels is not None:
        mine &= channels[rows.channel]
    return passed(rows.take(mine), form, OPEN, dataset, asked=Asked(since, until, channels), now_us=LATER)


@given(tagged(), st.lists(questions, min_size=2, max_size=6))
def test_no_difference_of_answers_is_of_fewer_devices_than_the_laxest_form_asks_for(
    made: tuple[Rows, list[tuple[str, str, int]]], asked: list[tuple[Any, ...]]
):
    rows, who = made
    told = [(cell, q[5]) for q in asked for cell in table(answered(rows, q))]
    inside = [(frozenset(_bits(cell)), least) for cell, least in told]
    for one, k in inside:
        assert len({who[n][0] for n in one}) >= k
        for other, least in inside:
            for apart in (one - other, one | other, one & other, one ^ other):
                assert not apart or len({who[n][0] for n in apart}) >= min(k, least)


def _bits(cell: dict[str, Any]) -> list[int]:
    """Which rows are in a told cell: its sum, written in twos."""
    total = round(cell["value"] * cell["count"])
    found = [n for n in range(30) if total >> n & 1]
    assert len(found) == cell["count"]
    return found


@given(tagged(), questions, questions)
def test_whoever_asks_again_otherwise_is_told_the_same_cells(made: Any, one: tuple[Any, ...], other: tuple[Any, ...]):
    rows, _ = made
    other = (one[0], one[1], *other[2:5], *one[5:])
    first, second = ({_name(c): c for c in table(answered(rows, q))} for q in (one, other))
    assert all(first[name] == second[name] for name in first.keys() & second.keys())


def _name(cell: dict[str, Any]) -> tuple[Any, ...]:
    return cell["property"], cell.get("area"), cell["observed_at"]


def test_a_fresh_row_of_another_hour_leaves_told_atoms_alone():
    rows = rows_of(TOWN, *LIGHT[:3])
    first = passed(rows, HOURLY, TOWN)
    assert first.atoms.start.tolist() == [NIGHT]
    strange = Atoms(first.atoms.name + np.uint64(1), first.atoms.start, first.atoms.seen)
    assert passed(rows, HOURLY, TOWN, told=strange).rows == 1  # of a strand that is declared no more
    assert SECOND == 1_000_000

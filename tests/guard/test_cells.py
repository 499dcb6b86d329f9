"""Cells: nothing of fewer than k devices, by no question and no difference of questions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from cityward.guard.cells import whole
from cityward.guard.layout import layout_of, period_us
from cityward.guard.release import Asked, Atoms, Passed, Rows
from cityward.place.registry import number
from cityward.place.release import Aggregate, Form, Posture
from cityward.time import DAY, HOUR, MINUTE
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
    rows = rows_of(TOWN, *LIGHT[:3], *((d, m + 60, v, p) for d, m, v, p in LIGHT[:3]))
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

    under = replace(
        place, forms=dict(place.forms) | {"tight": hours}, postures={"crisis": Posture(by=("o",), form="tight")}
    )
    assert set(layout_of(under, number(under)).grain.tolist()) == {HOUR, 0}


def test_two_datasets_never_differ_by_a_device():
    """Of the hill's three meters two are in `warmth`, all in `weather`: told as they are, the third would be the difference."""
    rows = rows_of(TOWN, *((f"meter-0{n}", n, float(n)) for n in range(4, 7)))
    two = Form(aggregate=Aggregate(least=2, period_s=3600))
    assert [row["value"] for row in table(passed(rows, two, TOWN, "warmth"))] == [4.5]
    assert passed(rows, two, TOWN, "weather").withheld.too_few == 3


def test_an_area_that_is_not_told_does_not_part_the_cells():
    hidden = Form(aggregate=Aggregate(least=3, period_s=3600), drop=("area",))
    told = table(passed(rows_of(TOWN, *((*r[:1], 5, *r[2:]) for r in LIGHT)), hidden, TOWN))
    assert [(row["value"], row["count"]) for row in told] == [(3.5, 6)]
    assert "area" not in told[0]


@pytest.mark.parametrize("field", ["property", "value", "observed_at"])
def test_cells_without_what_makes_them_cells_are_not_told(field: Any):
    told = passed(rows_of(TOWN, *LIGHT), Form(aggregate=Aggregate(), drop=(field,)), TOWN)
    assert (told.rows, told.withheld.other) == (0, 6)


# --- whoever asks what, as often as they like

PERIODS = (3600, 10_800)
OPEN = laid_out(*(Form(aggregate=Aggregate(least=2, period_s=p)) for p in PERIODS))
UNITS = [unit.id for unit in OPEN.registry.units]


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks: of which dataset, from and until which minute, without which channels, in which form."""

    dataset: str
    since: int
    until: int
    without: tuple[int, ...]
    form: Form


def some_town(chance: Random) -> tuple[Rows, list[str]]:
    """Temperatures of six hours, and whose. Each is a power of two of its own: a sum says which readings are in it."""
    likely = chance.choice((0.5, 0.8, 0.95))
    said = [(unit, h) for h in range(6) for unit in UNITS if chance.random() < likely]
    readings = ((unit, h * 60 + chance.randrange(60), 2.0**n) for n, (unit, h) in enumerate(said))
    return rows_of(OPEN, *readings), [unit for unit, _ in said]


def some_question(chance: Random) -> Question:
    since, until = sorted(chance.choice((0, 0, 30, 60, 61, 180, 360, 400)) for _ in range(2))
    without = chance.sample(range(len(OPEN.rank)), chance.choice((0, 0, 0, 1, 2)))
    cells = Aggregate(least=chance.choice((2, 2, 3)), period_s=chance.choice(PERIODS))
    form = Form(aggregate=cells, drop=chance.choice(((), (), ("area",))))
    return Question(chance.choice(("weather", "weather", "warmth")), since, until, tuple(without), form)


def answered(rows: Rows, asked: Question) -> Passed:
    since, until = NIGHT + asked.since * MINUTE, NIGHT + asked.until * MINUTE
    channels = ~np.isin(np.arange(len(OPEN.rank)), asked.without)
    mine = (rows.observed_at >= since) & (rows.observed_at < until) & channels[rows.channel]
    return passed(rows.take(mine), asked.form, OPEN, asked.dataset, asked=Asked(since, until, channels), now_us=LATER)


@pytest.mark.parametrize("seed", range(60))
def test_no_difference_of_answers_is_of_fewer_devices_than_the_laxest_form_asks_for(seed: int):
    chance = Random(seed)
    rows, who = some_town(chance)
    inside: dict[frozenset[int], int] = {}
    for _ in range(25):
        asked = some_question(chance)
        assert asked.form.aggregate is not None
        for cell in table(answered(rows, asked)):
            bits = readings_in(cell)
            inside[bits] = min(asked.form.aggregate.least, inside.get(bits, 9))
    assert all(len({who[n] for n in bits}) >= least for bits, least in inside.items())
    for (one, k), (other, least) in itertools.combinations(inside.items(), 2):
        for apart in (one - other, other - one, one & other):
            assert not apart or len({who[n] for n in apart}) >= min(k, least)


def readings_in(cell: dict[str, Any]) -> frozenset[int]:
    """Which are in a told cell: its sum, written in twos."""
    total = round(cell["value"] * cell["count"])
    found = frozenset(n for n in range(total.bit_length()) if total >> n & 1)
    assert len(found) == cell["count"]
    return found


@pytest.mark.parametrize("seed", range(20))
def test_whoever_asks_again_otherwise_is_told_the_same_cells(seed: int):
    chance = Random(seed)
    rows, _ = some_town(chance)
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    for _ in range(25):
        asked = some_question(chance)
        for cell in table(answered(rows, asked)):
            assert known.setdefault((asked.dataset, period_us(asked.form), *_name(cell)), cell) == cell
    assert known


def _name(cell: dict[str, Any]) -> tuple[Any, ...]:
    return cell["property"], cell.get("area"), cell["observed_at"]


def test_a_fresh_row_of_another_hour_leaves_told_atoms_alone():
    rows = rows_of(TOWN, *LIGHT[:3])
    first = passed(rows, HOURLY, TOWN)
    assert first.atoms.start.tolist() == [NIGHT]
    strange = Atoms(first.atoms.name + np.uint64(1), first.atoms.start, first.atoms.seen)
    assert passed(rows, HOURLY, TOWN, told=strange).rows == 1  # of a strand that is declared no more

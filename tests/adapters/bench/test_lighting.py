"""The judges of the lighting benchmark, on nights made by hand; the recorded ones where they are there."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from cityward.adapters.bench.lighting import Hour, Road, last_report, lighting_tables, year_of
from cityward.adapters.bench.lighting_line import (
    DAY_MIN,
    LAMP_W,
    LAMPS,
    Fault,
    Ours,
    Published,
    Score,
    line_tables,
    lost_lamps,
    night_of,
    table_of_faults,
)
from cityward.errors import CitywardError
from cityward.time import HOUR

GIVES = {"luminance_cd_m2": 1.25, "maintenance_factor": 0.8}  # M3 needs all of it, M4 three quarters, M5 half
QUITO = (-78.5, 0.0)  # a night of twelve hours all year


def road(count: float) -> Road:
    hours = {n * HOUR: Hour(count) for n in range(-48, 24 * 5)}
    return Road("road", QUITO, "UTC", hours, 0, "M3", (("M4", 650.0), ("M5", 350.0), ("M6", 100.0)), GIVES)


@pytest.mark.parametrize(("count", "below"), [(1000, "0.0 %"), (500, "24.9 %"), (200, "49.7 %")])
def test_a_road_with_the_same_traffic_all_night_is_as_far_below_all_night_as_its_class(count: float, below: str):
    # 99.5 of 100 W follow the light, 0.5 W are standby: a quarter less light is 24.875 W less
    table = year_of(road(count), days=2)
    rows = {row[0]: row for row in table.rows}
    assert rows["cityward, down to M5"][2] == below
    assert rows["all night"][2] == "0.0 %"
    least = rows["what the reports require, down to M5: no way spares more"]
    assert least[3] == 0 and float(str(least[1])) <= float(str(rows["cityward, down to M5"][1])), "it is a bound"
    assert [row[3] for row in table.rows if str(row[0]).startswith("cityward")] == [0] * 6


def test_lamps_that_are_new_need_a_fifth_less_and_over_their_years_a_tenth_less():
    # M3 all night: 80 of 100 % when new, and on a straight line to 100 % after six years: 1 / (1.25 * left) each
    rows = {str(row[0]): row for row in year_of(road(1000), days=2).rows}
    worn, new, mean = (
        rows[f"cityward, down to M5{more}"]
        for more in ("", ", constant light output, lamps new", ", constant light output, mean of 6 years")
    )
    assert (worn[2], new[2]) == ("0.0 %", "18.9 %"), "the day's end is reckoned with, and whole percents: 81 %"
    assert mean[2] == "11.8 %", (
        "ages 0 to 5 years at their beginning: 81, 83, 86, 89, 93 and 97 % (whole percents, rounded up)"
    )
    assert (new[3], mean[3]) == (0, 0)


def test_an_hour_is_reported_when_it_is_over():
    found = last_report(road(7), 10 * HOUR + 1)
    assert found is not None and found[0] == 10 * HOUR
    empty = Road("road", QUITO, "UTC", {}, 0, "M3", (), GIVES)
    assert last_report(empty, 10 * HOUR) is None


def days(count: int) -> tuple[np.ndarray, np.ndarray]:
    one = np.zeros(DAY_MIN)
    one[600:1200] = LAMPS * LAMP_W
    noise = np.random.default_rng(3).normal(0, 10, (count, DAY_MIN))
    watts = np.where(one > 0, one + noise, 0.0)
    return watts, np.full((count, DAY_MIN), 230.0)


def test_the_night_is_when_the_line_burns():
    assert night_of(days(1)[0][0]) == (600, 1200)


def test_lost_lamps_take_their_share_of_the_power():
    watts, _ = days(1)
    changed, fault = lost_lamps(watts[0], (600, 1200), random.Random(1), lamps=23)
    assert changed[fault.first] == pytest.approx(watts[0][fault.first] / 2) and fault.last == 1200


def test_both_judges_are_silent_on_a_usual_day_and_find_a_quarter_of_the_line():
    watts, volts = days(3)
    changed = watts[2].copy()
    changed[900:1200] *= 0.75
    for judge in (Ours(watts[:2], volts[:2]), Published(watts[:2], volts[:2])):
        assert judge.told(watts[2], volts[2]) == []
        (begun,) = judge.told(changed, volts[2])
        assert 900 + 6 <= begun <= 900 + 12


def test_one_lamp_is_below_what_the_published_rules_look_for():
    watts, volts = days(3)
    changed = watts[2].copy()
    changed[900:1200] -= LAMP_W
    assert Published(watts[:2], volts[:2]).told(changed, volts[2]) == []
    assert len(Ours(watts[:2], volts[:2]).told(changed, volts[2])) == 1


def test_tellings_outside_of_the_fault_are_false_alarms_unless_the_unchanged_day_has_them():
    score = Score()
    score.add([5, 110, 500], Fault("x", 100, 200), clean=[500])
    assert (score.delays, score.false) == ([10], 1)
    score.add([], Fault("x", 100, 200), clean=[])
    assert (score.faults, score.delays) == (2, [10])


def test_the_table_has_a_row_for_each_judge_and_kind():
    watts, volts = days(2)
    table = table_of_faults(watts, volts, seeds=1)
    assert len(table.rows) == 2 * 7 + 2
    assert all(row[-1] == 0 for row in table.rows)


def test_without_recordings_the_benchmark_says_so(tmp_path: Path):
    told: list[str] = []
    assert line_tables(tmp_path, told.append) == [] and "left out" in told[0]
    with pytest.raises(CitywardError, match="no recorded traffic"):
        lighting_tables(tmp_path, told.append)

"""The bench of the watch: how signs on an attacked city are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cityward.adapters.bench.cities import City, cities, rehearsed
from cityward.adapters.bench.inject import Attack, Attacked, Series
from cityward.adapters.bench.tables import table_of
from cityward.adapters.bench.watch_baselines import THREE_SIGMA, WINDOWED_GAUSSIAN
from cityward.adapters.bench.watch_city import Made, begun, brought_about, facts, fed, known
from cityward.adapters.bench.watch_score import alarms, harm, incidents, quarantined_at, ranked
from cityward.adapters.bench.watch_tables import run
from cityward.errors import LinkError
from cityward.time import HOUR, MINUTE
from cityward.watch.contract import STEP_US, Phase, Sign
from watch.sample_town import sample_world

LOOP = 0
DETECTORS = {"three-sigma": THREE_SIGMA}


def town(rows: int = 600, pace_us: int = 5 * MINUTE) -> City:
    world = sample_world()
    value = np.full((rows, world.channels), np.nan)
    value[:, :4] = 20 + np.random.default_rng(1).uniform(-1, 1, (rows, 4))
    return City("town", Series(np.arange(rows, dtype=np.int64) * pace_us, value), world, rows // 2, rows // 2)


def sign(unit: int, at: int, kind: str = "three-sigma", score: float = 1.0, phase: Phase = Phase.BEGAN) -> Made:
    return Made("three-sigma", Sign(kind, unit, 0, at, at, score, phase))


def test_an_hourly_series_is_fed_as_steps_of_the_grid_without_a_gap() -> None:
    city = town(3, HOUR)
    fed_ = list(facts(city.series, None, 0, 3, learning=False))

    assert [step.at for _, step in fed_] == [n * STEP_US for n in range(1, 37)]
    assert [int(step.count.sum()) for _, step in fed_] == [4, *([0] * 11)] * 3
    assert [len(held) for held, _ in fed_ if held is not None] == [4, 4, 4]


def test_readings_of_a_fast_clock_stand_in_a_later_step_and_copies_are_sent_again() -> None:
    city = town(10)
    moved = np.zeros(city.series.value.shape, np.int64)
    copies = np.zeros(city.series.value.shape, np.int8)
    moved[2, 0], copies[3, 1] = 10 * MINUTE, 2
    fed_ = list(facts(city.series, Attacked(city.series.value, moved, copies, np.zeros(0)), 0, 10, learning=False))

    assert np.isnan(fed_[2][1].mean[0])
    assert fed_[4][1].mean[0] == city.series.value[2, 0]
    held = fed_[3][0]
    assert held is not None
    assert held.channel.tolist() == [0, 1, 1, 1, 2, 3]


def test_the_past_makes_no_signs_and_a_run_from_a_copy_makes_the_same() -> None:
    city = town()
    city.series.value[400:, LOOP] += 30
    start = begun(DETECTORS, city.world)
    assert not fed(start, city, None, 0, city.learned, learning=True)

    one = fed(start.copied(), city, None, city.learned, 600, learning=False)
    two = fed(start.copied(), city, None, city.learned, 600, learning=False)

    assert [m.sign.at for m in one if m.sign.channel == LOOP] == [401 * STEP_US]
    assert one == two
    assert brought_about(one, known(two)) == []


def test_the_windowed_gaussian_follows_what_stays() -> None:
    city = town(2000)
    city.series.value[700:, LOOP] += 30
    state = begun({"w": WINDOWED_GAUSSIAN}, city.world)
    signs = fed(state, city, None, 0, 2000, learning=False)

    assert [m.sign.phase for m in signs if m.sign.channel == LOOP] == [Phase.BEGAN, Phase.ENDED]


def test_signs_of_one_unit_within_a_day_are_one_alarm() -> None:
    signs = [sign(1, 0), sign(1, 20 * HOUR), sign(1, 30 * HOUR), sign(2, 0)]

    assert alarms(signs) == 3  # unit 1 at 0 and, more than a day later, at 30 h; unit 2


def test_what_begins_while_another_sign_of_the_unit_is_open_is_the_same_incident() -> None:
    ended = Phase.ENDED
    signs = [
        sign(1, 0, "a"),
        sign(1, 20 * HOUR, "a", phase=Phase.GOES_ON),
        sign(1, 40 * HOUR, "b"),  # more than a day after the first, which is open
        sign(1, 41 * HOUR, "a", phase=ended),
        sign(1, 42 * HOUR, "b", phase=ended),
        sign(1, 43 * HOUR, "a"),  # quiet for an hour: not closed yet
        sign(1, 44 * HOUR, "a", phase=ended),
        sign(1, 47 * HOUR, "a"),  # quiet for three: another
        sign(2, 0, "a"),
        sign(2, 30 * HOUR, "b"),  # nothing was heard of the first since a day: it ended at 24 h
    ]

    assert incidents(signs[:6]) == 1
    assert incidents(signs) == 4
    assert alarms([m for m in signs if m.sign.phase is Phase.BEGAN]) == 4


def test_the_unit_that_lost_most_trust_is_named_first() -> None:
    assert ranked([sign(3, 0, score=1.0), sign(5, 0, score=1.4), sign(-1, 0)], DETECTORS) == [5, 3]


def test_a_unit_is_quarantined_by_the_sign_that_takes_its_trust_below_half() -> None:
    signs = [sign(3, 7, score=0.5), sign(3, 9, score=1.0)]  # 0.6 x 0.5 = 0.3 lost, then 0.6

    assert quarantined_at(signs, 3, DETECTORS) == 9
    assert quarantined_at(signs, 4, DETECTORS) is None


def test_harm_is_the_share_of_time_a_lamp_is_dimmed_that_should_not_be() -> None:
    city = town()
    value = city.series.value.copy()
    value[400:500, LOOP] = 0.0  # always dimmed
    true = (city.series.value[400:500, LOOP] <= np.quantile(city.series.value[:300, LOOP], 0.25)).mean()
    attack = Attack("bias", -9.0, (LOOP,), 400, 500)
    what = Attacked(
        value, np.zeros(value.shape, np.int64), np.zeros(value.shape, np.int8), np.zeros(value.shape[1], np.int64)
    )

    off, on, vain = harm(city, attack, what, [sign(0, 450 * STEP_US)], DETECTORS)

    assert off == pytest.approx(1 - true)
    assert on < off * 0.7
    assert 0 < vain <= true
    assert harm(city, attack, what, [], DETECTORS) == (off, off, 0.0)


def test_sensor_months_leave_out_days_on_which_a_channel_was_silent() -> None:
    city = town(4 * 288)  # two days judged, four channels

    assert city.sensor_months == pytest.approx(8 / 30)


def test_a_rehearsal_never_sees_the_part_that_is_judged() -> None:
    city = town(1800)  # 900 rows, 3 days and 36 rows, are learned from
    again = rehearsed(city)
    assert len(again.series.at) == city.learned == 900
    assert again.learned == 2 * 288
    assert again.attacked == 900 - 2 * 288


def test_rows_of_any_make_become_a_table() -> None:
    table = table_of("t", [{"a": 1, "b": {"c": 0.5}}, {"a": 2}])

    assert table.head == ("a", "b c")
    assert table.rows == ((1, 0.5), (2, None))


def test_says_so_where_no_recorded_city_is(tmp_path: Path) -> None:
    with pytest.raises(LinkError):
        run(tmp_path, lambda _: None)


def test_a_city_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(LinkError):
        list(cities(tmp_path, ("metro",)))

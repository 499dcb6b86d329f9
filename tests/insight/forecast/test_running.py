"""An hour's turn of a declared forecast: what is made, thrown away, settled and scored."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from cityward.insight.accuracy import Choice, KeptAccuracy, Score
from cityward.insight.forecast.device import Past
from cityward.insight.forecast.running import NOTHING_READ, Running, forecasts_of
from cityward.insight.marks import Mark, MarkState
from cityward.place.registry import number
from cityward.place.services import Forecast
from cityward.time import DAY, HOUR
from places import tiny_place

NOW = 20_000 * DAY
PLACE = msgspec.structs.replace(
    tiny_place(), forecasts={"levels": Forecast(devices=("lamp",), property="lamp-level", horizon_hours=6)}
)
REGISTRY = number(PLACE)
(LEVELS,) = forecasts_of(PLACE, REGISTRY)
FIRST_LAMP = LEVELS.series[0].unit


def level(at: int) -> float:
    """80 by night, 20 by day, and a ripple that never repeats within a month."""
    hour = at // HOUR % 24
    return (80.0 if hour >= 18 or hour < 6 else 20.0) + (at // HOUR * 7919 % 101) / 50


def past(until: int, days: int = 14, without: frozenset[int] = frozenset()) -> Past:
    """Hourly levels of every lamp of the forecast but those `without`."""
    times = np.arange(until - days * DAY, until, HOUR, dtype=np.int64)
    channels = [c for c in LEVELS.channels if c not in without]
    values = np.array([level(int(at)) for at in times])
    return (
        np.repeat(channels, len(times)).astype(np.int32),
        np.tile(times, len(channels)),
        np.tile(values, len(channels)),
    )


def test_the_declaration_names_the_members_of_a_group() -> None:
    assert [one.unit for one in LEVELS.series] == [u.id for u in REGISTRY.units if u.group == "lamp"]
    assert LEVELS.ahead_us == 6 * HOUR


def test_each_series_is_said_by_one_model_as_far_as_declared() -> None:
    running = Running(LEVELS)
    settled = running.settle(running.make(past(NOW), (), {}, NOW))
    mine = [one for one in settled.estimates if one.subject == FIRST_LAMP]
    assert [(one.at - one.made_at) // HOUR for one in mine] == [1, 2, 3, 4, 5, 6]
    assert {one.model for one in mine} == {"profile-ar"}
    assert mine[0].value == pytest.approx(80, abs=4)  # midnight
    assert not settled.silent


def test_what_came_is_scored_but_for_the_newest_step() -> None:
    """Made at 23:00 for 00:00 to 05:00 1, 2, 4 and 6 hours ahead are scored; at 05:00 the step of 04:00 may be under way:
    00:00, 01:00 and 03:00 came."""
    running = Running(LEVELS)
    running.settle(running.make(past(NOW), (), {}, NOW))
    later = NOW + 5 * HOUR
    settled = running.settle(running.make(past(later), (), {}, later))
    assert settled.scored == 3 * 3 * len(LEVELS.series)  # of three models
    ahead = [
        one.horizon_us // HOUR for one in running.accuracy.scores(FIRST_LAMP, "lamp-level") if one.model == "pooled"
    ]
    assert ahead == [1, 2, 4]


def test_what_is_made_and_not_settled_leaves_nothing() -> None:
    running = Running(LEVELS)
    running.make(past(NOW), (), {}, NOW)
    later = NOW + 5 * HOUR
    assert running.settle(running.make(past(later), (), {}, later)).scored == 0


def test_a_device_that_is_not_believed_is_silent_and_no_neighbour() -> None:
    running = Running(LEVELS)
    made = running.make(past(NOW), (), {FIRST_LAMP: "quarantined"}, NOW)
    assert FIRST_LAMP not in {one.subject for one in made.said}
    assert [(one.series.unit, one.why) for one in made.silent] == [(FIRST_LAMP, "the device is quarantined")]
    assert 0 not in made.columns


def test_a_series_without_a_past_is_silent() -> None:
    made = Running(LEVELS).make(past(NOW, without=frozenset(LEVELS.channels[:1])), (), {}, NOW)
    assert [(one.series.unit, one.why) for one in made.silent] == [(FIRST_LAMP, NOTHING_READ)]
    nothing = past(NOW, without=frozenset(LEVELS.channels))
    assert not Running(LEVELS).make(nothing, (), {}, NOW).said


def test_gaps_stay_gaps_and_are_told_as_missing() -> None:
    channel, at, value = past(NOW)
    kept = at < NOW - 3 * HOUR
    made = Running(LEVELS).make((channel[kept], at[kept], value[kept]), (), {}, NOW)
    assert made.said[0].missing == pytest.approx(3 / 6)  # of the six newest steps


def test_a_few_readings_are_silence_and_no_fault() -> None:
    for hours in (1, 2, 30):
        channel, at, value = past(NOW)
        kept = at >= NOW - hours * HOUR
        made = Running(LEVELS).make((channel[kept], at[kept], value[kept]), (), {}, NOW)
        assert not made.said
        assert len(made.silent) == len(LEVELS.series)


def test_new_marks_are_learned_from_at_once() -> None:
    running = Running(LEVELS)
    before = running.make(past(NOW), (), {}, NOW).said
    channel, at, value = past(NOW)
    rowed = at >= NOW - 7 * DAY
    mark = Mark(id="m", device=FIRST_LAMP, since=0, until=NOW - 7 * DAY, state=MarkState.SUSPECT)
    again = running.make((channel[rowed], at[rowed], value[rowed] / 2), (mark,), {}, NOW).said
    assert before[0].value > 1.5 * again[0].value


def test_the_model_that_was_better_speaks_after_a_restart_and_strangers_are_forgotten() -> None:
    score = Score(subject="gone", property="lamp-level", model="pooled", horizon_us=HOUR, count=1, weight=1.0)
    choices = tuple(Choice(subject=u, property="lamp-level", model="pooled") for u in (FIRST_LAMP, "gone"))
    running = Running(LEVELS, KeptAccuracy(scores=(score,), choices=choices))
    settled = running.settle(running.make(past(NOW), (), {}, NOW))
    assert {one.model for one in settled.estimates if one.subject == FIRST_LAMP} == {"pooled"}
    kept = running.accuracy.keep()
    assert not kept.scores
    assert "gone" not in {one.subject for one in kept.choices}

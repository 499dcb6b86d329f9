"""A lighting line's meter, held to what the line usually draws: nights made by hand."""

from __future__ import annotations

import msgspec
import pytest

from cityward.services.contract import MOST_MEMORY
from cityward.services.lighting.lines import LineRules, Sample, Wanted, lamps_missing, looked_at, told, usual_band
from cityward.services.lighting.memory import LineMemory, Suspicion
from cityward.time import DAY, MINUTE

RULES = LineRules(lamp_w=100, low_v=207, high_v=253, confirm_us=7 * MINUTE)
ON, OFF = 18 * 60, 30 * 60  # minutes: six in the evening to six in the morning


def usual_w(minute: int) -> float:
    """Twenty lamps of 100 W, half of each from ten at night; by day nothing."""
    if not ON <= minute < OFF:
        return 0.0
    return 2000.0 if minute < 22 * 60 else 1000.0


class Line:
    """Minutes of a line, one sample each; `found` keeps the first minute at which each kind was told."""

    def __init__(self, nights: int = 0) -> None:
        self.memory, self.found = LineMemory(), dict[str, int]()
        for night in range(nights):
            self.run(night, 12 * 60, 36 * 60)

    def run(
        self, night: int, first: int, last: int, less: float = 0.0, more: float = 0.0, volts: float = 230.0
    ) -> Line:
        for minute in range(first, last):
            wanted: Wanted = "on" if ON + 10 <= minute < OFF - 10 else "off"
            if abs(minute - ON) < 10 or abs(minute - OFF) < 10:
                wanted = "either"
            watts = max(0.0, usual_w(minute) - less) + more
            self.memory = looked_at(self.memory, Sample(night * DAY + minute * MINUTE, watts, volts, wanted), RULES)
            for kind in told(self.memory):
                self.found.setdefault(kind, minute)
        return self


def test_usual_nights_are_told_nothing_of():
    assert Line(nights=4).found == {}


def test_a_lost_lamp_is_told_within_ten_minutes_and_counted():
    line = Line(nights=2).run(2, 12 * 60, 20 * 60)
    line.run(2, 20 * 60, 21 * 60, less=100)
    assert line.found == {"lost": pytest.approx(20 * 60 + 10, abs=2)}  # the median turns after 3, 7 to confirm
    assert lamps_missing(line.memory.suspected["lost"], RULES) == 1


def test_a_lamp_that_is_mended_is_no_longer_told():
    line = Line(nights=2).run(2, 12 * 60, 20 * 60).run(2, 20 * 60, 21 * 60, less=100).run(2, 21 * 60, 21 * 60 + 20)
    assert told(line.memory) == {}


def test_a_lamp_lost_stays_told_through_the_step_of_the_clock():
    line = Line(nights=2).run(2, 12 * 60, 20 * 60).run(2, 20 * 60, 23 * 60, less=100)
    assert list(told(line.memory)) == ["lost"]


def test_a_line_that_burns_by_day_is_told_even_on_the_first_day():
    line = Line().run(0, 36 * 60 - 120, 36 * 60, more=100)
    assert line.found.keys() <= {"late-off", "day-burner"} and "day-burner" in told(line.memory)


def test_a_switch_half_an_hour_late_is_told_in_the_evening_and_in_the_morning():
    evening = Line(nights=1).run(1, 12 * 60, ON).run(1, ON, ON + 30, less=2000)
    assert evening.found == {"late-on": ON + 17}
    morning = Line(nights=1).run(1, 12 * 60, OFF).run(1, OFF, OFF + 30, more=1000)
    assert morning.found == {"late-off": OFF + 17}


def test_a_line_that_stays_out_all_night_is_dark():
    line = Line(nights=1).run(1, 12 * 60, ON).run(1, ON, ON + 120, less=2000)
    assert "dark" in told(line.memory)


def test_power_that_nobody_asked_for_is_told():
    line = Line(nights=2).run(2, 12 * 60, 20 * 60).run(2, 20 * 60, 21 * 60, more=400)
    assert list(told(line.memory)) == ["more"]


def test_voltage_beyond_its_bounds_is_told_and_a_short_dip_is_not():
    assert list(told(Line().run(0, 20 * 60, 20 * 60 + 9, volts=200).memory)) == ["voltage"]
    assert told(Line().run(0, 20 * 60, 20 * 60 + 5, volts=200).run(0, 20 * 60 + 5, 20 * 60 + 9).memory) == {}


def test_what_the_lamps_were_told_is_expected_before_what_is_usual():
    memory = LineMemory()
    for minute in range(20 * 60, 21 * 60):
        sample = Sample(minute * MINUTE, 1700.0, None, "on", expected_w=(1900.0, 2100.0))
        memory = looked_at(memory, sample, RULES)
    assert list(told(memory)) == ["lost"]


def test_missing_samples_neither_tell_nor_teach():
    memory = looked_at(LineMemory(), Sample(20 * 60 * MINUTE, None, None, "on"), RULES)
    assert memory.suspected == {} and memory.usual == ()
    memory = looked_at(memory, Sample(20 * 60 * MINUTE, float("nan"), float("nan"), "on"), RULES)
    assert memory.suspected == {}


def test_memory_is_bounded_and_the_same_as_json():
    memory = Line(nights=3).memory
    body = msgspec.json.encode(memory)
    assert 32 * len(body) < MOST_MEMORY and msgspec.json.decode(body, type=LineMemory) == memory
    assert usual_band(memory.usual, 23 * 60 * MINUTE) == (1000.0, 1000.0)


def test_a_suspicion_of_the_future_is_begun_anew():
    line = Line(nights=2)
    ahead = Suspicion(kind="late-off", since=DAY * 999, seen=1, expected=0, told=True)
    line.memory = msgspec.structs.replace(line.memory, suspected={"late-off": ahead})
    line.run(2, 12 * 60, 12 * 60 + 2, more=100)
    assert not told(line.memory).get("late-off")

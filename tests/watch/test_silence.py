"""Silence that the city itself brought about is no finding; what comes after it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cityward.place.registry import NEVER_BARRED
from cityward.time import DAY, HOUR, SECOND
from cityward.watch.contract import STEP_US, Phase, Sign, Step
from cityward.watch.detectors.silence import DETECTOR
from cityward.watch.world import World
from watch.sample_town import sample_world

START = 1_800_000_000 * SECOND // DAY * DAY
TIDE, RING = "tide", ("ring-loops-01", "ring-loops-02", "ring-loops-03", "ring-loops-04")
Quiet = Callable[[float], bool]


def barring(*bars: tuple[str, float, float | None]) -> World:
    """The sample town, with (unit, from, until) in days from the start."""
    world = sample_world()
    start, end = world.registry.unit_barred_from.copy(), world.registry.unit_barred_until.copy()
    for unit, since, until in bars:
        row = world.registry.unit_index[unit]
        start[row, 0] = START + int(since * DAY)
        end[row, 0] = NEVER_BARRED if until is None else START + int(until * DAY)
    return replace(world, registry=replace(world.registry, unit_barred_from=start, unit_barred_until=end))


def signs(world: World, days: float, quiet: dict[str, Quiet]) -> list[Sign]:
    """All speak every step, but those of `quiet` at the times (days) it names."""
    state, out = DETECTOR.begin(world), []
    unit = world.registry.channel_unit
    for n in range(int(days * DAY / STEP_US)):
        count = np.ones(world.channels, dtype=np.int32)
        for name, says in quiet.items():
            if says(n * STEP_US / DAY):
                count[unit == world.registry.unit_index[name]] = 0
        value = np.where(count > 0, 1.0, np.nan)
        out += DETECTOR.step(state, Step(START + (n + 1) * STEP_US, value, value, count), world)
    return out


def told(found: list[Sign]) -> list[tuple[str, Phase]]:
    return [(sign.kind, sign.phase) for sign in found if sign.phase is not Phase.GOES_ON]


def test_a_device_that_falls_silent_is_called() -> None:
    assert told(signs(barring(), 4.5, {TIDE: lambda day: day >= 4})) == [("unit-silent", Phase.BEGAN)]


def test_a_device_that_the_city_keeps_out_is_not_called_silent() -> None:
    assert signs(barring((TIDE, 4, None)), 6, {TIDE: lambda day: day >= 4}) == []


def test_a_silence_ends_when_the_city_keeps_the_device_out() -> None:
    found = signs(barring((TIDE, 4.5, None)), 6, {TIDE: lambda day: day >= 4})
    assert told(found) == [("unit-silent", Phase.BEGAN), ("unit-silent", Phase.ENDED)]
    assert found[-1].at - (START + int(4.5 * DAY)) <= STEP_US


def test_it_has_an_hour_to_come_back_and_is_called_when_it_does_not() -> None:
    world = barring((TIDE, 4, 5))
    assert signs(world, 6, {TIDE: lambda day: 4 <= day < 5 + 1 / 24}) == []
    (sign,) = [s for s in signs(world, 5.2, {TIDE: lambda day: day >= 4}) if s.phase is Phase.BEGAN]
    assert START + 5 * DAY < sign.began_at <= START + 5 * DAY + 2 * HOUR


def test_what_it_was_kept_out_teaches_it_no_longer_gaps() -> None:
    found = signs(barring((TIDE, 4, 5)), 7.2, {TIDE: lambda day: 4 <= day < 5 or day >= 7})
    assert [(s.kind, s.at <= START + 7 * DAY + HOUR) for s in found if s.phase is Phase.BEGAN] == [
        ("unit-silent", True)
    ]


def test_a_supplier_that_was_cut_off_makes_no_silent_flow_and_one_member_left_is_still_seen() -> None:
    away: dict[str, Quiet] = {unit: lambda day: day >= 4 for unit in RING}
    assert signs(barring(*((unit, 4, None) for unit in RING)), 5, away) == []
    found = signs(barring(*((unit, 4, None) for unit in RING[:3])), 5, away)
    assert told(found) == [("unit-silent", Phase.BEGAN)]
    assert found[0].unit == sample_world().registry.unit_index[RING[3]]


def test_a_silent_flow_that_is_cut_off_ends() -> None:
    found = signs(barring(*((unit, 4.5, None) for unit in RING)), 5, {unit: lambda day: day >= 4 for unit in RING})
    assert told(found) == [("many-silent", Phase.BEGAN), ("many-silent", Phase.ENDED)]


def test_a_device_that_comes_and_goes_is_told_of_once_more_until_it_has_spoken_for_a_day() -> None:
    quiet = [(4.0, 4.1), (4.3, 4.4), (4.8, 4.9), (5.6, 5.7)]

    found = signs(barring(), 7, {TIDE: lambda day: any(begins <= day < ends for begins, ends in quiet)})

    began, ended = ("unit-silent", Phase.BEGAN), ("unit-silent", Phase.ENDED)
    assert told(found) == [began, ended, began, ended]
    assert found[-1].at == pytest.approx(START + 6.7 * DAY, abs=2 * STEP_US)  # a day after the last of four


def test_a_device_that_falls_silent_a_second_day_later_is_called_anew_and_back_at_once() -> None:
    quiet = [(4.0, 4.1), (5.5, 5.6)]

    found = signs(barring(), 6, {TIDE: lambda day: any(begins <= day < ends for begins, ends in quiet)})

    assert [sign.phase for sign in found] == [Phase.BEGAN, Phase.ENDED, Phase.BEGAN, Phase.ENDED]
    assert found[-1].at == pytest.approx(START + 5.6 * DAY, abs=2 * STEP_US)

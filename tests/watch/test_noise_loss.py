"""Noise that is gone or new: what is usual is not learned from an attack, and what a channel does by nature is not called."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cityward.time import DAY, HOUR, SECOND
from cityward.watch.contract import STEP_US, Phase, Sign, Step
from cityward.watch.detectors.noise_loss import DETECTOR
from watch.sample_town import sample_world

WORLD = sample_world()
LOOP = WORLD.registry.channel_by_property[(WORLD.registry.unit_index["ring-loops-01"], "vehicle-speed")]
POWER = WORLD.registry.channel_by_property[(WORLD.registry.unit_index["lamps-01"], "lamp-power")]
START = 1_800_000_000 * SECOND // DAY * DAY
Size = Callable[[float], float]


def steps(size: Size, days: float, learning: float = 0.0, channel: int = LOOP) -> Iterator[Step]:
    """A channel at 20 with white noise of the size that `size` says of a time in days; the first days are the past."""
    draw = np.random.default_rng(5)
    for n in range(int(days * DAY / STEP_US)):
        day = n * STEP_US / DAY
        value = np.full(WORLD.channels, np.nan)
        value[channel] = 20 + size(day) * draw.standard_normal()
        count = np.isfinite(value).astype(np.int32)
        yield Step(START + (n + 1) * STEP_US, value, value, count, learning=day < learning)


def signs(size: Size, days: float, learning: float = 0.0, channel: int = LOOP) -> list[Sign]:
    state = DETECTOR.begin(WORLD)
    return [sign for step in steps(size, days, learning, channel) for sign in DETECTOR.step(state, step, WORLD)]


def test_noise_that_goes_is_called_within_hours_with_the_time_it_went() -> None:
    (sign, *more) = signs(lambda day: 1.0 if day < 6 else 0.02, 7)
    assert {one.phase for one in more} == {Phase.GOES_ON}
    assert (sign.kind, sign.phase, sign.channel) == ("noise-lost", Phase.BEGAN, LOOP)
    assert abs(sign.began_at - (START + 6 * DAY)) <= 3 * HOUR
    assert sign.at - (START + 6 * DAY) <= 8 * HOUR


def test_a_day_of_stirred_noise_in_the_past_makes_ordinary_noise_no_loss() -> None:
    def stirred(day: float) -> float:
        return 12.0 if 2 <= day < 3 else 1.0

    assert signs(stirred, 8, learning=4) == []
    state = DETECTOR.begin(WORLD)
    for step in steps(stirred, 6, learning=4):
        DETECTOR.step(state, step, WORLD)
    # the second difference of white noise of size 1 is 0.8 x sqrt(6) in the mean
    assert abs(state.usual[LOOP] / 1.95 - 1) < 0.15


def test_what_was_called_teaches_nothing() -> None:
    found = signs(lambda day: 12.0 if 5 <= day < 8 else 1.0, 11)
    assert [(sign.kind, sign.phase) for sign in found if sign.phase is not Phase.GOES_ON] == [
        ("noise-gained", Phase.BEGAN),
        ("noise-gained", Phase.ENDED),
    ]


def test_what_it_did_on_two_days_apart_is_its_nature_and_on_one_is_not() -> None:
    def at(*days: float) -> Size:
        return lambda now: 0.05 if any(day <= now < day + 0.4 for day in days) else 1.0

    assert signs(at(2.3, 5.3, 9.5), 10, learning=8) == []
    assert [sign.kind for sign in signs(at(5.3, 9.5), 9.9, learning=8)] == ["noise-lost"]


def test_a_change_that_stays_is_told_once_and_then_learned() -> None:
    found = signs(lambda day: 1.0 if day < 4 else 0.1, 22)
    assert [sign.phase for sign in found if sign.phase is not Phase.GOES_ON] == [Phase.BEGAN, Phase.ENDED]
    assert 14 * DAY <= found[-1].at - found[-1].began_at < 15 * DAY


def test_the_power_of_a_lamp_is_not_judged() -> None:
    assert signs(lambda day: 1.0 if day < 5 else 0.02, 7, channel=POWER) == []

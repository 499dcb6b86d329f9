"""Adaptive resonance at one scale, agreement and rest, and the detector on the grid, worked out on small cases."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.time import DAY, HOUR
from cityward.watch.contract import STEP_US, Phase, Step
from cityward.watch.detectors.resonance import CALLS_BITS, DETECTOR, LENGTHS, span_of
from cityward.watch.detectors.resonance.octave import BOXES, INFANCY, REMEMBERED, UNUSED, Octave, meet, new_octave
from cityward.watch.detectors.resonance.rest import AGAIN, FADES, agreed, heed
from watch.sample_town import sample_world

ONE = np.array([0])
SPAN = np.ones(1)


def met(octave: Octave, *levels: float) -> list[float]:
    """Bits of blocks that stand still at these levels, one after the other."""
    return [float(meet(octave, ONE, np.full((1, 3), level), SPAN)[0]) for level in levels]


def boxes(octave: Octave) -> int:
    return int((octave.used[0] != UNUSED).sum())


def test_what_lies_inside_a_box_resonates_and_is_no_news():
    octave = new_octave(1)
    assert met(octave, 0.5, 0.6, 0.55)[2] == 0.0
    assert boxes(octave) == 1


def test_a_box_grows_to_the_vigilance_and_no_further():
    octave = new_octave(1)
    met(octave, 0.5, 0.69)
    assert (boxes(octave), octave.low[0, 0, 0], octave.high[0, 0, 0]) == (1, 0.5, np.float32(0.69))
    met(octave, 0.72)  # 0.22 of the span
    assert boxes(octave) == 2


def test_novelty_is_the_distance_to_the_nearest_box_in_shares_of_the_span():
    octave = new_octave(1)
    met(octave, *[0.5] * (INFANCY + 1))
    meet(octave, ONE, np.array([[0.2, 0.5, 0.5]]), np.array([2.0]))
    # off by 0.3 on one of three sides
    assert octave.newest[0] == pytest.approx(0.3 / np.sqrt(3) / 2)


def test_the_box_longest_unused_makes_room():
    octave = new_octave(1)
    wide = np.array([1000.0])
    for n in range(BOXES + 1):
        meet(octave, ONE, np.full((1, 3), 300.0 * n), wide)
    assert boxes(octave) == BOXES
    assert octave.low[0, 0].min() == 300.0  # the first box, at 0, is gone


def test_rarity_is_the_share_of_the_past_that_was_as_new():
    octave = new_octave(1)
    met(octave, *[0.5] * (INFANCY + 14))
    # 14 tallied blocks, none new: 1 of 16 with itself and one more
    assert met(octave, 0.9)[0] == pytest.approx(4.0)


def test_beyond_the_newest_each_doubling_is_a_bit():
    octave = new_octave(1)
    met(octave, *[0.5] * (INFANCY + 14), 1.0)  # 15 tallied, the newest 0.5 of the span
    assert met(octave, 3.0)[0] == pytest.approx(np.log2(17) + 2.0)  # 2.0 away from the nearest box: twice doubled


def test_the_infancy_is_learned_but_not_tallied():
    octave = new_octave(1)
    met(octave, *np.linspace(0, 9, INFANCY).tolist())
    assert octave.tally.sum() == 0
    assert octave.newest[0] == 0.0
    assert boxes(octave) > 1


def test_a_tally_is_halved_and_does_not_grow_for_ever():
    octave = new_octave(1)
    octave.blocks[:] = REMEMBERED - 1
    octave.tally[0, 0] = REMEMBERED - 1 - INFANCY
    met(octave, 0.5)
    assert octave.tally.sum() == (REMEMBERED - INFANCY) // 2
    assert octave.blocks[0] == INFANCY + octave.tally.sum()


def test_channels_do_not_touch_each_other():
    both, alone = new_octave(2), new_octave(1)
    rng = np.random.default_rng(2)
    for _ in range(60):
        block = np.sort(rng.random((2, 3)), axis=1)
        together = meet(both, np.array([0, 1]), block, np.ones(2))
        assert meet(alone, ONE, block[1:], SPAN)[0] == together[1]


def test_the_scales_with_the_most_bits_are_averaged():
    bits = np.array([[9.0], [0.0], [3.0], [6.0], [1.0]])
    assert agreed(bits).tolist() == [6.0]


def test_after_a_call_the_next_must_be_rarer_until_it_has_faded():
    level = np.zeros(1)
    assert heed(level, np.array([6.0]), 0.0)[0] == 6.0
    assert heed(level, np.array([6.0 + AGAIN]), 0.0)[0] == 0.0  # just as rare as asked is not rarer
    level[:] = 6.0
    assert heed(level, np.array([6.0]), (AGAIN + 0.1) / FADES)[0] == 0.0  # fades after it was looked at
    assert heed(level, np.array([6.0]), 0.0)[0] == 0.0
    level[:] = 6.0
    heed(level, np.zeros(1), 1.0)
    assert heed(level, np.array([6.0]), 0.0)[0] == 6.0


def steps(values: np.ndarray, channel: int, first: int = 0):
    world = sample_world()
    for n, value in enumerate(values, start=first + 1):
        mean = np.full(world.channels, np.nan)
        mean[channel] = value
        yield Step(n * STEP_US, mean, mean, np.isfinite(mean).astype(np.int32))


def usual(days: int) -> np.ndarray:
    n = np.arange(days * 288)
    return 20 + 5 * np.sin(n * 2 * np.pi / 288) + np.random.default_rng(3).normal(0, 0.3, len(n))


def test_a_month_of_the_same_is_quiet_and_what_never_was_is_called_within_the_declared_delay():
    world, state = sample_world(), DETECTOR.begin(sample_world())
    values = np.append(usual(60), np.full(36, 60.0))
    signs = [sign for step in steps(values, 0) for sign in DETECTOR.step(state, step, world)]
    assert [s.phase for s in signs][:1] == [Phase.BEGAN]
    begins = 60 * DAY
    assert begins < signs[0].at <= begins + DETECTOR.card.kinds[0].delay_us
    assert abs(signs[0].began_at - begins) <= 4 * HOUR
    assert signs[0].score >= 1
    assert "60" in signs[0].facts["seen"]


def test_signs_are_not_made_while_the_past_is_read_again():
    world, state = sample_world(), DETECTOR.begin(sample_world())
    for step in steps(np.append(usual(60), np.full(36, 60.0)), 0):
        learning = Step(step.at, step.mean, step.newest, step.count, learning=True)
        assert DETECTOR.step(state, learning, world) == ()


def test_states_of_lamps_are_not_looked_at():
    world, state = sample_world(), DETECTOR.begin(sample_world())
    lamp = int(np.flatnonzero(world.state)[0])
    for step in steps(usual(1), lamp):
        DETECTOR.step(state, step, world)
    assert all(octave.blocks[lamp] == 0 for octave in state.octaves)


def test_the_span_draws_in_after_a_wild_value():
    world, state = sample_world(), DETECTOR.begin(sample_world())
    values = np.append([20.0, 30.0, 10_000.0], np.full(90 * 288, 25.0))
    for step in steps(values, 0):
        DETECTOR.step(state, step, world)
    assert span_of(state, ONE)[0] == pytest.approx(9_975 * np.exp(-90 / 60), rel=0.01)  # the lower end stays at 25


def test_a_channel_holds_about_5_kilobytes():
    world, state = sample_world(), DETECTOR.begin(sample_world())
    arrays = [a for octave in state.octaves for a in (octave.low, octave.high, octave.wide, octave.used, octave.tally)]
    assert sum(a.nbytes for a in arrays) / world.channels < 5_200
    assert len(state.octaves) == len(LENGTHS)
    assert DETECTOR.card.parameters["calls_bits"] == CALLS_BITS

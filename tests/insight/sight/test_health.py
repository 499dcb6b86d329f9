"""Troubles from measures worked out by hand: five pictures a second of a street, then something happens to the camera."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from cityward.insight.sight.health import Health, judged, repeats
from cityward.insight.sight.seen import Measures, Trouble

USUAL = Measures(
    light=110.0,
    contrast=40.0,
    sharpness=400.0,
    moved=0.02,
    likeness=0.9,
    shift_x=0.0,
    shift_y=0.0,
    fingerprint=0,
    noise=1.5,
)


def lived(seconds: float, health: Health | None = None, wall_rate: float = 1.0, **changed: float) -> list[Health]:
    """One memory for each picture; the fingerprints are chance."""
    health = health or Health()
    rng, start, told = np.random.default_rng(health.pictures), health.at_s, []
    for n in range(1, round(seconds * 5) + 1):
        prints = int(rng.integers(0, 2**63))
        at_s = start + n / 5
        health = judged(
            health, msgspec.structs.replace(USUAL, **{"fingerprint": prints, **changed}), at_s, at_s * wall_rate
        )
        told.append(health)
    return told


CASES: list[tuple[Trouble, dict[str, float]]] = [
    ("black", {"light": 3.0, "contrast": 1.0, "sharpness": 0.5, "likeness": 0.0}),
    ("covered", {"contrast": 8.0, "likeness": 0.05}),
    ("defocused", {"sharpness": 40.0, "likeness": 0.7}),
    ("re-aimed", {"likeness": 0.2}),
    ("re-aimed", {"likeness": 0.6, "shift_x": 0.08}),
    ("frozen", {"noise": 0.0}),
]


@pytest.mark.parametrize(("trouble", "changed"), CASES, ids=str)
def test_tells_the_trouble_and_no_other_within_eleven_seconds(trouble: Trouble, changed: dict[str, float]) -> None:
    usual = lived(60)[-1]
    assert lived(11, usual, **changed)[-1].troubles == (trouble,)


@pytest.mark.parametrize(("trouble", "changed"), CASES, ids=str)
def test_the_trouble_ends_some_seconds_after_its_cause(trouble: Trouble, changed: dict[str, float]) -> None:
    after = lived(6, lived(11, lived(60)[-1], **changed)[-1])
    assert after[0].troubles == (trouble,)
    assert after[-1].troubles == ()


def test_says_nothing_of_an_hour_in_which_nothing_happens() -> None:
    assert not any(h.troubles for h in lived(300))


def test_a_bus_before_the_camera_for_a_second_is_no_trouble() -> None:
    assert not any(h.troubles for h in lived(1.4, lived(60)[-1], contrast=8.0, likeness=0.05))


def test_light_that_dims_is_no_defocus() -> None:
    """Half the light: half the contrast, a quarter of the variance of the Laplacian."""
    assert lived(20, lived(60)[-1], light=55.0, contrast=20.0, sharpness=100.0)[-1].troubles == ()


def test_a_clock_that_runs_away_is_told_and_one_that_is_merely_off_is_not() -> None:
    assert lived(300, wall_rate=1.0)[-1].troubles == ()
    assert lived(300, wall_rate=1.1)[-1].troubles == ("drifting",)  # five seconds are lost in 50 s


def test_a_run_that_comes_again_is_a_loop_and_a_quiet_street_is_none() -> None:
    once = tuple(int(n) for n in np.random.default_rng(1).integers(0, 2**63, 80))
    assert not repeats(once)
    assert repeats(once + once[:20])
    assert not repeats((7,) * 200)


def test_the_memory_is_bounded() -> None:
    assert len(lived(200)[-1].prints) == 512


def test_a_still_that_is_coded_anew_is_frozen_and_not_looped() -> None:
    """It trembles, so its noise is not nothing; one run of fingerprints like another is what a still has."""
    told = lived(11, lived(60)[-1], same=True, noise=0.4)
    assert told[-1].troubles == ("frozen",)
    assert all("looped" not in one.troubles for one in told)


def test_a_street_that_was_still_for_long_is_frozen_only_after_twice_as_long() -> None:
    usual = lived(20, lived(30, lived(60)[-1], same=True, noise=0.4)[-1])
    assert usual[-1].troubles == ()
    told = lived(70, usual[-1], same=True, noise=0.4)
    assert [one.troubles for one in (told[50 * 5], told[-1])] == [(), ("frozen",)]


def test_stillness_of_an_hour_delays_what_is_told_by_two_minutes_at_most() -> None:
    usual = lived(20, lived(600, lived(60)[-1], same=True, noise=0.4)[-1])
    assert lived(125, usual[-1], same=True, noise=0.4)[-1].troubles == ("frozen",)


def test_most_of_the_view_hidden_is_covered_and_not_aimed_anew() -> None:
    assert lived(11, lived(60)[-1], hidden=0.7, likeness=0.2)[-1].troubles == ("covered",)
    assert lived(11, lived(60)[-1], hidden=0.4, likeness=0.2)[-1].troubles == ("re-aimed",)

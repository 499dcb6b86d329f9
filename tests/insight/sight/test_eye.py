"""The eye on pictures worked out by hand: a grey street with texture, and squares that move across it."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.errors import DecodeError, PlaceError
from cityward.insight.sight.covering import pixelated
from cityward.insight.sight.eye import LEARNED, Eye, EyeSettings
from cityward.insight.sight.finding import CASCADES, finders_of
from cityward.insight.sight.seen import Seen
from cityward.place.cameras import CountLine

HEIGHT, WIDTH = 120, 160
MIDDLE = CountLine(begin=(0.5, 0.0), end=(0.5, 1.0))  # downwards: its right hand is the picture's left side
CLIP = Path(__file__).parents[3] / "examples/doggerford/video/square-1.mp4"


def street(seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rough = cv2.resize(rng.integers(60, 140, (15, 20), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    return np.repeat(rough[:, :, None], 3, axis=2)


def with_square(x: int, y: int = 50, width: int = 16, height: int = 24) -> np.ndarray:
    image = street()
    image[max(y, 0) : y + height, max(x, 0) : max(x + width, 0)] = (20, 30, 230)
    return image


def learned_eye(**counts: CountLine) -> Eye:
    eye = Eye(EyeSettings(counts=counts))
    for n in range(LEARNED):
        assert eye.look(street(), n / 5).learning
    return eye


def walk(eye: Eye, places: range) -> list[Seen]:
    return [eye.look(with_square(x), LEARNED / 5 + n / 5) for n, x in enumerate(places)]


def passed(seen: list[Seen]) -> tuple[int, int]:
    return sum(p.forward for s in seen for p in s.passed), sum(p.back for s in seen for p in s.passed)


def test_counts_one_that_passes_to_the_right_hand_as_forward() -> None:
    assert passed(walk(learned_eye(middle=MIDDLE), range(130, 10, -6))) == (1, 0)


def test_counts_one_that_passes_to_the_left_hand_as_back() -> None:
    assert passed(walk(learned_eye(middle=MIDDLE), range(10, 130, 6))) == (0, 1)


def test_counts_nothing_that_turns_before_the_line() -> None:
    eye = learned_eye(middle=MIDDLE)
    there = [eye.look(with_square(x), 4 + n / 5) for n, x in enumerate([*range(10, 58, 6), *range(58, 10, -6)])]
    assert passed(there) == (0, 0)


def test_does_not_count_beyond_the_ends_of_the_line() -> None:
    short = CountLine(begin=(0.5, 0.8), end=(0.5, 1.0))
    assert passed(walk(learned_eye(low=short), range(10, 130, 6))) == (0, 0)


def test_boxes_lie_on_what_moves_and_keep_their_track() -> None:
    seen = walk(learned_eye(), range(10, 130, 6))[4:]
    assert {len(s.boxes) for s in seen} == {1}
    assert len({s.boxes[0].track for s in seen}) == 1
    centre = seen[-1].boxes[0].x + seen[-1].boxes[0].width / 2
    assert centre == pytest.approx((124 + 8) / WIDTH, abs=0.03)


def test_covers_everything_until_it_has_learned() -> None:
    eye = Eye(EyeSettings())
    noise = np.random.default_rng(3).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    assert (eye.covered(noise) != noise).any(axis=2).mean() > 0.95
    eye.look(noise, 0.0)
    assert (eye.covered(noise) != noise).any(axis=2).mean() > 0.95


def test_covers_what_moves_and_leaves_the_street() -> None:
    eye = learned_eye()
    walk(eye, range(10, 60, 6))
    image = with_square(58)
    covered = eye.covered(image)
    assert (covered[50:74, 58:74] != image[50:74, 58:74]).any(axis=2).all()
    assert (covered[:, 110:] == image[:, 110:]).all()


def test_covers_what_is_new_in_a_picture_that_was_not_looked_at() -> None:
    eye = learned_eye()
    image = with_square(100)
    assert (eye.covered(image)[50:74, 100:116] != image[50:74, 100:116]).any(axis=2).all()


def test_what_is_covered_cannot_be_restored() -> None:
    """Two pictures that differ only inside cells, with equal means, have the same cover: nothing of the difference is left."""
    one = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    other = one.copy()
    one[::2], other[1::2] = 140, 140  # each cell has as many rows of both
    everything = np.ones((HEIGHT, WIDTH), np.bool_)
    assert (one != other).any(axis=2).all()
    assert (pixelated(one, everything) == pixelated(other, everything)).all()


def test_the_same_pictures_give_the_same_answers() -> None:
    one, other = learned_eye(middle=MIDDLE), learned_eye(middle=MIDDLE)
    assert walk(one, range(10, 100, 6)) == walk(other, range(10, 100, 6))
    assert (one.covered(with_square(94)) == other.covered(with_square(94))).all()


def test_undoes_a_camera_that_darkens_the_whole_picture() -> None:
    eye = learned_eye()
    dim = (street() * 0.6).astype(np.uint8)
    assert max(eye.look(dim, 4 + n / 5).measures.moved for n in range(10)) < 0.01


@settings(max_examples=25, deadline=None)
@given(st.integers(16, 90), st.integers(16, 90), st.sampled_from([0, 1, 3, 4]), st.integers(0, 255), st.floats(-1, 1e6))
def test_any_picture_in_bounds_is_seen(height: int, width: int, channels: int, value: int, at_s: float) -> None:
    frame = np.full((height, width, channels) if channels else (height, width), value, np.uint8)
    eye = Eye(EyeSettings())
    assert isinstance(eye.look(frame, at_s), Seen)
    assert eye.covered(frame).shape == (height, width, 3)


@pytest.mark.parametrize("shape", [(8, 100, 3), (5000, 20, 3), (20, 20, 2), (20,)], ids=str)
def test_refuses_what_is_no_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(DecodeError):
        Eye(EyeSettings()).look(np.zeros(shape, np.uint8), 0.0)


def test_learns_anew_when_the_size_changes() -> None:
    assert learned_eye().look(np.zeros((64, 64, 3), np.uint8), 5.0).learning


def test_reads_the_classifiers_that_ship_with_opencv() -> None:
    texts = {name: (Path(cv2.data.haarcascades) / name).read_text("utf-8") for name in CASCADES}
    assert len(finders_of(texts).classifiers) == len(CASCADES)


def test_refuses_a_text_that_is_no_classifier() -> None:
    with pytest.raises(PlaceError):
        finders_of({"x.xml": "<?xml version='1.0'?><opencv_storage><a>1</a></opencv_storage>"})


@pytest.mark.skipif(not CLIP.exists(), reason="the demonstration's clip is not there")
def test_sees_people_in_a_real_video_and_covers_less_than_half() -> None:
    eye, shares, tracks = Eye(EyeSettings()), list[float](), set[int]()
    with av.open(str(CLIP)) as clip:
        for n, frame in enumerate(clip.decode(video=0)):
            if n % 2 or n > 120:
                continue
            image = frame.to_ndarray(format="bgr24")
            seen = eye.look(image, n / 10)
            tracks |= {box.track for box in seen.boxes}
            if not seen.learning:
                shares.append(float((eye.covered(image) != image).any(axis=2).mean()))
    assert tracks
    assert 0 < float(np.mean(shares)) < 0.5


def test_two_that_cross_on_the_line_are_two() -> None:
    eye = learned_eye(middle=MIDDLE)
    seen: list[Seen] = []
    for n in range(25):
        image = with_square(20 + 5 * n, y=44)
        image[56:80, 124 - 5 * n : 140 - 5 * n] = (200, 40, 20)  # the other way, before the first for some pictures
        seen.append(eye.look(image, 4 + n / 5))
    assert passed(seen) == (1, 1)


def test_who_looks_in_at_the_edge_is_covered_though_too_small_to_count() -> None:
    eye = learned_eye()
    image = street()
    image[60:69, WIDTH - 4 :] = (20, 30, 230)
    for n in range(3):
        assert eye.look(image, 4 + n / 5).boxes == ()
    assert (eye.covered(image)[60:69, WIDTH - 4 :] != image[60:69, WIDTH - 4 :]).any(axis=2).all()


def test_who_stands_still_for_five_minutes_is_covered_all_the_time() -> None:
    eye = learned_eye()
    walk(eye, range(10, 60, 6))
    image = with_square(58)
    for n in range(300):
        eye.look(image, 6 + n)
    assert (eye.covered(image)[50:74, 58:74] != image[50:74, 58:74]).any(axis=2).all()


def test_a_lorry_before_half_of_the_street_is_no_trouble_of_the_camera() -> None:
    eye = learned_eye()
    for n in range(60):
        seen = eye.look(with_square(0, 0, 70, HEIGHT) if 10 <= n < 50 else street(), 4 + n / 5)
        assert seen.troubles == ()

"""The search for what stands still: all of the picture in a bounded number of pictures, and plates drawn by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np

from cityward.insight.sight.eye import LEARNED
from cityward.insight.sight.finding import Finders, Search, plates_in, searched_for, tiles_of
from cityward.insight.sight.picture import Image, shrunk


@dataclass
class Bright:
    """Finds whatever is white; keeps what it was shown."""

    shown: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def detectMultiScale(self, grey: Image, _scale: float, _least: int) -> list[tuple[int, int, int, int]]:  # noqa: N802
        self.shown.append(grey.shape[:2])
        found = np.argwhere(grey == 255)
        return [(int(x), int(y), 1, 1) for y, x in found]


def search_of(*classifiers: Bright) -> tuple[Search, int]:
    finders = Finders(cast("tuple[cv2.CascadeClassifier, ...]", classifiers))
    return Search(finders), finders.turns


def street_with_plate(x: int, y: int) -> Image:
    image = np.full((432, 768, 3), 90, np.uint8)
    image[y : y + 12, x : x + 27] = 230
    for stroke in range(x + 3, x + 24, 4):
        image[y + 3 : y + 9, stroke : stroke + 2] = 40
    return image


def test_each_pixel_is_in_a_tile_whatever_the_size() -> None:
    for height, width in ((16, 16), (17, 31), (288, 384), (216, 384)):
        seen = np.zeros((height, width), np.bool_)
        for x, y, wide, high in tiles_of(height, width):
            assert min(x, y) >= 0
            assert x + wide <= width
            assert y + high <= height
            seen[y : y + high, x : x + wide] = True
        assert seen.all(), (height, width)


def test_all_is_searched_within_its_turns_and_found_where_it_is() -> None:
    for x, y in ((0, 0), (95, 0), (0, 71), (95, 71), (48, 36)):
        image = np.zeros((72, 96, 3), np.uint8)
        image[y, x] = 255
        search, turns = search_of(Bright())
        found = [search.of(image, image) for _ in range(turns)]
        assert set(found[-1]) == {(x, y, 1, 1)}


def test_one_picture_is_searched_in_one_tile_by_one_classifier() -> None:
    one, other = Bright(), Bright()
    search, turns = search_of(one, other)
    image = np.zeros((100, 100, 3), np.uint8)
    for n in range(turns):
        search.of(image, image)
        assert len(one.shown) + len(other.shown) == min(n + 1, 8)
    assert set(one.shown) == {(60, 60)}


def test_what_was_found_stays_until_it_is_looked_for_again_and_is_gone() -> None:
    image = np.zeros((72, 96, 3), np.uint8)
    image[3, 3] = 255
    search, turns = search_of(Bright())
    search.of(image, image)
    empty = np.zeros_like(image)
    for _ in range(turns - 1):
        assert search.of(empty, empty) == [(3, 3, 1, 1)]
    assert search.of(empty, empty) == []


def test_the_search_is_done_once_before_anything_is_shown() -> None:
    assert Finders(cast("tuple[cv2.CascadeClassifier, ...]", (Bright(), Bright(), Bright()))).turns < LEARNED


def test_a_small_plate_is_found_whole_in_pixels_of_the_small_picture() -> None:
    boxes = plates_in(street_with_plate(300, 200), 384)
    assert any(
        left <= 150 and top <= 100 and left + wide >= 163 and top + high >= 106 for left, top, wide, high in boxes
    ), boxes


def test_a_kerb_and_an_even_street_are_no_plates() -> None:
    image = np.full((432, 768, 3), 90, np.uint8)
    assert plates_in(image, 384) == []
    image[:, 300:] = 200
    assert plates_in(image, 384) == []


def test_where_no_vehicle_comes_neither_plates_nor_strokes_are_searched_for() -> None:
    assert set(searched_for(plates=True)) - set(searched_for(plates=False)) == {"haarcascade_russian_plate_number.xml"}
    image = street_with_plate(300, 200)
    for strokes, finds in ((True, True), (False, False)):
        finders = Finders(cast("tuple[cv2.CascadeClassifier, ...]", (Bright(),)), strokes=strokes)
        search = Search(finders)
        found = [search.of(shrunk(image), image) for _ in range(finders.turns)]
        assert bool(found[-1]) is finds


def test_what_is_hardly_wider_than_high_is_no_plate() -> None:
    image = np.full((432, 768, 3), 90, np.uint8)
    image[200:260, 300:380:8] = 200  # a window's bars
    image[200:260, 301:380:8] = 200
    image[200:260, 302:380:8] = 200
    assert plates_in(image, 384) == []

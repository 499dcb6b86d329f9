"""Looks for faces and plates that do not move, a part of the picture at a time.

Theory of operation
-------------------
What moves is covered already; the search is for what stands still, so that nothing is lost by taking turns: each picture, one
classifier looks at one of four tiles (they overlap), and after `turns` pictures all has been searched. What was found stays found
until the same turn comes again.

A small plate is no face: a row of dark and light strokes with little around it. It is told as a patch where the brightness
goes up and down across, about as often up as down, and which has a plate's shape. OpenCV's cascade needs 60 pixels.

Fails when
- a plate has two lines or is turned by more than some 15 degrees;
- its strokes touch those of something else (a grille, a fence);
- a face is larger than its tile, or lies across tiles and is larger than a fifth of the side;
- a face is seen from above or is smaller than 24 pixels of 384.

INVARIANTS
- Each pixel is searched by each classifier, and for strokes, within `turns` pictures. An eye covers all until it
  has learned, which is longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from cityward.errors import PlaceError
from cityward.insight.sight.picture import Image, grey_of

FACES = ("haarcascade_frontalface_default.xml", "haarcascade_profileface.xml")
CASCADES = (*FACES, "haarcascade_russian_plate_number.xml")
"""What ships with OpenCV and finds faces and plates; whoever may read files reads them (`cv2.data.haarcascades`)."""

Box = tuple[int, int, int, int]
"""x, y, width, height."""

FINE_WIDTH = 768  # a plate of 24 pixels has 12 in the small picture: no strokes are left
TILE = 0.6  # of each side: what lies across two tiles and is smaller than a fifth of the side is whole in one
STROKES = 30.0  # levels a pixel. of 16 plates of the road 8 are found at 20 (patches run together), 14 at 30, 3 at 50
AROUND = (13, 5)
LEAST_PIXELS, LEAST_WIDE, MOST_WIDE, LEAST_HIGH, MOST_HIGH = 25, 8, 60, 4, 24
WIDE, FULL = 1.8, 0.45  # width to height (of 16 plates of the road 2.0 is the least); share of its box


@dataclass(frozen=True, slots=True)
class Finders:
    """Loaded classifiers; none: nothing is searched for, plates neither. strokes: whether small plates are."""

    classifiers: tuple[cv2.CascadeClassifier, ...] = ()
    strokes: bool = True

    @property
    def turns(self) -> int:
        """How many pictures it takes to search all."""
        return 4 * len(self.classifiers) + 2 * self.strokes if self.classifiers else 0

    def found(self, turn: int, small: Image, fine: Image) -> list[Box]:
        """Boxes of faces and plates in pixels of the small picture.

        Args:
            turn: 0 to `turns` - 1.
            small: (h, w, 3), what classifiers search.
            fine: (h, w, 3), the same picture, `FINE_WIDTH` wide at most.
        """
        if turn >= 4 * len(self.classifiers):
            return plates_in(fine if turn % 2 else small, small.shape[1])
        grey = grey_of(small)
        x, y, width, height = tiles_of(grey.shape[0], grey.shape[1])[turn % 4]
        tile = np.ascontiguousarray(grey[y : y + height, x : x + width])
        told = self.classifiers[turn // 4].detectMultiScale(tile, 1.2, 3)
        return [(int(a) + x, int(b) + y, int(w), int(h)) for a, b, w, h in told]


def tiles_of(height: int, width: int) -> tuple[Box, Box, Box, Box]:
    """Four that overlap and hold the whole picture."""
    wide, high = -(-int(width * TILE * 10) // 10), -(-int(height * TILE * 10) // 10)
    return (
        (0, 0, wide, high),
        (width - wide, 0, wide, high),
        (0, height - high, wide, high),
        (width - wide, height - high, wide, high),
    )


def plates_in(image: Image, told_width: int) -> list[Box]:
    """Boxes of rows of strokes, in pixels of a picture so wide."""
    across = np.asarray(cv2.Sobel(grey_of(image), cv2.CV_32F, 1, 0), np.float32)
    both = cv2.boxFilter(np.abs(across), -1, AROUND) - np.abs(cv2.boxFilter(across, -1, AROUND))
    _, _, stats, _ = cv2.connectedComponentsWithStats((both > STROKES).astype(np.uint8))
    scale = told_width / image.shape[1]
    boxes: list[Box] = []
    for x, y, width, height, pixels in np.asarray(stats, np.int64)[1:].tolist():
        if _is_plate(width, height, pixels):
            left, top = int((x - AROUND[0] // 2 - 1) * scale), int((y - AROUND[1] // 2 - 2) * scale)
            boxes.append((left, top, round((width + AROUND[0] + 1) * scale) + 1, round((height + 8) * scale) + 1))
    return boxes


def _is_plate(width: int, height: int, pixels: int) -> bool:
    shaped = LEAST_WIDE <= width <= MOST_WIDE and LEAST_HIGH <= height <= MOST_HIGH and width >= WIDE * height
    return shaped and pixels >= max(LEAST_PIXELS, FULL * width * height)


class Search:
    """Takes turns, and remembers what each turn found."""

    def __init__(self, finders: Finders) -> None:
        self._finders, self._turn = finders, 0
        self._found: dict[int, list[Box]] = {}

    def of(self, small: Image, image: Image) -> list[Box]:
        """All that is found now, in pixels of the small picture. image: the same picture, of any size."""
        turns = self._finders.turns
        if turns == 0:
            return []
        turn, self._turn = self._turn, (self._turn + 1) % turns
        self._found[turn] = self._finders.found(
            turn, small, _fine(image) if self._finders.strokes and turn == turns - 1 else small
        )
        return [box for boxes in self._found.values() for box in boxes]


def _fine(image: Image) -> Image:
    height, width = image.shape[:2]
    if width <= FINE_WIDTH:
        return image
    size = (FINE_WIDTH, max(1, round(height * FINE_WIDTH / width)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def searched_for(plates: bool) -> tuple[str, ...]:
    """The files of the classifiers that are needed. plates: whether a vehicle may be in view."""
    return CASCADES if plates else FACES


def finders_of(texts: Mapping[str, str], plates: bool = True) -> Finders:
    """Classifiers of the texts of their files, by name. plates: False, rows of strokes are not looked for.

    Raises:
        PlaceError: a text is no classifier.
    """
    return Finders(tuple(_classifier(name, text) for name, text in texts.items()), strokes=plates)


def _classifier(name: str, text: str) -> cv2.CascadeClassifier:
    classifier = cv2.CascadeClassifier()
    try:
        held = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)  # a node lives as long as it
        known = classifier.read(held.getFirstTopLevelNode())
    except cv2.error:
        known = False
    if not known:
        raise PlaceError("a classifier cannot be read", where=name, mend="take the file that ships with OpenCV")
    return classifier

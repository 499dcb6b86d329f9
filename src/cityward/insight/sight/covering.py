"""Covers what a person could be known by: faces, plates, and all that moves. What was covered stays so for a while.

The cover is the mean colour of cells, 32 to the picture's width, in 16 steps of each channel: of a thing of 24 x 24 pixels (768
wide) twelve bits are left. Whole cells are covered, so that no edge tells what the cell hid.

Whoever stands still is soon no longer seen to move: what differs from the empty street, remembered for ten minutes, is covered
too.

Fails when somebody has stood still since the camera began, or for far longer than ten minutes, and no face is found. A large near
face covers several cells: its outline stays.

INVARIANTS
- While nothing is known yet, and when more than half of the picture moves, all of it is covered.
- Only what was looked at is told apart: a picture that differs from it is covered where it differs.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cityward.insight.sight.finding import Finders, Search
from cityward.insight.sight.foreground import evened, pieces
from cityward.insight.sight.picture import Image, grey_of

CELLS = 32
KEPT_S = 2.0
ALL_FROM = 0.5
WIDER = 13  # pixels of the small picture: what a mask misses of a head is less than six on each side
STEPS = 16
DIFFERS = 24
STREET_S = 600.0  # memory of the empty street
STANDS, LEAST_STANDING = 20, 24  # levels of a colour from the empty street; pixels of the small picture


class Cover:
    """Of one camera, at its small size (h, w)."""

    def __init__(self, shape: tuple[int, int], finders: Finders) -> None:
        self._until = np.full(shape, -np.inf)
        self._search = Search(finders)
        self._street: NDArray[np.float32] | None = None
        self._all = True
        self._at_s = 0.0

    def note(self, small: Image, doubted: Image, at_s: float, learned: Image | None, image: Image) -> None:
        """What is to be covered of this picture, and for how long.

        Args:
            small: (h, w, 3), the picture.
            doubted: (h, w), where something may move.
            at_s: when, by the stream's clock.
            learned: (h, w, 3), the empty street as it was learned; None: not yet.
            image: the same picture as it came, of any size.
        """
        moving = doubted if learned is None else doubted | self._standing(small, learned, at_s - self._at_s)
        grown = np.asarray(cv2.dilate(moving, np.ones((WIDER, WIDER), np.uint8)), np.uint8)
        for x, y, width, height in self._search.of(small, image):
            cv2.rectangle(grown, (x - 2, y - 2), (x + width + 2, y + height + 2), 255, -1)
        if at_s < self._at_s:  # the stream began anew
            self._until = np.where(self._until > self._at_s, at_s + KEPT_S, -np.inf)
        self._until[grown > 0] = at_s + KEPT_S
        self._at_s = at_s
        self._all = learned is None or float(np.mean(moving > 0)) > ALL_FROM

    def _standing(self, small: Image, learned: Image, since_s: float) -> Image:
        if self._street is None:
            self._street = learned.astype(np.float32)
        now = evened(small, grey_of(self._street.astype(np.uint8)).astype(np.float32))
        apart = now - self._street
        self._street += np.float32(min(max(since_s, 0.0) / STREET_S, 1.0)) * apart
        stands = (np.abs(apart).max(axis=2) > STANDS).astype(np.uint8) * np.uint8(255)
        return pieces(np.asarray(cv2.medianBlur(stands, 5), np.uint8), LEAST_STANDING)

    def mask(self, differs: Image | None = None) -> NDArray[np.bool_]:
        """(h, w), true where the picture is to be covered."""
        if self._all:
            return np.ones(self._until.shape, np.bool_)
        mask = self._until > self._at_s
        return mask if differs is None else mask | (differs > 0)


def pixelated(image: Image, mask: NDArray[np.bool_]) -> Image:
    """A copy in which every cell that the mask (of any size) touches is one colour."""
    height, width = image.shape[:2]
    cell = max(8, -(-width // CELLS))
    rows, columns = -(-height // cell), -(-width // cell)
    padded = cv2.copyMakeBorder(image, 0, rows * cell - height, 0, columns * cell - width, cv2.BORDER_REPLICATE)
    few = cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA) // STEPS * STEPS + STEPS // 2
    full = np.asarray(cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    full = cv2.copyMakeBorder(full, 0, rows * cell - height, 0, columns * cell - width, cv2.BORDER_CONSTANT, value=0)
    touched = full.reshape(rows, cell, columns, cell).max(axis=(1, 3)) > 0
    out = np.where(_grown(touched, cell)[:, :, None], _grown(few, cell), padded)
    return np.ascontiguousarray(out[:height, :width], np.uint8)


def differing(one: Image, other: Image) -> Image:
    """(h, w): where two pictures of one size differ by more than noise, and a bit around it."""
    apart = cv2.absdiff(one, other).max(axis=2)
    return np.asarray(cv2.dilate((apart > DIFFERS).astype(np.uint8), np.ones((WIDER, WIDER), np.uint8)), np.uint8)


def _grown(few: NDArray[np.generic], cell: int) -> NDArray[np.generic]:
    return np.repeat(np.repeat(few, cell, axis=0), cell, axis=1)

"""What moves: a mask of the pixels that are not the background.

Method: two k-nearest-neighbour models of each pixel (Zivkovic & van der Heijden 2006, as in OpenCV), one quick to doubt,
one slow.
A region of the quick one counts where the slow one holds a part of it; it is smoothed, closed and its holes are filled. Shadows
are not foreground. A camera that brightens or darkens its whole picture is undone first, by the median ratio to the background.

What is *doubted* is wider: whatever the quick one would not swear to be background, shadows and small pieces too. To count it
would be wrong; to show it would be worse.

Fails when
- something stands still for long: it becomes background, and a ghost stays where it stood before it left;
- a thing has the colour of what is behind it; a tree moves further than the model has seen yet;
- something fills most of the picture at once: the gain is told of it, not of the background.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cityward.insight.sight.picture import Image, grey_of

HISTORY = 500
QUICK, SLOW = 200.0, 400.0  # squared distance of colours. PRECEDENT: OpenCV's default is 400; 120 lets shadows in
LEAST_AREA = 60  # pixels of the small picture
LEAST_SURE = 20
LEAST_DOUBTED = 10  # a head that looks in at the picture's edge is this small
GAIN_MOST = 2.5
GRID = 4


class Foreground:
    """Learns with every picture it is shown; all must have one size."""

    def __init__(self) -> None:
        self._quick = cv2.createBackgroundSubtractorKNN(HISTORY, QUICK, True)
        self._slow = cv2.createBackgroundSubtractorKNN(HISTORY, SLOW, True)
        self._doubted = np.zeros((1, 1), np.uint8)

    def moving(self, image: Image, background: NDArray[np.float32] | None = None) -> Image:
        """(h, w) uint8: 255 where something moves. background: grey, to undo the camera's gain by; None: nothing is undone."""
        even = image if background is None else evened(image, background)
        told = self._quick.apply(even)
        quick, self._doubted = _sure(told), np.asarray(told, np.uint8)
        slow = np.asarray(cv2.medianBlur(_sure(self._slow.apply(even)), 5), np.uint8)
        whole = cv2.morphologyEx(cv2.medianBlur(quick, 5), cv2.MORPH_CLOSE, _CLOSING)
        return _filled(np.asarray(whole, np.uint8), slow > 0)

    def doubted(self) -> Image:
        """(h, w) uint8: 255 where something may move in the picture that was shown last."""
        some = np.asarray(cv2.medianBlur(np.where(self._doubted > 0, np.uint8(255), np.uint8(0)), 3), np.uint8)
        return pieces(some, LEAST_DOUBTED)


def pieces(mask: Image, least: int) -> Image:
    """The regions of a mask that have at least so many pixels."""
    _, found, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    kept = stats[:, cv2.CC_STAT_AREA] >= least
    kept[0] = False
    return np.where(kept[np.asarray(found, np.int32)], np.uint8(255), np.uint8(0))


_CLOSING = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))


def _sure(mask: NDArray[np.generic]) -> Image:
    return np.where(mask == 255, np.uint8(255), np.uint8(0))  # 127 is a shadow


def evened(image: Image, background: NDArray[np.float32]) -> Image:
    """The picture as bright as the background is, by the median ratio of the two."""
    now = grey_of(image)[::GRID, ::GRID].astype(np.float32)
    gain = float(np.median((background[::GRID, ::GRID] + 1) / (now + 1)))
    return np.asarray(cv2.convertScaleAbs(image, alpha=min(max(gain, 1 / GAIN_MOST), GAIN_MOST)), np.uint8)


def _filled(mask: Image, sure: NDArray[np.bool_]) -> Image:
    """Regions that are large enough and have enough sure pixels, with their holes."""
    count, found, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    labels = np.asarray(found, np.int32)
    kept = (stats[:, cv2.CC_STAT_AREA] >= LEAST_AREA) & (np.bincount(labels[sure], minlength=int(count)) >= LEAST_SURE)
    kept[0] = False
    out = np.where(kept[labels], np.uint8(255), np.uint8(0))
    edges, _ = cv2.findContours(out, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(out, edges, -1, 255, -1), np.uint8)

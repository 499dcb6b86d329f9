"""Numbers of the whole picture (`Measures`), beside the background that was learned."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cityward.insight.sight.picture import Image
from cityward.insight.sight.seen import Measures

Greys = NDArray[np.float32]
SHIFT_WIDTH = 192
BITS = 8
AROUND = 15  # pixels: what moves has a seam that is neither it nor the street
STILL_LEAST = 0.2  # of the picture
STEADY = (24, 18)  # cells
TREMBLES = 1.5  # levels. PRECEDENT: H.264 at a low rate moves a cell of a still by 1.5; live clips are not so still for a second
CELLS, EDGED, LOST, OTHER_LIGHT = (16, 12), 4.0, 0.35, 10.0
FEWEST_EDGED = 12


class Steady:
    """Whether a picture is the same as one before: one that was coded anew trembles, but as a whole it stays."""

    def __init__(self) -> None:
        self._first: Greys | None = None

    def is_same(self, grey: Image) -> bool:
        """Whether no cell's light went further than `TREMBLES` from the picture where this began; else it begins here."""
        now = np.asarray(cv2.resize(grey.astype(np.float32), STEADY, interpolation=cv2.INTER_AREA), np.float32)
        same = self._first is not None and float(np.abs(now - self._first).max()) < TREMBLES
        if not same:
            self._first = now
        return same


def measured(
    grey: Image, moving: Image, background: Greys | None, before: Image | None, steady: Steady | None = None
) -> Measures:
    """grey, moving, background, before: (h, w), of one size.

    Contrast, sharpness and likeness are of what does not move, where that is enough of the picture: a lorry is no lens cap.
    """
    still = cv2.dilate(moving, np.ones((AROUND, AROUND), np.uint8)) == 0
    if still.sum() < STILL_LEAST * still.size:
        still = np.ones(grey.shape, np.bool_)
    laplacian = cv2.Laplacian(grey, cv2.CV_32F)
    x, y = (0.0, 0.0) if background is None else _shift(grey, background)
    apart = None if before is None else cv2.absdiff(grey, before)
    return Measures(
        light=float(grey.mean()),
        contrast=float(grey[still].std()),
        sharpness=float(laplacian[still].var()),
        moved=float(np.mean(moving > 0)),
        likeness=1.0 if background is None else _likeness(grey, background, still),
        shift_x=x,
        shift_y=y,
        fingerprint=_fingerprint(grey, background),
        noise=1.0 if apart is None else float(apart.mean()),
        hidden=0.0 if background is None else _hidden(grey, background),
        same=steady is not None and steady.is_same(grey),
    )


def _edges(grey: NDArray[np.generic]) -> Greys:
    wide = np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.5), np.float32)
    across, down = cv2.Sobel(wide, cv2.CV_32F, 1, 0), cv2.Sobel(wide, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _likeness(grey: Image, background: Greys, still: NDArray[np.bool_]) -> float:
    one, other = _edges(grey)[still], _edges(background)[still]
    one, other = one - one.mean(), other - other.mean()
    both = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float(np.clip((one * other).sum() / both, -1, 1)) if both > 1e-6 else 0.0


def _shift(grey: Image, background: Greys) -> tuple[float, float]:
    height, width = grey.shape
    size = (min(width, SHIFT_WIDTH), max(8, height * min(width, SHIFT_WIDTH) // width))
    one, other = (
        _edges(cv2.resize(g, size, interpolation=cv2.INTER_AREA)) for g in (grey.astype(np.float32), background)
    )
    (x, y), sure = cv2.phaseCorrelate(other, one, cv2.createHanningWindow(size, cv2.CV_32F))
    if sure <= 0.05 or not np.isfinite([x, y]).all():
        return 0.0, 0.0
    return round(float(x) / size[0], 3), round(
        float(y) / size[1], 3
    )  # the transform's last digits depend on where memory lies


def _fingerprint(grey: Image, background: Greys | None) -> int:
    """64 signs: whether a cell differs from the background by more than its neighbour to the right does."""
    apart = grey.astype(np.float32) - (0 if background is None else background)
    few = cv2.resize(apart, (BITS + 1, BITS), interpolation=cv2.INTER_AREA)
    return int.from_bytes(np.packbits(few[:, 1:] > few[:, :-1]).tobytes(), "big")


def _hidden(grey: Image, background: Greys) -> float:
    """A lens out of focus loses edges and keeps the light; a camera that turned loses none; a hand before it does both."""
    (was, light), (now, lit) = (
        (cv2.resize(_edges(g), CELLS, interpolation=cv2.INTER_AREA), cv2.resize(g, CELLS, interpolation=cv2.INTER_AREA))
        for g in (background, grey.astype(np.float32))
    )
    edged = np.asarray(was, np.float32) > EDGED
    if int(edged.sum()) < FEWEST_EDGED:
        return 0.0
    lost = (np.asarray(now) < LOST * np.asarray(was)) & (np.abs(np.asarray(lit) - np.asarray(light)) > OTHER_LIGHT)
    return float(lost[edged].mean())

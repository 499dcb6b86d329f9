"""Pictures as arrays: what is accepted, and the small one that everything is told of. No files, no codecs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cityward.errors import DecodeError

Image = NDArray[np.uint8]
LEAST, MOST = 16, 4096  # pixels of a side
LOOKED_WIDTH = 384  # PRECEDENT: a person 40 pixels high in a picture 768 wide still has 20


def checked(frame: NDArray[np.generic]) -> Image:
    """The picture as (h, w, 3) uint8; grey ones (h, w) or (h, w, 1) become three channels, a fourth channel is dropped.

    Raises:
        DecodeError: another shape or type, or a side outside 16..4096 pixels.
    """
    three = frame[:, :, None] if frame.ndim == 2 else frame
    if frame.dtype != np.uint8 or three.ndim != 3 or three.shape[2] not in (1, 3, 4):
        raise DecodeError(
            "WRONG_SHAPE", f"a picture has shape {frame.shape} of {frame.dtype}; it must be (h, w, 3) of uint8"
        )
    if min(three.shape[:2]) < LEAST or max(three.shape[:2]) > MOST:
        raise DecodeError("WRONG_SHAPE", f"a picture has shape {frame.shape}; its sides must be {LEAST}..{MOST} pixels")
    image = np.repeat(three, 3, axis=2) if three.shape[2] == 1 else three[:, :, :3]
    return np.ascontiguousarray(image, np.uint8)


def shrunk(image: Image) -> Image:
    """At most 384 wide, its sides in proportion; each at least 16."""
    height, width = image.shape[:2]
    if width <= LOOKED_WIDTH:
        return image
    size = (LOOKED_WIDTH, max(LEAST, round(height * LOOKED_WIDTH / width)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def grey_of(image: Image) -> Image:
    """(h, w) grey, 0..255."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)

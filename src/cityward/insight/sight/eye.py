"""The eye of one camera: picture after picture in, `Seen` and covered pictures out. It holds the state; its neighbours the ideas.

INVARIANTS
- While it learns (the first pictures, and after a change of size) it counts nothing and covers everything.
- The same pictures at the same times give the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cityward.insight.sight.covering import Cover, differing, pixelated
from cityward.insight.sight.finding import Finders
from cityward.insight.sight.foreground import Foreground
from cityward.insight.sight.health import Health, judged
from cityward.insight.sight.measures import Steady, measured
from cityward.insight.sight.picture import Image, checked, grey_of, shrunk
from cityward.insight.sight.seen import Seen
from cityward.insight.sight.tracks import Tracks
from cityward.place.cameras import CountLine

LEARNED = 20  # pictures. PRECEDENT: their median is the street where each place is free in more than half
MEMORY_S = 60.0


@dataclass(frozen=True, slots=True)
class EyeSettings:
    """counts: lines by name. frames_per_s: how many pictures are looked at. Masks are black in the picture already."""

    counts: Mapping[str, CountLine] = field(default_factory=dict[str, CountLine])
    frames_per_s: float = 5.0


class Eye:
    """Looks through one camera. finders: of faces and plates, loaded before the process is confined; none: motion alone."""

    def __init__(self, settings: EyeSettings, finders: Finders | None = None) -> None:
        self._settings, self._finders = settings, finders or Finders()
        self._health = Health()
        self._small: Image | None = None

    def look(self, frame_bgr: NDArray[np.generic], at_s: float, wall_s: float | None = None) -> Seen:
        """What is seen. frame_bgr: (h, w, 3) uint8; at_s: by the stream's clock; wall_s: by ours, where it is known.

        Raises:
            DecodeError: it is no picture.
        """
        image = checked(frame_bgr)
        small = shrunk(image)
        if self._small is None or self._small.shape != small.shape:
            self._begin(small)
        grey, before = grey_of(small), self._grey
        moving = self._foreground.moving(small, self._background)
        learning = self._learn(small)
        self._cover.note(small, moving | self._foreground.doubted(), at_s, None if learning else self._street, image)
        measures = measured(grey, moving, self._background, before, self._steady)
        self._small, self._grey = small, grey
        if learning:
            return Seen(at_s=at_s, measures=measures, learning=True)
        self._health = judged(self._health, measures, at_s, wall_s)
        boxes, passed = self._tracks.follow(moving, at_s)
        self._remember(grey, moving)
        return Seen(at_s=at_s, boxes=boxes, passed=passed, measures=measures, troubles=self._health.troubles)

    def covered(self, frame_bgr: NDArray[np.generic]) -> Image:
        """A copy with faces, plates and what moves covered; all of it, where it was not looked at yet. Any size of the same view.

        Raises:
            DecodeError: it is no picture.
        """
        image = checked(frame_bgr)
        small = shrunk(image)
        if self._small is None or small.shape != self._small.shape:
            return pixelated(image, np.ones(image.shape[:2], np.bool_))
        return pixelated(image, self._cover.mask(differing(small, self._small)))

    def _begin(self, small: Image) -> None:
        self._foreground, self._tracks = Foreground(), Tracks(self._settings.counts)
        self._cover = Cover((small.shape[0], small.shape[1]), self._finders)
        self._background: NDArray[np.float32] | None = None
        self._street: Image | None = None
        self._learning: list[Image] = []
        self._steady = Steady()
        self._grey: Image | None = None

    def _learn(self, small: Image) -> bool:
        if self._background is not None:
            return False
        self._learning.append(small)
        if len(self._learning) >= LEARNED:
            street: Image = np.median(np.stack(self._learning), axis=0).astype(np.uint8)
            self._street, self._background = street, grey_of(street).astype(np.float32)
            self._learning = []
        return True

    def _remember(self, grey: Image, moving: Image) -> None:
        """The background follows slowly where nothing moves, and not while the camera is in trouble."""
        if self._background is None or self._health.troubles or self._health.since:
            return
        rate = np.float32(1 / (MEMORY_S * self._settings.frames_per_s))
        self._background += np.where(moving > 0, np.float32(0), rate * (grey - self._background)).astype(np.float32)

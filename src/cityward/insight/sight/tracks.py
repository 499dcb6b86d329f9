"""From a mask to things that move: boxes with a track each, and what of them passes a line.

Theory of operation
-------------------
Each region of the mask is a blob. Tracks, oldest first, take the nearest blob of where they are expected (position and velocity
of before), within a gate; what is left begins a new track. A track that was seen three times is told. It has a side of each line,
and changes it only when its centre is a hundredth of the picture beyond; it counts where that is between the line's ends.

Fails when people walk in a group (one blob: counted once), or two cross each other's way (tracks may be swapped: what is
counted stays right if both go on).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2

from cityward.insight.sight.picture import Image
from cityward.insight.sight.seen import Box, Kind, Passed
from cityward.place.cameras import CountLine

BLOBS_MOST = 64
SEEN_LEAST = 3
GONE_S = 1.0
GATE = 0.12  # share of the picture's diagonal, roughly
DEAD = 0.01
VEHICLE_SHARE = 0.02  # of the picture
UPRIGHT = 1.25

Rect = tuple[float, float, float, float]


@dataclass(slots=True)
class _Track:
    name: int
    box: Rect
    at_s: float
    velocity: tuple[float, float] = (0.0, 0.0)
    seen: int = 1
    sides: dict[str, int] = field(default_factory=dict[str, int])

    def expected(self, at_s: float) -> tuple[float, float]:
        x, y = _centre(self.box)
        ahead = at_s - self.at_s
        return x + self.velocity[0] * ahead, y + self.velocity[1] * ahead

    def take(self, box: Rect, at_s: float) -> None:
        (x, y), (before_x, before_y) = _centre(box), _centre(self.box)
        ahead = max(at_s - self.at_s, 1e-3)
        u, v = self.velocity
        self.velocity = (u + 0.5 * ((x - before_x) / ahead - u), v + 0.5 * ((y - before_y) / ahead - v))
        self.box, self.at_s, self.seen = box, at_s, self.seen + 1


class Tracks:
    """Of one camera; at most 64 at a time, the largest blobs first."""

    def __init__(self, lines: Mapping[str, CountLine]) -> None:
        self._lines, self._tracks, self._next = lines, list[_Track](), 1

    def follow(self, mask: Image, at_s: float) -> tuple[tuple[Box, ...], tuple[Passed, ...]]:
        """What moves now, and what passed a line since the picture before."""
        blobs = _blobs(mask)
        for track in self._tracks:
            if (near := _nearest(track.expected(at_s), blobs)) is not None:
                track.take(blobs.pop(near), at_s)
        self._tracks = [t for t in self._tracks if 0 <= at_s - t.at_s <= GONE_S]
        for box in blobs[: BLOBS_MOST - len(self._tracks)]:
            self._tracks.append(_Track(self._next, box, at_s))
            self._next += 1
        now = [t for t in self._tracks if t.at_s == at_s and t.seen >= SEEN_LEAST]
        return tuple(_told(t, mask) for t in now), self._passed(now, mask)

    def _passed(self, tracks: list[_Track], mask: Image) -> tuple[Passed, ...]:
        counted: dict[tuple[str, Kind], list[int]] = {}
        for track in tracks:
            for name, line in self._lines.items():
                before, side = track.sides.get(name, 0), _side(line, _centre(track.box))
                if side and before and side != before and _between(line, _centre(track.box)):
                    counted.setdefault((name, _kind(track.box, mask)), [0, 0])[0 if side > 0 else 1] += 1
                track.sides[name] = side or before
        return tuple(Passed(line=n, kind=k, forward=f, back=b) for (n, k), (f, b) in counted.items())


def _blobs(mask: Image) -> list[Rect]:
    height, width = mask.shape
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    largest = sorted(stats[1:].tolist(), key=lambda row: -row[cv2.CC_STAT_AREA])[:BLOBS_MOST]
    return [(x / width, y / height, w / width, h / height) for x, y, w, h, _ in largest]


def _nearest(at: tuple[float, float], blobs: list[Rect]) -> int | None:
    far = [(abs(_centre(b)[0] - at[0]) + abs(_centre(b)[1] - at[1]), n) for n, b in enumerate(blobs)]
    best = min(far, default=(GATE, -1))
    return best[1] if best[0] < GATE else None


def _centre(box: Rect) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def _side(line: CountLine, at: tuple[float, float]) -> int:
    """1: on its right hand, seen from `begin` to `end`; -1: on its left; 0: too near to tell."""
    (ax, ay), (bx, by) = line.begin, line.end
    along = max(((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5, 1e-9)
    off = ((bx - ax) * (at[1] - ay) - (by - ay) * (at[0] - ax)) / along
    return 0 if abs(off) < DEAD else (1 if off > 0 else -1)


def _between(line: CountLine, at: tuple[float, float]) -> bool:
    (ax, ay), (bx, by) = line.begin, line.end
    share = ((bx - ax) * (at[0] - ax) + (by - ay) * (at[1] - ay)) / max((bx - ax) ** 2 + (by - ay) ** 2, 1e-9)
    return 0 <= share <= 1


def _kind(box: Rect, mask: Image) -> Kind:
    height, width = box[3] * mask.shape[0], box[2] * mask.shape[1]
    if height >= UPRIGHT * width and box[2] * box[3] < 4 * VEHICLE_SHARE:
        return "person"
    return "vehicle" if box[2] * box[3] >= VEHICLE_SHARE or width >= UPRIGHT * height else "other"


def _told(track: _Track, mask: Image) -> Box:
    x, y, width, height = track.box
    return Box(x=x, y=y, width=width, height=height, kind=_kind(track.box, mask), track=track.name)

"""From a mask to things that move: boxes with a track each, and what of them passes a line.

Theory of operation
-------------------
Each region of the mask is a blob. A track (position, size and velocity of before) claims the blob that it is expected to lie on
most, else the nearest free one within a gate. A blob claimed once is where its track is. A blob claimed by several is people who
cross or meet: each goes on as it went, kept within the blob, until the blob parts again. Only who was seen alone for a while is
kept so: a piece of somebody that joins again is that somebody. What no track claims begins a new one. A track that was seen three
times is told. It has a side of each line, and changes it only when its centre is a hundredth of the picture beyond; it counts
where that is between the line's ends.

Fails when people walk in a group from the beginning (one blob: counted once), when they meet and turn back while they are one
blob (told as if each went on), and where a thing hides what passes the line.
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
ALONE_LEAST = 5  # pictures
ON_LEAST = 0.25  # of its own area
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
    alone: int = 1
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
        self.box, self.at_s, self.seen, self.alone = box, at_s, self.seen + 1, self.alone + 1

    def share(self, blob: Rect, at_s: float) -> None:
        """Go on within a blob that others are on too."""
        x, y = self.expected(at_s)
        w, h = min(self.box[2], blob[2]), min(self.box[3], blob[3])
        left = min(max(x - w / 2, blob[0]), blob[0] + blob[2] - w)
        top = min(max(y - h / 2, blob[1]), blob[1] + blob[3] - h)
        self.box, self.at_s, self.seen = (left, top, w, h), at_s, self.seen + 1


class Tracks:
    """Of one camera; at most 64 at a time, the largest blobs first."""

    def __init__(self, lines: Mapping[str, CountLine]) -> None:
        self._lines, self._tracks, self._next = lines, list[_Track](), 1

    def follow(self, mask: Image, at_s: float) -> tuple[tuple[Box, ...], tuple[Passed, ...]]:
        """What moves now, and what passed a line since the picture before."""
        blobs = _blobs(mask)
        claims = _claims(self._tracks, blobs, at_s)
        for n, owners in claims.items():
            if len(owners) == 1:
                owners[0].take(blobs[n], at_s)
                continue
            for track in owners:
                track.share(blobs[n], at_s)
        self._tracks = [t for t in self._tracks if 0 <= at_s - t.at_s <= GONE_S]
        free = [box for n, box in enumerate(blobs) if n not in claims]
        for box in free[: BLOBS_MOST - len(self._tracks)]:
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


def _claims(tracks: list[_Track], blobs: list[Rect], at_s: float) -> dict[int, list[_Track]]:
    """Which tracks are on which blob, by its place in the list. Of several, those that were long alone; else the oldest."""
    claims: dict[int, list[_Track]] = {}
    late: list[_Track] = []
    for track in tracks:
        on = max(((_on(track, blob, at_s), n) for n, blob in enumerate(blobs)), default=(0.0, -1))
        if on[0] >= ON_LEAST:
            claims.setdefault(on[1], []).append(track)
        else:
            late.append(track)
    for n, owners in claims.items():
        known = [t for t in owners if t.alone >= ALONE_LEAST]
        claims[n] = known or owners[:1]
    for track in late:
        free = {n: blob for n, blob in enumerate(blobs) if n not in claims}
        if (near := _nearest(track.expected(at_s), free)) is not None:
            claims[near] = [track]
    return claims


def _on(track: _Track, blob: Rect, at_s: float) -> float:
    """Which share of where the track is expected lies on the blob's box."""
    x, y = track.expected(at_s)
    _, _, w, h = track.box
    across = min(x + w / 2, blob[0] + blob[2]) - max(x - w / 2, blob[0])
    down = min(y + h / 2, blob[1] + blob[3]) - max(y - h / 2, blob[1])
    return max(across, 0.0) * max(down, 0.0) / max(w * h, 1e-9)


def _nearest(at: tuple[float, float], blobs: Mapping[int, Rect]) -> int | None:
    far = [(abs(_centre(b)[0] - at[0]) + abs(_centre(b)[1] - at[1]), n) for n, b in blobs.items()]
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

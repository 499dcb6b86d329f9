"""What the child does with one message: decode, mask, scale, look, cover, record. Runs in the child only.

INVARIANTS
- Masked parts are black before anything looks at the picture: no number and no picture knows them.
- What is recorded is covered; what is shown is covered, unless a clear view is asked for.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from cityward.adapters.video.decoding import Clip, Decoded, Image, Units, scaled
from cityward.adapters.video.exchange import (
    MOST_JPEG,
    Answer,
    Asked,
    Close,
    Fault,
    Looked,
    Picture,
    Ready,
    Segment,
    Settings,
    Show,
    Step,
    Unit,
)
from cityward.adapters.video.exchange import Clip as ClipAsked
from cityward.adapters.video.recording import Recorder
from cityward.insight.sight.seen import Seen

EARLY = 0.2  # of a picture's share of a second: cameras' clocks tremble
GROWN = 2  # pixels by which a mask is wider than declared: scaling mixes its edge
QUALITIES = (80, 60, 40, 20)


class Sight(Protocol):
    """What `insight.sight.eye.Eye` gives."""

    def look(self, frame_bgr: Image, at_s: float) -> Seen:
        """What is seen in one picture (h, w, 3)."""
        ...

    def covered(self, frame_bgr: Image) -> Image:
        """The picture that was looked at last, with faces, plates and what moves covered."""
        ...


class Looker:
    """One camera's. Answers every message."""

    def __init__(self, settings: Settings, sight: Sight) -> None:
        self._settings, self._sight = settings, sight
        self._units = Units()
        self._clip: Clip | None = None
        self._recorder = Recorder(settings.segment_s) if settings.keep else None
        self._newest: Image | None = None
        self._covered: Image | None = None
        self._looked_s = float("-inf")
        self._mask: Image | None = None

    def answer(self, asked: Asked) -> Answer:
        """The answer to one message."""
        if isinstance(asked, Unit):
            return self._look(self._units.decode(asked.coding, asked.body, asked.at_s))
        if isinstance(asked, Step):
            return Fault(why="no clip was given") if self._clip is None else self._look(self._clip.step(asked.at_s))
        if isinstance(asked, Close):
            return Looked(segment=self._recorder.close() if self._recorder is not None else None)
        if isinstance(asked, Show):
            return self._show(asked)
        if isinstance(asked, ClipAsked):
            return self._open(asked.body)
        return Fault(why="settings are said once")

    def _open(self, body: bytes) -> Answer:
        try:
            self._clip = Clip(body)
        except ValueError as error:
            return Fault(why=str(error)[:200])
        return Ready()

    def _look(self, decoded: Decoded) -> Looked:
        seen: list[Seen] = []
        segment: Segment | None = None
        width = height = 0
        for at_s, frame in decoded.pictures:
            width, height = frame.width, frame.height
            if at_s - self._looked_s < (1 - EARLY) / self._settings.frames_per_s and at_s >= self._looked_s:
                continue
            self._looked_s = at_s
            image = self._masked(scaled(frame, self._settings.width_most))
            seen.append(self._sight.look(image, at_s))
            self._newest, self._covered = image, None
            if self._recorder is not None:
                segment = self._recorder.add(self._cover(image), at_s) or segment
        return Looked(
            seen=tuple(seen),
            decoded=decoded.count,
            refused=decoded.refused,
            why=decoded.why,
            width=width,
            height=height,
            segment=segment,
        )

    def _cover(self, image: Image) -> Image:
        if self._covered is None:
            self._covered = np.ascontiguousarray(self._sight.covered(image))
        return self._covered

    def _masked(self, image: Image) -> Image:
        if not self._settings.masks:
            return image
        if self._mask is None or self._mask.shape[:2] != image.shape[:2]:
            self._mask = _mask_of(self._settings, image.shape[1], image.shape[0])
        image[self._mask > 0] = 0
        return image

    def _show(self, asked: Show) -> Answer:
        if self._newest is None:
            return Fault(why="no picture came yet")
        image = self._newest if asked.clear else self._cover(self._newest)
        marked = marked_with(image, asked.mark)
        for quality in QUALITIES:
            done, jpeg = cv2.imencode(".jpg", marked, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if done and jpeg.size <= MOST_JPEG:
                return Picture(jpeg=jpeg.tobytes())
        return Fault(why="the picture does not fit")


def marked_with(image: Image, mark: str) -> Image:
    """A copy with the mark across it, in several places: cutting one off leaves the others. A narrow picture has it in lines."""
    out = image.copy()
    height, width = out.shape[:2]
    size = max(0.35, width / 1600)
    lines = _fitting("".join(c for c in mark if " " <= c <= "~")[:64], size, round(width * 0.94))
    step = cv2.getTextSize("|", cv2.FONT_HERSHEY_SIMPLEX, size, 2)[0][1] + 3
    for n, row in enumerate(np.linspace(0.12, 0.94, 4)):
        widest = max((_wide(line, size) for line in lines), default=0)
        left = min(round(width * (0.03 + 0.12 * (n % 3))), max(width - widest - 2, 0))
        for under, line in enumerate(lines):
            at = (left, round(height * float(row)) - step * (len(lines) - 1 - under))
            cv2.putText(out, line, at, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 2, cv2.LINE_AA)
            cv2.putText(out, line, at, cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 1, cv2.LINE_AA)
    return out


def _fitting(text: str, size: float, most: int) -> list[str]:
    """The text in lines that fit into so many pixels, broken wherever they end: every character is drawn."""
    lines: list[str] = []
    while text:
        count = next((n for n in range(len(text), 1, -1) if _wide(text[:n], size) <= most), 1)
        lines.append(text[:count])
        text = text[count:]
    return lines


def _wide(text: str, size: float) -> int:
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 2)[0][0])


def _mask_of(settings: Settings, width: int, height: int) -> Image:
    mask = np.zeros((height, width), np.uint8)
    for polygon in settings.masks:
        points = np.array([[round(x * (width - 1)), round(y * (height - 1))] for x, y in polygon], np.int32)
        cv2.fillPoly(mask, [points], 255)
    return np.asarray(cv2.dilate(mask, np.ones((2 * GROWN + 1, 2 * GROWN + 1), np.uint8)), np.uint8)

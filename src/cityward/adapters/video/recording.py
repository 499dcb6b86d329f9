"""Covered pictures to segments: H.264 in MP4, in memory. Runs in the child only.

The encoder is the first that the library was built with; the pictures' times are kept to a millisecond.
"""

from __future__ import annotations

import io
from typing import Any

import av
import av.error
import cv2
import numpy as np
from av.video.frame import VideoFrame

from cityward.adapters.video.decoding import Image
from cityward.adapters.video.exchange import MOST_SEGMENT, Segment

ENCODERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("libx264", {"preset": "superfast", "crf": "27", "threads": "1", "x264-params": "sync-lookahead=0:rc-lookahead=5"}),
    ("mpeg4", {"q": "5", "threads": "1"}),
)
FULL = MOST_SEGMENT // 2  # a segment that is so large is closed early: one picture more cannot pass the bound
_MS = 1000


class Recorder:
    """One segment after another. segment_s: how long each is, by the stream's clock.

    SECURITY: a segment has the size of its first picture; others are scaled to it. A stream that changes its size with every
    picture would else make a segment, and an entry of the evidence, of each.
    """

    def __init__(self, segment_s: float) -> None:
        self._segment_s = segment_s
        self._out: io.BytesIO | None = None
        self._container: Any = None
        self._stream: Any = None
        self._begin_s = self._end_s = 0.0
        self._pictures, self._size = 0, (0, 0)

    def add(self, image: Image, at_s: float) -> Segment | None:
        """Put a covered picture in; the segment before it, where that is whole now."""
        closed = self.close() if self._is_over(at_s) else None
        if self._container is None:
            self._begin((image.shape[1], image.shape[0]), at_s)
        elif (image.shape[1], image.shape[0]) != self._size:
            image = np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.uint8)
        container: Any = self._container
        frame = VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts = max(round((at_s - self._begin_s) * _MS), round((self._end_s - self._begin_s) * _MS) + 1)
        for packet in self._stream.encode(frame):
            container.mux(packet)
        self._end_s = max(at_s, self._end_s + 1 / _MS)
        self._pictures += 1
        return closed

    def close(self) -> Segment | None:
        """The segment under way, as it is; None where none is."""
        if self._container is None or self._out is None:
            return None
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        body, self._container, self._out = self._out.getvalue(), None, None
        return Segment(begin_s=self._begin_s, end_s=self._end_s, pictures=self._pictures, form="mp4", body=body)

    def _is_over(self, at_s: float) -> bool:
        if self._out is None:
            return False
        return not 0 <= at_s - self._begin_s < self._segment_s or self._out.tell() > FULL

    def _begin(self, size: tuple[int, int], at_s: float) -> None:
        self._out, self._size = io.BytesIO(), size
        self._container = av.open(self._out, "w", format="mp4")
        name, options = next(one for one in ENCODERS if _has(one[0]))
        self._stream = self._container.add_stream(name, rate=_MS, options=options)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.thread_count = 1
        self._begin_s, self._end_s, self._pictures = at_s, at_s - 1 / _MS, 0


def _has(encoder: str) -> bool:
    try:
        av.Codec(encoder, "w")
    except (av.error.FFmpegError, ValueError):
        return False
    return True

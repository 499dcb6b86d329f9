"""Compressed bytes to pictures, by PyAV, single-threaded and bounded. Runs in the child only.

INVARIANTS
- One message gives at most `MOST_PICTURES`; a picture of more than `MOST_PIXELS` is refused before memory is taken for it.
- What cannot be decoded is counted and told, and the next is tried: a stream that was cut heals at its next key picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from cityward.adapters.video.exchange import MOST_SEEN, Coding

Image = NDArray[np.uint8]

MOST_PIXELS = 4096 * 2304  # the largest cameras that cities buy; decoders are told, too
TREMBLES_S = 0.005  # of clocks that should agree: a picture that is due is shown now, not with the next one
MOST_PICTURES = MOST_SEEN  # of one message. SECURITY: a few bytes can stand for any number of pictures
_OPTIONS = {"max_pixels": str(MOST_PIXELS), "err_detect": "careful"}
_READ = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,h264,hevc,mjpeg",
    "codec_whitelist": "h264,hevc,mjpeg,mpeg4,mpeg2video,vp8,vp9",
    "probesize": "2000000",
}
"""SECURITY: what is played is one of these, never a playlist or a script of FFmpeg's, which name further files."""


@dataclass(slots=True)
class Decoded:
    """What came of one message. pictures: with their time in the stream, seconds."""

    pictures: list[tuple[float, VideoFrame]] = field(default_factory=list[tuple[float, VideoFrame]])
    count: int = 0
    refused: int = 0
    why: str = ""

    def refuse(self, why: str) -> None:
        """Count one that could not be."""
        self.refused += 1
        self.why = why[:100]


class Units:
    """A stream of coded pictures."""

    def __init__(self) -> None:
        self._coding: Coding | None = None
        self._codec: Any = None

    def decode(self, coding: Coding, body: bytes, at_s: float) -> Decoded:
        """What one coded picture gives: usually one picture, sometimes none yet."""
        out = Decoded()
        if coding != self._coding:
            self._codec, self._coding = _codec(coding), coding
        try:
            for frame in self._codec.decode(av.Packet(body)):
                if not _take(out, at_s, frame):
                    break
        except (av.error.FFmpegError, ValueError) as error:
            out.refuse(type(error).__name__)
        return out


class Clip:
    """A whole file, played for ever.

    Raises:
        ValueError: it is no video that is read here.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._begin_s = self._newest_s = 0.0  # of the stream's clock, and of the clip's own time
        self._frames: Iterator[VideoFrame] = iter(())
        self._container: InputContainer | None = None
        self._again()

    def step(self, at_s: float) -> Decoded:
        """The picture that the clip shows at a moment: everything up to it is decoded, the last one is given."""
        out = Decoded()
        if self._begin_s == 0.0:
            self._begin_s = at_s
        while self._newest_s <= at_s - self._begin_s + TREMBLES_S and out.count < MOST_PICTURES and out.refused < 4:
            try:
                frame = next(self._frames)
            except StopIteration:
                if self._newest_s == 0.0:
                    out.refuse("it holds no picture")
                    break
                self._begin_s = at_s
                self._again()
                continue
            except (av.error.FFmpegError, ValueError) as error:
                out.refuse(type(error).__name__)
                continue
            out.pictures.clear()  # only the newest is shown
            _take(out, at_s, frame)
            self._newest_s = max(self._newest_s + 2 * TREMBLES_S, frame.time or 0.0)
        return out

    def _again(self) -> None:
        if self._container is not None:
            self._container.close()
        try:
            container = av.open(io.BytesIO(self._body), "r", options=_READ, metadata_errors="replace")
            self._container = container
            stream = container.streams.video[0]
            if cast(Any, stream).codec_context is None:
                raise ValueError("a film in a code that is not read here")
            _single(stream.codec_context)
        except (av.error.FFmpegError, IndexError) as error:
            raise ValueError(f"no video that is read here: {type(error).__name__}") from None
        self._newest_s = 0.0
        self._frames = _frames(container, stream)


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    for packet in container.demux(stream):
        yield from packet.decode()


def scaled(frame: VideoFrame, width_most: int) -> Image:
    """The picture as BGR (h, w, 3), no wider than may be; even sides, as coders want them."""
    width = max(16, min(frame.width, width_most))
    height = max(16, round(frame.height * width / frame.width))
    small = frame.reformat(width=width & ~1, height=height & ~1, format="bgr24", interpolation="AREA")
    return cast(Image, small.to_ndarray())


def _take(out: Decoded, at_s: float, frame: VideoFrame) -> bool:
    """Whether more may come."""
    out.count += 1
    if frame.width * frame.height > MOST_PIXELS or frame.width > 64 * frame.height or frame.height > 64 * frame.width:
        out.refuse(f"a picture of {frame.width} x {frame.height}")
    else:
        out.pictures.append((at_s, frame))
    return out.count < MOST_PICTURES


def _codec(coding: Coding) -> Any:
    codec = av.CodecContext.create(coding, "r")
    _single(codec)
    return codec


def _single(codec: Any) -> None:
    codec.thread_count = 1
    codec.thread_type = "NONE"
    codec.options = dict(_OPTIONS)

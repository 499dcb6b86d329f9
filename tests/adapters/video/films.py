"""Films of our own, coded by PyAV: grey pictures with a square that walks from left to right."""

from __future__ import annotations

import io
import os
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

WIDTH, HEIGHT, RATE = 160, 120, 10


def picture(n: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    image = np.full((height, width, 3), 90, np.uint8)
    image[::8] = 120
    x = (n * 4) % (width - 20)
    image[40:60, x : x + 20] = 250
    return image


@cache
def film(
    coding: str = "libx264", form: str = "mp4", pictures: int = 30, width: int = WIDTH, height: int = HEIGHT
) -> bytes:
    """A whole file."""
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(coding, rate=RATE, options={"threads": "1", "g": "10", "preset": "ultrafast"})
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuvj420p" if coding == "mjpeg" else "yuv420p"
        for n in range(pictures):
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture(n, width, height), format="bgr24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return out.getvalue()


@cache
def units(
    coding: str = "libx264", pictures: int = 30, width: int = WIDTH, height: int = HEIGHT
) -> list[tuple[bytes, bool]]:
    """Coded pictures as they come over the wire (Annex B; JPEG), each with whether it is a key picture."""
    options = {"threads": "1", "g": "10", "preset": "ultrafast", "tune": "zerolatency"}
    if coding == "libx265":
        options["x265-params"] = "log-level=none:pools=none:frame-threads=1:keyint=10"
    codec = av.CodecContext.create(coding, "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuvj420p" if coding == "mjpeg" else "yuv420p"
    codec.framerate, codec.time_base = Fraction(RATE), Fraction(1, RATE)
    codec.options = options if coding != "mjpeg" else {}
    out = []
    for n in [*range(pictures), None]:
        frame = None if n is None else av.VideoFrame.from_ndarray(picture(n, width, height), format="bgr24")
        if frame is not None:
            frame.pts = n
        out += [(bytes(packet), packet.is_keyframe) for packet in codec.encode(frame)]
    return out


def clip(name: str) -> bytes:
    """One of the recorded clips, where the data is."""
    folder = Path(os.environ.get("CITYWARD_DATA", "/work/shared/data")) / "cctv"
    if not (folder / name).exists():
        pytest.skip(f"NOT TESTED ON THE REAL CLIP {name}: the data is not here (CITYWARD_DATA)")
    return (folder / name).read_bytes()

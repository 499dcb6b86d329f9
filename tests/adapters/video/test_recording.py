"""Segments: what a stream does to its own form makes no more of them."""

from __future__ import annotations

import numpy as np

from cityward.adapters.video.decoding import Clip
from cityward.adapters.video.recording import Recorder


def test_a_stream_that_changes_its_size_with_every_picture_makes_no_segment_of_each() -> None:
    recorder = Recorder(10.0)
    closed = [one for n in range(101) if (one := recorder.add(np.full((64, 128 + 2 * (n % 2), 3), n, np.uint8), n / 5))]
    assert [(one.begin_s, one.pictures) for one in closed] == [(0.0, 50), (10.0, 50)]
    [(_, shown)] = Clip(closed[0].body).step(1.0).pictures
    assert (shown.width, shown.height) == (128, 64)

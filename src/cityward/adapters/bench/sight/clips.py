"""The pictures of a recorded clip, as the eye is shown them: at its rate, with the stream's times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from cityward.adapters.bench.sight import SightBenchError
from cityward.insight.sight.finding import Finders, finders_of, searched_for
from cityward.insight.sight.picture import Image

FOLDER = "cctv"


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture of a clip: its number, when it was taken (s, from the clip's begin), (h, w, 3) BGR."""

    number: int
    at_s: float
    image: Image


def shown(clip: Path, per_s: float | None = None) -> Iterator[Shown]:
    """The pictures of a clip, at most so many a second; None: all.

    Raises:
        SightBenchError: there is no such clip.
    """
    if not clip.is_file():
        raise SightBenchError(f"there is no clip `{clip.name}`", where=clip.parent.name, mend="name the recorded data")
    last_s = float("-inf")
    with av.open(str(clip)) as held:
        for number, frame in enumerate(held.decode(video=0)):
            at_s = float(frame.time or 0.0)
            if per_s is None or at_s - last_s >= 0.99 / per_s:
                last_s = at_s
                yield Shown(number, at_s, np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))


def shipped_finders(plates: bool = True) -> Finders:
    """The classifiers that a camera's child loads. plates: False, as where no vehicle is in view."""
    folder = Path(cv2.__file__).parent / "data"
    return finders_of({name: (folder / name).read_text("utf-8") for name in searched_for(plates)}, plates)

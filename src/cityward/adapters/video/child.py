"""The child of one camera: `python -m cityward.adapters.video.child`. Started by `watching`, never imported by it.

SECURITY: decoders are the largest attack surface here, and the bytes are foreign. The settings, which are ours, are read
first; then the eye is made, a small film of our own is coded and decoded (so that every lazy import has happened), and
everything is given up (`confine`): no file, no socket, no process, bounded memory. Only then is the first foreign byte read.
What is taken over by a crafted stream can use the processor, and lie in its answers: the watching side bounds the first and
checks the second.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import av
import av.logging
import cv2
import msgspec
import numpy as np

from cityward.adapters.confine import give_up_resources, give_up_the_kernel
from cityward.adapters.video.exchange import (
    LENGTH,
    MOST_ASKED,
    Answer,
    Close,
    Fault,
    Ready,
    Settings,
    Show,
    Step,
    length_of,
    read_asked,
    write,
)
from cityward.adapters.video.exchange import Clip as ClipAsked
from cityward.adapters.video.looking import Looker, Sight
from cityward.adapters.video.recording import Recorder
from cityward.insight.sight.eye import Eye, EyeSettings
from cityward.insight.sight.finding import finders_of, searched_for

MEMORY_BYTES = 512 << 20  # beside what the libraries take up. PRECEDENT: sixteen pictures of 9 Mpixel in YUV are 230 MB
UNFILTERED = 4
WARM = 30  # pictures


def main(make_sight: Callable[[Settings], Sight]) -> int:
    """Until the watching side closes its end."""
    os.nice(5)  # pictures may wait for commands
    settings = _first_settings()
    if settings is None:
        return 2
    cv2.setNumThreads(1)
    av.logging.set_level(av.logging.PANIC)
    warm(settings, make_sight)
    looker = Looker(settings, make_sight(settings))
    most = _address_space() + MEMORY_BYTES
    give_up_resources(most)
    confined = give_up_the_kernel()
    if not confined and "--unfiltered" not in sys.argv[1:]:
        return UNFILTERED
    _send(Ready(confined=confined, memory_mb=most >> 20))
    while (body := _message()) is not None:
        _send(_answer(looker, body))
    return 0


def sight_of(settings: Settings) -> Sight:
    """The eye, as it is declared to look. Reads the classifiers' files: before anything is given up."""
    folder = Path(cv2.__file__).parent / "data"
    texts = {name: (folder / name).read_text("utf-8") for name in searched_for(settings.plates)}
    finders = finders_of(texts, settings.plates)
    return Eye(EyeSettings(counts=settings.counts, frames_per_s=settings.frames_per_s), finders)


def warm(settings: Settings, make_sight: Callable[[Settings], Sight]) -> None:
    """Use everything once, on a film of our own: longer than an eye learns, and something moves in it."""
    recorder = Recorder(1000.0)
    for n in range(WARM):
        image = np.full((96, 128, 3), 90, np.uint8)
        image[40:60, 3 * n : 3 * n + 20] = 240
        recorder.add(image, n / 5)
    film = recorder.close()
    assert film is not None
    looker = Looker(msgspec.structs.replace(settings, keep=True), make_sight(settings))
    looker.answer(ClipAsked(body=film.body))
    for n in range(WARM):
        looker.answer(Step(at_s=1 + n / settings.frames_per_s))
    looker.answer(Show(mark="warm"))
    looker.answer(Close())
    for broken in (b"", b"RIFF", film.body[:200]):
        looker.answer(ClipAsked(body=broken))


def _answer(looker: Looker, body: bytes) -> Answer:
    try:
        return looker.answer(read_asked(body))
    except msgspec.DecodeError:
        return Fault(why="not understood")


def _first_settings() -> Settings | None:
    body = _message()
    asked = read_asked(body) if body is not None else None
    return asked if isinstance(asked, Settings) else None


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _message() -> bytes | None:
    head = _receive(LENGTH)
    return None if head is None else _receive(length_of(head, MOST_ASKED))


def _receive(size: int) -> bytes | None:
    got = bytearray()
    while len(got) < size:
        piece = os.read(0, min(size - len(got), 1 << 20))
        if not piece:
            return None
        got += piece
    return bytes(got)


def _send(answer: Answer) -> None:
    left = memoryview(write(answer))
    while left:
        left = left[os.write(1, left) :]


if __name__ == "__main__":
    sys.exit(main(sight_of))

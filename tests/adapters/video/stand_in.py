"""A child with an eye of the tests' own: it measures light, counts every look at the line `door`, and covers everything.

Run as a script; the argument says what is wrong with it.
"""

from __future__ import annotations

import os
import socket
import sys

import numpy as np

from cityward.adapters.video.child import main
from cityward.adapters.video.exchange import Settings
from cityward.insight.sight.seen import Measures, Passed, Seen


class Eye:
    def __init__(self, settings: Settings, wrong: str) -> None:
        self._lines, self._wrong, self._looks = tuple(settings.counts), wrong, 0

    def look(self, frame: np.ndarray, at_s: float) -> Seen:
        self._looks += 1
        self._misbehave()
        measures = Measures(
            light=float(frame.mean()), contrast=float(frame.std()), sharpness=1.0, moved=0.0, likeness=1.0,
            shift_x=0.0, shift_y=0.0, fingerprint=1, noise=float("nan") if self._wrong == "nan" else 0.5,
        )  # fmt: skip
        line = "no-such-line" if self._wrong == "invents" else "door"
        passed = tuple(Passed(line=line, kind="person", forward=1, back=0) for _ in self._lines)
        return Seen(at_s=at_s, measures=measures, passed=passed)

    def covered(self, frame: np.ndarray) -> np.ndarray:
        return np.full_like(frame, 7)

    def _misbehave(self) -> None:
        if self._looks < 2:
            return
        match self._wrong:
            case "dies":
                os._exit(9)
            case "hangs":
                while True:
                    pass
            case "eats":
                held = []
                while True:
                    held.append(np.ones((1 << 22,), np.uint8))
            case "babbles":
                os.write(1, b"\xff" * 4096)
            case "answers-too-long":
                os.write(1, (1 << 31).to_bytes(4, "big"))
            case "reaches-out":
                os.write(1, _reach_out())
                os._exit(0)
            case _:
                pass


def _reach_out() -> bytes:
    """What it could get at, as a frame of its own."""
    said = []
    for what, reach in {
        "file": lambda: os.open("/etc/hostname", os.O_RDONLY),
        "socket": socket.socket,
        "fork": os.fork,
        "list": lambda: os.scandir("/"),
        "descriptors": lambda: os.fstat(3),
    }.items():
        try:
            reach()
        except OSError:
            continue
        said.append(what)
    body = b"\x82\xa4type\xa5fault\xa3why" + bytes([0xA0 + len(",".join(said) or "nothing")])
    body += (",".join(said) or "nothing").encode()
    return len(body).to_bytes(4, "big") + body


if __name__ == "__main__":
    WRONG = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.argv[1:] = []
    made = [0]

    def make(settings: Settings) -> Eye:
        made[0] += 1
        return Eye(settings, WRONG if made[0] > 1 else "")  # the first one is for warming

    sys.exit(main(make))

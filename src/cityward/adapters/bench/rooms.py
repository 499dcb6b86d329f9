"""Where a process spends its processor time, by room of the house. Started inside the process that is measured.

A timer of processor time (`ITIMER_PROF`) interrupts it every few milliseconds; what was used since the last interrupt is put
on the innermost room on the stack. A long call into a library is one interrupt with all its time, put on the room that called it.

Fails when: work is done by threads while the main thread waits: it is put on the room that waits.
"""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from pathlib import Path
from types import FrameType

import msgspec

EVERY_S = 0.005
WRITE_EVERY_S = 0.5
_HERE = str(Path(__file__).parents[2])
OUTSIDE = "(python and libraries)"


class RoomSampler:
    """See the module. One per process, in its main thread; `path` is rewritten with the sums twice a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seconds: dict[str, float] = defaultdict(float)
        self._last = self._written = 0.0

    def start(self) -> None:
        """Begin; the handler stays for the life of the process."""
        self._last = time.process_time()
        signal.signal(signal.SIGPROF, self._tick)
        signal.siginterrupt(signal.SIGPROF, False)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def _tick(self, _number: int, frame: FrameType | None) -> None:
        now = time.process_time()
        self._seconds[room_of(frame)] += now - self._last
        self._last = now
        if now - self._written >= WRITE_EVERY_S:
            self._written = now
            draft = self._path.with_name(self._path.name + ".new")
            draft.write_bytes(msgspec.json.encode(self._seconds))
            draft.replace(self._path)


def room_of(frame: FrameType | None) -> str:
    """The room of the innermost frame that is ours, such as `guard` or `adapters/stores`."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_HERE):
            parts = name[len(_HERE) + 1 :].split("/")
            return "/".join(parts[: 2 if parts[0] == "adapters" and len(parts) > 2 else 1]).removesuffix(".py")
        frame = frame.f_back
    return OUTSIDE


def read_rooms(path: Path) -> dict[str, float]:
    """Room -> processor seconds, as last written; empty where nothing was."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, float])
    except FileNotFoundError:
        return {}

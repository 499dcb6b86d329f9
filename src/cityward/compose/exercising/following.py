"""An exercise that the web door follows: it tells its progress in lines, and ends when the door does.

INVARIANT: one that the door began does not outlive it: the end of the pipe to it is an order to end, whatever ended the door.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

import msgspec

from cityward.compose.exercising.outcome import Watched
from cityward.compose.exercising.progress import Progress

NICER = 10  # the city itself comes first
EVERY_S = 0.9


def told_to_the_door() -> Watched:
    """Progress as JSON lines on stdout, one a second at most; the process takes what the city leaves of the processors."""
    os.nice(NICER)
    last = 0.0

    def tell(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last < EVERY_S:
            return
        last = time.monotonic()
        sys.stdout.buffer.write(msgspec.json.encode(progress) + b"\n")
        sys.stdout.buffer.flush()

    return tell


async def end_with_the_pipe(task: asyncio.Task[Any]) -> None:
    """Have a task cancelled when stdin ends."""
    reader = asyncio.StreamReader(limit=1 << 10)
    await asyncio.get_running_loop().connect_read_pipe(lambda: _Ends(reader, task), sys.stdin)


class _Ends(asyncio.StreamReaderProtocol):
    """Of the pipe only its end matters; what is said on it is thrown away."""

    def __init__(self, reader: asyncio.StreamReader, task: asyncio.Task[Any]) -> None:
        super().__init__(reader)
        self._task = task

    def data_received(self, data: bytes) -> None:
        """Nothing is asked this way."""

    def eof_received(self) -> bool:
        """The door is gone."""
        self._task.cancel()
        return False

"""The side that feeds a camera's child, waits, counts, and puts another one in its place.

Theory of operation
-------------------
`look` asks one thing and waits for its one answer, until a deadline. Whatever is not an honest answer in time (silence, an end,
a frame too long, numbers that cannot be) ends the child: it is killed, counted as `lost` with its reason, and the camera is
`broken` until a later answer is good. The next child is started after a pause that doubles with each loss in a row, up to
`LONGEST_PAUSE_S`. Until then what comes is dropped and counted.

A stream is faster than its child now and then. `Backlog` stands between: it is bounded, and when it is full it drops everything
up to the next key picture, because what depends on a dropped picture would only be rubbish.

INVARIANTS
- `look` returns within `within_s` and a second, whatever the child does; nothing of one camera is waited for by another.
- asked == answered + dropped + lost, since the start.
- SECURITY: an answer is never given to another question: a child whose answer nobody waited for is ended. Else a covered view
  would be shown the clear picture that another one had asked for.
- The child has no environment of ours, no folder of ours, and no descriptor but its pipes.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import threading
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cityward.adapters.video.exchange import (
    LENGTH,
    MOST_ANSWER,
    Answer,
    Asked,
    Clip,
    Close,
    Fault,
    Looked,
    Picture,
    Ready,
    Settings,
    Show,
    Step,
    Unit,
    length_of,
    read_answer,
    write,
)
from cityward.errors import LinkError

START_S = 60.0  # of a machine that starts everything at once
UNIT_S = 5.0  # PRECEDENT: a 9 Mpixel picture takes 0.1 s to decode and 0.3 s to look at
CLIP_S = 20.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
SLACK_S = 1.0  # pictures of one moment are told apart by a millisecond each
FORGIVEN = 50  # good answers in a row, after which earlier losses are forgotten
COMMAND: Sequence[str] = (sys.executable, "-I", "-m", "cityward.adapters.video.child")
_THREADS: dict[str, str] = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(slots=True)
class Counts:
    """Since the start. asked: steps and units; pictures: decoded; refused: units or pictures that could not be."""

    asked: int = 0
    answered: int = 0
    dropped: int = 0
    lost: int = 0
    pictures: int = 0
    looked: int = 0
    refused: int = 0
    children: int = 0


@dataclass(slots=True)
class Watching:
    """One camera's child, and the next one when it is lost. For one asyncio task at a time (it has a lock)."""

    settings: Settings
    command: Sequence[str] = COMMAND
    clock: Callable[[], float] = time.monotonic
    unit_s: float = UNIT_S
    counts: Counts = field(default_factory=Counts)
    why: str = ""  # of the last loss or refusal, until an answer is good
    clip: bytes | None = None  # what each child is given to play
    _process: Process | None = None
    _not_before: float = 0.0
    _in_a_row: int = 0
    _good: int = 0
    _fed: tuple[float, float] = (math.inf, -math.inf)  # first and last moment of what this child was given
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_broken(self) -> bool:
        """Whether the last thing that was asked could not be done."""
        return self.why != ""

    @property
    def pid(self) -> int | None:
        """Of the child that lives now."""
        return None if self._process is None else self._process.pid

    async def look(self, asked: Unit | Step) -> Looked | None:
        """What is seen; None where nobody could look (it is counted)."""
        async with self._lock:
            self.counts.asked += 1
            answer = await self._asked(asked, self.unit_s)
            if isinstance(answer, Looked):
                return self._took(answer)
            if answer is not None:
                self.counts.answered += 1
                self.counts.refused += 1
                self.why = answer.why if isinstance(answer, Fault) else "another answer than was asked for"
            return None

    async def show(self, asked: Show) -> bytes:
        """The newest picture as JPEG.

        Raises:
            LinkError: there is none now.
        """
        async with self._lock:
            if self._process is None:
                raise LinkError("no picture can be shown now: nobody looks", mend="see what the camera's state says")
            answer = await self._asked(asked, self.unit_s)
        if isinstance(answer, Picture):
            return answer.jpeg
        raise LinkError(answer.why if isinstance(answer, Fault) else "no picture can be shown now")

    async def play(self, body: bytes) -> None:
        """Give another clip: to the child that lives, and to those that come after it.

        Raises:
            LinkError: it does not take it.
        """
        async with self._lock:
            self.clip = body
            if self._process is None:
                return
            answer = await self._asked(Clip(body=body), CLIP_S)
        if not isinstance(answer, Ready):
            raise LinkError(answer.why if isinstance(answer, Fault) else "it did not take the clip")

    async def finish(self) -> Looked | None:
        """The segment under way, closed; None where nobody records now."""
        async with self._lock:
            if self._process is None or not self.settings.keep:
                return None
            answer = await self._asked(Close(), self.unit_s)
        return answer if isinstance(answer, Looked) else None

    def drop(self, count: int) -> None:
        """Count what was dropped before it was asked."""
        self.counts.asked += count
        self.counts.dropped += count

    async def close(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            if process.stdin is not None:
                process.stdin.close()
            await process.wait()

    def _took(self, looked: Looked) -> Looked:
        counts = self.counts
        counts.answered += 1
        counts.pictures += looked.decoded
        counts.looked += len(looked.seen)
        counts.refused += looked.refused
        self.why = looked.why if looked.refused and not looked.decoded else ""
        self._good += 1
        if self._good >= FORGIVEN:
            self._in_a_row = 0
        return looked

    async def _asked(self, asked: Asked, within_s: float) -> Answer | None:
        """The answer; None where there was none: then it is counted, dropped or lost."""
        counted = int(isinstance(asked, (Unit, Step)))
        if self._process is None and self.clock() < self._not_before:
            self.counts.dropped += counted
            return None
        try:
            process = self._process or await self._start()
            answer = await self._exchange(process, asked, within_s)
            self._hold_to_its_time(asked, answer)
            return answer
        except asyncio.CancelledError:  # who asked went away: what comes now would be taken for the next answer
            self.counts.lost += counted
            await self._lose("nobody waited for its answer")
            raise
        except (
            OSError,
            ValueError,
            EOFError,
            TimeoutError,
            RuntimeError,
        ) as error:  # the last: uvloop, of a pipe that is closed
            self.counts.lost += counted
            await self._lose(str(error) or type(error).__name__)
            return None

    def _hold_to_its_time(self, asked: Asked, answer: Answer) -> None:
        """# SECURITY: a segment of another time than this child was fed in would be kept for ever, or be no evidence."""
        if isinstance(asked, (Unit, Step)):
            self._fed = min(self._fed[0], asked.at_s), max(self._fed[1], asked.at_s)
        made = answer.segment if isinstance(answer, Looked) else None
        if made is not None and not self._fed[0] - SLACK_S <= made.begin_s <= made.end_s <= self._fed[1] + SLACK_S:
            raise ValueError("a segment of another time")

    async def _lose(self, why: str) -> None:
        self.why = f"its process was ended: {why}"[:200]
        self._good = 0
        await self.close()
        pause = min(FIRST_PAUSE_S * 2**self._in_a_row, LONGEST_PAUSE_S)
        self._in_a_row = min(self._in_a_row + 1, 30)
        self._not_before = self.clock() + pause

    async def _start(self) -> Process:
        self.counts.children += 1
        self._fed = (math.inf, -math.inf)
        self._process = process = await asyncio.create_subprocess_exec(
            *self.command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=dict(_THREADS), cwd="/", limit=1 << 20,
            start_new_session=True,  # an interrupt of the terminal is for the city: a camera is not broken by it
        )  # fmt: skip
        ready = await self._exchange(process, self.settings, START_S)
        if not isinstance(ready, Ready):
            raise ValueError("it did not say that it is ready")
        if self.clip is not None:
            opened = await self._exchange(process, Clip(body=self.clip), CLIP_S)
            if not isinstance(opened, Ready):
                raise ValueError(opened.why if isinstance(opened, Fault) else "it did not take the clip")
        return process

    async def _exchange(self, process: Process, asked: Asked, within_s: float) -> Answer:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(within_s):
                process.stdin.write(write(asked))
                await process.stdin.drain()
                head = await process.stdout.readexactly(LENGTH)
                body = await process.stdout.readexactly(length_of(head, MOST_ANSWER))
        except TimeoutError:
            raise TimeoutError(f"no answer within {within_s:g} s") from None
        except asyncio.IncompleteReadError:
            raise EOFError("it ended") from None
        return read_answer(body, self.settings)


MOST_WAITING, MOST_WAITING_BYTES = (
    64,
    16 << 20,
)  # PRECEDENT: 2 s of a 25/s stream; pictures are some 20 kB, key ones 200 kB


class Backlog:
    """Units between whoever reads a stream (a thread) and whoever looks: bounded, dropping whole groups of pictures."""

    def __init__(self, most: int = MOST_WAITING, most_bytes: int = MOST_WAITING_BYTES) -> None:
        self._units: deque[Unit] = deque()
        self._most, self._most_bytes, self._bytes = most, most_bytes, 0
        self._dropping, self._dropped = False, 0
        self._lock = threading.Lock()

    def put(self, unit: Unit, is_key: bool) -> None:
        """Take it, or drop it and all up to the next key picture."""
        with self._lock:
            if is_key:
                self._dropping = False
            full = len(self._units) >= self._most or self._bytes + len(unit.body) > self._most_bytes
            if self._dropping or full:
                self._dropping = True
                self._dropped += 1
                return
            self._units.append(unit)
            self._bytes += len(unit.body)

    def take(self) -> Unit | None:
        """The oldest."""
        with self._lock:
            if not self._units:
                return None
            unit = self._units.popleft()
            self._bytes -= len(unit.body)
            return unit

    def dropped(self) -> int:
        """How many were dropped since this was asked last."""
        with self._lock:
            count, self._dropped = self._dropped, 0
            return count

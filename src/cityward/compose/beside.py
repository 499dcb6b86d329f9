"""What a running city is asked that takes seconds: made by a child beside the door, one at a time, and kept for a while.

Theory of operation. Reading whole logs takes seconds and a processor, and grows with the city; the door must go on answering.
So a child (a command with `--json`) reads them, and is ended when it takes too long or says too much. Who asks meanwhile waits a
little, then is told to come again; the newest answer that was made answers everybody for `fresh_s`.

INVARIANTS
- At most one child of each question at a time, whoever asks how often; it ends when the door does.
- What the child says is read within bounds, and is an answer or nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from cityward.compose.child import Bounds, said_by
from cityward.errors import LinkError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """What is asked: by which command, and what is made of its answer. most_bytes: of what it says.

    said: how the answer is called in errors. fresh_s: how long one answers everybody; wait_s: that one who asks is kept waiting.
    """

    said: str
    program: Sequence[str]
    made: Callable[[bytes], T]
    most_bytes: int
    mend: str
    fresh_s: float = 300.0
    wait_s: float = 8.0
    child_s: float = 180.0


class Asked(Generic[T]):
    """See the module."""

    def __init__(self, question: Question[T]) -> None:
        self._question = question
        self._task: asyncio.Task[tuple[int, T]] | None = None
        self._made: tuple[float, T] | None = None
        self._age = 0

    def forget(self) -> None:
        """What was made, or is being made, is old: who asks next is answered from what is on record now."""
        self._age += 1
        self._made = None

    async def __call__(self) -> T | None:
        """The answer; None while it is still being made.

        Raises:
            LinkError: it could not be made.
        """
        if self._made is not None and time.monotonic() - self._made[0] < self._question.fresh_s:
            return self._made[1]
        task = self._task
        if task is None:
            task = self._task = asyncio.create_task(self._make(self._age))
        done, _ = await asyncio.wait({task}, timeout=self._question.wait_s)
        if not done:
            return None
        if self._task is task:
            self._task = None
        age, made = task.result()
        if age != self._age:  # it began to read before something was put on record
            return await self()
        self._made = time.monotonic(), made
        return made

    async def close(self) -> None:
        """End the child, if there is one."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError, LinkError):
                await task

    async def _make(self, age: int) -> tuple[int, T]:
        asked = self._question
        bounds = Bounds(asked.said, asked.mend, asked.child_s, asked.most_bytes)
        return age, await asyncio.to_thread(asked.made, await said_by(asked.program, bounds))


@asynccontextmanager
async def ending(asked: Asked[T]) -> AsyncGenerator[None]:
    """For as long as the door is open."""
    try:
        yield
    finally:
        await asked.close()

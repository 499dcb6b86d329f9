"""Work that takes a processor for a moment, done in a thread, a few at a time, for everybody at the door together.

INVARIANTS
- At most `running` works run and `waiting` wait; whoever comes then is told when to come again, and nothing was begun for them.
- An answer is kept under its key, the newest `kept` of them; who asks the same again begins nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from cityward.web.problems import unavailable

T = TypeVar("T")

AFTER_S = 3


class Turns:
    """One per door and kind of work. `turned_away` counts who was told to come again."""

    def __init__(self, running: int = 1, waiting: int = 8, kept: int = 64) -> None:
        self._running, self._waiting, self._kept = asyncio.Semaphore(running), waiting, kept
        self._queue = 0
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self.turned_away = 0

    async def take(self, key: Hashable, work: Callable[[], T]) -> T:
        """The answer of a work, kept or made now. What it raises is not kept.

        Raises:
            Problem: 503, too many wait already.
        """
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        if self._running.locked() and self._queue >= self._waiting:
            self.turned_away += 1
            raise unavailable("busy", "too many such questions at a time; ask again shortly", AFTER_S)
        self._queue += 1
        try:
            async with self._running:
                return await self._made(key, work)
        finally:
            self._queue -= 1

    async def _made(self, key: Hashable, work: Callable[[], T]) -> T:
        if key not in self._answers:  # who waited behind the same question has it by now
            answer = await asyncio.to_thread(work)
            self._answers[key] = answer
            while len(self._answers) > self._kept:
                self._answers.popitem(last=False)
        return self._answers[key]

"""Work that takes a processor for a moment, done in a thread, a few at a time, for everybody at the door together.

INVARIANTS
- At most `running` works run and `waiting` wait; whoever comes then is told when to come again, and nothing was begun for them.
- Who asks what is being worked on waits for that; who leaves ends nothing: the answer is there when they come again.
- An answer is kept under its key, the newest `kept` of them. What a work raises is told to those who wait, and not kept.
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
        self._running, self._most, self._kept = asyncio.Semaphore(running), running + waiting, kept
        self._open: dict[Hashable, asyncio.Task[Any]] = {}
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self.turned_away = 0

    async def take(self, key: Hashable, work: Callable[[], T]) -> T:
        """The answer of a work, kept or made now.

        Raises:
            Problem: 503, too many wait already; or what the work raises.
        """
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        task = self._open.get(key)
        if task is None:
            if len(self._open) >= self._most:
                self.turned_away += 1
                raise unavailable("busy", "too many such questions at a time; ask again shortly", AFTER_S)
            task = self._open[key] = asyncio.create_task(self._made(key, work))
            task.add_done_callback(lambda done: self._settle(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Whoever waits is told no more; a thread that works ends by itself."""
        tasks = list(self._open.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _made(self, key: Hashable, work: Callable[[], T]) -> T:
        async with self._running:
            answer = await asyncio.to_thread(work)
        self._answers[key] = answer
        while len(self._answers) > self._kept:
            self._answers.popitem(last=False)
        return answer

    def _settle(self, key: Hashable, done: asyncio.Task[Any]) -> None:
        self._open.pop(key, None)
        if not done.cancelled():
            done.exception()  # seen, also where nobody waits any more

"""Work that takes a processor for a moment, a few at a time for everybody at the door: in a thread, or beside the door.

INVARIANTS
- At most `running` works run and `waiting` wait; whoever comes then is told when to come again, and nothing was begun for them.
- Nobody has more than `share` works under way that they began; to wait for what others began is free.
- Who asks what is being worked on waits for that. Of a work in a thread, who leaves ends nothing: the answer is there when they
  come again. A work beside the door is cancelled when the last who waits for it leaves.
- An answer is kept under its key, the newest `kept` of them. What a work raises is told to those who wait, and not kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from cityward.time import SECOND
from cityward.web.problems import too_many, unavailable

T = TypeVar("T")

AFTER_S = 3


@dataclass(slots=True)
class _Work:
    task: asyncio.Task[Any]
    who: str
    askers: int = 0


class Turns:
    """One per door and kind of work. `turned_away` counts who was told to come again."""

    def __init__(self, running: int = 1, waiting: int = 8, kept: int = 64, share: int = 2) -> None:
        self._running, self._most, self._kept = asyncio.Semaphore(running), running + waiting, kept
        self._share = share
        self._open: dict[Hashable, _Work] = {}
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self.turned_away = 0

    async def take(self, who: str, key: Hashable, work: Callable[[], T]) -> T:
        """The answer of a work, kept or made now in a thread. who: the person it is begun for.

        Raises:
            Problem: 429, they have their share under way; 503, too many wait already; or what the work raises.
        """
        return await self._answer(who, key, lambda: asyncio.to_thread(work), ends=False)

    async def take_beside(self, who: str, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The answer of a work that leaves nothing behind when it is cancelled. Raises: as `take`."""
        return await self._answer(who, key, work, ends=True)

    async def close(self) -> None:
        """Whoever waits is told no more; a thread that works ends by itself."""
        tasks = [work.task for work in self._open.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, who: str, key: Hashable, make: Callable[[], Awaitable[T]], *, ends: bool) -> T:
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        work = self._open.get(key) or self._begin(who, key, make)
        work.askers += 1
        try:
            return await asyncio.shield(work.task)
        finally:
            work.askers -= 1
            if ends and not work.askers and not work.task.done():
                self._open.pop(key, None)  # who asks now begins anew, and does not wait for what is being ended
                work.task.cancel()

    def _begin(self, who: str, key: Hashable, make: Callable[[], Awaitable[Any]]) -> _Work:
        if sum(work.who == who for work in self._open.values()) >= self._share:
            self.turned_away += 1
            raise too_many(f"{self._share} such questions of yours are worked on; wait for them", AFTER_S * SECOND)
        if len(self._open) >= self._most:
            self.turned_away += 1
            raise unavailable("busy", "too many such questions at a time; ask again shortly", AFTER_S)
        work = self._open[key] = _Work(asyncio.create_task(self._made(key, make)), who)
        work.task.add_done_callback(lambda _: self._settle(key, work))
        return work

    async def _made(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        async with self._running:
            answer = await make()
        self._answers[key] = answer
        while len(self._answers) > self._kept:
            self._answers.popitem(last=False)
        return answer

    def _settle(self, key: Hashable, work: _Work) -> None:
        if self._open.get(key) is work:
            del self._open[key]
        if not work.task.cancelled():
            work.task.exception()  # seen, also where nobody waits any more

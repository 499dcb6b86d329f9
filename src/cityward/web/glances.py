"""One answer for all who ask the same within a second: when something moves, every open console asks at about the same time.

INVARIANT: bounded: `MOST` answers, the oldest first forgotten. An answer that failed is kept for nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

KEPT_S = 1.0
MOST = 64


class Glances:
    """Keyed by all that the answer rests on, but for the time. One event loop."""

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, tuple[float, asyncio.Future[Any]]] = OrderedDict()

    async def one(self, key: Hashable, make: Callable[[], Awaitable[Any]]) -> Any:
        """What was made for this key within the last second, or is being made; else made now."""
        found = self._made.get(key)
        if found is None or (found[1].done() and (time.monotonic() - found[0] >= KEPT_S or _failed(found[1]))):
            found = self._made[key] = time.monotonic(), asyncio.ensure_future(make())
            self._made.move_to_end(key)
            if len(self._made) > MOST:
                self._made.popitem(last=False)
        return await asyncio.shield(found[1])  # whoever goes away does not end it for the others


def _failed(made: asyncio.Future[Any]) -> bool:
    return made.cancelled() or made.exception() is not None

"""What a proof must answer: random, for one asker, used once, for two minutes.

INVARIANTS
- A challenge is taken out before it is looked at, so none is answered twice, whatever the answer was.
- At most `MOST` wait; the oldest goes first.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Generic, TypeVar

LASTS_S = 120.0
MOST = 10_000

S = TypeVar("S")


class Challenges(Generic[S]):
    """By who was asked. Of one asker and purpose only the newest counts."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[str, bytes], tuple[float, S]] = OrderedDict()

    def put(self, purpose: str, asker: bytes, state: S) -> None:
        """Remember what was asked of somebody (by the hash of their session or of their cookie)."""
        self._waiting.pop((purpose, asker), None)
        self._waiting[(purpose, asker)] = (time.monotonic() + LASTS_S, state)
        if len(self._waiting) > MOST:
            self._waiting.popitem(last=False)

    def take(self, purpose: str, asker: bytes) -> S | None:
        """What was asked, for the last time; None when nothing was, or too long ago."""
        until, state = self._waiting.pop((purpose, asker), (0.0, None))
        return state if time.monotonic() < until else None

"""What one person may hold of the few places that the door has for something dear.

INVARIANTS
- Nobody holds more than their share, and all together no more than the places; who comes then is told when to come again.
- A place is given back however its work ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cityward.time import SECOND
from cityward.web.problems import too_many, unavailable

AFTER_S = 10
PIECE = 1 << 20  # bytes that are sent at a time


class Shares:
    """One per door and kind of work. said: what is under way, in a refusal. `turned_away` counts who was told to come again."""

    def __init__(self, said: str, places: int, share: int) -> None:
        self._said, self._places, self._share = said, places, share
        self._held: Counter[str] = Counter()
        self.turned_away = 0

    def enter(self, who: str) -> None:
        """Take a place, to be left again.

        Raises:
            Problem: 429, this person holds their share; 503, no place is left.
        """
        if self._held[who] >= self._share:
            self.turned_away += 1
            raise too_many(f"{self._share} of your {self._said} under way; wait for that", AFTER_S * SECOND)
        if self._held.total() >= self._places:
            self.turned_away += 1
            raise unavailable("busy", f"too many {self._said} under way; ask again shortly", AFTER_S)
        self._held[who] += 1

    def leave(self, who: str) -> None:
        """Give a place back."""
        self._held[who] -= 1
        if not self._held[who]:
            del self._held[who]

    @contextmanager
    def place(self, who: str) -> Generator[None]:
        """A place for as long as it takes. Raises: as `enter`."""
        self.enter(who)
        try:
            yield
        finally:
            self.leave(who)


class Taken(Response):
    """An answer that is so large that it holds a place until it is taken; who made it has entered."""

    def __init__(self, body: bytes, media: str, headers: dict[str, str], shares: Shares, who: str) -> None:
        super().__init__(body, media_type=media, headers=headers)
        self._shares, self._who = shares, who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it a piece at a time: what is sent at once would be called taken while it still lies here."""
        body = memoryview(self.body)
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for at in range(0, len(body), PIECE):
                await send({"type": "http.response.body", "body": bytes(body[at : at + PIECE]), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._shares.leave(self._who)

"""What each person read, gathered by session and put on record every minute; of what was opened for a task, every request.

A record says how many rows of what, never what they held. What was shown as a role to somebody names both.

INVARIANTS
- At most `MOST_KEYS` counts wait; when they are full they are put on record at once, so none is lost to a bound.
- A record that the ledger does not take is kept and tried again with the next; beyond the bound the oldest are counted in `lost`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import structlog

from cityward.errors import CitywardError
from cityward.evidence.records import Read
from cityward.web.identity import Caller
from cityward.web.ports import Doors

EVERY_S = 60.0
MOST_KEYS = 5_000
MOST_WHAT = 100  # names in one record
MOST_WAITING = 1_000  # records

_log = structlog.get_logger("cityward.web")


class Reads:
    """One per door; its task is the app's."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._since = doors.city_now_us()
        self._waiting: list[Read] = []
        self._full = asyncio.Event()
        self._closed = False
        self.lost = 0

    def note(self, caller: Caller | None, what: str, rows: int) -> None:
        """Somebody was shown so many rows of something. Never blocks."""
        if caller is None or not caller.session or rows <= 0:
            return
        shown = caller.held.shown
        name = what[:128] if shown is None else f"{what[:96]} shown as {shown.role}"
        self._counts[(caller.id, caller.session.hex()[:16], name)] += rows
        if len(self._counts) >= MOST_KEYS:
            self._full.set()

    async def run(self) -> None:
        """Put on record every minute, or sooner when much was read; until closed."""
        while not self._closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._full.wait()
            self._full.clear()
            await self.flush()

    def close(self) -> None:
        """Put on record what is left, and end."""
        self._closed = True
        self._full.set()

    async def flush(self) -> None:
        """Put on record what was read until now."""
        records = [*self._waiting, *self._gathered()]
        self.lost += max(0, len(records) - MOST_WAITING)
        self._waiting = records[-MOST_WAITING:]
        ledger = self._doors.ledger
        if not self._waiting or ledger is None:
            self._waiting = []
            return
        try:
            await asyncio.to_thread(ledger.append, self._waiting)
            self._waiting = []
        except CitywardError as error:
            _log.warning("what was read is not on record yet", why=error.what)

    def _gathered(self) -> Sequence[Read]:
        now = self._doors.city_now_us()
        since, self._since = self._since, now
        by_session: dict[tuple[str, str], dict[str, int]] = {}
        for (person, session, what), rows in self._counts.items():
            by_session.setdefault((person, session), {})[what] = rows
        self._counts.clear()
        return [
            Read(at=now, by="web", person=person, session=session, what=dict(part), since=since, until=now)
            for (person, session), what in by_session.items()
            for part in _parts(list(what.items()))
        ]


def _parts(items: list[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    return [items[at : at + MOST_WHAT] for at in range(0, len(items), MOST_WHAT)]

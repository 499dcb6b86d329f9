"""What the watch of a running town is told, gathered beside a test."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from cityward.adapters.bus.events import EventReader
from cityward.adapters.bus.log import connect, disconnect
from cityward.compose.home import Home, read_city_file
from cityward.errors import LinkError
from cityward.watch.events import Event, EventKind


class Events:
    """All events of a town, as they come."""

    def __init__(self, home: Home) -> None:
        self._city = read_city_file(home)
        self.seen: list[Event] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._read()))
        self._thread.start()

    async def _read(self) -> None:
        after, url, word = 0, self._city.bus_url, self._city.passwords["watch"]
        client = await connect(url, "watch", word)
        reader = EventReader(client, url, "watch", word)
        while not self._ended.is_set():
            try:
                told = await reader.fetch(after, 1000, 0.2)
            except LinkError:
                continue
            self.seen += told.events
            after = told.upto
        await reader.close()
        await disconnect(client)

    def of(self, kind: EventKind, subject: str) -> list[Event]:
        return [event for event in list(self.seen) if event.kind is kind and event.subject == subject]

    def one(self, kind: EventKind, subject: str, **detail: str) -> Event:
        """Wait for the first event of its kind on a subject with these details."""

        def found() -> list[Event]:
            return [e for e in self.of(kind, subject) if detail.items() <= e.detail.items()]

        until(lambda: bool(found()), f"event {kind} of {subject} with {detail}")
        return found()[0]

    def close(self) -> None:
        self._ended.set()
        self._thread.join()


def until(true: Callable[[], bool], what: str, within_s: float = 45.0) -> None:
    """Wait for it."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not true():
        assert time.monotonic() < deadline, f"no {what} within {within_s} s"
        pause.wait(0.02)

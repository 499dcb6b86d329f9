"""Who stands at the HTTP door: connections by address, and what was cut off there, counted and told.

Lives here: the counting. Does not live here: sockets and timers (`serve`), failed sign-ins (`identity`).

INVARIANTS
- Memory is bounded: addresses with open connections by `MOST_CONNECTIONS`, those to be told of by `MOST_TOLD`.
- Nothing is cut off without a count under its word; the watch hears of it within `TELL_S`, one event for an address and a word.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from cityward.runtime.ports import EventSink
from cityward.time import CityClock
from cityward.watch.events import Event, EventKind, cut
from cityward.web.meters import Meters

MOST_CONNECTIONS = 4096
MOST_PER_ADDRESS = 256  # PRECEDENT: nginx's examples of limit_conn have 10 to 100; a gateway may stand for many devices
MOST_TOLD = 256
TELL_S = 1.0
OTHERS = "(others)"


class Sources:
    """One door. In one event loop."""

    def __init__(
        self, meters: Meters, clock: CityClock, events: EventSink | None = None, most_per_address: int | None = None
    ) -> None:
        """`most_per_address`: None behind a proxy, where all come from one."""
        self._meters, self._clock, self._events, self._most = meters, clock, events, most_per_address
        self.open: Counter[str] = Counter()
        self._untold: Counter[tuple[str, str]] = Counter()
        self._telling: asyncio.TimerHandle | None = None

    def enters(self, address: str) -> bool:
        """Whether one more connection of the address may stand; if so it is counted, and `leaves` must follow."""
        if self.open.total() >= MOST_CONNECTIONS:
            self.cut_off(address, "too-many-connections")
            return False
        if self._most is not None and self.open[address] >= self._most:
            self.cut_off(address, "too-many-connections-of-one")
            return False
        self.open[address] += 1
        return True

    def leaves(self, address: str) -> None:
        """A connection that had entered ended."""
        self.open[address] -= 1
        if self.open[address] <= 0:
            del self.open[address]

    def cut_off(self, address: str, word: str) -> None:
        """Count a connection that was ended, or not begun, by the word that says why."""
        self._meters.turned_away(word)
        if self._events is None:
            return
        key = (address, word)
        self._untold[key if key in self._untold or len(self._untold) < MOST_TOLD else (OTHERS, word)] += 1
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TELL_S, self.tell)

    def tell(self) -> None:
        """Tell the watch of what is not told yet."""
        if self._telling is not None:
            self._telling.cancel()
        untold, self._untold, self._telling = self._untold, Counter(), None
        at = self._clock.to_city_us(time.time_ns() // 1000)
        for (address, word), count in untold.items():
            detail = {"door": "http", "why": word, "count": str(count)}
            event = Event(at=at, kind=EventKind.TURNED_AWAY, by="web", source=cut(address), detail=detail)
            if self._events is not None:
                self._events.tell(event)

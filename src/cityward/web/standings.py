"""What each person may do now, read from the book of people and kept until the book changes.

INVARIANTS
- A change of the book is noticed at most `RECHECK_S` after it, and what ends by itself ends at once: it is computed, not kept.
- A look that began before a change is not kept.
"""

from __future__ import annotations

import time
from threading import Lock

from cityward.place.model import Place
from cityward.runtime.people import Held, SessionRow, Standing, held_now
from cityward.web.ports import Doors

RECHECK_S = 0.5
MOST = 20_000


class Standings:
    """Called in threads."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._known: dict[str, Standing | None] = {}
        self._version: int | None = None
        self._checked = float("-inf")
        self._lock = Lock()

    def of(self, who: str) -> Standing | None:
        """All that is on file of a person, at most `RECHECK_S` old.

        Raises:
            LinkError: the book does not answer.
        """
        people = self._doors.people
        if people is None:
            return None
        with self._lock:
            began = time.monotonic()
            if began >= self._checked + RECHECK_S:
                version = people.version()
                if version != self._version:
                    self._known.clear()
                    self._version = version
                self._checked = began
            if who not in self._known:
                if len(self._known) >= MOST:
                    self._known.clear()
                self._known[who] = people.standing(who)
            return self._known[who]

    def forget(self) -> None:
        """Look again at the next question: this door itself has changed the book."""
        with self._lock:
            self._checked = float("-inf")

    def held(self, session: SessionRow, source: str) -> tuple[Standing, Held] | None:
        """What the person of a session may do now, from an address; None when there is no such person, or not active."""
        standing = self.of(session.who)
        if standing is None or standing.person.state.value != "active":
            return None
        return standing, held_now(self._place, standing, self._doors.machine_us(), source)

    def only_elsewhere(self, who: str, source: str) -> tuple[str, ...]:
        """The roles that a person holds and not from this address, where none of theirs holds from it; else none.

        Raises:
            LinkError: the book does not answer.
        """
        standing = self.of(who)
        if standing is None:
            return ()
        held = held_now(self._place, standing, self._doors.machine_us(), source)
        return () if held.roles else held.elsewhere

    @property
    def _place(self) -> Place:
        return self._doors.place

"""Which sessions are shown as which role, until when. Kept in memory: a door that starts again shows everybody as themselves.

INVARIANTS
- A session is shown as one role at most, for `SHOWN_S` at most, and never as a role within a role.
- At most `MOST_SHOWN` sessions are; the oldest gives way, and its tabs are told at their next question.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

SHOWN_S = 15 * 60
MOST_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Showing:
    """A role, until when (machine us)."""

    role: str
    until: int


class Showings:
    """By session. Called in threads."""

    def __init__(self) -> None:
        self._of: OrderedDict[bytes, Showing] = OrderedDict()
        self._lock = Lock()

    def begin(self, session: bytes, role: str, now: int) -> Showing:
        """Show a session as a role, from now (machine us)."""
        showing = Showing(role, now + SHOWN_S * 1_000_000)
        with self._lock:
            self._of[session] = showing
            self._of.move_to_end(session)
            if len(self._of) > MOST_SHOWN:
                self._of.popitem(last=False)
        return showing

    def of(self, session: bytes, now: int) -> Showing | None:
        """What a session is shown as at a moment (machine us)."""
        with self._lock:
            showing = self._of.get(session)
            return showing if showing is not None and now < showing.until else None

    def end(self, session: bytes) -> Showing | None:
        """Show a session as its person again; what it was shown as."""
        with self._lock:
            return self._of.pop(session, None)

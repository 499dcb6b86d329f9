"""What whoever carries out commands remembers of them, so that none is carried out twice or out of its time. Pure and bounded.

Does not live here: the signature (`runtime.commands`), and what a command may set: each actuator knows that itself.

INVARIANTS
- A command id and a nonce pass once at most; none passes that was issued before one that passed, after its expiry, or in the
  future: a recorded command cannot be played again.
- The newest `REMEMBERED` ids and nonces are kept. What is forgotten was issued earlier than what is not, and is refused by that.
"""

from __future__ import annotations

from collections import deque

from cityward.runtime.commands import Command
from cityward.time import to_us

REMEMBERED = 64  # ids; older commands are refused by their time of issue


class Obeyed:
    """The commands of one actuator that were carried out."""

    __slots__ = ("_ids", "_newest_issue", "_nonces")

    def __init__(self) -> None:
        self._ids: deque[str] = deque(maxlen=REMEMBERED)
        self._nonces: deque[str] = deque(maxlen=REMEMBERED)
        self._newest_issue = 0

    def objection(self, command: Command, now_us: int, ahead_us: int) -> str:
        """Why it is not to be carried out now; "": it may be. ahead_us: how far ahead of this clock it may be issued."""
        issued = to_us(command.issued_at)
        if command.id in self._ids or command.nonce in self._nonces:
            return "repeated"
        if issued < self._newest_issue:
            return "overtaken"
        if issued > now_us + ahead_us:
            return "in-the-future"
        return "expired" if to_us(command.expires_at) <= now_us else ""

    def keep(self, command: Command) -> None:
        """It is carried out."""
        self._ids.append(command.id)
        self._nonces.append(command.nonce)
        self._newest_issue = to_us(command.issued_at)

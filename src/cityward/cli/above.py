"""What the processes of a city log, shown above what is rewritten in place, instead of across it.

Every process of the city inherits standard error. While a terminal's last lines are ours, it is a pipe of ours: each line that
comes by it is handed on, for the screen to print above them. Nothing is kept back: what comes before there is a screen, and after
its end, goes where it would have gone.

INVARIANT: standard error is the caller's again when `logs_above` ends, however it ends.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

ENDS_WITHIN_S = 2.0  # a process of the city that is still ending may hold the pipe open
LONGEST = 1 << 16  # of a line, bytes; what is longer comes in pieces
LINE = re.compile(r'timestamp=\S*T([\d:]{8})\S* level=(\w+) role=(\S+) event=("(?:[^"\\]|\\.)*"|\S+) ?(.*)')


def can_rewrite() -> bool:
    """Whether the answer goes to a terminal that can rewrite its lines."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


@dataclass(slots=True)
class Above:
    """Where the lines go: `show`, if it is set, else `past`."""

    past: int
    show: Callable[[str], None] | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)

    def hand_on(self, line: bytes) -> None:
        """One line."""
        with self.turn:
            if self.show is not None:
                self.show(line.decode("utf-8", "replace").rstrip("\n"))
            else:
                os.write(self.past, line)


@contextmanager
def logs_above() -> Generator[Above]:
    """Standard error, of this process and of all that it starts, line by line."""
    reads, writes = os.pipe()
    above = Above(os.dup(2))
    os.dup2(writes, 2)
    os.close(writes)
    reader = threading.Thread(target=_read, args=(reads, above), name="logs", daemon=True)
    reader.start()
    try:
        yield above
    finally:
        os.dup2(above.past, 2)
        reader.join(ENDS_WITHIN_S)
        if not reader.is_alive():
            os.close(above.past)


def _read(reads: int, above: Above) -> None:
    with os.fdopen(reads, "rb") as lines:
        while line := lines.readline(LONGEST):
            above.hand_on(line)


def plain(line: str) -> tuple[str, str]:
    """A line of the log as a person reads it, and how grave it is: "info", "warning", "error"; "" of any other line."""
    known = LINE.fullmatch(line)
    if known is None:
        return line, ""
    at, level, role, event, rest = known.groups()
    told = event[1:-1].replace('\\"', '"') if event.startswith('"') else event
    return f"{at} {role}: {told}" + (f"  {rest}" if rest else ""), level

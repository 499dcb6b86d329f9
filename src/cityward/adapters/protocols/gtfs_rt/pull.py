"""Fetching one flow's documents: by the one door outward, or from a file; no more often than declared, and less when it fails.

Theory of operation
-------------------
`fetch` answers with a new body, or with why there is none (`Nothing`). A sender that knows `ETag` is asked with it and answers
304; one that does not sends its body again, which is known by its digest. After a failure the pause doubles, up to
`MOST_PAUSE_S`; after a success it is the declared one again. A file costs nobody anything: one that is not there (yet, when
all begins together) is looked for again soon, and the pause doubles up to the declared one.

INVARIANTS
- A body is never larger than declared: one byte more and it is `TOO_LARGE`, whatever the sender announced.
- Never raises for what the sender did.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from cityward.adapters.outward.connect import Outward
from cityward.adapters.outward.http import Request, exchange
from cityward.errors import LinkError, Refused
from cityward.place.data import FeedSource
from cityward.place.exits import Exit

WHOLE_S = 20.0  # for all of an exchange
MOST_PAUSE_S = 600.0
MOST_DOUBLINGS = 8
MISSES_TOLD = 4  # a file may still be on its way; an address that fails is told at once


class Nothing(StrEnum):
    """Why there is no new body."""

    UNCHANGED = "unchanged"
    NO_ANSWER = "no-answer"
    REFUSED_EXIT = "refused-exit"
    BAD_STATUS = "bad-status"
    TOO_LARGE = "too-large"
    CUT_SHORT = "cut-short"


@dataclass(slots=True)
class Pull:
    """One flow's source. folders: of the place and of the city's state. exit: where there is a `url`."""

    feed: FeedSource
    place: Path
    state: Path
    outward: Outward | None = None
    exit: Exit | None = None
    etag: str = ""
    digest: str = ""
    failed: int = 0  # in a row
    why: str = ""

    def fetch(self) -> bytes | Nothing:
        """A new body, or why not. Blocks, for `WHOLE_S` at most."""
        got = self._asked() if self.feed.url is not None else self._read()
        if isinstance(got, bytes):
            digest = sha256(got).hexdigest()
            got, self.digest = (Nothing.UNCHANGED if digest == self.digest else got), digest
        self.failed = 0 if got is Nothing.UNCHANGED or isinstance(got, bytes) else self.failed + 1
        return got

    def pause_s(self, speed: float) -> float:
        """How long to wait now, in real seconds, where the city's clock runs so fast."""
        pause = max(1.0, self.feed.every_s / speed)
        doubled = 2 ** min(self.failed, MOST_DOUBLINGS)
        if self.feed.url is None:
            return min(pause, float(doubled)) if self.failed else pause
        return max(pause, min(MOST_PAUSE_S, pause * doubled))

    @property
    def is_told(self) -> bool:
        """Whether this failure is the one of a row of failures to tell people of."""
        return self.failed == (MISSES_TOLD if self.feed.url is None else 1)

    def _asked(self) -> bytes | Nothing:
        assert self.outward is not None
        assert self.exit is not None
        headers = {"Accept": "application/x-protobuf, application/octet-stream, application/json, application/zip"}
        if self.etag:
            headers["If-None-Match"] = self.etag
        request = Request("GET", path_of(self.feed.url or ""), b"", headers, self.feed.max_bytes, WHOLE_S)
        try:
            answer = exchange(self.outward, self.exit, request)
        except Refused as error:
            self.why = error.what
            return Nothing.REFUSED_EXIT
        except LinkError as error:
            self.why = error.what
            return Nothing.NO_ANSWER
        if answer.status == 304 and self.etag:
            return Nothing.UNCHANGED
        if answer.status != 200:
            self.why = f"it answered {answer.status}"
            return Nothing.BAD_STATUS
        if not answer.is_whole:
            self.why = f"it is larger than {self.feed.max_bytes} bytes, or was cut short"
            return Nothing.TOO_LARGE if len(answer.body) >= self.feed.max_bytes else Nothing.CUT_SHORT
        self.etag = answer.etag
        return answer.body

    def _read(self) -> bytes | Nothing:
        name = self.feed.file or ""
        path = self.state / name.removeprefix("state:") if name.startswith("state:") else self.place / name
        try:
            with path.open("rb") as file:
                body = file.read(self.feed.max_bytes + 1)
        except OSError as error:
            self.why = f"`{name}` cannot be read: {type(error).__name__}"
            return Nothing.NO_ANSWER
        return body if len(body) <= self.feed.max_bytes else Nothing.TOO_LARGE


def path_of(url: str) -> str:
    """What goes over the line of an address: its path and query."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

"""Fetching one flow's documents: by the one door outward, or from a file; no more often than declared, and less when it fails.

Theory of operation
-------------------
`fetch` answers with a new body, or with why there is none (`Nothing`). A sender that knows `ETag` is asked with it and answers
304; one that does not sends its body again, which is known by its digest. After a failure the pause doubles, up to
`MOST_PAUSE_S`; after a success it is the declared one again. A file costs nobody anything: one that is not there (yet, when
all begins together) is looked for again soon, and the pause doubles up to the declared one. What failed is told once, at once; of
a file that is not there only when it has stayed away for `PATIENCE_S`.

INVARIANTS
- A body is never larger than declared: one byte more and it is `TOO_LARGE`, whatever the sender announced.
- Never raises for what the sender did.
"""

from __future__ import annotations

import time
from collections.abc import Callable
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
PATIENCE_S = 60.0  # whoever writes a file may have begun when we did; a busy machine takes some 20 s to start a city


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
    """One flow's source. folders: of the place and of the city's state. exit: where there is a `url`. clock: real seconds."""

    feed: FeedSource
    place: Path
    state: Path
    outward: Outward | None = None
    exit: Exit | None = None
    clock: Callable[[], float] = time.monotonic
    etag: str = ""
    digest: str = ""
    failed: int = 0  # in a row
    why: str = ""
    missing_since: float | None = None  # a file that was not there when last looked for
    is_told: bool = False  # whether people are to be told of the last failure; once in a row of them
    was_told: bool = False

    def fetch(self) -> bytes | Nothing:
        """A new body, or why not. Blocks, for `WHOLE_S` at most."""
        got = self._asked() if self.feed.url is not None else self._read()
        if isinstance(got, bytes):
            digest = sha256(got).hexdigest()
            got, self.digest = (Nothing.UNCHANGED if digest == self.digest else got), digest
        came = got is Nothing.UNCHANGED or isinstance(got, bytes)
        self.failed = 0 if came else self.failed + 1
        self.is_told = not came and not self.was_told and not self._may_still_come()
        self.was_told = not came and (self.was_told or self.is_told)
        return got

    def pause_s(self, speed: float) -> float:
        """How long to wait now, in real seconds, where the city's clock runs so fast."""
        pause = max(1.0, self.feed.every_s / speed)
        doubled = 2 ** min(self.failed, MOST_DOUBLINGS)
        if self.feed.url is None:
            return min(pause, float(doubled)) if self.failed else pause
        return max(pause, min(MOST_PAUSE_S, pause * doubled))

    def _may_still_come(self) -> bool:
        return self.missing_since is not None and self.clock() - self.missing_since < PATIENCE_S

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
        except FileNotFoundError:
            self.missing_since = self.clock() if self.missing_since is None else self.missing_since
            self.why = f"`{name}` is not there"
            return Nothing.NO_ANSWER
        except OSError as error:
            self.missing_since, self.why = None, f"`{name}` cannot be read: {error.strerror}"
            return Nothing.NO_ANSWER
        self.missing_since = None
        if len(body) > self.feed.max_bytes:
            self.why = f"`{name}` is larger than {self.feed.max_bytes} bytes"
            return Nothing.TOO_LARGE
        return body


def path_of(url: str) -> str:
    """What goes over the line of an address: its path and query."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

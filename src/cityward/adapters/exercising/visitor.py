"""Asks a web door on this machine once, as anybody may, and tells the answer. On threads: http.client blocks.

INVARIANT: an answer is read up to `MOST_BODY` bytes; every request has one deadline for each wait.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field

TIMEOUT_S = 20.0
MOST_BODY = 64 * 1024
NO_ANSWER = -1


@dataclass(frozen=True, slots=True)
class Told:
    """status: `NO_ANSWER` where there was none."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Visitor:
    """One connection, kept as long as the door keeps it. For one thread at a time."""

    def __init__(self, port: int, address: str = "") -> None:
        """From another loopback address of this machine, where one is given."""
        self._port, self._source = port, (address, 0) if address else None
        self._link: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Told:
        """Ask, over a new connection where the kept one has ended."""
        kept = self._link is not None
        told = self._ask(method, path, body, headers)
        return self._ask(method, path, body, headers) if kept and told.status == NO_ANSWER else told

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Told:
        try:
            if self._link is None:
                self._link = http.client.HTTPConnection(
                    "127.0.0.1", self._port, timeout=TIMEOUT_S, source_address=self._source
                )
            self._link.request(method, path, body or None, dict(headers))
            answer = self._link.getresponse()
            read = answer.read(MOST_BODY)
            if answer.length:
                self.close()  # the rest is not ours to wait for
            return Told(answer.status, read, {name.lower(): text for name, text in answer.getheaders()})
        except (OSError, http.client.HTTPException, ValueError):  # a path that is none is refused by the library itself
            self.close()
            return Told(NO_ANSWER)

    def close(self) -> None:
        """Let the connection go."""
        if self._link is not None:
            self._link.close()
            self._link = None

"""A small HTTP/1.1 client over the one door: one request, one bounded answer, no redirect followed, no proxy, no second try.

INVARIANT: an answer is either the declared host's own, or an error; a redirect is told as `Refused` with where it led to.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import Literal
from urllib.parse import urlsplit

from cityward.adapters.outward.connect import WHOLE_S, Link, Outward
from cityward.errors import LinkError, Refused
from cityward.place.alerts import PORTS
from cityward.place.exits import Exit

MOST_ANSWER = 4096
MOST_ETAG = 256
_REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})


@dataclass(frozen=True, slots=True)
class Request:
    """One request. path: as it goes over the line, with its query. most_answer: so many bytes of the answer are read."""

    method: Literal["GET", "POST", "PUT"]
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    most_answer: int = MOST_ANSWER
    whole_s: float = WHOLE_S


@dataclass(frozen=True, slots=True)
class Answer:
    """is_whole: false where there was more than was read, or the time was over. etag: what the body is known by, or ""."""

    status: int
    body: bytes
    is_whole: bool
    etag: str = ""

    @property
    def is_taken(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


def exchange(outward: Outward, exit_: Exit, request: Request) -> Answer:
    """Send one request and read its answer. Blocks for `whole_s` at most.

    Raises:
        LinkError: no answer, or one that is no HTTP.
        Refused: the name, or the answer, leads elsewhere.
    """
    with outward.open(exit_, request.whole_s) as link:
        try:
            answer, location = _asked(link, exit_, request)
        except (HTTPException, ValueError) as error:
            raise LinkError(f"{exit_.host} did not answer: {type(error).__name__}", mend="it is tried again") from error
    if answer.status in _REDIRECTS and location:
        what = f"{exit_.host} answered {answer.status}: it leads on to `{_host(location) or exit_.host}`"
        raise outward.refuse(exit_, Refused(what, where=exit_.by, mend="declare that endpoint, if it is theirs"))
    return answer


def host_header(exit_: Exit) -> str:
    """`Host` as it goes over the line (RFC 9110 7.2)."""
    host = f"[{exit_.host}]" if ":" in exit_.host else exit_.host
    return host if exit_.port == PORTS.get(exit_.scheme) else f"{host}:{exit_.port}"


def _asked(link: Link, exit_: Exit, request: Request) -> tuple[Answer, str]:
    connection = HTTPConnection(exit_.host, exit_.port)
    connection.auto_open = 0  # it never opens one by itself
    connection.sock = link.sock
    fixed = {"Host": host_header(exit_), "User-Agent": "cityward", "Connection": "close"}
    connection.request(request.method, request.path, request.body or None, {**request.headers, **fixed})
    response = connection.getresponse()
    try:
        body, is_whole = _bounded(response, request.most_answer)
    finally:
        response.close()
    etag = response.getheader("ETag", "")
    answer = Answer(response.status, body, is_whole and not link.is_cut, etag if len(etag) <= MOST_ETAG else "")
    return answer, response.getheader("Location", "")


def _bounded(response: HTTPResponse, most: int) -> tuple[bytes, bool]:
    """What came of the body, and whether that is all. What stands behind a status is never a reason to have not been answered."""
    try:
        body = response.read(most + 1)
    except IncompleteRead as error:
        return error.partial[:most], False
    except (OSError, HTTPException, ssl.SSLError):
        return b"", False
    announced = response.length  # what was announced and has not come
    return body[:most], len(body) <= most and not announced


def _host(location: str) -> str:
    try:
        return (urlsplit(location).hostname or "")[:253]
    except ValueError:
        return "nowhere that can be read"

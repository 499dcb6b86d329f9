"""What a turn tells besides what it would like: estimates, documents for others, a board.

All of it is looked at and held to bounds, and only what is new is kept.

INVARIANT: bounded by the constants here; what is malformed or too much is counted and left.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from typing import Any

import msgspec

from cityward.guard.wellformed import are_names, is_number, is_text, is_whole
from cityward.runtime.serving.kept import PublishedRow
from cityward.runtime.serving.notices import END_OF_TIME
from cityward.services.board import Board, clipped
from cityward.services.contract import Estimate, Turn

ESTIMATES_PER_TURN = 5000
ESTIMATES_KNOWN = 50_000  # of a service: what was kept already is not written again
MOST_SOURCES = 128
DOCUMENTS_PER_TURN = 2000
LARGEST_DOCUMENT = 2 << 20
LARGEST_DOCUMENTS = 16 << 20  # of one turn, in bytes

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")

_Key = tuple[str, str, int]


class Told:
    """Of one service. `shed`: estimates | documents | board -> how many were not taken since the start."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._estimates: dict[_Key, int] = {}  # when the one that is kept was made
        self._documents: dict[str, bytes] = {}  # digests
        self._board = b""
        self.shed: Counter[str] = Counter()

    def estimates(self, turn: Turn[Any]) -> list[tuple[str, Estimate]]:
        """Those that are new."""
        new: dict[_Key, Estimate] = {}
        for estimate in self._some(turn.estimates, ESTIMATES_PER_TURN, "estimates"):
            if not _is_estimate(estimate):
                self.shed["estimates"] += 1
            elif self._estimates.get(_key(estimate)) != estimate.made_at:
                new[_key(estimate)] = estimate
        if len(self._estimates) + len(new) > ESTIMATES_KNOWN:
            self._estimates.clear()
        self._estimates.update({key: estimate.made_at for key, estimate in new.items()})
        return [(self._service, estimate) for estimate in new.values()]

    def documents(self, turn: Turn[Any], now_us: int) -> list[PublishedRow]:
        """Those that changed. One that a turn does not name stays as it was."""
        rows: list[PublishedRow] = []
        room = LARGEST_DOCUMENTS
        for name, body in self._some(turn.published.items(), DOCUMENTS_PER_TURN, "documents"):
            if not _is_document(name, body) or len(body) > room:
                self.shed["documents"] += 1
                continue
            room -= len(body)
            digest = blake2b(body, digest_size=16).digest()
            if self._documents.get(name) != digest:
                self._documents[name] = digest
                rows.append(PublishedRow(service=self._service, name=name, body=body, at=now_us))
        if len(self._documents) > 2 * DOCUMENTS_PER_TURN:
            self._documents.clear()
        return rows

    def board(self, board: Board | None) -> bytes | None:
        """As it is kept, where it changed."""
        if board is None:
            return None
        try:
            body = msgspec.json.encode(clipped(board))
        except (TypeError, ValueError, RecursionError, AttributeError):  # whatever a plug-in took for a board
            self.shed["board"] += 1
            return None
        if body == self._board:
            return None
        self._board = body
        return body

    def _some(self, things: Iterable[Any], most: int, what: str) -> list[Any]:
        some = list(islice(things, most + 1))
        if len(some) > most:
            self.shed[what] += 1
        return some[:most]


def _key(estimate: Estimate) -> _Key:
    return estimate.subject, estimate.property, estimate.at


def _is_estimate(estimate: Any) -> bool:
    return (
        isinstance(estimate, Estimate)
        and all(map(is_text, (estimate.subject, estimate.property)))
        and (estimate.model == "" or is_text(estimate.model))
        and all(is_whole(at) and 0 <= at < END_OF_TIME for at in (estimate.at, estimate.made_at))
        and all(map(is_number, (estimate.value, estimate.low, estimate.high, estimate.coverage, estimate.missing)))
        and are_names(estimate.sources, MOST_SOURCES)
    )


def _is_document(name: Any, body: Any) -> bool:
    return (
        isinstance(name, str)
        and _NAME.fullmatch(name) is not None
        and isinstance(body, bytes)
        and len(body) <= LARGEST_DOCUMENT
    )

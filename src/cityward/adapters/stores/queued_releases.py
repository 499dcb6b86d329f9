"""Releases that wait to be sent, as copies that erasing reaches. Implements `runtime.undoing.erasure_ports.Copies`.

A body holds rows of many devices, in a form: it cannot be cut. So what holds erased rows is shed whole, counted and told as
`erased`; the receipt stays, without the body. What was sent meanwhile was sent: its receipt says to whom.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, select

from cityward.adapters.stores.database import Database
from cityward.adapters.stores.release_book import ReleaseRecords
from cityward.adapters.stores.release_schema import RECEIPT
from cityward.runtime.releasing.ports import QUEUED, SHED

REASON = "erased"


class QueuedReleases:
    """See the module."""

    name = "release-queue"

    def __init__(self, database: Database) -> None:
        self._db, self._book = database, ReleaseRecords(database)

    def count_of_device(self, device: str, since_us: int, until_us: int) -> int:
        """Bodies that wait and hold rows of a device of that span."""
        return len(self._waiting(device, since_us, until_us))

    def erase_of_device(self, device: str, since_us: int, until_us: int) -> None:
        """Shed them."""
        self._shed(self._waiting(device, since_us, until_us))

    def erase_before(self, dataset: str, before_us: int) -> int:
        """Shed what waits of a dataset and has rows that are older; how many bodies."""
        return self._shed(self._where(RECEIPT.c.dataset == dataset, RECEIPT.c.since < before_us))

    def _waiting(self, device: str, since_us: int, until_us: int) -> Sequence[Any]:
        found = self._where(RECEIPT.c.since < until_us, RECEIPT.c.until >= since_us)
        return [row for row in found if device in zlib.decompress(row.devices).decode().split("\n")]

    def _where(self, *which: ColumnElement[bool]) -> Sequence[Any]:
        head = (RECEIPT.c.record, RECEIPT.c.tries, RECEIPT.c.at, RECEIPT.c.devices)
        with self._db.reading("say what waits") as link:
            return link.execute(select(*head).where(RECEIPT.c.state == QUEUED, *which)).all()

    def _shed(self, rows: Sequence[Any]) -> int:
        return sum(self._book.settled(row.record, SHED, row.tries, row.at, REASON) for row in rows)

"""The newest admitted document of each flow, with what its gate remembers, in one row: both move on in one transaction.

INVARIANT: one row a flow; a document that was refused leaves the body that stands there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table, select

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.schema import METADATA
from cityward.runtime.serving.ports import HeldDocument

FEED = Table(
    "feed",
    METADATA,
    Column("flow", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),  # of the log, up to which it was judged
    Column("body", LargeBinary, nullable=False),  # b"" where none was ever admitted
    Column("received_at", BigInteger, nullable=False),  # of the body, city us
    Column("memory", LargeBinary, nullable=False),  # JSON of guard.feeds.FeedMemory
    Column("counts", LargeBinary, nullable=False),  # JSON: word -> times
    Column("last", String, nullable=False),  # what became of the last one: `admitted`, or why not
    Column("last_at", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """What is kept of one flow. counts: `admitted`, `refused`, and each reason, of documents (`document:`) and entities."""

    flow: str
    seq: int = 0
    body: bytes = b""
    received_at: int = 0
    memory: bytes = b"{}"
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    last: str = ""
    last_at: int = 0


class FeedDocuments:
    """See the module. Every method raises `LinkError` when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def rows(self) -> dict[str, FeedRow]:
        """Flow -> its row."""
        with self._db.reading("give the feeds") as link:
            return {row.flow: _row(row) for row in link.execute(select(FEED))}

    def keep(self, row: FeedRow) -> None:
        """Put it in the place of the flow's row."""
        values = {name: getattr(row, name) for name in FeedRow.__slots__}
        values["counts"] = msgspec.json.encode(dict(row.counts))
        with self._db.writing("keep a document") as link:
            many(link, self._db.put(FEED), [values])

    def documents(self, flows: Sequence[str]) -> dict[str, HeldDocument]:
        """The newest admitted body of each of these flows that has one."""
        wanted = select(FEED.c.flow, FEED.c.body, FEED.c.received_at).where(FEED.c.flow.in_(list(flows)))
        with self._db.reading("give documents") as link:
            found = list(link.execute(wanted))
        return {row.flow: HeldDocument(bytes(row.body), row.received_at) for row in found if row.body}


def _row(row: Any) -> FeedRow:
    return FeedRow(
        flow=row.flow,
        seq=row.seq,
        body=bytes(row.body),
        received_at=row.received_at,
        memory=bytes(row.memory),
        counts=msgspec.json.decode(row.counts, type=dict[str, int]),
        last=row.last,
        last_at=row.last_at,
    )

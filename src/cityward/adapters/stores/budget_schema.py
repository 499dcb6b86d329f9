"""The table of used-up budgets, and its rows: what the gate goes on from after a restart, written with each batch.

INVARIANT: written in the transaction that moves the positions, so that it is of the moment up to which state holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, select

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.schema import METADATA
from cityward.runtime.ports import BudgetWindow

BUDGET_WINDOW = Table(
    "budget_window",
    METADATA,
    Column("name", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("minute", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("open_to", Integer, nullable=False),
    sqlite_with_rowid=False,
)


def keep(database: Database, link: Connection, windows: Sequence[BudgetWindow]) -> None:
    """Replace the windows. Sorted, so that two workers lock the rows in the same order."""
    rows = [
        {
            "name": one.name,
            "owner": one.owner,
            "minute": one.window,
            "messages": one.messages,
            "bytes": one.bytes,
            "open_to": one.open_to,
        }
        for one in sorted(windows, key=lambda w: (w.name, w.owner))
    ]
    many(link, database.put(BUDGET_WINDOW), rows)


def kept(link: Connection) -> list[BudgetWindow]:
    """All of them: as many as there are devices and declared budgets, for each way the workers were cut."""
    rows = link.execute(select(BUDGET_WINDOW))
    return [BudgetWindow(r.owner, r.name, r.minute, r.messages, r.bytes, r.open_to) for r in rows]

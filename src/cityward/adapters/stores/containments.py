"""The book of containments. `runtime.containing.Containments` on the state database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select

from cityward.adapters.stores.containment_schema import CONTAINMENT
from cityward.adapters.stores.database import Database, many
from cityward.runtime.containing import ContainmentRow, Stand

MOST = 10_000

_UNDER_WAY = (Stand.ASKED.value, Stand.BEGUN.value)
_UNITS = msgspec.json.Decoder(tuple[str, ...])


class ContainmentBook:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put_containment(self, row: ContainmentRow) -> None:
        """Add it, or replace the one of its id."""
        with self._db.writing("take a containment") as link:
            many(link, self._db.put(CONTAINMENT), [_columns(row)])

    def containment(self, id_: str) -> ContainmentRow | None:
        """One containment, however old."""
        with self._db.reading("give a containment") as link:
            row = link.execute(select(CONTAINMENT).where(CONTAINMENT.c.id == id_)).first()
        return None if row is None else _row(row)

    def containments(self, most: int = 100) -> Sequence[ContainmentRow]:
        """Those that wait or are in force before those that ended; of each, the newest first."""
        order = (CONTAINMENT.c.state.not_in(_UNDER_WAY), CONTAINMENT.c.asked_at.desc(), CONTAINMENT.c.id)
        wanted = select(CONTAINMENT).order_by(*order).limit(min(most, MOST))
        with self._db.reading("give the containments") as link:
            return [_row(row) for row in link.execute(wanted)]

    def containments_in(self, state: Stand) -> Sequence[ContainmentRow]:
        """All that stand there, oldest first."""
        wanted = (
            select(CONTAINMENT).where(CONTAINMENT.c.state == state.value).order_by(CONTAINMENT.c.asked_at).limit(MOST)
        )
        with self._db.reading("give the containments") as link:
            return [_row(row) for row in link.execute(wanted)]


def _columns(row: ContainmentRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "target": row.target,
        "reason": row.reason,
        "asked_by": row.asked_by,
        "asked_at": row.asked_at,
        "approved_by": row.approved_by,
        "seconds": row.seconds,
        "begun_at": row.begun_at,
        "until": row.until,
        "ended_at": row.ended_at,
        "ended_by": row.ended_by,
        "units": msgspec.json.encode(row.units).decode(),
        "count": len(row.units),
        "state": row.state.value,
    }


def _row(row: Any) -> ContainmentRow:
    return ContainmentRow(
        id=row.id,
        target=row.target,
        reason=row.reason,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        seconds=row.seconds,
        units=_UNITS.decode(row.units),
        state=Stand(row.state),
        approved_by=row.approved_by,
        begun_at=row.begun_at,
        until=row.until,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )

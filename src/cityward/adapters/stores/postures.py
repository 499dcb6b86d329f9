"""The book of postures. `runtime.posturing.Postures` on the state database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.posture_schema import POSTURE
from cityward.runtime.posturing import UNDER_WAY, PostureRow, Turned, holding

MOST = 10_000

_UNDER_WAY = sorted(state.value for state in UNDER_WAY)


class PostureBook:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put_posture(self, row: PostureRow) -> None:
        """Add the turn, or replace the one of its id."""
        with self._db.writing("take a posture") as link:
            many(link, self._db.put(POSTURE), [asdict(row) | {"state": row.state.value}])

    def postures(self, most: int = 100) -> Sequence[PostureRow]:
        """Those under way before those that ended; of each, the newest first."""
        order = (POSTURE.c.state.not_in(_UNDER_WAY), POSTURE.c.asked_at.desc(), POSTURE.c.id)
        with self._db.reading("give the postures") as link:
            return [_row(row) for row in link.execute(select(POSTURE).order_by(*order).limit(min(most, MOST)))]

    def postures_under_way(self) -> Sequence[PostureRow]:
        """Asked, on, or ending; oldest first."""
        wanted = select(POSTURE).where(POSTURE.c.state.in_(_UNDER_WAY)).order_by(POSTURE.c.asked_at, POSTURE.c.id)
        with self._db.reading("give the postures under way") as link:
            return [_row(row) for row in link.execute(wanted.limit(MOST))]

    def postures_in_force(self, now_us: int) -> Mapping[str, int]:
        """Posture -> until when (machine us). Cheap enough to ask several times a second."""
        return holding(self.postures_under_way(), now_us)


def _row(row: Any) -> PostureRow:
    fields: dict[str, Any] = dict(row._mapping)
    fields["state"] = Turned(row.state)
    return PostureRow(**fields)

"""The book of views: who looked through which camera, for what, how long; and who asked and got nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import BigInteger, Column, Index, String, Table, Text, select

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.schema import METADATA
from cityward.runtime.pictures.viewing import MOST_VIEWS, UNDER_WAY, ViewRefusal, ViewRow, ViewState

VIEW = Table(
    "view",
    METADATA,
    Column("id", String, primary_key=True),
    *(Column(name, String, nullable=False) for name in ("person", "party", "camera", "purpose")),
    Column("reason", Text, nullable=False),
    *(Column(name, String, nullable=False) for name in ("kind", "cover", "state", "role", "second", "outcome")),
    *(Column(name, BigInteger, nullable=False) for name in ("seconds", "asked_at", "ends_at", "since", "until")),
    *(Column(name, BigInteger, nullable=False) for name in ("opened_at", "shown_at", "ended_at", "pictures")),
    Column("source", String, nullable=False),
    Column("record", String, nullable=False),
    Index("view_by_camera", "camera", "asked_at"),
    Index("view_by_person", "person", "asked_at"),
    Index("view_by_state", "state", "asked_at"),
)

REFUSAL = Table(
    "view_refusal",
    METADATA,
    Column("record", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
    *(Column(name, String, nullable=False) for name in ("person", "party", "camera", "purpose")),
    Column("reason", Text, nullable=False),
    *(Column(name, String, nullable=False) for name in ("kind", "cover", "reasons", "source")),
    Index("view_refusal_by_time", "at"),
)

_UNDER_WAY = sorted(state.value for state in UNDER_WAY)


class ViewRecords:
    """`runtime.pictures.viewing.ViewBook`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, row: ViewRow) -> None:
        """See the port."""
        with self._db.writing("take a view") as link:
            many(link, self._db.put(VIEW), [asdict(row) | {"state": row.state.value}])

    def view(self, id_: str) -> ViewRow | None:
        """See the port."""
        return next(iter(self._rows(select(VIEW).where(VIEW.c.id == id_))), None)

    def views(self, most: int = 100, *, camera: str = "", person: str = "", since: int = 0) -> Sequence[ViewRow]:
        """See the port."""
        wanted = _of(select(VIEW), VIEW, camera, person).where(VIEW.c.asked_at >= since)
        order = (VIEW.c.state.not_in(_UNDER_WAY), VIEW.c.asked_at.desc(), VIEW.c.id)
        return self._rows(wanted.order_by(*order).limit(min(most, MOST_VIEWS)))

    def under_way(self) -> Sequence[ViewRow]:
        """See the port."""
        wanted = select(VIEW).where(VIEW.c.state.in_(_UNDER_WAY)).order_by(VIEW.c.asked_at, VIEW.c.id)
        return self._rows(wanted.limit(MOST_VIEWS))

    def refuse(self, row: ViewRefusal) -> None:
        """See the port."""
        with self._db.writing("note a refused view") as link:
            many(link, self._db.put(REFUSAL), [asdict(row) | {"reasons": " ".join(row.reasons)}])

    def refusals(self, most: int = 100, *, camera: str = "", person: str = "", since: int = 0) -> Sequence[ViewRefusal]:
        """See the port."""
        wanted = _of(select(REFUSAL), REFUSAL, camera, person).where(REFUSAL.c.at >= since)
        wanted = wanted.order_by(REFUSAL.c.at.desc(), REFUSAL.c.record).limit(min(most, MOST_VIEWS))
        with self._db.reading("give refused views") as link:
            return [_refusal(row) for row in link.execute(wanted).mappings()]

    def _rows(self, wanted: Any) -> Sequence[ViewRow]:
        with self._db.reading("give views") as link:
            return [_row(row) for row in link.execute(wanted).mappings()]


def _of(wanted: Any, table: Table, camera: str, person: str) -> Any:
    wanted = wanted.where(table.c.camera == camera) if camera else wanted
    return wanted.where(table.c.person == person) if person else wanted


def _row(row: Any) -> ViewRow:
    fields: dict[str, Any] = dict(row)
    fields["state"] = ViewState(row["state"])
    return ViewRow(**fields)


def _refusal(row: Any) -> ViewRefusal:
    fields: dict[str, Any] = dict(row)
    fields["reasons"] = tuple(row["reasons"].split())
    return ViewRefusal(**fields)

"""The index of segments: which piece of which camera's covered recording is held, under which digest.

INVARIANT: a row names the evidence entry of its digest; the file is `adapters.video.segments`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import BigInteger, Column, Index, String, Table, delete, func, select

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.schema import METADATA
from cityward.runtime.pictures.camera_ports import SegmentRow

SEGMENT = Table(
    "segment",
    METADATA,
    Column("name", String, primary_key=True),
    Column("camera", String, nullable=False),
    Column("begin_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String, nullable=False),
    Column("pictures", BigInteger, nullable=False),
    Column("record", String, nullable=False),
    Index("segment_by_time", "camera", "begin_us"),
)

NAMES_AT_ONCE = 500  # in one question


class Segments:
    """`runtime.pictures.camera_ports.SegmentBook`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, row: SegmentRow) -> None:
        """See the port."""
        with self._db.writing("note a segment") as link:
            many(link, self._db.put(SEGMENT), [asdict(row)])

    def between(self, camera: str, from_us: int, until_us: int, most: int) -> Sequence[SegmentRow]:
        """See the port."""
        mine = (SEGMENT.c.camera == camera, SEGMENT.c.begin_us < until_us, SEGMENT.c.end_us > from_us)
        return self._rows(select(SEGMENT).where(*mine).order_by(SEGMENT.c.begin_us, SEGMENT.c.name).limit(most))

    def oldest(self, camera: str, most: int) -> Sequence[SegmentRow]:
        """See the port."""
        wanted = select(SEGMENT).order_by(SEGMENT.c.end_us, SEGMENT.c.name).limit(most)
        return self._rows(wanted.where(SEGMENT.c.camera == camera) if camera else wanted)

    def take(self, names: Sequence[str]) -> None:
        """See the port."""
        with self._db.writing("forget segments") as link:
            for n in range(0, len(names), NAMES_AT_ONCE):
                link.execute(delete(SEGMENT).where(SEGMENT.c.name.in_(names[n : n + NAMES_AT_ONCE])))

    def sizes(self) -> Mapping[str, int]:
        """See the port."""
        wanted = select(SEGMENT.c.camera, func.sum(SEGMENT.c.size)).group_by(SEGMENT.c.camera)
        with self._db.reading("give the sizes of recordings") as link:
            return {row[0]: int(row[1]) for row in link.execute(wanted)}

    def _rows(self, wanted: Any) -> Sequence[SegmentRow]:
        with self._db.reading("give segments") as link:
            return [SegmentRow(**row) for row in link.execute(wanted).mappings()]

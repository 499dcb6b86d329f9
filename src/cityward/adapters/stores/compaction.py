"""Compaction: many small parts of a day become few large ones, sorted by device, so that one device's day is a short read.

Theory of operation. Parts are ranked by size, a rank for every factor of eight. When `MERGE_AT` parts of one day have the same
rank they are read together, sorted, and written as one; a commit puts it in the place of the others. So a row is rewritten
about once per rank, four times in all, and a day keeps at most seven parts per rank. A day that got nothing for `SETTLED_MS` is
merged without waiting for its ranks to fill. A part of half `TARGET_ROWS` is never touched again: memory stays flat however
much a day holds.

INVARIANTS
- The commit changes no data (`dataChange: false`): the rows of the table are equal before and after, and the applications'
  transactions stay. Where somebody else merged meanwhile, the commit is refused and nothing happened.
- Appends go on meanwhile: they only add.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.exceptions import CommitFailedError

from cityward.adapters.stores.parts import COLUMNS, ORDER, SCHEMA, Shelf, removal

APPLICATION = "compaction"
MERGE_AT = 8
TARGET_ROWS = 1_000_000  # read, sorted and written in 250 MB
FIRST_RANK_ROWS = 1000
SETTLED_MS = 600_000  # a day still trickling in would be rewritten for every late row
MOST_MERGES = 64  # a call, so that a shutdown does not wait for a backlog


@dataclass(frozen=True, slots=True)
class Part:
    """A part as the table lists it."""

    path: str
    day: date
    rows: int
    size: int
    written_at: int  # ms of machine time

    @property
    def rank(self) -> int:
        """0 below a thousand rows, and one more for each factor of eight."""
        return ((self.rows // FIRST_RANK_ROWS).bit_length() + 2) // 3


def merge_parts(open_table: Callable[[], DeltaTable], shelf: Shelf, now_ms: int) -> int:
    """Merge until nothing is worth merging, or `MOST_MERGES`; how many merges were made. `now_ms` is machine time."""
    for done in range(MOST_MERGES):
        table = open_table()
        group = next(worth_merging(_listed(table), now_ms), None)
        if group is None or not _merge(table, shelf, group):
            return done
    return MOST_MERGES


def worth_merging(parts: Sequence[Part], now_ms: int) -> Iterator[Sequence[Part]]:
    """Groups of parts to merge, each of one day and of `TARGET_ROWS` at most; newest day first."""
    days: dict[date, list[Part]] = defaultdict(list)
    for part in parts:
        if part.rows < TARGET_ROWS // 2:
            days[part.day].append(part)
    for day in sorted(days, reverse=True):
        if max(part.written_at for part in days[day]) > now_ms - SETTLED_MS:
            yield from _full_ranks(days[day])
        elif len(group := _that_fit(days[day])) > 1:
            yield group


def _full_ranks(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    ranks: dict[int, list[Part]] = defaultdict(list)
    for part in parts:
        ranks[part.rank].append(part)
    for rank in sorted(ranks):
        if len(ranks[rank]) >= MERGE_AT and len(group := _that_fit(ranks[rank])) > 1:
            yield group


def _that_fit(parts: Sequence[Part]) -> Sequence[Part]:
    group: list[Part] = []
    room = TARGET_ROWS
    for part in sorted(parts, key=lambda p: p.rows):
        if part.rows > room:
            break
        group.append(part)
        room -= part.rows
    return group


def _listed(table: DeltaTable) -> list[Part]:
    frame = pl.DataFrame(table.get_add_actions(flatten=True))
    columns = frame.select("path", "partition.day", "num_records", "size_bytes", "modification_time").drop_nulls()
    return [Part(*row) for row in columns.rows()]


def _merge(table: DeltaTable, shelf: Shelf, group: Sequence[Part]) -> bool:
    """Put one part in the place of the group; False where somebody else was faster."""
    frame = shelf.scan([p.path for p in group]).select(COLUMNS).collect().sort(ORDER)
    added = shelf.write(group[0].day, frame, data_change=False)
    try:
        table.create_write_transaction(
            [added, *(removal(p.path, p.day, p.size) for p in group)],
            "append",
            SCHEMA,
            ["day"],
            # INVARIANT: two mergers never replace the same parts. Delta itself does not see two removals of one file as a
            # conflict here (delta-rs 1.6), but it does see two commits of one application since the same snapshot.
            commit_properties=CommitProperties(app_transactions=[Transaction(APPLICATION, (table.version() or 0) + 1)]),
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False),
        )
    except CommitFailedError:
        shelf.drop([added])
        return False
    return True

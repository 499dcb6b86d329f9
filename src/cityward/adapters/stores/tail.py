"""The history as it grows: the rows that each commit added, once, for who follows it. Implements `runtime.watching.ports.Tail`.

Theory of operation
-------------------
A position is a version of the table and, for each partition, the log sequence held up to there. Following it is cheap: the next
commit's file in the table's log is there or not. A commit that holds something names the sequences its partitions are now held up
to, and the parts it added; compaction names neither. Parts are read whole: a commit's rows are all above the position and at or
below its sequences.

Where the next commit can be read no more (the log forgets after two hours, superseded parts too), or the table lies in an object
store, the same rows are found by their sequences: those above the position and at or below what each partition is held up to
now, the lowest sequences first, as many as fit. That reads more than it hands out, and is told (`by_sequence`).

INVARIANTS
- Every row is handed out exactly once along any chain of positions, whichever way it is found.
- A call hands out about `most` rows: whole commits as long as there is room, the first one always.

Fails when: somebody else than the workers writes rows into the table: what is under no sequence of a partition is not followed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from numpy.typing import NDArray

from cityward.adapters.bus.config import PARTITIONS
from cityward.adapters.stores.parts import Names, Shelf
from cityward.errors import LinkError
from cityward.place.registry import Registry
from cityward.runtime.watching.ports import HistoryAt, Tailed
from cityward.watch.contract import Held

MOST_COMMIT_BYTES = 64 << 20
COLUMNS = ("device", "property", "observed_at", "received_at", "value", "seq")
FOREVER = 253_402_300_800_000_000  # the year 10000


class _Add(msgspec.Struct):
    path: str
    dataChange: bool = True  # noqa: N815 - the Delta protocol's own name
    stats: str | None = None


class _Txn(msgspec.Struct):
    appId: str  # noqa: N815
    version: int


class _Action(msgspec.Struct):
    """One line of a commit. SPEC: Delta protocol, actions. All others are of no concern here."""

    add: _Add | None = None
    txn: _Txn | None = None


class _Stats(msgspec.Struct):
    numRecords: int = 0  # noqa: N815


class _Checkpoint(msgspec.Struct):
    version: int


_ACTIONS = msgspec.json.Decoder(_Action)
_STATS = msgspec.json.Decoder(_Stats)
_CHECKPOINT = msgspec.json.Decoder(_Checkpoint)


class _Commit(msgspec.Struct, frozen=True):
    """What one commit held: its parts, how many rows, and what its partitions are held up to now."""

    paths: tuple[str, ...]
    rows: int
    upto: dict[int, int]


class _Gone(Exception):  # noqa: N818 - no error: there is another way
    """The log does not know any more what came next."""


class HistoryTail:
    """`runtime.watching.ports.Tail` over a Delta table at `uri`. `by_sequence`: how often rows had to be found by sequence."""

    def __init__(
        self,
        uri: str,
        registry: Registry,
        *,
        partitions: int = PARTITIONS,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self._shelf = Shelf(uri, options)
        self._names = Names.of(registry, partitions)
        self._partitions = partitions
        self._ends_at: int | None = None  # the version at the first call: a position beyond it is of another table
        self.by_sequence = 0

    def newest(self) -> HistoryAt:
        """Where it stands now.

        Raises:
            LinkError: the store does not answer, or there is no table yet.
        """
        with self._link("say where it stands"):
            return self._at(self._open())

    def next(self, after: HistoryAt, most: int) -> Tailed:
        """See the port.

        Raises:
            LinkError: the store does not answer.
        """
        with self._link("be followed"):
            if self._log is None or after.version < 0:
                return self._by_sequence(after, most, gone=False)
            if self._ends_at is None:
                self._ends_at = self._open().version() or 0
            try:
                if after.version > self._ends_at and not _entry(self._log, after.version).exists():
                    raise _Gone
                return self._by_commit(self._log, after, most)
            except (_Gone, FileNotFoundError):
                self.by_sequence += 1
                return self._by_sequence(after, most, gone=True)

    def past(self, upto: HistoryAt, since_us: int, until_us: int, most: int) -> Held:
        """See the port. Of more than `most` rows those in the newest parts."""
        frames: list[pl.DataFrame] = []
        room = most
        with self._link("read its past"):
            parts = _parts_between(self._open(), since_us, until_us).sort("max.observed_at", descending=True)
            for path in parts["path"].to_list():
                if room <= 0:
                    break
                frame = self._shelf.scan([path]).filter(_between(since_us, until_us)).select(COLUMNS).collect()
                frames.append(frame.head(room))
                room -= len(frame)
        held, _ = self._held(frames, upto.upto)
        return held

    def count(self, since_us: int, until_us: int) -> int:
        """At most how many rows were observed in a span: those of all parts that reach into it."""
        with self._link("count its past"):
            return int(_parts_between(self._open(), since_us, until_us)["num_records"].sum() or 0)

    # -- by commit ----------------------------------------------------------------------------------------------------

    def _by_commit(self, log: Path, after: HistoryAt, most: int) -> Tailed:
        version, upto, rows = after.version, dict(after.upto), 0
        paths: list[str] = []
        more = False
        while (commit := _commit(log, version + 1, self._partitions)) is not None:
            if paths and rows + commit.rows > most:
                more = True
                break
            version += 1
            rows += commit.rows
            paths += commit.paths
            upto |= commit.upto
        if version == after.version:
            self._must_be_the_end(log, version)
        frames = [self._shelf.scan(paths).select(COLUMNS).collect()] if paths else []
        held, unknown = self._held(frames, None)
        return Tailed(held, HistoryAt(version=version, upto=upto), more, unknown=unknown)

    def _must_be_the_end(self, log: Path, version: int) -> None:
        """Nothing follows a version, or what follows is there no more: a checkpoint beyond it tells."""
        try:
            beyond = _CHECKPOINT.decode((log / "_last_checkpoint").read_bytes()).version > version
        except FileNotFoundError:
            beyond = False
        if beyond and not _entry(log, version + 1).exists():
            raise _Gone

    # -- by sequence --------------------------------------------------------------------------------------------------

    def _by_sequence(self, after: HistoryAt, most: int, *, gone: bool) -> Tailed:
        table = self._open()
        there = self._at(table)
        floor, ceiling = self._column(after.upto), self._column(there.upto)
        if not bool((ceiling > floor).any()):
            return Tailed(_NOTHING, there, more=False, by_sequence=gone)
        lacking = ceiling > floor
        parts = self._with_sequences(table, int(floor[lacking].min()), int(ceiling.max()))
        edge = self._edge(parts, floor, ceiling, most)
        upto = {p: max(after.upto.get(p, 0), min(seq, edge)) for p, seq in there.upto.items()}
        frames = [frame for _, frame in self._above(parts, floor, np.minimum(ceiling, edge), COLUMNS)]
        held, unknown = self._held(frames, upto)
        done = edge >= int(ceiling.max())
        at = there if done else HistoryAt(version=after.version, upto=upto)
        return Tailed(held, at, more=not done, by_sequence=gone, unknown=unknown)

    def _edge(self, parts: Sequence[str], floor: NDArray[np.int64], ceiling: NDArray[np.int64], most: int) -> int:
        """The sequence up to which about `most` rows lie, the lowest first; all of a sequence's rows are on one side."""
        lowest = np.empty(0, dtype=np.int64)
        for seq, _ in self._above(parts, floor, ceiling, ("device", "property", "seq")):
            lowest = np.concatenate([lowest, seq])
            if len(lowest) > most:
                lowest = np.partition(lowest, most - 1)[:most]
        return int(lowest.max()) if len(lowest) >= most else int(ceiling.max())

    def _above(
        self, parts: Sequence[str], floor: NDArray[np.int64], ceiling: NDArray[np.int64], columns: Sequence[str]
    ) -> Iterator[tuple[NDArray[np.int64], pl.DataFrame]]:
        """(sequences, rows) of each part whose rows are above the floor and up to the ceiling of their partitions."""
        for path in parts:
            low, high = int(floor.min()), int(ceiling.max())
            in_span = (pl.col("seq") > low) & (pl.col("seq") <= high)
            frame = self._shelf.scan([path]).filter(in_span).select(columns).collect()
            seq, partition = frame["seq"].to_numpy(), self._partition_of(frame)
            new = (seq > floor[partition]) & (seq <= ceiling[partition])
            if new.any():
                yield seq[new], frame.filter(pl.Series(new))

    def _partition_of(self, frame: pl.DataFrame) -> NDArray[np.int32]:
        channel = self._names.channels(frame)
        if not len(self._names.partition):
            return np.zeros(len(channel), dtype=np.int32)
        # a channel that is known no more has no number: its rows are left out either way
        return np.where(channel >= 0, self._names.partition[np.maximum(channel, 0)], 0).astype(np.int32)

    def _with_sequences(self, table: DeltaTable, above: int, upto: int) -> list[str]:
        listed = pl.DataFrame(table.get_add_actions(flatten=True))
        if listed.is_empty():
            return []
        return listed.filter((pl.col("max.seq") > above) & (pl.col("min.seq") <= upto))["path"].to_list()

    # -- the table ----------------------------------------------------------------------------------------------------

    def _held(self, frames: Sequence[pl.DataFrame], upto: Mapping[int, int] | None) -> tuple[Held, int]:
        """The rows of known channels in the order of `Held`, and how many others there were."""
        frame = pl.concat(frames) if frames else None
        if frame is None or frame.is_empty():
            return _NOTHING, 0
        channel = self._names.channels(frame)
        seq = frame["seq"].to_numpy()
        keep = channel >= 0
        if upto is not None and len(self._names.partition):
            keep &= seq <= self._column(upto)[self._names.partition[np.maximum(channel, 0)]]
        unknown = int((channel < 0).sum())
        rows = np.flatnonzero(keep)
        observed, received = _us(frame, "observed_at"), _us(frame, "received_at")
        order = rows[np.lexsort((seq[rows], observed[rows], channel[rows]))]
        held = Held(
            channel=channel[order],
            value=frame["value"].to_numpy()[order],
            observed_at=observed[order],
            received_at=received[order],
            seq=seq[order],
            now=int(received[order].max(initial=0)),
        )
        return held, unknown

    def _at(self, table: DeltaTable) -> HistoryAt:
        versions = {p: table.transaction_version(f"partition-{p}") for p in range(self._partitions)}
        return HistoryAt(version=table.version() or 0, upto={p: s for p, s in versions.items() if s is not None})

    def _column(self, upto: Mapping[int, int]) -> NDArray[np.int64]:
        """(P,) the sequences as a column; 0 where there is none."""
        return np.array([upto.get(p, 0) for p in range(self._partitions)], dtype=np.int64)

    def _open(self) -> DeltaTable:
        return DeltaTable(self._shelf.uri, storage_options=dict(self._shelf.options) if self._shelf.options else None)

    @contextmanager
    def _link(self, what: str) -> Generator[None]:
        try:
            yield
        except (OSError, DeltaError, pl.exceptions.PolarsError) as error:
            mend = "see that the history's folder can be read; it is tried again"
            raise LinkError(f"the history could not {what}: {error}", where=self._shelf.uri, mend=mend) from error

    @property
    def _log(self) -> Path | None:
        return None if self._shelf.folder is None else self._shelf.folder / "_delta_log"


_NOTHING = Held(
    channel=np.empty(0, dtype=np.int32),
    value=np.empty(0),
    observed_at=np.empty(0, dtype=np.int64),
    received_at=np.empty(0, dtype=np.int64),
    seq=np.empty(0, dtype=np.int64),
    now=0,
)


def _entry(log: Path, version: int) -> Path:
    return log / f"{version:020d}.json"


def _commit(log: Path, version: int, partitions: int) -> _Commit | None:
    """One commit; None where it is not there (yet, or any more)."""
    try:
        with _entry(log, version).open("rb") as file:
            text = file.read(MOST_COMMIT_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(text) > MOST_COMMIT_BYTES:
        raise LinkError(f"commit {version} of the history has more than {MOST_COMMIT_BYTES} bytes", where=str(log))
    try:
        actions = _ACTIONS.decode_lines(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LinkError(f"commit {version} of the history cannot be read: {error}", where=str(log)) from error
    return _held_by(actions, partitions)


def _held_by(actions: Sequence[_Action], partitions: int) -> _Commit:
    """# INVARIANT: only what came in under sequences counts; whoever rewrites parts (compaction, erasure) names none."""
    names = {f"partition-{p}": p for p in range(partitions)}
    upto = {names[a.txn.appId]: a.txn.version for a in actions if a.txn is not None and a.txn.appId in names}
    added = [a.add for a in actions if a.add is not None and a.add.dataChange] if upto else []
    rows = sum(_STATS.decode(add.stats).numRecords if add.stats else 0 for add in added)
    return _Commit(paths=tuple(add.path for add in added), rows=rows, upto=upto)


def _between(since_us: int, until_us: int) -> pl.Expr:
    return (pl.col("observed_at") >= _moment(since_us)) & (pl.col("observed_at") < _moment(until_us))


def _moment(us: int) -> pl.Expr:
    return pl.lit(min(us, FOREVER)).cast(pl.Datetime("us", "UTC"))


def _us(frame: pl.DataFrame, name: str) -> NDArray[np.int64]:
    return frame[name].to_physical().to_numpy()


def _parts_between(table: DeltaTable, since_us: int, until_us: int) -> pl.DataFrame:
    """The parts that may hold rows observed in a span."""
    listed = pl.DataFrame(table.get_add_actions(flatten=True))
    if listed.is_empty():
        return pl.DataFrame({"path": [], "num_records": [], "max.observed_at": []})
    return listed.filter(
        (pl.col("max.observed_at") >= _moment(since_us)) & (pl.col("min.observed_at") < _moment(until_us))
    )

"""The history of observations: one Delta Lake table, written by several workers, read by anyone.

Theory of operation
-------------------
An append writes one part (see `parts`) for each day of the batch, then commits them together with one application transaction
per partition: `partition-<p>` -> the log sequence held up to. Either all of it is in the table, or nothing. Before it
writes, it reads in a fresh snapshot what each partition is held up to and leaves out the rows at or below; Delta refuses
the commit if anyone else has moved the same partition since that snapshot. So whatever is appended again, by whomever, a row
is held once. A batch without rows commits its sequences alone (a commit without files, 4 ms).

Readers take the list of parts and their statistics from the table, and read only the parts that can hold what is asked for:
compacted ones by device, fresh ones by time. The list is at most `FRESH_S` old, except after an append of this process.

INVARIANTS
- A row is in the table exactly once if a sequence at or below its partition's admitted it, and never otherwise.
- `committed` only grows. Compaction changes neither it nor the rows.
- Every answer is bounded, by its own argument or by `MOST_ROWS`; memory by `CHUNK_ROWS` beyond the answer.

Fails when: two tables of different partition counts are mixed (opening refuses), or the log is emptied while the history is
kept: sequences then begin below what is committed, and new rows are taken for old ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction
from numpy.typing import NDArray

from cityward.adapters.bus.config import PARTITIONS
from cityward.adapters.stores.compaction import merge_parts
from cityward.adapters.stores.newest import Newest
from cityward.adapters.stores.parts import SCHEMA, Names, Shelf, frames_of, sync
from cityward.errors import LinkError
from cityward.guard.admit import Admitted
from cityward.ids import partition_of
from cityward.insight.marks import Mark, covered
from cityward.place.registry import Registry
from cityward.runtime.undoing.mark_ports import DeviceRows
from cityward.time import HOUR

FRESH_S = 1.0  # a console redraws once a second; opening the table costs 8 ms and 40 us per part
CHECKPOINT_EVERY = (
    20  # commits; Delta's own default is 100, with which an append to 600 parts costs 28 ms instead of 17
)
KEEP_HOURS = 2  # superseded parts and log entries: longer than any reader takes
CHUNK_ROWS = 1_000_000  # read at a time: 60 MB
MOST_ROWS = 20_000_000
LATELY_US = HOUR  # of a day of 2,000 channels a minute, CPU: 0.11 s; the whole day read at once 0.68 s

_CONFIGURATION = {
    "delta.appendOnly": "false",
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    "delta.enableExpiredLogCleanup": "false",  # `clean` does it, in its own time
}
_PARTITIONS = "cityward.partitions"


class DeltaHistory:
    """`runtime.ports.History` in a Delta table at `uri`, a local folder or an object store's `scheme://...`.

    Any number of threads may use one; any number of processes may each open their own.
    """

    def __init__(
        self,
        uri: str,
        registry: Registry,
        *,
        partitions: int = PARTITIONS,
        keep_hours: int = KEEP_HOURS,
        options: Mapping[str, str] | None = None,
        marks: Callable[[], Sequence[Mark]] = tuple[Mark, ...],
    ) -> None:
        """Open the table, or begin it. `marks` gives those in force: what they cover is left out of `past`.

        Raises:
            LinkError: the store does not answer, or the table was made for another number of partitions.
        """
        self._shelf = Shelf(uri, options)
        self._names = Names.of(registry, partitions)
        self._partitions, self._keep_hours = partitions, keep_hours
        self._registry, self._marks = registry, marks
        self._writing, self._compacting = threading.Lock(), threading.Lock()
        self._listing = threading.Lock()
        self._parts: pl.DataFrame | None = None
        self._listed_at = self._cleaned_at = -float("inf")
        with self._link("open"):
            configured = self._open_or_create().metadata().configuration.get(_PARTITIONS)
        if configured != str(partitions):
            raise LinkError(
                f"the history was made for {configured} partitions, the log has {partitions}",
                where=uri,
                mend="run with as many partitions as before, or begin a new state directory",
            )

    # -- writing ------------------------------------------------------------------------------------------------------

    def committed(self) -> Mapping[int, int]:
        """partition -> the last log sequence held; partitions never committed are absent."""
        with self._link("say what it holds"):
            return self._held(self._open())

    def append(self, batch: Admitted, upto: Mapping[int, int]) -> None:
        """Hold the batch and, in the same commit, the sequence each partition is now held up to.

        Rows that are held already are left out; where no partition of `upto` moves on, nothing happens.

        Raises:
            LinkError: the store does not answer, its disk is full, or another worker moved one of these partitions.
            ValueError: the batch has a row that `upto` does not cover: it would be held twice after a restart.
        """
        if not isinstance(batch, Admitted):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"history takes what the admit gate sealed, not {type(batch).__name__}")
        with self._writing, self._link("take a batch"):
            table = self._open()
            held = self._held(table)
            ahead = {p: seq for p, seq in upto.items() if seq > held.get(p, 0)}
            if ahead:
                self._hold(table, batch, self._new_rows(batch, held, upto), ahead)
                self._listed_at = -float("inf")

    def _new_rows(self, batch: Admitted, held: Mapping[int, int], upto: Mapping[int, int]) -> NDArray[np.bool_]:
        """(N,) the rows of the batch that are not held yet."""
        floor, ceiling = (self._by_partition(of) for of in (held, upto))
        partition = self._names.partition[batch.channel]
        new = batch.seq > floor[partition]
        if bool((new & (batch.seq > ceiling[partition])).any()):
            raise ValueError(f"the batch has rows beyond what it is held up to: {dict(upto)}")
        return new

    def _hold(self, table: DeltaTable, batch: Admitted, new: NDArray[np.bool_], ahead: Mapping[int, int]) -> None:
        added: list[AddAction] = []
        try:
            for day, frame in frames_of(batch, new, self._names):
                added.append(self._shelf.write(day, frame, data_change=True))
            table.create_write_transaction(
                [*added],
                "append",
                SCHEMA,
                ["day"],
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(_app(p), seq) for p, seq in sorted(ahead.items())]
                ),
                post_commithook_properties=PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False),
            )
        except (OSError, DeltaError, pl.exceptions.PolarsError):
            self._drop_unless_held(added, ahead)
            raise
        self._sync_log(table.version())

    def _drop_unless_held(self, added: list[AddAction], ahead: Mapping[int, int]) -> None:
        """After a failure: remove the parts, unless the commit went through and only what follows it failed."""
        try:
            held = self._held(self._open())
        except (OSError, DeltaError):
            return  # nobody can say; what no commit names goes with the next `clean`
        if any(held.get(p, 0) < seq for p, seq in ahead.items()):
            self._shelf.drop(added)

    def _sync_log(self, base: int | None) -> None:
        """Make the commits after version `base`, and their checkpoint, outlast a power cut. There is one, or a few when
        workers met. A reader begins with the checkpoint: one that is torn would close the whole table.
        """
        folder = self._shelf.folder
        if folder is None or base is None:
            return
        log, version = folder / "_delta_log", base + 1
        while (entry := log / f"{version:020d}.json").exists():
            sync(entry)
            _sync_checkpoint(log, version)
            version += 1
        sync(log)

    # -- reading ------------------------------------------------------------------------------------------------------

    def window(
        self, device: str, properties: Sequence[str], since_us: int, until_us: int, most: int
    ) -> Sequence[tuple[str, int, float]]:
        """(property, observed_at, value) of one device with `since_us <= observed_at < until_us`, oldest first.

        The newest `most` if there are more. Raises `LinkError` when the store does not answer.
        """
        with self._link("read a device's window"):
            parts = self._listed(since_us, until_us).filter(
                (pl.col("min.device") <= device) & (pl.col("max.device") >= device)
            )
            if parts.is_empty() or not properties:
                return []
            rows = (
                self._shelf.scan(parts["path"].to_list())
                .filter(
                    (pl.col("device") == device)
                    & pl.col("property").is_in(list(properties))
                    & _between(since_us, until_us)
                )
                .select("property", pl.col("observed_at").dt.epoch("us"), "value")
                .sort("observed_at", "property", descending=True)
                .head(min(most, MOST_ROWS))
                .collect()
            )
            return rows.reverse().rows()

    def tail(
        self, since_us: int, per_channel: int, upto: Mapping[int, int]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(channel, observed_at) of the newest `per_channel` observations of each channel observed at or after `since_us`
        and held by a log sequence not above their partition's `upto`; sorted by channel, then time.

        Reads newest parts first and keeps no more than the answer: (C * per_channel,) rows and one chunk.
        """
        ceiling = self._by_partition(upto)
        channel, at = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
        floor = np.full(len(self._names.rank), since_us, dtype=np.int64)  # (C,) what is older is not among the newest
        with self._link("read its tail"):
            for frame in self._chunks(since_us, _FOREVER, ("device", "property", "observed_at", "seq")):
                found, when, seq = self._numbers(frame), _us(frame), frame["seq"].to_numpy()
                new = (found >= 0) & (when >= floor[found]) & (seq <= ceiling[self._names.partition[found]])
                channel, at = np.concatenate([channel, found[new]]), np.concatenate([at, when[new]])
                channel, at = _newest(channel, at, per_channel)
                _raise_floor(floor, channel, at, per_channel)
        return channel, at

    def moment(self, since_us: int, until_us: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
        """(channel, observed_at, value) of the newest observation of each channel with `since_us <= observed_at < until_us`,
        marked or not, by channel; of those of one time the one that the log held last.

        Reads `LATELY_US` for all channels, and what is before it only for those that said nothing since: in a city that reports
        by the minute, few. Keeps one row for each channel, (C,), and one chunk. Raises `LinkError`.
        """
        newest, lately = Newest(len(self._names.rank)), max(since_us, until_us - LATELY_US)
        columns = ("device", "property", "observed_at", "value", "seq")
        with self._link("say what was at a moment"):
            for frame in self._chunks(lately, until_us, columns):
                newest.see(self._numbers(frame), frame)
            silent = self._names.device.gather(newest.silent()).unique()
            for frame in self._chunks(since_us, lately, columns, silent) if len(silent) and since_us < lately else ():
                newest.see(self._numbers(frame), frame)
        return newest.told()

    def past(
        self, since_us: int, until_us: int, most: int = MOST_ROWS
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
        """(channel, observed_at, value) of all observations of known channels with `since_us <= observed_at < until_us`.

        Without those that a mark covers: it is what is learned from. In no order promised. Of more than `most` rows those in the
        newest parts, at 20 bytes a row.
        """
        out: list[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]] = []
        marks = self._marks()
        room = min(most, MOST_ROWS)
        with self._link("read its past"):
            for frame in self._chunks(since_us, until_us, ("device", "property", "observed_at", "value")):
                found = self._numbers(frame)
                known = np.flatnonzero(found >= 0)
                known = known[~covered(found[known], _us(frame)[known], marks, self._registry)][:room]
                out.append((found[known], _us(frame)[known], frame["value"].to_numpy()[known]))
                room -= len(known)
                if room <= 0:
                    break
        if not out:
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64), np.empty(0)
        channel, at, value = zip(*out, strict=True)
        return np.concatenate(channel), np.concatenate(at), np.concatenate(value)

    def rows_of(self, device: str, since_us: int, until_us: int, upto: Mapping[int, int] | None = None) -> DeviceRows:
        """All rows of one device observed in the span, marked or not, in no order promised; those held by a log sequence not
        above their partition's `upto`, where it is given.

        Sees whatever was committed before it was called; 50 bytes a row. Raises `LinkError`.
        """
        with self._link("read a device's rows"):
            self._listed_at = -float("inf")
            parts = self._listed(since_us, until_us).filter(
                (pl.col("min.device") <= device) & (pl.col("max.device") >= device)
            )
            frames = [pl.DataFrame(schema=_ROWS)]
            if not parts.is_empty():
                wanted = (pl.col("device") == device) & _between(since_us, until_us)
                if upto is not None:
                    wanted &= pl.col("seq") <= upto.get(partition_of(device, self._partitions), 0)
                frames.append(self._shelf.scan(parts["path"].to_list()).filter(wanted).select(list(_ROWS)).collect())
            rows = pl.concat(frames)
        times = rows.select(pl.col("observed_at", "received_at").to_physical())
        return DeviceRows(
            property=rows["property"].to_list(),
            observed_at=times["observed_at"].to_numpy(),
            received_at=times["received_at"].to_numpy(),
            value=rows["value"].to_numpy(),
            seq=rows["seq"].to_numpy(),
        )

    def held_upto(
        self, since_us: int, until_us: int, properties: Sequence[str], upto: Mapping[int, int]
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]]:
        """(channel, observed_at, value) of the rows of these properties observed in the span, marked or not, that are held by a
        log sequence not above their partition's `upto`: some `CHUNK_ROWS` at a time.

        Sees whatever was committed before it was called. Raises `LinkError`.
        """
        ceiling = self._by_partition(upto)
        with self._link("read what it held"):
            self._listed_at = -float("inf")
            for frame in self._chunks(since_us, until_us, ("device", "property", "observed_at", "value", "seq")):
                some = frame.filter(pl.col("property").is_in(list(properties)))
                found, seq = self._numbers(some), some["seq"].to_numpy()
                rows = np.flatnonzero((found >= 0) & (seq <= ceiling[self._names.partition[found]]))
                yield found[rows], _us(some)[rows], some["value"].to_numpy()[rows]

    def _chunks(
        self, since_us: int, until_us: int, columns: Sequence[str], devices: pl.Series | None = None
    ) -> Iterator[pl.DataFrame]:
        """The rows observed in the span, of all devices or of some, newest parts first, some `CHUNK_ROWS` at a time."""
        parts = self._listed(since_us, until_us).sort("max.observed_at", descending=True)
        if devices is not None:
            parts = parts.filter((pl.col("min.device") <= devices.max()) & (pl.col("max.device") >= devices.min()))
        group: list[str] = []
        rows = 0
        for path, count in zip(parts["path"].to_list(), parts["num_records"].to_list(), strict=True):
            if group and rows + count > CHUNK_ROWS:
                yield self._read(group, since_us, until_us, columns, devices)
                group, rows = [], 0
            group.append(path)
            rows += count
        if group:
            yield self._read(group, since_us, until_us, columns, devices)

    def _read(
        self, paths: list[str], since_us: int, until_us: int, columns: Sequence[str], devices: pl.Series | None
    ) -> pl.DataFrame:
        wanted = _between(since_us, until_us)
        if devices is not None:
            wanted &= pl.col("device").is_in(devices.implode())
        return self._shelf.scan(paths).filter(wanted).select(columns).collect()

    def _numbers(self, frame: pl.DataFrame) -> NDArray[np.int32]:
        return self._names.channels(frame)

    def _listed(self, since_us: int, until_us: int) -> pl.DataFrame:
        """The parts that may hold rows of the span, with their statistics."""
        with self._listing:
            if self._parts is None or time.monotonic() - self._listed_at > FRESH_S:
                asked = time.monotonic()
                self._parts = pl.DataFrame(self._open().get_add_actions(flatten=True))
                self._listed_at = asked
            parts = self._parts
        return parts.filter(
            (pl.col("max.observed_at") >= _moment(since_us)) & (pl.col("min.observed_at") < _moment(until_us))
        )

    # -- upkeep -------------------------------------------------------------------------------------------------------

    def compact(self) -> None:
        """Merge small parts, and once an hour forget what is superseded. Never changes what is held.

        Call it every half minute or so, from a thread of its own; a second call at the same time does nothing.
        """
        if not self._compacting.acquire(blocking=False):
            return
        try:
            with self._link("be compacted"):
                base = self._open().version()
                merge_parts(self._open, self._shelf, int(time.time() * 1000))
                self._sync_log(base)
                if time.monotonic() - self._cleaned_at > 3600:
                    self._clean()
                    self._cleaned_at = time.monotonic()
        finally:
            self._compacting.release()

    def _clean(self) -> None:
        """Forget superseded parts and log entries older than `keep_hours`, and parts that no commit ever named."""
        table = self._open()
        table.create_checkpoint()  # what the log says so far, so that its entries may go
        if self._shelf.folder is not None:
            _sync_checkpoint(self._shelf.folder / "_delta_log", table.version() or 0)
            sync(self._shelf.folder / "_delta_log")
        table.vacuum(retention_hours=self._keep_hours, dry_run=False, enforce_retention_duration=False, full=True)
        self._open().cleanup_metadata()

    # -- the table ----------------------------------------------------------------------------------------------------

    def _open_or_create(self) -> DeltaTable:
        try:
            return self._open()
        except TableNotFoundError:
            pass
        retention = {
            "delta.logRetentionDuration": f"interval {self._keep_hours} hours",
            "delta.deletedFileRetentionDuration": f"interval {self._keep_hours} hours",
        }
        DeltaTable.create(
            self._shelf.uri,
            SCHEMA,
            mode="ignore",  # another process may be first
            partition_by=["day"],
            name="observations",
            configuration={**_CONFIGURATION, **retention, _PARTITIONS: str(self._partitions)},
            storage_options=self._options(),
            raise_if_key_not_exists=False,
        )
        self._sync_log(-1)
        return self._open()

    def _open(self) -> DeltaTable:
        # A fresh snapshot reads the last checkpoint and at most 20 commits; one that is updated replays them all each time.
        return DeltaTable(self._shelf.uri, storage_options=self._options())

    def _options(self) -> dict[str, str] | None:
        return dict(self._shelf.options) if self._shelf.options else None

    def _held(self, table: DeltaTable) -> dict[int, int]:
        versions = {p: table.transaction_version(_app(p)) for p in range(self._partitions)}
        return {p: seq for p, seq in versions.items() if seq is not None}

    def _by_partition(self, sequences: Mapping[int, int]) -> NDArray[np.int64]:
        """(P,) the sequences as a column; 0 where there is none."""
        return np.array([sequences.get(p, 0) for p in range(self._partitions)], dtype=np.int64)

    @contextmanager
    def _link(self, what: str) -> Generator[None]:
        try:
            yield
        except (OSError, DeltaError, pl.exceptions.PolarsError) as error:
            raise LinkError(
                f"the history could not {what}: {error}",
                where=self._shelf.uri,
                mend="make room on the disk and see that it can be written; it is tried again",
            ) from error


_FOREVER = 253_402_300_800_000_000  # the year 10000
_UTC = pl.Datetime("us", "UTC")
_ROWS = {"property": pl.String, "observed_at": _UTC, "received_at": _UTC, "value": pl.Float64, "seq": pl.Int64}


def _sync_checkpoint(log: Path, version: int) -> None:
    """The checkpoint of a version, if there is one, before what points to it."""
    for name in (f"{version:020d}.checkpoint.parquet", "_last_checkpoint"):
        try:
            sync(log / name)
        except FileNotFoundError:
            return


def _app(partition: int) -> str:
    return f"partition-{partition}"


def _moment(us: int) -> pl.Expr:
    return pl.lit(us).cast(_UTC)


def _between(since_us: int, until_us: int) -> pl.Expr:
    return (pl.col("observed_at") >= _moment(since_us)) & (pl.col("observed_at") < _moment(until_us))


def _us(frame: pl.DataFrame) -> NDArray[np.int64]:
    return frame["observed_at"].to_physical().to_numpy()


def _newest(
    channel: NDArray[np.int32], at: NDArray[np.int64], most: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The newest `most` of each channel, sorted by channel, then time."""
    order = np.lexsort((at, channel))
    channel, at = channel[order], at[order]
    if not len(channel):
        return channel, at
    ends = np.append(np.flatnonzero(np.diff(channel)) + 1, len(channel))
    counts = np.diff(ends, prepend=0)
    from_end = np.repeat(ends, counts) - np.arange(len(channel))
    keep = from_end <= most
    return channel[keep], at[keep]


def _raise_floor(floor: NDArray[np.int64], channel: NDArray[np.int32], at: NDArray[np.int64], most: int) -> None:
    """Where a channel has its `most` already, nothing older than the oldest of them is wanted."""
    if not len(channel):
        return
    starts = np.flatnonzero(np.diff(channel, prepend=-1))
    full = np.diff(np.append(starts, len(channel))) >= most
    floor[channel[starts[full]]] = at[starts[full]]

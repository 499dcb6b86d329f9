"""Rows leave the history for good: the parts that hold them are written again without, and every older version goes too.

Theory of operation
-------------------
    find   the parts of one snapshot that may hold such rows; the rows in them, their number and digest, told to the caller
    erase  one commit puts parts without the rows in the place of those, under the application `erasure` and the caller's number
    forget superseded parts are unlinked, and what the log and older checkpoints said of their contents is taken out

Rows are told before they are erased, from the very parts that the commit replaces: what is appended meanwhile is in other parts
and stays. Where somebody merged parts meanwhile the commit is refused, and it is found and told again. The commit's number says
after a crash whether it went through.

INVARIANTS
- A commit of ours names no partition: what each is held up to stays, so nothing erased is held again, and whoever follows
  commits (`tail`) sees no new rows.
- `forget` touches only parts that a commit has removed, never one that an append is about to name. Entries of the log stay, with
  their number and their sequences: a writer that slept can never commit a version twice.

Fails when: the table lies in an object store. There old versions go with the hourly cleaning, after `history.KEEP_HOURS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import polars as pl
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction
from numpy.typing import NDArray

from cityward.adapters.bus.config import PARTITIONS
from cityward.adapters.stores.compaction import APPLICATION as COMPACTION
from cityward.adapters.stores.parts import COLUMNS, ORDER, SCHEMA, Names, Shelf, sync
from cityward.errors import LinkError
from cityward.place.registry import Registry
from cityward.runtime.undoing.erasure_ports import Wanted
from cityward.time import HOUR, from_us

APPLICATION = "erasure"
TRIES = 8  # against a compaction that is faster: it merges once in two minutes
MOST_LOOKED = 20_000_000  # rows read to find the oldest of a dataset; beyond them it is not known
NOT_KNOWN = -1
_UTC = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class _Hit:
    """A part with rows to erase: what stays of it."""

    path: str
    day: str
    size: int
    stays: pl.DataFrame


class HistoryErasure:
    """`runtime.undoing.erasure_ports.ErasableHistory` over a Delta table. One at a time erases (the caller sees to it)."""

    def __init__(
        self, uri: str, registry: Registry, *, partitions: int = PARTITIONS, options: Mapping[str, str] | None = None
    ) -> None:
        self._shelf = Shelf(uri, options)
        self._names = Names.of(registry, partitions)

    def erased_upto(self) -> int:
        """The number of the newest erasure that is committed; 0 before the first."""
        with self._link("say what was erased"):
            table = self._open()
            return 0 if table is None else table.transaction_version(APPLICATION) or 0

    def erase(self, wanted: Wanted, number: int, found: Callable[[int, str], None]) -> int:
        """Erase the rows held now; how many. `found(rows, digest)` is called before anything changes, where there are any.

        Raises:
            LinkError: the store does not answer, or compaction was faster all the time.
        """
        with self._link("erase rows"):
            for _ in range(TRIES):
                table = self._open()
                if table is None:
                    return 0
                parts = self._parts(table, wanted)
                rows, digest = self._look(parts, wanted)
                if not rows:
                    return 0
                found(rows, digest)
                if self._replace(table, parts, wanted, number):
                    return rows
        raise LinkError(
            "the history was merged while rows were erased, each time", where=self._shelf.uri, mend="try again"
        )

    def look(self, wanted: Wanted) -> tuple[int, str]:
        """How many such rows are held, and their digest."""
        with self._link("look for rows"):
            table = self._open()
            return (0, "") if table is None else self._look(self._parts(table, wanted), wanted)

    def days(self, channels: NDArray[np.bool_], before_us: int) -> Sequence[int]:
        """The days (us of their beginning) before a time of which rows of these channels (C,) may be held, oldest first."""
        with self._link("list its days"):
            table = self._open()
            if table is None or not channels.any():
                return ()
            listed = self._parts(table, Wanted(channels=channels, since=0, until=before_us))
            return sorted({_day_us(day) for day in listed["partition.day"].to_list()})

    def oldest(self, group: NDArray[np.int32], groups: int) -> NDArray[np.int64]:
        """(groups + 1,) the oldest row's time observed of each group of channels; the last is of channels that are not declared.

        0 where there is none; `NOT_KNOWN` where that would take more than `MOST_LOOKED` rows to say. `group`: (C,) a group or -1.
        """
        best = np.full(groups + 1, np.iinfo(np.int64).max)
        wanted = {*np.unique(group[group >= 0]).tolist(), groups}
        none = 0
        with self._link("find its oldest rows"):
            table = self._open()
            listed = self._parts(table, Wanted(since=0, until=_FOREVER)) if table is not None else None
            read = 0
            for path, low, rows in _by_age(listed):
                if all(best[g] <= low for g in wanted):
                    break
                if read > MOST_LOOKED:
                    none = NOT_KNOWN
                    break
                self._oldest_in(path, group, best)
                read += rows
        return np.where(best == np.iinfo(np.int64).max, none, best)

    def forget(self) -> int:
        """Every older version of the table goes: parts that are superseded, and what the log says of them; how many parts."""
        with self._link("forget old versions"):
            folder, table = self._shelf.folder, self._open()
            if table is None or folder is None:
                return 0  # the hourly cleaning does it: see the module
            table.create_checkpoint()
            log, kept = folder / "_delta_log", table.version() or 0
            _sync_log(log, kept)
            live = set(pl.DataFrame(table.get_add_actions(flatten=True))["path"].to_list())
            gone = [path for path in (folder / one for one in sorted(_redact(log, kept, live))) if path.exists()]
            for path in gone:
                path.unlink(missing_ok=True)
            for checkpoint in log.glob("*.checkpoint*.parquet"):
                if int(checkpoint.name[:20]) < kept:
                    checkpoint.unlink(missing_ok=True)
            _sync_log(log, kept)
            return len(gone)

    # -- steps --------------------------------------------------------------------------------------------------------

    def _oldest_in(self, path: str, group: NDArray[np.int32], best: NDArray[np.int64]) -> None:
        frame = self._shelf.scan([path]).select("device", "property", "observed_at").collect()
        channel = self._names.channels(frame)
        of = np.where(channel >= 0, group[channel], len(best) - 1)
        known = of >= 0
        np.minimum.at(best, of[known], frame["observed_at"].to_physical().to_numpy()[known])

    def _parts(self, table: DeltaTable, wanted: Wanted) -> pl.DataFrame:
        """The parts that may hold such rows, by day."""
        listed = pl.DataFrame(table.get_add_actions(flatten=True))
        if listed.is_empty() or "max.observed_at" not in listed.columns:
            return pl.DataFrame(schema=_PART)
        some = listed.filter(
            (pl.col("max.observed_at") >= _moment(wanted.since)) & (pl.col("min.observed_at") < _moment(wanted.until))
        )
        if wanted.device:
            some = some.filter((pl.col("min.device") <= wanted.device) & (pl.col("max.device") >= wanted.device))
        return some.sort("partition.day", "path")

    def _is_wanted(self, frame: pl.DataFrame, wanted: Wanted) -> NDArray[np.bool_]:
        at = frame["observed_at"].to_physical().to_numpy()
        meant = (at >= wanted.since) & (at < wanted.until)
        if wanted.device:
            meant &= (frame["device"] == wanted.device).to_numpy()
        if wanted.channels is not None:
            channel = self._names.channels(frame)
            meant &= (channel >= 0) & wanted.channels[channel]
        return meant

    def _look(self, parts: pl.DataFrame, wanted: Wanted) -> tuple[int, str]:
        """Rows and digest of what is wanted in the parts, a day at a time, an hour's rows in memory twice."""
        rows, hashed = 0, sha256()
        for _, of_day in parts.group_by("partition.day", maintain_order=True):
            frames = [
                frame.filter(pl.Series(self._is_wanted(frame, wanted)))
                for frame in (self._read(path) for path in of_day["path"].to_list())
            ]
            day = pl.concat(frames)
            rows += len(day)
            for part in hour_digests(day):
                hashed.update(part)
        return rows, hashed.hexdigest() if rows else ""

    def _replace(self, table: DeltaTable, parts: pl.DataFrame, wanted: Wanted, number: int) -> bool:
        """One commit: what stays in the place of what was; False where somebody merged these parts meanwhile."""
        added: list[AddAction] = []
        removed: list[RemoveAction] = []
        try:
            for path, day, size in parts.select("path", "partition.day", "size_bytes").rows():
                frame = self._read(path)
                meant = self._is_wanted(frame, wanted)
                if not meant.any():
                    continue
                if not meant.all():
                    stays = frame.filter(pl.Series(~meant)).sort(ORDER)
                    added.append(self._shelf.write(day, stays, data_change=True))
                removed.append(_removal(path, day.isoformat(), size))
            self._commit(table, [*added, *removed], number)
        except CommitFailedError:
            self._shelf.drop(added)
            return False
        except BaseException:
            if self.erased_upto() < number:
                self._shelf.drop(added)
            raise
        return True

    def _commit(self, table: DeltaTable, actions: list[AddAction | RemoveAction], number: int) -> None:
        base = table.version() or 0
        # INVARIANT: never at once with a compaction of the same parts: both move the same application's version (see there)
        names = [Transaction(COMPACTION, base + 1), Transaction(APPLICATION, number)]
        table.create_write_transaction(
            cast(Any, actions),
            "append",
            SCHEMA,
            ["day"],
            commit_properties=CommitProperties(app_transactions=names),
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False),
        )
        if self._shelf.folder is not None:
            _sync_log(self._shelf.folder / "_delta_log", base + 1)

    def _read(self, path: str) -> pl.DataFrame:
        return self._shelf.scan([path]).select(COLUMNS).collect()

    def _open(self) -> DeltaTable | None:
        """The newest snapshot; None where nothing was ever held."""
        options = dict(self._shelf.options) if self._shelf.options else None
        try:
            return DeltaTable(self._shelf.uri, storage_options=options)
        except TableNotFoundError:
            return None

    @contextmanager
    def _link(self, what: str) -> Generator[None]:
        try:
            yield
        except (OSError, DeltaError, pl.exceptions.PolarsError) as error:
            mend = "make room on the disk and see that it can be written; it is gone on with"
            raise LinkError(f"the history could not {what}: {error}", where=self._shelf.uri, mend=mend) from error


def hour_digests(rows: pl.DataFrame) -> Iterator[bytes]:
    """SHA-256 of each hour's rows, hours in order, rows by device, property, time observed, sequence, value.

    An hour's bytes: devices, then properties, each id ended by a line break; then observed_at, received_at, seq (int64) and
    value (IEEE 754 binary64), column by column, little-endian. The digest of an erasure is SHA-256 over these.
    """
    ordered = rows.sort("observed_at").with_columns((pl.col("observed_at").to_physical() // HOUR).alias("hour"))
    for _, hour in ordered.group_by("hour", maintain_order=True):
        one = hour.sort(*ORDER, "value")
        hashed = sha256()
        for name in ("device", "property"):
            hashed.update("".join(f"{id_}\n" for id_ in one[name].to_list()).encode())
        for name in ("observed_at", "received_at", "seq"):
            hashed.update(one[name].to_physical().to_numpy().astype("<i8").tobytes())
        hashed.update(one["value"].to_numpy().astype("<f8").tobytes())
        yield hashed.digest()


# --- the log's own words ---------------------------------------------------------------------------------------------


def _redact(log: Path, kept: int, live: set[str]) -> set[str]:
    """Take what entries up to `kept` say of the contents of parts that are no more; the parts that they removed.

    An entry is replaced whole or not at all. Its number, parts and sequences stay: it is followed as before.
    """
    gone: set[str] = set()
    for entry in sorted(log.glob("*.json")):
        if not entry.name[:20].isdigit() or int(entry.name[:20]) > kept:
            continue
        before = entry.read_bytes().splitlines()
        after = [_without_contents(line, live, gone) for line in before]
        if after != before:
            draft = entry.with_suffix(".new")
            draft.write_bytes(b"\n".join(after))
            sync(draft)
            draft.replace(entry)
    return gone


def _without_contents(line: bytes, live: set[str], gone: set[str]) -> bytes:
    action = msgspec.json.decode(line)
    removed = action.get("remove")
    if removed is not None and removed["path"] not in live:
        gone.add(removed["path"])
    added = action.get("add")
    if added is None or added["path"] in live or not added.get("stats"):
        return line
    known = msgspec.json.decode(added["stats"])
    if known.keys() <= {"numRecords"}:
        return line
    added["stats"] = msgspec.json.encode({"numRecords": known.get("numRecords", 0)}).decode()
    return msgspec.json.encode(action)


def _sync_log(log: Path, version: int) -> None:
    for name in (f"{version:020d}.json", f"{version:020d}.checkpoint.parquet", "_last_checkpoint"):
        if (log / name).exists():
            sync(log / name)
    sync(log)


_FOREVER = 253_402_300_799_000_000  # the year 9999
_PART = {
    "path": pl.String, "partition.day": pl.Date, "size_bytes": pl.Int64, "num_records": pl.Int64, "min.observed_at": _UTC,
}  # fmt: skip


def _by_age(listed: pl.DataFrame | None) -> Iterator[tuple[str, int, int]]:
    """(path, earliest time, rows) of each part, oldest first."""
    if listed is None or listed.is_empty():
        return
    some = listed.sort("min.observed_at", "path")
    low = some["min.observed_at"].cast(_UTC).to_physical().to_list()
    yield from zip(some["path"].to_list(), low, some["num_records"].to_list(), strict=True)


def _day_us(day: Any) -> int:
    return (day.toordinal() - from_us(0).date().toordinal()) * 24 * HOUR


def _moment(us: int) -> pl.Expr:
    return pl.lit(min(max(us, 0), _FOREVER)).cast(_UTC)


def _removal(path: str, day: str, size: int) -> RemoveAction:
    return RemoveAction(
        path=path,
        data_change=True,
        deletion_timestamp=int(time.time() * 1000),
        size=size,
        partition_values={"day": day},
    )

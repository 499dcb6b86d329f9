"""Parts: the Parquet files of the history table. How columns of numbers become one, and one becomes columns again.

A part holds rows of one day, sorted by device, property and time, under names instead of numbers: whoever reads the table
with Spark, Trino or DuckDB needs nothing of ours. What decides *which* parts make up the table is `history` and `compaction`.

INVARIANTS
- A part's statistics never exclude a row it holds: times are floored and ceiled to the millisecond that Delta keeps.
- A part is on disk before a commit names it (on a local disk; an object store answers only then anyway).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast
from uuid import uuid4

import msgspec
import numpy as np
import polars as pl
from deltalake import Field, Schema
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, RemoveAction
from numpy.typing import NDArray

from cityward.guard.admit import Admitted
from cityward.ids import partition_of
from cityward.place.registry import Registry
from cityward.time import DAY, from_us

ROW_GROUP = 32_768  # one device's readings of a part: 1.7 ms of CPU; twice as large 3.0 and 4 % smaller files
COMPRESSION_LEVEL = 1  # 11.4 bytes a row; level 3 takes 10.9 and a quarter more CPU

_UTC = pl.Datetime("us", "UTC")
_COLUMNS = {
    "device": "string",
    "property": "string",
    "observed_at": "timestamp",
    "received_at": "timestamp",
    "value": "double",
    "seq": "long",
}
COLUMNS = tuple(_COLUMNS)
"""The columns a part holds. `day` is the table's partition and stands in the part's path."""

ORDER = ("device", "property", "observed_at", "seq")

SCHEMA = Schema(
    [Field("day", PrimitiveType("date")), *(Field(name, PrimitiveType(kind)) for name, kind in _COLUMNS.items())]
)


@dataclass(frozen=True, slots=True)
class Names:
    """A registry as the stores write it. Over channels (C,): names, their order, and the partition of each.

    rank: (C,) int64, the place of a channel when sorted by device, then property.
    """

    device: pl.Series
    property: pl.Series
    rank: NDArray[np.int64]
    partition: NDArray[np.int32]
    key: pl.DataFrame  # device, property -> channel

    @classmethod
    def of(cls, registry: Registry, partitions: int) -> Names:
        """The names of a registry's channels."""
        units = [registry.units[u].id for u in registry.channel_unit.tolist()]
        properties = list(registry.channel_property)
        order = sorted(zip(units, properties, range(len(units)), strict=True))
        rank = np.empty(len(units), dtype=np.int64)
        rank[[channel for _, _, channel in order]] = np.arange(len(units))
        of_unit = [partition_of(u.id, partitions) for u in registry.units]
        device, named = pl.Series("device", units, dtype=pl.String), pl.Series("property", properties, dtype=pl.String)
        return cls(
            device=device,
            property=named,
            rank=rank,
            partition=np.array([of_unit[u] for u in registry.channel_unit.tolist()], dtype=np.int32),
            key=pl.DataFrame(
                [device, named, pl.Series("channel", np.arange(len(units)), dtype=pl.Int32)],
            ),
        )

    def channels(self, frame: pl.DataFrame) -> NDArray[np.int32]:
        """(N,) the channel of each row of a frame with `device` and `property`; -1 where the registry knows it no more.

        Names are looked up once per run of equal ones: parts are sorted, so there are as many runs as channels.
        """
        if frame.is_empty():
            return np.empty(0, dtype=np.int32)
        device, named = frame["device"].rechunk(), frame["property"].rechunk()
        changed = (device[1:] != device[:-1]) | (named[1:] != named[:-1])
        starts = np.append(0, changed.arg_true().to_numpy() + 1)
        heads = pl.DataFrame([device.gather(starts), named.gather(starts)])
        found = heads.join(self.key, on=["device", "property"], how="left", maintain_order="left")["channel"]
        lengths = np.diff(np.append(starts, len(frame)))
        return np.repeat(found.fill_null(-1).to_numpy(), lengths).astype(np.int32, copy=False)


def frames_of(batch: Admitted, keep: NDArray[np.bool_], names: Names) -> Iterator[tuple[date, pl.DataFrame]]:
    """The kept rows of a batch, a frame for each day, sorted as parts are."""
    rows = np.flatnonzero(keep)
    days = batch.observed_at[rows] // DAY
    for day in np.unique(days).tolist():
        of_day = rows[days == day]
        # A day has 2**37 us: rank and time share one integer, which sorts six times faster than two columns do.
        place = (names.rank[batch.channel[of_day]] << 37) | (batch.observed_at[of_day] - day * DAY)
        order = of_day[np.argsort(place)]
        yield from_us(day * DAY).date(), _named(batch, order, names)


def _named(batch: Admitted, order: NDArray[np.intp], names: Names) -> pl.DataFrame:
    channel = batch.channel[order]
    return pl.DataFrame(
        [
            names.device.gather(channel),
            names.property.gather(channel),
            pl.Series("observed_at", batch.observed_at[order]).cast(_UTC),
            pl.Series("received_at", batch.received_at[order]).cast(_UTC),
            pl.Series("value", batch.value[order]),
            pl.Series("seq", batch.seq[order]),
        ]
    )


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where parts lie: a folder, or a prefix of an object store (`scheme://...`) with its options."""

    uri: str
    options: Mapping[str, str] | None = None

    @property
    def folder(self) -> Path | None:
        """The local folder; None for an object store."""
        return None if "://" in self.uri else Path(self.uri)

    def where(self, path: str) -> str:
        """A part's full address."""
        return f"{self.uri.rstrip('/')}/{path}"

    def write(self, day: date, frame: pl.DataFrame, data_change: bool) -> AddAction:
        """Write a frame sorted by `ORDER` as a part of a day, durably; what a commit says of it."""
        path = f"day={day.isoformat()}/{uuid4().hex}.parquet"
        folder = self.folder
        size = self._write_remote(path, frame) if folder is None else _write_synced(folder / path, frame)
        return AddAction(
            path=path,
            size=size,
            partition_values={"day": day.isoformat()},
            modification_time=int(time.time() * 1000),
            data_change=data_change,
            stats=statistics_of(frame),
        )

    def _write_remote(self, path: str, frame: pl.DataFrame) -> int:
        frame.write_parquet(
            self.where(path),
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            row_group_size=ROW_GROUP,
            storage_options=dict(self.options or {}),
        )
        return int(frame.estimated_size())  # of the file itself only the store knows; readers use it as a hint

    def scan(self, paths: list[str]) -> pl.LazyFrame:
        """The rows of these parts."""
        options = dict(self.options) if self.options else None
        return pl.scan_parquet([self.where(p) for p in paths], glob=False, storage_options=options)

    def drop(self, added: list[AddAction]) -> None:
        """Remove parts that no commit came to name. What cannot be removed now, `vacuum` removes later."""
        for action in added:
            if self.folder is not None:
                (self.folder / action.path).unlink(missing_ok=True)


def _write_synced(path: Path, frame: pl.DataFrame) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            frame.write_parquet(file, compression="zstd", compression_level=COMPRESSION_LEVEL, row_group_size=ROW_GROUP)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
    except (OSError, pl.exceptions.PolarsError):
        path.unlink(missing_ok=True)  # on a full disk, what is torn must not take the room of the next try
        raise
    sync(path.parent)
    return size


def sync(path: Path) -> None:
    """Make a file's content, or a folder's names, outlast a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def removal(path: str, day: date, size: int) -> RemoveAction:
    """What a commit says of a part whose rows now stand in another."""
    return RemoveAction(
        path=path,
        data_change=False,
        deletion_timestamp=int(time.time() * 1000),
        size=size,
        partition_values={"day": day.isoformat()},
    )


def statistics_of(frame: pl.DataFrame) -> str:
    """A part's statistics, as a commit carries them.

    # SPEC: Delta protocol, per-file statistics: timestamps stand to the millisecond, so the highest is rounded up.
    """
    low = frame.select(pl.all().min()).row(0, named=True)
    high = frame.select(pl.all().max()).row(0, named=True)
    times = frame.select(pl.col("observed_at", "received_at").dt.epoch("us"))
    for name in times.columns:
        low[name] = _to_millisecond(cast(int, times[name].min()))
        high[name] = _to_millisecond(cast(int, times[name].max()) + 999)
    nulls = dict.fromkeys(frame.columns, 0)
    stats = {"numRecords": len(frame), "minValues": low, "maxValues": high, "nullCount": nulls}
    return msgspec.json.encode(stats).decode()


def _to_millisecond(us: int) -> str:
    moment = from_us(us)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"

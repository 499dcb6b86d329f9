"""Reads recorded real data: the recordings shipped with the demo, and the full public files they were cut from.

A recording is rows (unit, property, offset_s, value) as columns; its format is described in
`examples/doggerford/recordings/README.md`. The full files are known by topic, that is by the shape of their header.

INVARIANTS
- Everything is bounded: bytes as read, bytes as unpacked, rows, distinct names.
- Rows are in time order; a missing reading is absent, never a zero or a NaN.
"""

from __future__ import annotations

import gzip
import io
import itertools
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray

from cityward.errors import CitywardError
from cityward.ids import is_id
from cityward.time import DAY, SECOND, to_us

WEEK = 7 * DAY
MAX_UNPACKED = 512 << 20  # PRECEDENT: five years of 200 loops at 5 minutes is about 300 MB as CSV
MAX_MANIFEST = 1 << 20
MAX_NAMES = 10_000
MAX_OFFSET_S = 20 * 366 * 86_400


class RecordingError(CitywardError):
    """The recorded data cannot be read: whoever names it must mend it."""


@dataclass(frozen=True, slots=True)
class Borrow:
    """Seconds `into_s ...` of the week were not recorded: play `from_s ...` again there, for `seconds`."""

    into_s: int
    from_s: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Report:
    """What one unit says at one time: (property, value) pairs. `at` in us, on whatever scale the caller asked for."""

    unit: str
    at: int
    readings: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """Columns of length N, sorted by `at`, then unit, then property.

    begins: when `at` 0 was, us UTC. zone_s: offset of its local time from UTC, seconds. unit: (N,) int32 into `units`.
    prop: (N,) int32 into `properties`. at: (N,) int64, us since `begins`. value: (N,) float64, in `sent_units` of its
    property, or else in the catalogue's unit.
    """

    name: str
    begins: int
    zone_s: int
    units: tuple[str, ...]
    properties: tuple[str, ...]
    unit: NDArray[np.int32]
    prop: NDArray[np.int32]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    sent_units: Mapping[str, str]
    borrow: Borrow | None = None
    derive: str | None = None

    def __len__(self) -> int:
        return len(self.at)

    @property
    def ends(self) -> int:
        """The time of the last reading, us UTC."""
        return self.begins + (int(self.at[-1]) if len(self) else 0)

    def take(self, which: NDArray[np.bool_] | slice) -> Recording:
        """The rows selected, in order."""
        return replace(
            self,
            unit=self.unit[which],
            prop=self.prop[which],
            at=self.at[which],
            value=self.value[which],
        )

    def reports(self, shift: int = 0) -> Iterator[Report]:
        """The rows grouped by unit and time, in time order; times are us UTC plus `shift`."""
        if not len(self):
            return
        new = (np.diff(self.at) != 0) | (np.diff(self.unit) != 0)
        edges = [0, *(np.flatnonzero(new) + 1).tolist(), len(self)]
        for start, stop in itertools.pairwise(edges):
            yield Report(
                self.units[self.unit[start]],
                int(self.at[start]) + self.begins + shift,
                tuple((self.properties[self.prop[i]], float(self.value[i])) for i in range(start, stop)),
            )

    def week(self) -> Recording:
        """The recording folded onto one week: `at` counts from Monday 00:00 local time, what was not recorded is borrowed.

        A recording longer than a week gives its first week.
        """
        first = self.take(self.at < WEEK)
        if (gap := self.borrow) is not None:
            lent = (self.at >= gap.from_s * SECOND) & (self.at < (gap.from_s + gap.seconds) * SECOND)
            moved = replace(self.take(lent), at=self.at[lent] + (gap.into_s - gap.from_s) * SECOND)
            first = _joined(first, moved)
        # 1 January 1970 was a Thursday
        monday = (self.begins + self.zone_s * SECOND + 3 * DAY) % WEEK
        return _ordered(replace(first, at=(first.at + monday) % WEEK))


def _joined(a: Recording, b: Recording) -> Recording:
    return replace(
        a,
        unit=np.concatenate([a.unit, b.unit]),
        prop=np.concatenate([a.prop, b.prop]),
        at=np.concatenate([a.at, b.at]),
        value=np.concatenate([a.value, b.value]),
    )


def _ordered(recording: Recording) -> Recording:
    order = np.lexsort((recording.prop, recording.unit, recording.at))
    return replace(
        recording,
        unit=recording.unit[order],
        prop=recording.prop[order],
        at=recording.at[order],
        value=recording.value[order],
    )


# -- the shipped format ------------------------------------------------------------------------------------------------

Seconds = Annotated[int, Meta(ge=0, le=MAX_OFFSET_S)]


class _Borrow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    into_s: Seconds
    from_s: Seconds
    seconds: Seconds


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+(\.[a-z]+)+$", max_length=128)]
    begins: Annotated[datetime, Meta(tz=True)]
    units: dict[str, str] = {}
    borrow: _Borrow | None = None
    derive: Literal["illuminance"] | None = None


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    recordings: dict[str, _Entry]


def read_folder(folder: Path) -> tuple[Recording, ...]:
    """All recordings that a folder's `recordings.yaml` names.

    Raises:
        RecordingError: the manifest or a file is missing, broken or too large.
    """
    return tuple(_read(folder / e.file, name, e) for name, e in _manifest(folder).recordings.items())


def _manifest(folder: Path) -> _Manifest:
    path = folder / "recordings.yaml"
    try:
        if path.stat().st_size > MAX_MANIFEST:
            raise RecordingError(f"{path.name} is larger than {MAX_MANIFEST} bytes", where=str(path))
        return msgspec.yaml.decode(path.read_bytes(), type=_Manifest)
    except (OSError, msgspec.MsgspecError, ValueError) as problem:
        raise RecordingError(f"{path.name}: {problem}", where=str(path), mend="see the recordings' README") from problem


def _read(path: Path, name: str, entry: _Entry) -> Recording:
    table = _table(path, {"unit": pl.String, "property": pl.String, "offset_s": pl.Int64, "value": pl.Float64})
    return _recording(
        table,
        path,
        name=name,
        begins=to_us(entry.begins),
        zone_s=_zone_s(entry.begins),
        sent_units=entry.units,
        borrow=None if entry.borrow is None else Borrow(**msgspec.structs.asdict(entry.borrow)),
        derive=entry.derive,
    )


def _zone_s(moment: datetime) -> int:
    offset = moment.utcoffset()
    assert offset is not None  # Meta(tz=True)
    return int(offset.total_seconds())


def _recording(
    table: pl.DataFrame,
    path: Path,
    *,
    name: str,
    begins: int,
    zone_s: int,
    sent_units: Mapping[str, str] | None = None,
    borrow: Borrow | None = None,
    derive: str | None = None,
) -> Recording:
    """From columns unit, property, offset_s, value."""
    table = table.sort("offset_s", "unit", "property")
    units, unit = _numbered(table["unit"])
    properties, prop = _numbered(table["property"])
    recording = Recording(
        name=name,
        begins=begins,
        zone_s=zone_s,
        units=units,
        properties=properties,
        unit=unit,
        prop=prop,
        at=table["offset_s"].to_numpy().astype(np.int64) * SECOND,
        value=table["value"].to_numpy().astype(np.float64),
        sent_units=dict(sent_units or {}),
        borrow=borrow,
        derive=derive,
    )
    _check(recording, path)
    return recording


def _numbered(column: pl.Series) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """(distinct names, sorted; the column as indices into them)."""
    names = tuple(column.unique().sort().to_list())
    numbers = {name: i for i, name in enumerate(names)}
    return names, column.replace_strict(numbers, return_dtype=pl.Int32).to_numpy()


def _check(recording: Recording, path: Path) -> None:
    def refuse(what: str, mend: str) -> RecordingError:
        return RecordingError(f"recording `{recording.name}`: {what}", where=str(path), mend=mend)

    if not len(recording):
        raise refuse("it holds no readings", "record something, or remove it")
    if len(recording.units) > MAX_NAMES or len(recording.properties) > MAX_NAMES:
        raise refuse(f"more than {MAX_NAMES} units or properties", "split it")
    for name in (*recording.units, *recording.properties):
        if not is_id(name):
            raise refuse(
                f"{name[:80]!r} is not a kebab-case id", "name the declared device and the catalogue's property"
            )
    if recording.at[0] < 0 or recording.at[-1] > MAX_OFFSET_S * SECOND:
        raise refuse(f"an offset_s is below 0 or above {MAX_OFFSET_S}", "count seconds from `begins`")
    if not np.isfinite(recording.value).all():
        raise refuse("a value is not a finite number", "leave missing readings out")


def _unpacked(path: Path) -> bytes:
    try:
        with path.open("rb") as raw:
            file = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            data = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as problem:
        raise RecordingError(f"{path.name} cannot be read: {problem}", where=str(path)) from problem
    if len(data) > MAX_UNPACKED:
        raise RecordingError(
            f"{path.name} unpacks to more than {MAX_UNPACKED >> 20} MiB", where=str(path), mend="split it"
        )
    return data


def _table(path: Path, schema: Mapping[str, type[pl.DataType]], null: Sequence[str] = ()) -> pl.DataFrame:
    """The named columns of a CSV file, all present, none null unless `null` names spellings of missing."""
    data = _unpacked(path)
    try:
        table = pl.read_csv(
            io.BytesIO(data), columns=list(schema), schema_overrides=dict(schema), null_values=list(null) or None
        )
    except pl.exceptions.PolarsError as problem:
        raise RecordingError(
            f"{path.name} is not CSV with the columns {', '.join(schema)}: {str(problem).splitlines()[0]}",
            where=str(path),
            mend="see the recordings' README for the format",
        ) from problem
    if not null and any(table.null_count().row(0)):
        raise RecordingError(f"{path.name} has empty fields", where=str(path), mend="leave missing readings out")
    return table


# -- the full public files ---------------------------------------------------------------------------------------------


def read_topic(path: Path) -> tuple[Recording, ...]:
    """Read whatever recorded data is at `path`: a folder of recordings, one recording, or a full public file (or its folder).

    Full files are told apart by their header, and fed to the demo's devices of that kind: column or site n becomes the
    group's member n.

    Raises:
        RecordingError: nothing known is there.
    """
    if path.is_dir():
        if (path / "recordings.yaml").is_file():
            return read_folder(path)
        files = sorted([*path.glob("*.csv"), *path.glob("*.csv.gz")])
        known = [file for file in files if _reader_of(_header(file)) is not None]
        if known:
            return tuple(_read_known(file) for file in known)
        raise _unknown(path)
    return (_read_known(path),)


def _read_known(path: Path) -> Recording:
    header = _header(path)
    if header.startswith("unit,property,offset_s,value"):
        return _read_single(path)
    reader = _reader_of(header)
    if reader is None:
        raise _unknown(path)
    return reader(path)


def _read_single(path: Path) -> Recording:
    for name, entry in _manifest(path.parent).recordings.items():
        if entry.file == path.name:
            return _read(path, name, entry)
    raise RecordingError(f"recordings.yaml beside {path.name} does not name it", where=str(path), mend="add it there")


def _header(path: Path) -> str:
    try:
        with path.open("rb") as raw:
            file = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            return file.readline(65_536).decode("utf-8", "replace").strip()
    except (OSError, EOFError, zlib.error) as problem:
        raise RecordingError(
            f"{path} cannot be read: {problem}", where=str(path), mend="name recorded data"
        ) from problem


def _unknown(path: Path) -> RecordingError:
    return RecordingError(
        f"no recorded data that Cityward knows is at {path}",
        where=str(path),
        mend="name a folder with recordings.yaml, or one of: METR-LA speeds, Melbourne pedestrians, Birmingham car parks, "
        "Beijing air station",
    )


def _reader_of(header: str) -> Callable[[Path], Recording] | None:
    columns = [c.strip('"') for c in header.split(",")]
    if columns == ["Sensor", "Date_Time", "Count"]:
        return _melbourne
    if columns[:3] == ["site", "day", "t0"]:
        return _birmingham
    if {"PM2.5", "WSPM", "station"} <= set(columns):
        return _beijing
    # METR-LA names its columns by detector number, six digits each; its adjacency matrix has no such header
    if len(columns) > 1 and all(c.isdigit() and len(c) == 6 for c in columns):
        return _los_loop
    return None


def _los_loop(path: Path) -> Recording:
    """METR-LA as T-GCN publishes it: row r is 5 r minutes after 1 March 2012 00:00 local time; miles per hour."""
    detectors = _header(path).split(",")
    wide = _table(path, dict.fromkeys(detectors, pl.Float64))
    wide.columns = [f"ring-road-loops-{n:02d}" for n in range(1, len(detectors) + 1)]
    long = wide.with_row_index("row").unpivot(index="row", variable_name="unit", value_name="value")
    table = long.select(
        "unit",
        pl.lit("vehicle-speed").alias("property"),
        (pl.col("row").cast(pl.Int64) * 300).alias("offset_s"),
        "value",
    )
    return _recording(
        table,
        path,
        name="los-loop",
        begins=to_us(datetime.fromisoformat("2012-03-01T00:00:00-08:00")),
        zone_s=-28_800,
        sent_units={"vehicle-speed": "mph"},
    )


def _melbourne(path: Path) -> Recording:
    """City of Melbourne pedestrian counters, hourly, times in UTC; counters in the order of their names."""
    table = _table(path, {"Sensor": pl.String, "Date_Time": pl.String, "Count": pl.Float64})
    names = {s: f"harbour-counters-{n:02d}" for n, s in enumerate(sorted(table["Sensor"].unique().to_list()), start=1)}
    at = table["Date_Time"].str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False).dt.epoch("s")
    return _recording(
        _timed(path, at, table["Sensor"].replace(names), "pedestrian-count", table["Count"]),
        path,
        name="melbourne-pedestrian",
        begins=_least(at) * SECOND,
        zone_s=10 * 3600,
    )


def _timed(path: Path, at: pl.Series, unit: pl.Series, prop: str, value: pl.Series) -> pl.DataFrame:
    """Rows from absolute times in seconds."""
    if at.null_count():
        raise RecordingError(f"{path.name} has {at.null_count()} times that are none", where=str(path))
    return pl.DataFrame({"unit": unit, "property": [prop] * len(at), "offset_s": at - _least(at), "value": value})


def _least(at: pl.Series) -> int:
    least = at.min()
    return least if isinstance(least, int) else 0


def _birmingham(path: Path) -> Recording:
    """Birmingham car parks: day 0 is 4 October 2016, slot k is 08:00 plus k half-hours; 0 is a missing reading."""
    slots = [f"t{k}" for k in range(18)]
    wide = _table(path, {"site": pl.Int64, "day": pl.Int64} | dict.fromkeys(slots, pl.Float64))
    long = wide.unpivot(index=["site", "day"], on=slots, variable_name="slot", value_name="value").filter(
        pl.col("value") > 0
    )
    seconds = pl.col("day") * 86_400 + 28_800 + pl.col("slot").str.slice(1).cast(pl.Int64) * 1800
    table = long.select(
        (pl.lit("car-parks-") + (pl.col("site") + 1).cast(pl.String).str.zfill(2)).alias("unit"),
        pl.lit("parking-occupied").alias("property"),
        seconds.alias("offset_s"),
        "value",
    )
    return _recording(
        table, path, name="birmingham", begins=to_us(datetime.fromisoformat("2016-10-04T00:00:00+01:00")), zone_s=3600
    )


_AIR = {
    "PM2.5": "pm2-5",
    "PM10": "pm10",
    "SO2": "so2",
    "NO2": "no2",
    "CO": "co",
    "O3": "o3",
    "TEMP": "air-temperature",
    "PRES": "air-pressure",
    "DEWP": "dew-point",
    "RAIN": "rain",
    "WSPM": "wind-speed",
}


def _beijing(path: Path) -> Recording:
    """A Beijing air-quality station: hourly, local time (UTC+8), `NA` where missing."""
    clock = ["year", "month", "day", "hour"]
    wide = _table(path, dict.fromkeys(clock, pl.Int64) | dict.fromkeys(_AIR, pl.Float64), null=["NA"])
    at = wide.select(pl.datetime(*clock).dt.epoch("s").alias("at"))["at"]
    if at.null_count():
        raise RecordingError(f"{path.name} has rows without a time", where=str(path))
    long = (
        wide.with_columns(offset_s=at - _least(at))
        .unpivot(index="offset_s", on=list(_AIR), variable_name="property", value_name="value")
        .drop_nulls()
    )
    table = long.select(
        pl.lit("air-station").alias("unit"), pl.col("property").replace(_AIR), pl.col("offset_s"), pl.col("value")
    )
    return _recording(table, path, name="beijing-air", begins=(_least(at) - 8 * 3600) * SECOND, zone_s=8 * 3600)

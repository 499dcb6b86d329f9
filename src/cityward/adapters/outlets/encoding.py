"""Released rows as bytes: JSON lines, CSV, Parquet, Arrow.

Every body carries its receipt's id and the digest of what it tells, which whoever has it can work out again (docs/release.md):
JSON lines in an object on the first line, CSV in a first line that begins with `#`, Parquet in its metadata, Arrow in two columns
that are the same in every row. A body does not say when it was made: the same release gives the same bytes.

What has no area or place is null. Times are ISO 8601, UTC, to the microsecond; places are degrees WGS 84.
SECURITY: in CSV a word that a spreadsheet would take for a formula has an apostrophe before it, and every word is harmless.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl

from cityward.guard.columns import Coded, Column
from cityward.guard.release import Released
from cityward.runtime.releasing.ports import Encoder
from cityward.text import harmless, harmless_cell

LEVEL = 1  # of zstd: as the history's own files
PLACES = frozenset({"longitude", "latitude"})

_TIME = "%Y-%m-%dT%H:%M:%S%.6fZ"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How released rows are written. suffix: of a file's name."""

    encode: Encoder
    media_type: str
    suffix: str


class _Head(msgspec.Struct, frozen=True):
    """The first line of JSON lines."""

    receipt: str
    digest: str
    rows: int
    columns: tuple[str, ...]


def json_lines(released: Released) -> bytes:
    """A line that says which receipt it is of, and a line for each row."""
    head = _Head(_receipt(released), released.digest, released.rows, tuple(released.columns))
    out = io.BytesIO()
    out.write(msgspec.json.encode(head) + b"\n")
    if released.rows:
        _written(released.columns, harmless).write_ndjson(out)
    return out.getvalue()


def csv(released: Released) -> bytes:
    """RFC 4180 with line feeds, after a line that says which receipt it is of."""
    out = io.BytesIO()
    out.write(f"# receipt={_receipt(released)} digest={released.digest} rows={released.rows}\n".encode())
    _written(released.columns, harmless_cell).write_csv(out)
    return out.getvalue()


def parquet(released: Released) -> bytes:
    """One file; `cityward.receipt`, `cityward.digest` and `cityward.rows` in its metadata."""
    out = io.BytesIO()
    said = {"receipt": _receipt(released), "digest": released.digest, "rows": str(released.rows)}
    metadata = {f"cityward.{name}": text for name, text in said.items()}
    frame_of(released.columns).write_parquet(out, compression="zstd", compression_level=LEVEL, metadata=metadata)
    return out.getvalue()


def arrow(released: Released) -> bytes:
    """An Arrow IPC file; `receipt` and `digest` in every row."""
    out = io.BytesIO()
    said = {"receipt": _receipt(released), "digest": released.digest}
    same = [pl.lit(text, dtype=pl.Enum([text])).alias(name) for name, text in said.items()]
    frame = frame_of(released.columns)
    if frame.width:
        frame = frame.with_columns(same)
    frame.write_ipc(out, compression="zstd")
    return out.getvalue()


ENCODINGS: Mapping[str, Encoding] = {
    "jsonl": Encoding(json_lines, "application/jsonl", "jsonl"),
    "csv": Encoding(csv, "text/csv; charset=utf-8", "csv"),
    "parquet": Encoding(parquet, "application/vnd.apache.parquet", "parquet"),
    "arrow": Encoding(arrow, "application/vnd.apache.arrow.file", "arrow"),
}
"""By name; a recipient's `format` is one of them."""


def frame_of(columns: Mapping[str, Column]) -> pl.DataFrame:
    """The told columns as a frame: times as instants, places as numbers, words coded, what there is not as null."""
    return pl.DataFrame([_series(name, column) for name, column in columns.items()])


def _series(name: str, column: Column) -> pl.Series:
    if not isinstance(column, Coded):
        series = pl.Series(name, column)
        return series.cast(pl.Datetime("us", "UTC")) if name == "observed_at" else series
    if name in PLACES:
        if all(column.words):  # NumPy looks numbers up in half the time, but knows no null
            return pl.Series(name, np.array(column.words, dtype=np.float64)[column.codes])
        words = pl.Series(name, [float(w) if w else None for w in column.words], dtype=pl.Float64)
    else:
        known = pl.Enum(list(dict.fromkeys(w for w in column.words if w)))  # stays coded: Parquet hashes no text again
        if len(known.categories) == len(column.words):
            return pl.Series(name, column.codes).cat.to(known)
        words = pl.Series(name, [w or None for w in column.words], dtype=known)
    return words.gather(column.codes) if len(column) else words.clear()


def _written(columns: Mapping[str, Column], safe: Callable[[str], str]) -> pl.DataFrame:
    """For texts: words made safe to show, times in ISO 8601."""
    frame = frame_of({name: _shown(name, column, safe) for name, column in columns.items()})
    return frame.with_columns(pl.col("observed_at").dt.strftime(_TIME)) if "observed_at" in columns else frame


def _shown(name: str, column: Column, safe: Callable[[str], str]) -> Column:
    if name in PLACES or not isinstance(column, Coded):
        return column
    return Coded(column.codes, tuple(map(safe, column.words)))


def _receipt(released: Released) -> str:
    if not isinstance(released, Released):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"what leaves was sealed by the release gate; this is a {type(released).__name__}")
    return harmless(released.record)

"""A Parquet file that somebody dropped, as CSV: `python -m cityward.adapters.parquet_child MOST_ROWS SECONDS COLUMN...`.

The file is standard input, the rows go to standard output. A few hundred kB of Parquet can unpack into any amount
of memory, and a damaged file can end the library that reads it: both end this process, and nobody else. It bounds itself first.

Does not live here: what the rows mean (`drop_folder`).
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from cityward.adapters.works.child import give_up_resources

MOST_TEXT = 100  # characters of a cell that are handed on
MOST_CHARACTERS = 128 << 20  # PRECEDENT: a million rows of readings are some 70 MB of CSV
FAILED = 3
_SCALARS = (pl.String, pl.Categorical, pl.Datetime, pl.Boolean)


class _UnreadableError(ValueError):
    """Why, for the person who dropped it."""


def main(arguments: Sequence[str]) -> int:
    """Write the rows; the exit code is 0, or `FAILED` with the reason on standard error."""
    most_rows, seconds, columns = int(arguments[0]), float(arguments[1]), arguments[2:]
    give_up_resources(seconds)
    out = io.TextIOWrapper(sys.stdout.buffer, "utf-8", errors="replace", newline="")
    try:
        _write(_frame(sys.stdin.buffer.read(), most_rows, columns), out)
        out.flush()
    except _UnreadableError as error:
        sys.stderr.write(str(error))
        return FAILED
    except BaseException as error:  # polars' panics are no Exception
        sys.stderr.write(f"it is no Parquet: {type(error).__name__}")
        return FAILED
    return 0


def _frame(body: bytes, most_rows: int, columns: Sequence[str]) -> pl.DataFrame:
    scan = pl.scan_parquet(io.BytesIO(body))
    schema = scan.collect_schema()
    wanted = [name for name in columns if name in schema]
    for name in wanted:
        if not (schema[name].is_numeric() or isinstance(schema[name], _SCALARS)):
            raise _UnreadableError(f"its column {name} is of the type {str(schema[name])[:80]}")
    rows = scan.select(pl.len()).collect().item()
    if rows > most_rows:
        raise _UnreadableError(f"it has {rows} rows, more than {most_rows}")
    return scan.select(_cut(name, schema[name]) for name in wanted).collect()


def _cut(name: str, kind: pl.DataType) -> pl.Expr:
    return pl.col(name).str.head(MOST_TEXT) if isinstance(kind, pl.String) else pl.col(name)


def _write(frame: pl.DataFrame, out: io.TextIOWrapper) -> None:
    rows = csv.writer(out)
    rows.writerow(frame.columns)
    written = 0
    for row in frame.iter_rows():
        written += rows.writerow([_text(cell) for cell in row])
        if written > MOST_CHARACTERS:
            raise _UnreadableError(f"it unpacks to more than {MOST_CHARACTERS} characters; split it")


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return cell.isoformat() if isinstance(cell, datetime) else str(cell)[:MOST_TEXT]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

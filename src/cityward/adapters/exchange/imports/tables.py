"""CSV from a registry or a spreadsheet, a row at a time, within bounds.

The habits of spreadsheets are read: a byte order mark, UTF-16, `;` or tab for `,`, a first line `sep=;`, empty rows, empty
columns at the end. What stands in a cell is data: a formula is a text.

INVARIANT: whatever the bytes, only `DecodeError` is raised; memory beyond the file's own bytes is that of one row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from cityward.adapters.exchange.imports.contract import File, refusal
from cityward.guard.reasons import Reason

MAX_BYTES = 256 * 2**20  # PRECEDENT: a million rows of GLEIF's relationship file are 230 MB
MAX_COLUMNS = 1000  # PRECEDENT: GLEIF's entity file has 338
_DELIMITERS = ",;\t|"  # the first wins where none is there
_HEAD = 65_536
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet: the names in its first row, and its other rows as (line, cells)."""

    name: str
    columns: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]


def read_table(file: File) -> Table:
    """A CSV file with a row of names at its head. Rows are padded to the columns; a longer row is refused when it is met.

    Raises:
        DecodeError: here or from `rows`: no text, no header, too large, or a row with more cells than columns.
    """
    if len(file.raw) > MAX_BYTES:
        what = f"{len(file.raw):,} bytes are more than {MAX_BYTES >> 20} MiB"
        raise refusal(Reason.TOO_LARGE, what, file.name, "import a part of it")
    lines = _lines(file)
    skipped, head = 0, next(lines, "")
    delimiter = _declared(head)
    if delimiter is not None:
        skipped, head = 1, next(lines, "")
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=head[:_HEAD].count)
    rows = _rows(file.name, csv.reader(_chain(head, lines), delimiter=delimiter), skipped)
    line, columns = next(rows, (1, []))
    while columns and not columns[-1]:
        columns.pop()
    if not columns or len(columns) > MAX_COLUMNS:
        what = f"found {len(columns):,} columns" if columns else "there is no row of column names"
        raise refusal(Reason.WRONG_SHAPE, what, f"{file.name}:{line}", "begin with one row of column names")
    return Table(file.name, tuple(columns), _padded(file.name, len(columns), rows))


def _lines(file: File) -> Iterator[str]:
    encoding = next((name for mark, name in _BOMS if file.raw.startswith(mark)), "utf-8-sig")
    text = io.TextIOWrapper(io.BytesIO(file.raw), encoding=encoding, newline="")
    number = 0
    try:
        for line in text:
            number += 1
            yield line
    except UnicodeError:
        where, mend = f"{file.name}:{number + 1}", "save it as `CSV UTF-8`"
        raise refusal(Reason.NOT_UTF8, f"not {encoding.upper().removesuffix('-SIG')} text", where, mend) from None


def _declared(line: str) -> str | None:
    """The delimiter of a line `sep=;`, by which a spreadsheet says it."""
    line = line.strip().strip('"')
    return line[4] if len(line) == 5 and line.lower().startswith("sep=") and line[4] in _DELIMITERS else None


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _rows(name: str, reader: Iterator[list[str]], skipped: int) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row that is not empty; the line is where the row ends."""
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            where = f"{name}:{getattr(reader, 'line_num', 0) + skipped}"
            raise refusal(
                Reason.WRONG_SHAPE, f"not CSV: {error}", where, "look for a quote that is not closed"
            ) from None
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield getattr(reader, "line_num", 0) + skipped, cells


def _padded(name: str, width: int, rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for line, cells in rows:
        if len(cells) > width:
            if any(cells[width:]):
                what = f"found {len(cells)} cells under {width} column names"
                raise refusal(Reason.WRONG_SHAPE, what, f"{name}:{line}", "put a cell with the delimiter in quotes")
            del cells[width:]
        yield line, cells + [""] * (width - len(cells))
